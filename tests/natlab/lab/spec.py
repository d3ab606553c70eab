"""The words that people type for a site, and the values they stand for. Pure: text in, values out.

    SITE    := "public"[,OPTION...]  |  GATEWAY ("+" GATEWAY)*        from the home outwards; the last one touches the internet
    GATEWAY := WORD[,OPTION...]  |  "@"NAME":"WORD[,OPTION...]  |  "@"NAME
    OPTION  := NAME=VALUE  |  a name on its own

"@isp:full-cone" gives a gateway a name, and a site that ends in "@isp" is behind that very box: on its LAN if nothing stands before,
behind the same carrier otherwise. A WORD is a kind of gateway or a ready-made name that stands for a longer text.
"""
import ipaddress
import re
from dataclasses import dataclass, field


class SpecError(ValueError):
    """A site that cannot be read, in words for the person who typed it."""


# --- The words ----------------------------------------------------------------------------------------------------------

# Userspace gateways: presets of natlab-internet, the same as the simulator's.
SIMULATED = {
    "nat": "endpoint-independent mapping, filtering by address and port, no hairpinning; every axis is an option",
    "full-cone": "endpoint-independent mapping and filtering",
    "address-restricted": "endpoint-independent mapping, filtering by address",
    "port-restricted": "endpoint-independent mapping, filtering by address and port",
    "sym-seq": "mapping and filtering by address and port, ports in sequence (symmetric)",
    "sym-rnd": "mapping and filtering by address and port, random ports (symmetric)",
    "cgn-block": "as sym-rnd, but each customer has a block of 512 ports (carrier)",
    "rst-syn": "port-restricted; a SYN that nobody asked for gets a reset",
    "icmp-syn": "port-restricted; a SYN that nobody asked for gets an ICMP error",
    "icmp-late-syn": "the same after six seconds, unless the host's own SYN comes first (RFC 5382)",
    "no-simopen": "port-restricted; SYNs may not cross",
    "rst-kills": "port-restricted; a reset from outside ends the mapping",
    "no-simopen-rst": "no-simopen and rst-syn",
    "rst-kills-rst": "rst-kills and rst-syn",
}
# Gateways that are a Linux kernel of their own.
KERNEL = {
    "masq": "Linux masquerade, which preserves ports",
    "masq-random": "Linux masquerade, random: another port for each destination",
    "masq-rnd": "Linux masquerade, fully-random: another port for each destination",
    "upnp": "masq with the real miniupnpd: UPnP IGD, NAT-PMP and PCP",
    "dmz": "masq, and everything that comes in uninvited goes to the host",
}
# Ready-made: text for text, so that options after them belong to their last gateway.
READY_MADE = {
    "cgnat": "masq+port-restricted",
    "udp-blocked": "port-restricted,udp=blocked",
    "only-443": "port-restricted,udp=blocked,tcp-out=443",
}
# What the grid goes through unless told otherwise.
GRID = ("public", "full-cone", "address-restricted", "port-restricted", "masq", "masq-rnd", "sym-seq", "sym-rnd", "cgnat", "udp-blocked", "only-443")

PROTOCOLS = ("upnp", "natpmp", "pcp")
FIREWALLS = ("drop", "reject", "open")
RESERVED_NAMES = ("server", "a", "b", "c", "backbone", "up")  # "up" is where each LAN has its gateway
_LONGEST_NAME = 30


# --- The values ---------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Line:
    """The wire on a gateway's outer side; what is None is as usual there. `up_mbit` is for the way out alone."""
    delay_ms: float | None = None
    jitter_ms: float | None = None
    rate_mbit: float | None = None
    up_mbit: float | None = None
    queue_kb: float | None = None
    loss: float | None = None
    bursts_every_ms: float | None = None
    burst_lasts_ms: float | None = None
    keeps_order: bool | None = None
    hops: int | None = None
    mtu: int | None = None
    reports_mtu: bool | None = None


@dataclass(frozen=True)
class Gateway:
    kind: str
    name: str | None = None             # with "@": others may be behind it too
    behaviour: dict = field(default_factory=dict)  # axes, in the words of natlab-internet's configuration
    firewall: str = "drop"              # kernel gateways: what comes in uninvited
    protocols: frozenset = frozenset()  # that hosts may ask for ports by
    udp_blocked: bool = False
    tcp_out: tuple | None = None        # None: every port
    habits: dict = field(default_factory=dict)     # of a userspace gateway that maps ports on request, in the same words
    forwards: tuple = ()                # ports that the first host on its LAN has outside too, by hand: ("udp", 4700)
    dmz: bool = False
    addresses: int = 1                  # on the outer side
    lan: str | None = None              # "192.168.1"
    isolated: bool = False              # hosts on its LAN cannot see each other
    ipv6: bool = False
    line: Line = Line()

    @property
    def in_kernel(self):
        return self.kind in KERNEL


