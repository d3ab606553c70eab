"""A gateway with a kernel of its own does what its words say. Host, gateway and internet are three namespaces, joined by cables (veth), so
that nothing but the gateway is between them: what is sent first arrives first, and silence is seen by what comes after it.
"""
import contextlib
import socket
import struct
from types import SimpleNamespace

import pytest

from lab import kernel_gateway, namespaces
from lab.kernel_gateway import KernelGateway
from lab.plan import Plan

pytestmark = pytest.mark.namespaces

STREAM = socket.SOCK_STREAM
V6 = socket.AF_INET6


@pytest.fixture
def behind(tmp_path):
    """behind("masq,fw=reject"): a host behind such a gateway, and the internet's side with the server's addresses."""
    with contextlib.ExitStack() as afterwards:
        def make(text):
            plan = Plan(a=text)
            box = plan.boxes["a.gw1"]
            made = namespaces.make(["a", "server", box.name])
            afterwards.callback(namespaces.remove, made.values())
            host, server, inside = made["a"], made["server"], made[box.name]
            for each in made.values():
                each.set({"ipv6.conf.default.accept_dad": 0})
            inside.set(kernel_gateway.settings(box))
            inside.rules(kernel_gateway.ruleset(box))
            inside.link("link add lan type veth peer name eth0 netns a", "link add wan type veth peer name eth0 netns server",
                        *kernel_gateway.addresses(box))
            host.link("link set lo up", "link set eth0 up", "address add 192.168.11.10/24 dev eth0", "route add default via 192.168.11.1")
            server.link("link set lo up", "link set eth0 up", *(f"address add {address}/24 dev eth0" for address in plan.hosts["server"].addresses),
                        "route add 81.2.70.0/24 dev eth0")
            inside.link("route add 81.2.69.0/24 dev wan")
            if box.inside_v6:
                inside.link("address add 2001:db8:69::1/64 dev wan nodad")
                host.link("address add 2001:db8:70:1::10/64 dev eth0 nodad", "route add ::/0 via 2001:db8:70:1::1")
                server.link("address add 2001:db8:69::10/64 dev eth0 nodad", "route add ::/0 via 2001:db8:69::1")
            gateway = KernelGateway(box, inside, tmp_path)
            gateway.start_daemon()
            gateway.wait_for_daemon()
            return SimpleNamespace(host=host, server=server, gateway=gateway)
        yield make


class Conversation:
    """A UDP socket of the host, and two of the server's with different addresses; the host has written to the first."""

    def __init__(self, lab):
        self.host = lab.host.socket(address=("", 5000))
        self.friend = lab.server.socket(address=("81.2.69.10", 4700))
        self.stranger = lab.server.socket(address=("81.2.69.11", 4700))
        self.mapped = self.seen_by(self.friend)

    def seen_by(self, other):
        """Where the host's packets come from, as `other` sees it."""
        self.host.sendto(b"hello", other.getsockname())
        return other.recvfrom(100)[1]

    def heard(self):
        return self.host.recv(100)


def test_masquerade_preserves_the_port_towards_everybody(behind):
    talk = Conversation(behind("masq"))
    assert talk.mapped == talk.seen_by(talk.stranger) == ("81.2.70.2", 5000)


@pytest.mark.parametrize("kind", ["masq-rnd", "masq-random"])
def test_random_masquerade_takes_another_port_for_each_destination(behind, kind):
    talk = Conversation(behind(kind))
    assert len({talk.mapped[1], talk.seen_by(talk.stranger)[1], 5000}) == 3


@pytest.mark.parametrize("firewall", ["drop", "reject", "open"])
def test_a_stranger_does_not_get_through_a_mapping(behind, firewall):
    talk = Conversation(behind(f"masq,fw={firewall}"))
    talk.stranger.sendto(b"stranger", talk.mapped)
    talk.friend.sendto(b"friend", talk.mapped)
    assert talk.heard() == b"friend"


def test_an_early_packet_takes_the_port_where_the_firewall_is_open(behind):
    talk = Conversation(behind("masq,fw=open"))
    talk.stranger.sendto(b"early", talk.mapped)
    talk.friend.sendto(b"later", talk.mapped)
    assert talk.heard() == b"later"
    assert talk.seen_by(talk.stranger) != talk.mapped


