"""A gateway that is a Linux kernel of its own: a network namespace with devices `lan` and `wan`, nftables rules, and perhaps the real
miniupnpd. For IPv6 it is a stateful firewall that translates nothing.

fw=drop and fw=reject say what comes of packets from outside that nobody asked for; fw=open lets them in to the router itself, whose
kernel then remembers them as flows: an early packet of the peer takes the port that the host's own flow would have had, which then gets
another ("masq,fw=open" in README.md).
"""
import uuid
from pathlib import Path

from processes import Running
from world import environment

from . import conntrack

# The masquerade statement's flags for each kind.
_PORTS = {"masq": "", "upnp": "", "dmz": "", "masq-random": " random", "masq-rnd": " fully-random"}
_TIMEOUTS = {
    "udp_lifetime_s": "nf_conntrack_udp_timeout_stream",
    "udp_unanswered_lifetime_s": "nf_conntrack_udp_timeout",
    "tcp_established_lifetime_s": "nf_conntrack_tcp_timeout_established",
}
# What a device holds before natlab-internet has taken it: a burst of a fast sender fits.
QUEUE_PACKETS = 4000
_REQUEST_PORT = 5351  # NAT-PMP's and PCP's (RFC 6886, RFC 6887)
_FIRST_BYTE = {"natpmp": 0, "pcp": 2}  # of a request: the version
_NO_UDP = "meta l4proto udp drop"
_REFUSALS = {"drop": "drop", "reject": "reject with icmpx port-unreachable", "open": "accept"}


def settings(box):
    """sysctls under net."""
    chosen = {"ipv4.ip_forward": 1, "ipv4.conf.all.send_redirects": 0}
    if box.inside_v6:
        chosen["ipv6.conf.all.forwarding"] = 1
    for axis, setting in _TIMEOUTS.items():
        if axis in box.spec.behaviour:
            chosen[f"netfilter.{setting}"] = round(box.spec.behaviour[axis])
    return chosen


def addresses(box, v6_behind=()):
    """Lines for `ip -batch`. What is on a TUN device has no ARP, so a route to the device will do."""
    lines = [
        "link set lo up", *(f"link set {device} up txqueuelen {QUEUE_PACKETS}" for device in ("lan", "wan")),
        f"address add {box.inside}/24 dev lan",
        *(f"address add {address}/32 dev wan" for address in box.outside),
        "route add default dev wan",
    ]
    if box.inside_v6:
        lines += [f"address add {box.inside_v6}/64 dev lan nodad", "route add ::/0 dev wan"]
        lines += [f"route add {address}/128 dev lan" for address in v6_behind]
    return lines


def ruleset(box, udp_blocked=None, forwards=None):
    """For `nft -f`; replaces what was there in one step. Chains named miniupnpd_* are its own. The others are None: as its site says."""
    spec = box.spec
    if udp_blocked is None:
        udp_blocked = spec.udp_blocked
    if forwards is None:
        forwards = forwards_of(box)
    refuse = _REFUSALS[spec.firewall]
    dmz = [f'iifname "wan" fib daddr type local dnat ip to {box.dmz_host}'] if spec.kind == "dmz" else []
    return "\n".join([
        "table inet natlab", "delete table inet natlab", "table inet natlab {",
        *_chain("miniupnpd_forward"), *_chain("miniupnpd_prerouting"), *_chain("miniupnpd_postrouting"),
        *_chain("on_command", *([_NO_UDP] if udp_blocked else [])),  # faults change it
        *_chain("forwards", *(_forward(*each) for each in forwards)),  # by hand
        *_chain("input", "type filter hook input priority filter",
                'iifname != "wan" jump from_inside',
                'iifname != "wan" accept',
                "ct state established,related accept",
                "icmp type echo-request accept",
                "icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept",
                refuse),
        *_chain("from_inside", *_unspoken(spec.protocols)),
        *_chain("forward", "type filter hook forward priority filter",
                "jump on_command",
                'iifname "wan" oifname "wan" drop',  # an address it used to have
                *_blocked(spec),
                "ct state established,related accept",
                "ct status dnat accept",
                'iifname "lan" accept',
                "jump miniupnpd_forward",
                "icmpv6 type echo-request accept",  # RFC 4890 section 4.3.1
                refuse),
        *_chain("prerouting", "type nat hook prerouting priority dstnat",
                "jump miniupnpd_prerouting",
                "jump forwards",
                *(dmz)),
        *_chain("postrouting", "type nat hook postrouting priority srcnat",
                "jump miniupnpd_postrouting",
                f'meta nfproto ipv4 oifname "wan" masquerade{_PORTS[spec.kind]}'),
        "}", "",
    ])