@dataclass(frozen=True)
class Reference:
    """ "@NAME": a gateway that some site describes."""
    name: str


@dataclass(frozen=True)
class Site:
    text: str
    chain: tuple = ()  # of Gateway, with a Reference perhaps as the last; empty: public
    ipv6: bool = False  # of a public site; others have IPv6 when a gateway of their chain says so
    line: Line = Line()  # of a public site


# --- Values of options --------------------------------------------------------------------------------------------------

def _called(read, example):
    """What `natlab sites` shows as the value."""
    read.example = example
    return read


def _number(units, what, least, most):
    """`least` and `most` are texts too, so that they can be said. The bounds are those of natlab-internet."""
    def value(text):
        found = re.fullmatch(f"([0-9]+(?:\\.[0-9]+)?)({'|'.join(units)})", text)
        if not found:
            raise SpecError(f"{text!r} is not {what}")
        return float(found[1]) * units[found[2]]

    def read(text):
        number = value(text)
        if not value(least) <= number <= value(most):
            raise SpecError(f"{text} is out of range, which is {least} to {most}")
        return number
    return _called(read, what.rpartition(" ")[2])


def _whole(least, most):
    def read(text):
        if not re.fullmatch("[0-9]+", text):
            raise SpecError(f"{text!r} is not a whole number")
        if not least <= float(text) <= most:
            raise SpecError(f"{text} is out of range, which is {least} to {most}")
        return int(text)
    return _called(read, "N")