def test_an_early_packet_is_forgotten_where_the_firewall_drops_it(behind):
    talk = Conversation(behind("masq,fw=drop"))
    talk.stranger.sendto(b"early", talk.mapped)
    talk.friend.sendto(b"later", talk.mapped)
    assert talk.heard() == b"later"
    assert talk.seen_by(talk.stranger) == talk.mapped


def test_a_rejecting_firewall_says_so(behind):
    lab = behind("masq,fw=reject")
    caller = lab.server.socket(STREAM)
    with pytest.raises(ConnectionRefusedError):
        caller.connect(("81.2.70.2", 80))


def test_everything_uninvited_goes_to_the_host_of_a_dmz(behind):
    lab = behind("dmz")
    host = lab.host.socket(address=("", 7000))
    stranger = lab.server.socket(address=("81.2.69.11", 4700))
    stranger.sendto(b"uninvited", ("81.2.70.2", 7000))
    assert host.recvfrom(100) == (b"uninvited", ("81.2.69.11", 4700))


def test_a_reboot_forgets_every_flow(behind):
    lab = behind("masq,fw=drop")
    talk = Conversation(lab)
    lab.gateway.reboot()
    talk.friend.sendto(b"to what is no more", talk.mapped)
    assert talk.seen_by(talk.friend) == talk.mapped  # made anew, with the same port
    talk.friend.sendto(b"to the new mapping", talk.mapped)
    assert talk.heard() == b"to the new mapping"


def test_a_change_of_address_ends_flows_and_new_ones_have_the_new_address(behind):
    lab = behind("masq")
    talk = Conversation(lab)
    lab.gateway.change_addresses(["81.2.70.9"])
    talk.friend.sendto(b"to the old address", talk.mapped)
    assert talk.seen_by(talk.friend) == ("81.2.70.9", 5000)
    talk.friend.sendto(b"to the new address", ("81.2.70.9", 5000))
    assert talk.heard() == b"to the new address"


def connects(lab, port, patience=5.0):
    with lab.server.socket(STREAM, ("81.2.69.10", port)) as listener, lab.host.socket(STREAM) as caller:
        listener.listen()
        caller.settimeout(patience)
        try:
            caller.connect(listener.getsockname())
        except TimeoutError:
            return False
        return True


def test_udp_can_be_blocked_and_allowed_again_while_tcp_goes_on(behind):
    lab = behind("masq")
    talk = Conversation(lab)
    lab.gateway.block_udp()
    talk.host.sendto(b"lost", talk.friend.getsockname())
    assert connects(lab, 443)
    lab.gateway.allow_udp()
    talk.host.sendto(b"through", talk.friend.getsockname())
    assert talk.friend.recv(100) == b"through"


def test_a_site_may_have_only_one_port_out(behind):
    lab = behind("masq,udp=blocked,tcp-out=443")
    host, server = lab.host.socket(), lab.server.socket(address=("81.2.69.10", 4700))
    host.sendto(b"lost", server.getsockname())
    assert connects(lab, 443)
    assert not connects(lab, 4700, patience=0.3)
    server.setblocking(False)
    with pytest.raises(BlockingIOError):
        server.recv(100)


def test_the_lifetime_of_a_udp_mapping_is_the_kernels_setting(behind):
    lab = behind("masq,udp-lifetime=7s,udp-unanswered-lifetime=3s")
    with lab.gateway.namespace.entered(), open("/proc/sys/net/netfilter/nf_conntrack_udp_timeout") as short, open(
            "/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream") as long:
        assert (short.read().strip(), long.read().strip()) == ("3", "7")


# --- IPv6 ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("firewall", ["drop", "reject"])
def test_over_ipv6_only_answers_come_in(behind, firewall):
    lab = behind(f"masq,ipv6,fw={firewall}")
    host = lab.host.socket(address=("::", 5000), family=V6)
    friend, stranger = (lab.server.socket(address=("2001:db8:69::10", port), family=V6) for port in (4700, 4701))
    host.sendto(b"hello", friend.getsockname())
    seen = friend.recvfrom(100)[1][:2]
    assert seen == ("2001:db8:70:1::10", 5000)
    stranger.sendto(b"stranger", seen)
    friend.sendto(b"friend", seen)
    assert host.recv(100) == b"friend"


