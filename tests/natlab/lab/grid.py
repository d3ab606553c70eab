"""natlab grid: a server, a receiver and a sender across all pairs of kinds of site, and a table of what came of it.

Leaves a folder: result.json, table.txt, and for each cell the programs' outputs, natlab-internet's log and configuration, the counters,
and result.json with the seed.
"""
import argparse
import itertools
import json
import random
import re
import shlex
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from . import grid_cell, grid_expect, grid_reach, grid_table, grid_workers, internet
from .grid_cell import Cell, Manner, discard_work
from .grid_table import verdict_of
from .grid_verdict import judge
from .plan import Plan
from .spec import GRID, SpecError
from .world import LabError

TEN = tuple(site for site in GRID if site != "only-443")
# Routers that do to TCP what they should not, beside ordinary ones.
ROUTERS = ("port-restricted", "masq", "masq,fw=reject", "rst-syn", "icmp-syn", "icmp-late-syn", "no-simopen", "no-simopen-rst", "rst-kills", "rst-kills-rst")
# Two cells of each way to the peer, and what no way leads to: in a minute what the whole grid shows in several.
EVERYDAY = ("public:sym-rnd", "masq:public", "full-cone:sym-rnd", "port-restricted:masq", "cgnat:masq", "masq:sym-seq", "sym-seq:sym-seq",
            "sym-rnd:port-restricted", "masq:masq-rnd", "udp-blocked:masq", "sym-rnd:udp-blocked", "upnp:masq-rnd", "sym-rnd:masq-rnd")
_NAMED_SITES = {"kinds": TEN, "routers": ROUTERS}
_NAMED_PAIRS = {"everyday": EVERYDAY}
_SIZES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_ENDED_BY_CTRL_C = 130

EXAMPLES = """
Between sites stands a comma, or a blank when sites have options of their own (after one alone, too):
    natlab grid --sites public,masq,cgnat
    natlab grid --sites "public masq,fw=open upnp,protocols=pcp"
    natlab grid --pairs "masq:public @home:masq:@home" --repeat 5 --seed 7
    natlab grid --pairs "public,ipv6:masq,ipv6 "
    natlab grid --expect straight --markdown
    natlab grid --sites routers --transport tcp --expect straight

Placeholders in commands: {server} {server2} {server_v6} (addresses) {port} {file} (what to send) {dir} (where to receive) {data} (the
server's folder) {home} {peer} {peer_address} {sender_address} {receiver_address} {timeout} (seconds) {fingerprint} (the group of
--server-says) {bin} (the folder of pshare). Identities and contacts are made first if {home} occurs. A command whose output has lines of
JSON with "event" in them is judged by those too, another by exit status (0 done, 5 no path), file and counters.
"""


# --- The command line ---------------------------------------------------------------------------------------------------