_milliseconds = _number({"": 1, "ms": 1, "s": 1000}, "a time such as 20ms", "0ms", "60s")
_seconds = _number({"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600}, "a time such as 30s", "0s", "2400h")
_mbit = _number({"": 1, "kbit": 0.001, "mbit": 1, "gbit": 1000}, "a rate such as 200mbit", "0mbit", "100gbit")
_kilobytes = _number({"": 1, "kb": 1, "mb": 1000}, "a size such as 256kb", "0kb", "1000mb")
_share = _number({"": 1, "%": 0.01}, "a share such as 1%", "0%", "100%")
_each_second = _called(_number({"": 1}, "a number", "0", "100000"), "N")
_port = _whole(1, 65535)
_table_size = _whole(0, 1_000_000)
_KERNELS_LEAST_SECONDS = 1  # its settings are whole seconds


def _yes_or_no(text):
    if text not in ("yes", "no"):
        raise SpecError(f"{text!r} is neither yes nor no")
    return text == "yes"


def _ports(text):
    return tuple(sorted(_port(each) for each in text.split("/")))


# RFC 1918 and RFC 6598
_PRIVATE = tuple(map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))


def forwards(text):
    """ "udp:4700/tcp:80" """
    chosen = []
    for each in text.split("/"):
        protocol, colon, port = each.partition(":")
        if protocol not in ("udp", "tcp") or not colon:
            raise SpecError(f"{each!r} is not a protocol and a port such as udp:4700")
        chosen.append((protocol, _port(port)))
    if len(set(chosen)) < len(chosen):
        raise SpecError(f"{text!r} says the same port twice")
    return tuple(chosen)


def _address(text):
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise SpecError(f"{text!r} is not an address") from None


def _prefix(text):
    try:
        network = ipaddress.IPv4Network(f"{text}.0/24")
    except ValueError:
        network = None
    if network is None or text.count(".") != 2:
        raise SpecError(f"{text!r} is not the first three numbers of a /24, such as 192.168.1")
    if not any(network.subnet_of(private) for private in _PRIVATE):
        raise SpecError(f"{text} is not private: a LAN is in {', '.join(map(str, _PRIVATE))}")
    return text


def _several_of(words):
    def read(text):
        chosen = frozenset(text.split("/")) if text else frozenset()
        if not chosen <= set(words):
            raise SpecError(f"{text!r}: known are {'/'.join(words)}")
        return chosen
    return read


def _one_of(*words):
    def read(text):
        if text not in words:
            raise SpecError(f"{text!r} is none of {', '.join(words)}")
        return text
    return _called(read, "|".join(words))


_yes_or_no.example = "yes|no"
_address.example = "ADDRESS"
_dependence = _one_of("endpoint-independent", "address-dependent", "address-and-port-dependent")

# Option, key in natlab-internet's configuration, how its value is read.
_AXES = {
    "mapping": ("mapping", _dependence),
    "filtering": ("filtering", _dependence),
    "tcp-mapping": ("tcp_mapping", _dependence),
    "tcp-filtering": ("tcp_filtering", _dependence),
    "ports": ("ports", _one_of("preserving", "sequential", "random")),
    "step": ("step", _port),
    "other-traffic": ("other_traffic", _each_second),
    "first-port": ("first_port", _port),
    "last-port": ("last_port", _port),
    "block": ("block", _whole(0, 65535)),
    "pooling": ("pooling", _one_of("paired", "arbitrary")),
    "hairpinning": ("hairpinning", _one_of("none", "internal-source", "external-source")),
    "udp-lifetime": ("udp_lifetime_s", _seconds),
    "udp-unanswered-lifetime": ("udp_unanswered_lifetime_s", _seconds),
    "refresh": ("refresh", _one_of("outbound", "both")),
    "tcp-established-lifetime": ("tcp_established_lifetime_s", _seconds),
    "tcp-transitory-lifetime": ("tcp_transitory_lifetime_s", _seconds),
    "unsolicited-syn": ("unsolicited_syn", _one_of("silence", "reset", "icmp", "icmp-after-wait")),
    "simultaneous-open": ("simultaneous_open", _yes_or_no),
    "reset-ends-mapping": ("reset_ends_mapping", _yes_or_no),
    "table-limit": ("table_limit", _table_size),
    "table-full": ("table_full", _one_of("refuses", "evicts-oldest")),
    "early-packet-claims-port": ("early_packet_claims_port_s", _seconds),
}
_FIRST_PORT, _LAST_PORT = 1024, 65535  # unless told
# Of the axes, those that a kernel has a setting for.
_KERNEL_AXES = ("udp-lifetime", "udp-unanswered-lifetime", "tcp-established-lifetime")
# The same of how a userspace gateway maps ports on request.
_HABITS = {
    "says-which-version": ("says_which_version", _yes_or_no),
    "answers-after": ("answers_after_s", _seconds),
    "announcements": ("announcements", _whole(0, 100)),
    "tells-address": ("tells_address", _address),
    "refuses-reserved-address": ("refuses_reserved_address", _yes_or_no),
    "limit": ("limit", _table_size),
    "lowest-port": ("lowest_port", _port),
    "gives-other-port": ("gives_other_port", _yes_or_no),
    "shortest-lifetime": ("shortest_lifetime_s", _seconds),
    "longest-lifetime": ("longest_lifetime_s", _seconds),
    "dead-at-first": ("dead_at_first", _table_size),
    "for-requester-only": ("for_requester_only", _yes_or_no),
    "at-reboot": ("at_reboot", _one_of("forgets", "keeps", "keeps-the-list-only")),
}

_LINE = {
    "delay": ("delay_ms", _milliseconds),
    "jitter": ("jitter_ms", _milliseconds),
    "rate": ("rate_mbit", _mbit),
    "up": ("up_mbit", _mbit),
    "queue": ("queue_kb", _kilobytes),
    "loss": ("loss", _share),
    "bursts-every": ("bursts_every_ms", _milliseconds),
    "burst-lasts": ("burst_lasts_ms", _milliseconds),
    "keeps-order": ("keeps_order", _yes_or_no),
    "hops": ("hops", _whole(0, 60)),
    "mtu": ("mtu", _whole(68, 65535)),
    "reports-mtu": ("reports_mtu", _yes_or_no),
}
# Every option that is neither an axis nor the line's: the field of Gateway, and how it is read (None: stands alone).
_GATEWAY = {
    "fw": ("firewall", _one_of(*FIREWALLS)),
    "protocols": ("protocols", _several_of(PROTOCOLS)),
    "udp": ("udp_blocked", lambda text: _one_of("blocked")(text) == "blocked"),
    "tcp-out": ("tcp_out", _ports),
    "addresses": ("addresses", _whole(1, 100)),
    "forward": ("forwards", forwards),
    "lan": ("lan", _prefix),
    "dmz": ("dmz", None),
    "isolated": ("isolated", None),
    "ipv6": ("ipv6", None),
}

_EXPLAINED = {
    "tcp-mapping": "as mapping unless told",
    "tcp-filtering": "as filtering unless told",
    "step": "of sequential ports",
    "other-traffic": "ports a second that other people take",
    "block": "so many ports for each host",
    "pooling": "which of several addresses a mapping gets",
    "udp-lifetime": "of a mapping; kernel gateways too",
    "udp-unanswered-lifetime": "before the first packet from outside; kernel gateways too",
    "tcp-established-lifetime": "kernel gateways too",
    "refresh": "which packets keep a mapping alive",
    "unsolicited-syn": "what a SYN gets that nobody asked for",
    "simultaneous-open": "whether SYNs may cross",
    "early-packet-claims-port": "Linux without a firewall: an early packet takes the port, so long",
    "says-which-version": "to who speaks only the other one of PCP and NAT-PMP; no: silence",
    "announcements": "of its new start; 0: none",
    "tells-address": "as its own outside, true or not",
    "refuses-reserved-address": "maps nothing where that is none of the internet",
    "limit": "so many mappings at most",
    "lowest-port": "that it maps, often 1024",
    "gives-other-port": "than was asked for",
    "shortest-lifetime": "of a lease",
    "longest-lifetime": "of a lease",
    "dead-at-first": "so many mappings are granted, and let nothing in",
    "for-requester-only": "no: others may be given ports",
    "at-reboot": "what becomes of mappings",
    "delay": "one way",
    "rate": "both ways",
    "up": "the rate of the way out alone",
    "loss": "at random",
    "bursts-every": "mean time from the end of a burst, in which everything is lost, to the next",
    "burst-lasts": "its mean length",
    "hops": "routers that count a packet's TTL down",
    "reports-mtu": "no: packets that are too long vanish silently",
}


# --- Reading ------------------------------------------------------------------------------------------------------------

def parse(text):
    """The Site that `text` stands for; SpecError says what is wrong."""
    if not text:
        raise SpecError("a site needs a name: `natlab sites` lists them")
    word, *options = text.split(",")
    if word == "public":
        return _public(text, options)
    pieces = [piece for each in text.split("+") for piece in _spelled_out(each)]
    _refuse_list_with_plus(pieces)
    chain = tuple(_gateway(piece) for piece in pieces)
    for inner in chain[:-1]:
        if isinstance(inner, Reference):
            raise SpecError(f"{text!r}: what is outside of @{inner.name} is said where @{inner.name} is described")
    return Site(text, chain)


def _public(text, options):
    values, line = {}, {}
    _refuse_twice(options)
    for option in options:
        name = option.partition("=")[0]
        if name != "ipv6" and name not in _LINE:
            raise SpecError(f"a public site has no option {name!r}")
        _read_option(option, "public", values, line, {})
    return Site(text, (), line=Line(**line), **values)


def _refuse_twice(options):
    names = [option.partition("=")[0] for option in options]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"{name} is said twice")


