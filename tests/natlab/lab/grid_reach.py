"""What it takes to go straight between two sites, and for which pairs nothing does. Pure: sites in, words out.

Worked out from how their gateways map and filter (RFC 4787, RFC 5382), not from what any program does. Two sites need no search when the ports of
both are the same for every destination, or when one lets in whoever comes from an address that it has written to. Where one's ports change with
the destination, and the other looks at ports, these ports must be predicted (they follow each other) or found by many attempts (they
are random). When both sides' change and one's are random, a hit takes two guesses at once: nothing but a small block of ports helps.
"""
from dataclasses import dataclass

from .grid_verdict import NO_PATH, NO_SERVER
from .plan import Plan

PLAIN, PREDICTED, SEARCHED, IMPOSSIBLE = "no search", "prediction", "random search", "impossible"
KINDS = (PLAIN, PREDICTED, SEARCHED)
TRANSPORTS = ("udp", "tcp")
RELAYED = "supernode|relay"

STABLE, IN_SEQUENCE, IN_BLOCK, AT_RANDOM = "stable", "in sequence", "in a block", "at random"  # ports, over destinations
ANYBODY, SAME_ADDRESS, SAME_PORT = 0, 1, 2  # whom a mapping lets in
_FILTERING = {"endpoint-independent": ANYBODY, "address-dependent": SAME_ADDRESS, "address-and-port-dependent": SAME_PORT}
_SMALL_BLOCK = 1024  # ports, of which two sides may meet by chance

_EIM, _APDM = "endpoint-independent", "address-and-port-dependent"
_USUAL = {"mapping": _EIM, "filtering": "address-and-port-dependent", "ports": "preserving", "block": 0, "simultaneous_open": True}
_PRESETS = {
    "full-cone": {"filtering": "endpoint-independent"},
    "address-restricted": {"filtering": "address-dependent"},
    "sym-seq": {"mapping": _APDM, "ports": "sequential"},
    "sym-rnd": {"mapping": _APDM, "ports": "random"},
    "cgn-block": {"mapping": _APDM, "ports": "random", "block": 512},
    "masq-random": {"mapping": _APDM, "ports": "random"},
    "masq-rnd": {"mapping": _APDM, "ports": "random"},
    "no-simopen": {"simultaneous_open": False},
    "no-simopen-rst": {"simultaneous_open": False},
    "dmz": {"filtering": "endpoint-independent"},
}


@dataclass(frozen=True)
class _End:
    """One side of a pair, over one transport: all of its gateways together."""
    ports: str = STABLE
    lets_in: int = ANYBODY
    syns_may_cross: bool = True


def _behaviour(gateway):
    return {**_USUAL, **_PRESETS.get(gateway.kind, {}), **gateway.behaviour}


def _through(gateway, transport):
    behaviour = _behaviour(gateway)
    if transport == "tcp":
        behaviour.update({axis: behaviour[f"tcp_{axis}"] for axis in ("mapping", "filtering") if f"tcp_{axis}" in behaviour})
    ports = STABLE
    if behaviour["mapping"] != _EIM:
        at_random = IN_BLOCK if 0 < behaviour["block"] <= _SMALL_BLOCK else AT_RANDOM
        ports = at_random if behaviour["ports"] == "random" else IN_SEQUENCE
    return _End(ports, _FILTERING[behaviour["filtering"]], behaviour["simultaneous_open"])


def _opens_ports(plan, host):
    """Whether its own router gives it a port outside, and that is the internet."""
    [*inner, outermost] = [plan.boxes[name].spec for name in plan.hosts[host].chain]
    return not inner and (outermost.protocols or outermost.dmz or outermost.forwards)


def _end(plan, host, transport):
    gateways = [plan.boxes[name].spec for name in plan.hosts[host].chain]
    if not gateways or _opens_ports(plan, host):
        return _End()
    ends = [_through(gateway, transport) for gateway in gateways]
    worst = max((end.ports for end in ends), key=(STABLE, IN_SEQUENCE, IN_BLOCK, AT_RANDOM).index)
    return _End(worst, max(end.lets_in for end in ends), all(end.syns_may_cross for end in ends))


def _gets_out(plan, host, transport):
    gateways = [plan.boxes[name].spec for name in plan.hosts[host].chain]
    return not any(each.udp_blocked if transport == "udp" else each.tcp_out for each in gateways)


def _takes(one, other, transport):
    if ANYBODY in (one.lets_in, other.lets_in):
        return PLAIN
    if transport == "tcp" and not one.syns_may_cross and not other.syns_may_cross:
        return IMPOSSIBLE
    changing = [(end, peer) for end, peer in ((one, other), (other, one)) if end.ports != STABLE]
    if len(changing) == 2:
        ports = {one.ports, other.ports}
        return PREDICTED if ports == {IN_SEQUENCE} else SEARCHED if ports == {IN_BLOCK} else IMPOSSIBLE
    for end, peer in changing:
        if peer.lets_in == SAME_PORT:
            return PREDICTED if end.ports == IN_SEQUENCE else SEARCHED
    return PLAIN


def kind_of(sender, receiver, transports=TRANSPORTS):
    """The least that it takes over any of these: one of KINDS, or IMPOSSIBLE. None for sites that share a gateway: there it depends on more."""
    plan = Plan(a=sender, b=receiver)
    chains = [plan.hosts[host].chain for host in "ab"]
    if set(chains[0]) & set(chains[1]):
        return None
    possible = [transport for transport in transports if _gets_out(plan, "a", transport) and _gets_out(plan, "b", transport)]
    if possible and all(plan.hosts[host].addresses_v6 for host in "ab"):
        return PLAIN  # never translated: two firewalls at most
    found = [_takes(_end(plan, "a", transport), _end(plan, "b", transport), transport) for transport in possible]
    return min(found, key=(*KINDS, IMPOSSIBLE).index, default=IMPOSSIBLE)


def straight_word(sender, receiver, ports, transports=TRANSPORTS):
    """What is expected of a cell where all that can be straight is. `ports`: the server's."""
    plan = Plan(a=sender, b=receiver)
    limits = [plan.boxes[name].spec.tcp_out for host in "ab" for name in plan.hosts[host].chain]
    if any(limit is not None and not set(ports) & set(limit) for limit in limits):
        return NO_SERVER
    kind = kind_of(sender, receiver, transports)
    return None if kind is None else NO_PATH if kind == IMPOSSIBLE else "straight"


def connected_word(sender, receiver, ports, transports=TRANSPORTS):
    """What is expected of a cell where everybody who reaches the server is connected: straight if that is possible at all, else over a relay."""
    word = straight_word(sender, receiver, ports, transports)
    return RELAYED if word == NO_PATH else word