def forwards_of(box):
    """(protocol, port outside, address, port) that its site describes."""
    return [(protocol, port, box.dmz_host, port) for protocol, port in box.spec.forwards]


def _forward(protocol, external, address, port):
    return f'iifname "wan" fib daddr type local {protocol} dport {external} dnat ip to {address}:{port}'


def _chain(name, *lines):
    return [f"  chain {name} {{", *(f"    {line}" for line in lines), "  }"]


def _blocked(spec):
    if spec.tcp_out is not None:
        yield f'iifname "lan" tcp dport != {{ {", ".join(map(str, spec.tcp_out))} }} drop'


def _unspoken(protocols):
    """miniupnpd has one switch for NAT-PMP and PCP; requests of the one it is not to speak get no answer."""
    for protocol, version in _FIRST_BYTE.items():
        if protocol not in protocols:
            yield f"udp dport {_REQUEST_PORT} @th,64,8 {version} drop"


def daemon_configuration(box, folder):
    protocols = box.spec.protocols
    yes_no = {True: "yes", False: "no"}
    return "\n".join([
        "ext_ifname=wan", "listening_ip=lan", "port=5000",
        f"enable_upnp={yes_no['upnp' in protocols]}",
        f"enable_natpmp={yes_no[bool(protocols & {'natpmp', 'pcp'})]}",
        f"uuid={uuid.uuid5(uuid.NAMESPACE_DNS, box.name)}",
        "system_uptime=no",  # the epoch of NAT-PMP and PCP begins anew with each start
        "upnp_table_name=natlab", "upnp_nat_table_name=natlab",
        "upnp_forward_chain=miniupnpd_forward",
        "upnp_nat_chain=miniupnpd_prerouting",
        "upnp_nat_postrouting_chain=miniupnpd_postrouting",
        f"lease_file={folder}/{box.name}.leases", "",
    ])


class KernelGateway:
    """A Box in its namespace. `folder` is for the daemon's files."""

    def __init__(self, box, namespace, folder: Path):
        self.box = box
        self.namespace = namespace
        self.folder = folder
        self.daemon = None
        self._udp_blocked = box.spec.udp_blocked
        self._forwards = forwards_of(box)

    def start_daemon(self):
        if not self.box.spec.protocols:
            return
        configuration = self.folder / f"{self.box.name}.miniupnpd.conf"
        configuration.write_text(daemon_configuration(self.box, self.folder))
        argv = ["miniupnpd", "-d", "-f", str(configuration), "-P", str(self.folder / f"{self.box.name}.pid"),
                *([] if self.box.inside_v6 else ["-4"])]
        self.daemon = Running(argv, environment(), launcher=self.namespace.launcher)

    def wait_for_daemon(self):
        """Until it hears what hosts ask."""
        if self.daemon:
            heard = {"upnp": "HTTP listening on port"}
            for protocol in self.box.spec.protocols:
                self.daemon.says(heard.get(protocol, "Listening for NAT-PMP/PCP traffic on port"))

    def stop_daemon(self):
        if self.daemon:
            self.daemon.kill()
            self.daemon = None

    # --- faults -------------------------------------------------------------------------------------------------------

    def reboot(self):
        """Flows and leases are forgotten, settings are not."""
        self.stop_daemon()
        (self.folder / f"{self.box.name}.leases").unlink(missing_ok=True)
        self.namespace.rules(ruleset(self.box, self._udp_blocked, self._forwards))
        conntrack.forget_all(self.namespace)
        self.start_daemon()
        self.wait_for_daemon()

    def change_addresses(self, new):
        """The kernel forgets by itself what was masqueraded as an address that went away."""
        self.namespace.link(*(f"address add {address}/32 dev wan" for address in new),
                            *(f"address delete {address}/32 dev wan" for address in self.box.outside))
        self.box.outside = list(new)

    def forward(self, *what):
        """(protocol, port outside, address, port)"""
        self._forwards.append(what)
        self.namespace.rules(f"add rule inet natlab forwards {_forward(*what)}\n")

    def block_udp(self):
        self._block_udp(True)

    def allow_udp(self):
        """Also where the site says that it is blocked."""
        self._block_udp(False)

    def _block_udp(self, blocked):
        self._udp_blocked = blocked
        self.namespace.rules("flush chain inet natlab on_command\n" + (f"add rule inet natlab on_command {_NO_UDP}\n" if blocked else ""))