def _spelled_out(piece):
    """Ready-made names become what they stand for: the first gateway takes the "@NAME:", the last one the options."""
    head, comma, options = piece.partition(",")
    label, colon, word = head.rpartition(":")
    if word not in READY_MADE:
        return [piece]
    return (label + colon + READY_MADE[word] + comma + options).split("+")


def _refuse_list_with_plus(pieces):
    for piece, outer in zip(pieces, pieces[1:]):
        if piece.rpartition(",")[2].startswith("protocols=") and outer.partition(",")[0] in PROTOCOLS:
            raise SpecError('"+" stands between gateways; between protocols write "/": protocols=natpmp/pcp')


def _gateway(piece):
    head, *options = piece.split(",")
    name, word = None, head
    if head.startswith("@"):
        name, colon, word = head[1:].partition(":")
        if not re.fullmatch(r"[a-z][a-z0-9-]*", name) or len(name) > _LONGEST_NAME or name in RESERVED_NAMES:
            raise SpecError(f"{name!r} cannot name a gateway: small letters, digits and hyphens, at most {_LONGEST_NAME} of them, "
                            f"and none of {', '.join(RESERVED_NAMES)}")
        if not colon:
            if options:
                raise SpecError(f"options of @{name} belong where it is described")
            return Reference(name)
    if word == "public":
        raise SpecError('"public" stands alone: no gateway')
    if word not in SIMULATED and word not in KERNEL:
        raise SpecError(f"there is no site or gateway {word!r}: `natlab sites` lists them")

    values, line, behaviour = {"kind": word, "name": name, "habits": {}}, {}, {}
    if word == "upnp":
        values["protocols"] = frozenset(PROTOCOLS)
    _refuse_twice(options)
    for option in options:
        _read_option(option, word, values, line, behaviour)
    if values["habits"] and not values.get("protocols"):
        raise SpecError(f"{min(values['habits']).replace('_', '-').removesuffix('-s')} is of use only with protocols=, as natpmp/pcp")
    if behaviour.get("first_port", _FIRST_PORT) > behaviour.get("last_port", _LAST_PORT):
        raise SpecError(f"first-port lies behind last-port: usual are {_FIRST_PORT} and {_LAST_PORT}")
    return Gateway(**values, line=Line(**line), behaviour=behaviour)