def add_verbs(verbs):
    grid = verbs.add_parser("grid", help="run programs across all pairs of kinds of site", description=__doc__, epilog=EXAMPLES,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = Manner()
    which = grid.add_argument_group("which cells")
    which.add_argument("--sites", metavar="LIST|kinds|routers", help=f"kinds of site (usual: kinds, which are {' '.join(TEN)}; routers are "
                       f"{' '.join(ROUTERS)})")
    which.add_argument("--pairs", metavar="LIST|everyday", help="SENDER:RECEIVER, ... instead of all pairs of --sites (everyday: one or two of each sort)")
    directions = which.add_mutually_exclusive_group()
    directions.add_argument("--both-directions", action="store_true", help="each pair with either as the sender (usual)")
    directions.add_argument("--one-direction", action="store_true", help="each pair once")
    which.add_argument("--repeat", type=at_least_one, default=1, metavar="N", help="each cell so often, with other seeds")
    which.add_argument("--seed", type=int, help="repeats a grid's randomness")
    how = grid.add_argument_group("how")
    how.add_argument("--size", type=size, default=usual.size, metavar="SIZE", help="of the file, such as 1MiB (usual) or 500k")
    how.add_argument("--timeout", type=at_least_one, default=usual.timeout, metavar="SECONDS",
                     help=f"{{timeout}} of the programs: how long they look for a path (usual: {usual.timeout})")
    how.add_argument("--patience", type=float, default=usual.patience, metavar="SECONDS", help=f"then they hang (usual: {usual.patience:g})")
    how.add_argument("--jobs", type=at_least_one, default=2, metavar="N", help="laboratories side by side (usual: 2)")
    how.add_argument("--rootless", action="store_true", help="through a user namespace, even as root")
    what = grid.add_argument_group("what is run")
    for name, of_them in (("server", usual.server_command), ("receive", usual.receive_command), ("send", usual.send_command)):
        what.add_argument(f"--{name}-command", default=of_them, metavar="COMMAND", help=f"usual: {of_them}")
        what.add_argument(f"--{name}-args", default="", metavar="ARGS", help=f"added to it; one word needs the sign: --{name}-args=--verbose")
    what.add_argument("--supernode", default="", metavar="SITE", help="a third site, where `pshare supernode` runs for both")
    what.add_argument("--transport", choices=("tcp", "udp"), help="pshare's, on both sides")
    what.add_argument("--port", type=int, default=usual.port, help=f"the server's {{port}} (usual: {usual.port})")
    what.add_argument("--server-says", metavar="PATTERN", help="by which the server is known to be ready")
    what.add_argument("--receiver-says", metavar="PATTERN", help="by which the receiver is known to be ready")
    result = grid.add_argument_group("what comes out")
    result.add_argument("--out", type=Path, metavar="FOLDER", help="new or empty, for logs and results (usual: a new one in the temporary folder)")
    result.add_argument("--expect", metavar="FILE|connected|straight|direct", help="exit status 1, with a list, where a cell is not so; straight: "
                        "every pair that can be, by its gateways, and the others, without relays, have no path; connected: those are relayed, "
                        "by the supernode if there is one, and the server is on port 443 as well")
    result.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    grid.add_argument(grid_workers.OPTION, dest="is_worker", action="store_true", help=argparse.SUPPRESS)


def at_least_one(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def size(text):
    found = re.fullmatch(r"(\d+)\s*([kmg]?)(i?b)?", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 1MiB or 500k (powers of 1024)")
    return int(found[1]) * _SIZES[found[2]]


def _listed(text):
    return text.split() if re.search(r"\s", text) else text.split(",")


def _pair(text):
    """The ":" that is not part of "@NAME:"."""
    for colon in re.finditer(":", text):
        if not re.search(r"@[a-z0-9-]+$", text[:colon.start()]):
            return text[:colon.start()], text[colon.end():]
    raise SpecError(f"--pairs: {text!r} is no SENDER:RECEIVER")


def pairs(chosen):
    if chosen.pairs:
        listed = [_pair(each) for each in _NAMED_PAIRS.get(chosen.pairs) or _listed(chosen.pairs)]
        wanted = listed + [pair[::-1] for pair in listed] if chosen.both_directions else listed
        return list(dict.fromkeys(wanted))
    sites = _NAMED_SITES.get(chosen.sites or "kinds") or _listed(chosen.sites)
    if chosen.one_direction:
        return list(itertools.combinations_with_replacement(sites, 2))
    return list(itertools.product(sites, sites))


def cells(chosen):
    """The seed of a cell depends on the grid's, on the sites and the run, and on nothing else."""
    return [Cell(sender, receiver, run, random.Random(f"{chosen.seed} {sender} {receiver} {run}").randrange(1_000_000))
            for run in range(1, chosen.repeat + 1) for sender, receiver in pairs(chosen)]


def _manner(chosen):
    usual = Manner()
    ours = {name: getattr(chosen, name) for name in ("size", "timeout", "patience", "port", "server_command", "receive_command", "send_command",
                                                     "server_args", "receive_args", "send_args", "supernode")}
    others = {"server_says": "server_command", "receiver_says": "receive_command"}
    for says, command in others.items():
        pattern = getattr(chosen, says)
        ours[says] = pattern if pattern is not None else getattr(usual, says) if ours[command] == getattr(usual, command) else ""
    if chosen.expect in ("straight", "direct") and not any("tiers" in ours[arguments] for arguments in ("send_args", "receive_args")):
        for arguments in ("send_args", "receive_args") if ours["send_command"] == usual.send_command else ():
            ours[arguments] = f"{ours[arguments]} --no-tiers supernode,relay".strip()
    if chosen.expect == "connected" and ours["server_command"] == usual.server_command:
        ours["server_args"] = f"{ours['server_args']} --listen :{grid_expect.HTTPS}".strip()
    if chosen.transport:
        for arguments in ("send_args", "receive_args"):
            ours[arguments] = f"{ours[arguments]} --transport {chosen.transport}".strip()
    return Manner(**ours)


# --- The grid -----------------------------------------------------------------------------------------------------------

def main(chosen, must_be_allowed):
    """Gives the exit status: 0 when every cell is what it says it is, and what was expected."""
    if chosen.is_worker:
        return grid_workers.serve(chosen.rootless, grid_cell)
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1_000_000)
    manner, wanted = _manner(chosen), cells(chosen)
    manner.check()
    for cell in wanted:
        Plan(a=cell.sender, b=cell.receiver)  # a mistake in a site is said before anything is made
    expected = grid_expect.read(chosen.expect, manner.port, pairs(chosen), manner.transports)
    must_be_allowed(chosen.rootless)
    if trouble := internet.why_not() or manner.why_not():
        raise LabError(trouble)
    out = folder_for(chosen.out, grid_cell.VERB)
    say(f"{len(wanted)} cells, {chosen.jobs} side by side, seed {chosen.seed}; logs in {out}")
    if beyond := expected.beyond(pairs(chosen)):
        say(f"{chosen.expect} expects something of cells that are not in this grid: {', '.join(map(' -> '.join, beyond))}")

    judged = {}
    began = time.monotonic()
    interrupted = False
    running = grid_workers.run([(cell, out / _name(at, cell)) for at, cell in enumerate(wanted, 1)], manner, chosen.jobs, chosen.rootless, grid_cell)
    try:
        for facts in running:
            cell = _judged(facts)
            judged[cell["sender"], cell["receiver"], cell["run"]] = cell
            say(_line(len(judged), len(wanted), cell, expected))
    except KeyboardInterrupt:
        interrupted = True
    finally:
        running.close()
    done = [judged[key] for cell in wanted if (key := (cell.sender, cell.receiver, cell.run)) in judged]  # as asked, not as they came
    seconds = time.monotonic() - began
    return _conclude(chosen, manner, out, done, len(wanted), expected, seconds, interrupted)


def _judged(facts):
    verdict = judge(facts)
    if verdict.good:
        discard_work(facts)
    return {"word": verdict.word, "note": verdict.note, **facts}


def folder_for(asked, verb):
    if asked is None:
        return Path(tempfile.mkdtemp(prefix=f"natlab-{verb}-"))
    out = asked.resolve()
    if Path("/run") in out.parents:
        raise LabError(f"--out {out}: a laboratory has a /run of its own; choose another place")
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise LabError(f"--out {out}: is not empty")
    except OSError as error:
        raise LabError(f"--out {out}: {error.strerror}") from None
    return out


def _name(at, cell):
    sites = re.sub(r"[^a-z0-9.+@=-]", "_", f"{cell.sender}--{cell.receiver}")[:80]
    return f"{at:03}-{sites}" + (f"-{cell.run}" if cell.run > 1 else "")


def say(words):
    print(words, file=sys.stderr, flush=True)


def _title(cell):
    return Cell(cell["sender"], cell["receiver"], cell["run"], cell["seed"]).title


def _differs(cell, expected):
    word = expected(cell["sender"], cell["receiver"])
    return word is not None and not grid_expect.fits(word, verdict_of(cell))


def _as_expected(cell, expected):
    word = expected(cell["sender"], cell["receiver"])
    return word is not None and grid_expect.fits(word, verdict_of(cell))


def _line(at, of, cell, expected):
    time_words = f" {cell['seconds']['path']:.2f} s" if "path" in cell["seconds"] else ""
    doubt = f"   EXPECTED {expected(cell['sender'], cell['receiver'])}" if _differs(cell, expected) else ""
    note = f": {cell['note']}" if grid_table.is_trouble(cell) else ""
    return f"[{at:>{len(str(of))}}/{of}] {_title(cell)}: {cell['word']}{time_words}{note}{doubt}"


def _conclude(chosen, manner, out, done, of, expected, seconds, interrupted):
    table = grid_table.markdown(done) if chosen.markdown else grid_table.plain(done)
    sentences = grid_table.summary(done) if done else ["No cell was completed."]
    if chosen.expect in ("straight", "connected"):
        sentences.append(grid_table.reached(done, expected))
    sentences.append(f"Seed {chosen.seed}; took {seconds:.0f} s.")
    if interrupted:
        sentences.insert(0, f"Interrupted: {len(done)} of {of} cells were completed.")
    rows = grid_table.times(done, lambda sender, receiver: grid_reach.kind_of(sender, receiver, manner.transports))
    times = (grid_table.markdown_rows if chosen.markdown else grid_table.plain_rows)(rows)
    text = "\n\n".join(filter(None, (table if done else "", grid_table.LEGEND if done else "", "\n".join(sentences), times)))
    print(f"\n{text}", flush=True)
    (out / "table.txt").write_text(text + "\n")
    result = {"seed": chosen.seed, "complete": len(done) == of, "seconds": round(seconds, 1), "manner": asdict(manner), "expect": chosen.expect, "cells": done}
    (out / "result.json").write_text(json.dumps(result, indent=1))

    trouble = [cell for cell in done if grid_table.is_trouble(cell) and not _as_expected(cell, expected)]
    different = [cell for cell in done if _differs(cell, expected) and cell not in trouble]
    for cell in trouble:
        say(f"\n{cell['word']}  {_title(cell)}: {cell['note']}\n    {cell['folder']}\n    {_again(chosen, manner, cell, expected)}")
    for cell in different:
        say(f"\n{_title(cell)}: {cell['word']} instead of {expected(cell['sender'], cell['receiver'])}"
            f"{': ' if cell['note'] else ''}{cell['note']}\n    {cell['folder']}\n    {_again(chosen, manner, cell, expected)}")
    if interrupted:
        return _ENDED_BY_CTRL_C
    if chosen.expect and not trouble and not different:
        looked_at = sum(expected(cell["sender"], cell["receiver"]) is not None for cell in done)
        say(f"\nAs expected ({chosen.expect}): {looked_at} of {len(done)} cells.")
    return 1 if trouble or different else 0


def _again(chosen, manner, cell, expected):
    """The command that repeats this run of this cell, from where the grid was started."""
    pair = f"{cell['sender']}:{cell['receiver']}"
    usual = asdict(Manner())
    blank = " " if "," in pair else ""  # tells a list of one from a list with commas
    options = {"seed": chosen.seed, **{name: value for name, value in asdict(manner).items() if value != usual[name]}}
    if cell["run"] > 1:
        options["repeat"] = cell["run"]
    if expected(cell["sender"], cell["receiver"]) is not None:
        options["expect"] = chosen.expect
    words = [sys.argv[0], "grid", "--pairs", pair + blank, *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]
    return f"again: {shlex.join(words + ['--rootless'] * chosen.rootless)}"