def test_over_ipv6_an_open_firewall_lets_everybody_in(behind):
    lab = behind("masq,ipv6,fw=open")
    host = lab.host.socket(address=("::", 5000), family=V6)
    lab.server.socket(family=V6, address=("::", 0)).sendto(b"uninvited", ("2001:db8:70:1::10", 5000))
    assert host.recv(100) == b"uninvited"


# --- ports on request ---------------------------------------------------------------------------------------------------

NAT_PMP_ADDRESS = b"\0\0"                                                                        # RFC 6886 section 3.2
PCP_ANNOUNCE = struct.pack(">BBHI", 2, 0, 0, 0) + socket.inet_pton(V6, "::ffff:192.168.11.10")   # RFC 6887 section 14.1


def nat_pmp_map(port):  # RFC 6886 section 3.3
    return struct.pack(">BBHHHI", 0, 1, 0, port, port, 3600)


class Asking:
    def __init__(self, lab):
        self.socket = lab.host.socket()

    def send(self, request):
        self.socket.sendto(request, ("192.168.11.1", 5351))

    def answer(self):
        return self.socket.recv(1100)

    def maps(self, port):
        self.send(nat_pmp_map(port))
        version, opcode, result, _, internal, external, lifetime = struct.unpack(">BBHIHHI", self.answer())
        assert (version, opcode, result, internal) == (0, 129, 0, port)
        return external, lifetime


def test_miniupnpd_opens_the_port_that_nat_pmp_asks_for(behind):
    lab = behind("upnp")
    assert Asking(lab).maps(7000) == (7000, 3600)
    host, stranger = lab.host.socket(address=("", 7000)), lab.server.socket()
    stranger.sendto(b"uninvited", ("81.2.70.2", 7000))
    assert host.recv(100) == b"uninvited"


def test_a_reboot_forgets_the_leases(behind):
    lab = behind("upnp")
    Asking(lab).maps(7000)
    lab.gateway.reboot()
    host, stranger = lab.host.socket(address=("", 7000)), lab.server.socket()
    stranger.sendto(b"to what is no more", ("81.2.70.2", 7000))
    Asking(lab).maps(7000)
    stranger.sendto(b"to the new lease", ("81.2.70.2", 7000))
    assert host.recv(100) == b"to the new lease"


@pytest.mark.parametrize(("protocols", "versions"), [("natpmp", {0}), ("pcp", {2}), ("natpmp/pcp", {0, 2}), ("upnp/natpmp/pcp", {0, 2})])
def test_nat_pmp_and_pcp_are_switched_separately(behind, protocols, versions):
    asking = Asking(behind(f"upnp,protocols={protocols}"))
    asking.send(NAT_PMP_ADDRESS)
    asking.send(PCP_ANNOUNCE)
    heard = {asking.answer()[0] for _ in versions}
    assert heard == versions
    if len(versions) == 1:  # both were asked, and more does not come
        asking.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            asking.answer()


@pytest.mark.parametrize(("protocols", "speaks"), [("upnp", True), ("natpmp/pcp", False)])
def test_upnp_is_switched_separately(behind, protocols, speaks):
    lab = behind(f"upnp,protocols={protocols}")
    caller = lab.host.socket(STREAM)
    if not speaks:
        with pytest.raises(ConnectionRefusedError):
            caller.connect(("192.168.11.1", 5000))
        return
    caller.connect(("192.168.11.1", 5000))
    caller.sendall(b"GET /rootDesc.xml HTTP/1.0\r\n\r\n")
    said = b"".join(iter(lambda: caller.recv(65536), b""))
    assert b"InternetGatewayDevice" in said


def test_without_upnp_nobody_answers_requests(behind):
    asking = Asking(behind("masq"))
    asking.socket.connect(("192.168.11.1", 5351))
    asking.socket.send(NAT_PMP_ADDRESS)
    asking.socket.settimeout(0.5)
    with pytest.raises((ConnectionRefusedError, TimeoutError)):
        asking.answer()
