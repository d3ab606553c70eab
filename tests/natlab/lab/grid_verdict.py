"""What came of a cell, in a word and a note. Pure: facts of grid_cell in, words out.

A tier is believed when everybody agrees: both programs' exit statuses and events, the bytes of the file that arrived, and the counters of
the boxes in between. "no path" too: both say so, the sender with a failed attempt and its reason for every tier that it was asked to try,
and nothing but signalling has crossed the server. Everything else has a name in capitals.
"""
from dataclasses import dataclass

STRAIGHT = ("direct", "mapped", "punched")
FORWARDED = ("supernode", "relay")
TIERS = STRAIGHT + FORWARDED
NO_PATH = "no path"
NO_SERVER = "no server"   # a site cannot reach it at all, so nobody was asked
TALK_AT_MOST = 128 * 1024  # bytes that may cross the server in a straight transfer or in none: signalling

WORDS = {*TIERS, NO_PATH, NO_SERVER, "straight", "mixed", "LIE", "WRONG FILE", "WRONG EXIT", "CRASH", "HANG", "FAILED", "BROKEN"}

NO_PATH_STATUS = 5
_SANITIZED = ("AddressSanitizer", "UndefinedBehaviorSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:")


@dataclass(frozen=True)
class Verdict:
    word: str
    note: str = ""

    @property
    def good(self):
        """It is what it says it is, whether or not it is what one hoped for."""
        return not self.word.isupper()

    @property
    def straight(self):
        return self.word in STRAIGHT or self.word == "straight"


def judge(facts):
    if facts["trouble"]:
        return Verdict("BROKEN", _last_line(facts["trouble"]))
    if crash := _crash(facts):
        return crash
    if facts["hung"]:
        return Verdict("HANG", f"{' and '.join(facts['hung'])} did not end")
    if facts["no_server"]:
        return Verdict(NO_SERVER, facts["no_server"])
    statuses = facts["programs"]["send"]["exit"], facts["programs"]["receive"]["exit"]
    if facts["file"] == "different":
        return Verdict("WRONG FILE", "what arrived is not what was sent")
    if statuses == (0, 0):
        return _delivered(facts)
    if facts["file"] == "same":
        return Verdict("WRONG EXIT", f"the file arrived, but {_exits(statuses)}")
    if NO_PATH_STATUS in statuses:
        return _no_path(facts, statuses)
    return Verdict("FAILED", "; ".join(filter(None, (_exits(statuses), _error(facts, "send"), _error(facts, "receive")))))


def _crash(facts):
    for name, program in facts["programs"].items():
        status = program["exit"]
        if status is not None and status < 0 and name not in facts["hung"] + facts["stopped"]:
            return Verdict("CRASH", f"{name} was ended by signal {-status}")
        if any(mark in program["words"] for mark in _SANITIZED):
            return Verdict("CRASH", f"a sanitizer stopped {name}")
    if facts.get("server_ended_by_itself"):
        return Verdict("CRASH", f"server ended by itself with status {facts['programs']['server']['exit']}")
    if facts["pshare"] and facts["programs"].get("server", {}).get("exit") not in (None, 0) and "server" not in facts["hung"] + facts["stopped"]:
        return Verdict("WRONG EXIT", f"server ended with status {facts['programs']['server']['exit']} when it was told to end")
    return None


