"""What a grid is expected to show, and where it does not. Pure.

Expectations are a file, {"SENDER": {"RECEIVER": "WORD"}}, or an earlier grid's result.json; a WORD is a tier, "no path", "no server",
"straight" (any tier without a third party), or several with "|" in between. Or "direct": what two programs reach that only dial each
other's own addresses over TCP, worked out from the sites.
"""
import json
from pathlib import Path

from .grid_verdict import NO_PATH, NO_SERVER
from .plan import Plan
from .spec import SpecError


def read(text, port):
    """Gives expected(sender, receiver): a WORD, or None where nothing is expected."""
    if text == "direct":
        return lambda sender, receiver: direct_word(sender, receiver, port)
    try:
        table = json.loads(Path(text).read_text())
        if "cells" in table:
            return _as_before(table["cells"])
        assert all(isinstance(word, str) for row in table.values() for word in row.values())
    except (OSError, ValueError, AttributeError, TypeError, AssertionError) as wrong:
        raise SpecError(f"--expect: {text!r} is neither \"direct\" nor a file with expectations: {wrong or 'rows of words are'}") from None
    return lambda sender, receiver: table.get(sender, {}).get(receiver)


def _as_before(cells):
    seen = {}
    for cell in cells:
        seen.setdefault((cell["sender"], cell["receiver"]), set()).add(cell["word"])
    return lambda sender, receiver: "|".join(sorted(seen.get((sender, receiver), ()))) or None


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