def _read_option(option, word, values, line, behaviour):
    name, equals, value = option.partition("=")
    in_kernel = word in KERNEL
    if name in _AXES:
        if in_kernel and name not in _KERNEL_AXES:
            raise SpecError(f"{word} is a Linux kernel, which has no {name!r}")
        key, read = _AXES[name]
        into = behaviour
    elif name in _HABITS:
        if in_kernel:
            raise SpecError(f"{name} is of gateways in user space: {word}'s ports are mapped by the real miniupnpd, if at all")
        key, read = _HABITS[name]
        into = values["habits"]
    elif name in _LINE:
        key, read = _LINE[name]
        into = line
    elif name in _GATEWAY:
        if not in_kernel and name == "fw" or in_kernel and name in ("dmz", "addresses"):
            raise SpecError(f"{word} has no option {name!r}")
        if name == "protocols" and in_kernel and word != "upnp":
            raise SpecError(f"{word} opens no ports on request: that is upnp's")
        key, read = _GATEWAY[name]
        into = values
    else:
        raise SpecError(f"there is no option {name!r}: `natlab sites` lists them")
    if (read is None) == bool(equals):
        raise SpecError(f"{name} needs a value" if read else f"{name} takes no value")
    try:
        into[key] = read(value) if read else True
    except SpecError as wrong:
        raise SpecError(f"{name}: {wrong}") from None
    if in_kernel and into is behaviour and into[key] < _KERNELS_LEAST_SECONDS:
        raise SpecError(f"{name}: a Linux kernel counts whole seconds, at least {_KERNELS_LEAST_SECONDS}")
    if name == "protocols" and not in_kernel and "upnp" in values["protocols"]:
        raise SpecError(f"{word} speaks natpmp and pcp; UPnP is miniupnpd's: upnp")


def line_settings(options):
    """ "loss=1%" and so on, as natlab-internet's command `wire` has it."""
    read = _settings(options, _LINE, "wire")
    up = read.pop("up_mbit", None)
    if up is not None:  # "there" is outwards, "back" the other way
        if "rate_mbit" not in read:
            raise SpecError("up needs a rate beside it")
        read["back"] = {"rate_mbit": read["rate_mbit"]}
        read["rate_mbit"] = up
    return read


def behaviour_settings(options):
    """ "mapping=address-dependent" and so on, as natlab-internet's command `behaviour` has it."""
    return _settings(options, _AXES, "gateway")


def _settings(options, known, of):
    _refuse_twice(options)
    read = {}
    for option in options:
        name, equals, value = option.partition("=")
        if name not in known or not equals:
            raise SpecError(f"{option!r} is no setting of a {of}: known are {', '.join(f'{name}=' for name in known)}")
        key, reader = known[name]
        try:
            read[key] = reader(value)
        except SpecError as wrong:
            raise SpecError(f"{name}: {wrong}") from None
    return read


def words():
    """What may be typed, for `natlab sites`: pairs of a heading and (word, meaning) rows."""
    return [
        ("Sites", [("public", "an address of its own on the internet"), *READY_MADE.items()]),
        ("Gateways of a kernel of their own (fw=drop|reject|open)", list(KERNEL.items())),
        ("Gateways in user space, with every axis as an option", list(SIMULATED.items())),
        ("Axes", [(f"{name}={read.example}", _EXPLAINED.get(name, "")) for name, (_, read) in _AXES.items()]),
        ("Habits in mapping ports on request (gateways in user space, with protocols=)",
         [(f"{name}={read.example}", _EXPLAINED.get(name, "")) for name, (_, read) in _HABITS.items()]),
        ("Line on the outer side", [(f"{name}={read.example}", _EXPLAINED.get(name, "")) for name, (_, read) in _LINE.items()]),
        ("Others", [
            ("fw=drop|reject|open", "what a kernel gateway does with what comes in uninvited"),
            ("protocols=upnp/natpmp/pcp", "by which ports may be asked for: upnp has all three, gateways in user space none unless told"),
            ("udp=blocked", "lets no UDP out"),
            ("tcp-out=443/80", "lets TCP out to these ports alone"),
            ("forward=udp:4700/tcp:80", "these ports outside are those of the first host, as if set by hand"),
            ("dmz", "what comes in uninvited goes to the first host"),
            ("addresses=N", "so many addresses on the outer side"),
            ("lan=192.168.1", "the /24 inside; else each site has another"),
            ("isolated", "hosts on the LAN cannot see each other"),
            ("ipv6", "IPv6 too, behind a stateful firewall (none with fw=open)"),
        ]),
    ]