def _delivered(facts):
    if facts["file"] == "missing":
        return Verdict("WRONG FILE", "both say that it was sent, and nothing has arrived")
    by_counters = _by_counters(facts)
    if not _speaks(facts):
        return Verdict(by_counters, "by the counters")
    paths = {name: _last(facts, name, "path") for name in ("send", "receive")}
    for name, path in paths.items():
        done = _last(facts, name, "done")
        if path is None or done is None:
            return Verdict("LIE", f"{name} ended with 0 and without the event {'path' if path is None else 'done'!r}")
        if done["bytes"] != facts["size"]:
            return Verdict("LIE", f"{name} says that {done['bytes']} bytes of {facts['size']} were sent")
    tier = paths["send"]["tier"]
    if paths["receive"]["tier"] != tier:
        return Verdict("LIE", f"the sender says {tier}, the receiver {paths['receive']['tier']}")
    if tier in STRAIGHT and facts["bytes"]["straight"] < facts["size"]:
        return Verdict("LIE", f"{tier}, but only {facts['bytes']['straight']} bytes went from site to site")
    if tier in STRAIGHT and facts["bytes"]["server"] >= TALK_AT_MOST:
        return Verdict("LIE", f"{tier}, but {facts['bytes']['server']} bytes crossed the server")
    if tier in FORWARDED and by_counters == "straight":
        return Verdict("LIE", f"{tier}, but the file went straight")
    if tier == "relay" and by_counters != "relay":
        return Verdict("LIE", f"{tier}, but the file did not cross the server")
    if tier == "supernode" and by_counters != "supernode":
        return Verdict("LIE", f"{tier}, but the file did not cross the supernode")
    if tier == "supernode" and facts["bytes"]["server"] >= TALK_AT_MOST:
        return Verdict("LIE", f"{tier}, but {facts['bytes']['server']} bytes crossed the server")
    if tier not in TIERS:
        return Verdict("LIE", f"{tier!r} is no tier")
    return Verdict(tier, paths["send"].get("transport", ""))


def _by_counters(facts):
    counted = facts["bytes"]
    if counted["towards_receiver"] >= facts["size"]:
        return "straight"
    if min(counted["from_sender_to_server"], counted["from_server_to_receiver"]) >= facts["size"]:
        return "relay"
    if min(counted.get("from_sender_to_supernode", 0), counted.get("from_supernode_to_receiver", 0)) >= facts["size"]:
        return "supernode"
    return "mixed"


def _no_path(facts, statuses):
    counted = facts["bytes"]
    if counted["towards_receiver"] >= facts["size"]:
        return Verdict("LIE", f"no path, but {counted['towards_receiver']} bytes went from site to site")
    if counted["server"] >= TALK_AT_MOST:
        return Verdict("LIE", f"no path, but {counted['server']} bytes crossed the server")
    if not facts["pshare"]:
        return Verdict(NO_PATH)
    if statuses != (NO_PATH_STATUS, NO_PATH_STATUS):
        return Verdict("WRONG EXIT", _exits(statuses))
    for name, role in (("send", "sender"), ("receive", "receiver")):
        error = _last(facts, name, "error")
        if not error or error["code"] != "no-path":
            return Verdict("LIE", f"the {role} says no path without the event 'error' that goes with it")
        if path := _last(facts, name, "path"):
            return Verdict("LIE", f"the {role} says no path, and a path before: {path['tier']}")
        if without := [tier for tier, reason in _failed(facts, name) if not reason]:
            return Verdict("LIE", f"the {role} says that {without[0]} failed and not why")
    reasons = dict(_failed(facts, "send"))
    if untold := [tier for tier in facts["tiers"]["send"] if tier not in reasons]:
        return Verdict("LIE", f"the sender says no path and nothing of {', '.join(untold)}")
    # The receiver may hear of the end before it has tried everything, but what it has tried it was asked for.
    if beyond := [tier for tier, _ in _failed(facts, "receive") if tier not in facts["tiers"]["receive"]]:
        return Verdict("LIE", f"the receiver tried {beyond[0]}, which it was told not to")
    return Verdict(NO_PATH, ", ".join(f"{tier}: {reason}" for tier, reason in reasons.items()))


def _failed(facts, name):
    """(tier, reason) of each attempt, in order."""
    return [(event["tier"], event["reason"]) for event in facts["programs"][name]["events"]
            if event["event"] == "attempt" and event["outcome"] == "failed"]


def _speaks(facts):
    return facts["pshare"] or any(facts["programs"][name]["events"] for name in ("send", "receive"))


def _last(facts, name, kind):
    return next((event for event in reversed(facts["programs"][name]["events"]) if event["event"] == kind), None)


def _error(facts, name):
    error = _last(facts, name, "error")
    return f"{name}: {error['message']}" if error else ""


def _exits(statuses):
    return f"the sender ended with {statuses[0]}, the receiver with {statuses[1]}"


def _last_line(words):
    return next((line for line in words.splitlines() if line.strip()), "")
