"""What a grid is expected to show, and where it does not. Pure.

Expectations are a file, {"SENDER": {"RECEIVER": "WORD"}}, or an earlier grid's result.json; a WORD is a tier, "no path", "no server",
"straight" (any tier without a third party), or several with "|" in between. Or worked out from the sites: "straight", that every pair goes
straight that can by any means, and no other; "connected", that all others go over a relay; "direct", what two programs reach that only dial each other's own addresses over TCP.
"""
import json
from pathlib import Path

from . import grid_reach
from .grid_verdict import NO_PATH, NO_SERVER, WORDS
from .plan import Plan
from .spec import SpecError

HTTPS = 443  # where the server is as well, with "connected"


class WorkedOut:
    """Asks `word_of` about every cell."""

    def __init__(self, word_of):
        self._word_of = word_of

    def __call__(self, sender, receiver):
        return self._word_of(sender, receiver)

    def beyond(self, _):
        return []


class Table:
    """What is written, {(sender, receiver): WORD}; of other cells it expects nothing."""

    def __init__(self, words):
        self._words = words

    def __call__(self, sender, receiver):
        return self._words.get((sender, receiver))

    def beyond(self, pairs):
        """What it expects of cells that are none of these."""
        return [pair for pair in self._words if pair not in pairs]


def read(text, port, pairs, transports=grid_reach.TRANSPORTS):
    """Gives expected(sender, receiver): a WORD, or None where nothing is expected. What is about none of the `pairs` would prove nothing."""
    if text is None:
        return Table({})
    if text == "direct":
        return WorkedOut(lambda sender, receiver: direct_word(sender, receiver, port))
    if text == "straight":
        return WorkedOut(lambda sender, receiver: grid_reach.straight_word(sender, receiver, (port,), transports))
    if text == "connected":
        return WorkedOut(lambda sender, receiver: grid_reach.connected_word(sender, receiver, (port, HTTPS), transports))
    try:
        rows = json.loads(Path(text).read_text())
        words = _as_before(rows["cells"]) if "cells" in rows else {(sender, receiver): word for sender, row in rows.items() for receiver, word in row.items()}
        assert all(isinstance(word, str) for word in words.values())
    except (OSError, ValueError, AttributeError, KeyError, TypeError, AssertionError) as wrong:
        raise SpecError(f"--expect: {text!r} is neither \"straight\" nor \"connected\" nor \"direct\" nor a file with expectations: {wrong or 'rows of words are'}") from None
    for (sender, receiver), word in words.items():
        if unknown := set(map(str.strip, word.split("|"))) - WORDS:
            raise SpecError(f"--expect: {sender} -> {receiver}: {min(unknown)!r} is no word for what can come of a cell")
    table = Table(words)
    if len(table.beyond(pairs)) == len(words):
        raise SpecError(f"--expect: {text!r} says nothing about any cell of this grid")
    return table


def _as_before(cells):
    seen = {}
    for cell in cells:
        seen.setdefault((cell["sender"], cell["receiver"]), set()).add(cell["word"])
    return {pair: "|".join(sorted(words)) for pair, words in seen.items()}


def fits(expected, verdict):
    return any(word == verdict.word or (word == "straight" and verdict.straight) for word in map(str.strip, expected.split("|")))


def direct_word(sender, receiver, port):
    plan = Plan(a=sender, b=receiver)
    if not all(_lets_tcp_out(plan, host, port) for host in "ab"):
        return NO_SERVER
    return "direct" if _dials(plan, "a", "b") or _dials(plan, "b", "a") else NO_PATH


def _lets_tcp_out(plan, host, port, *, beyond=()):
    """To that port, or (None) to every port, through the gateways that are not `beyond`."""
    limits = [plan.boxes[name].spec.tcp_out for name in plan.hosts[host].chain if name not in beyond]
    return all(limit is None or port in limit for limit in limits)


def _dials(plan, caller, called):
    """Whether one's connection to the other's own address arrives."""
    there = plan.hosts[called].chain
    here = plan.hosts[caller].chain
    if not there:
        return _lets_tcp_out(plan, caller, None)
    if here and here[0] == there[0]:
        return not plan.boxes[here[0]].spec.isolated
    if there[0] in here:  # the called one is on the LAN of a gateway further out, a carrier's customer without a router
        return not plan.boxes[there[0]].spec.isolated and _lets_tcp_out(plan, caller, None, beyond=here[here.index(there[0]):])
    both_v6 = plan.hosts[caller].addresses_v6 and plan.hosts[called].addresses_v6
    return bool(both_v6) and all(_open_for_v6(plan.boxes[name].spec) for name in there if name not in here)


def _open_for_v6(gateway):
    return gateway.in_kernel and gateway.firewall == "open"
