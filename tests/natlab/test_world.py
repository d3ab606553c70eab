"""A laboratory as a whole: everybody reaches whom they should, harm is done on command, and counters tell the truth."""
import socket
import struct
import threading

import pytest

from lab import Lab, LabError, people
from lab.spec import KERNEL, READY_MADE, SIMULATED, parse
from lab.world import CONGESTION_CONTROL
from processes import Running

pytestmark = pytest.mark.internet

STREAM = socket.SOCK_STREAM
PAUSE = 0.5     # seconds, for what is not to come; round trips take less than a tenth of it
PATIENCE = 20   # for what has to come, on a busy machine too


class Echo:
    """A UDP service of the server that says who it has heard."""

    def __init__(self, lab, address=None, family=socket.AF_INET):
        self.socket = lab.server.socket(address=(address or lab.server.address, 4700), family=family)
        self.socket.settimeout(None)
        self.address = self.socket.getsockname()[:2]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            bytes_, sender = self.socket.recvfrom(2000)
            self.socket.sendto(f"{sender[0]} {sender[1]}".encode() if bytes_ == b"who" else bytes_, sender)

    def sees(self, caller, patience=PATIENCE):
        """How the caller's socket looks from here; None if it gets no answer."""
        caller.settimeout(patience)
        caller.sendto(b"who", self.address)
        try:
            address, port = caller.recv(100).decode().split()
        except TimeoutError:
            return None
        return address, int(port)

    def hears(self, caller):
        """Where it is to be shown that nothing gets through."""
        return self.sees(caller, PAUSE) is not None


SITES = sorted({"public", *KERNEL, *SIMULATED, *READY_MADE, "masq,fw=reject", "masq,fw=open", "masq+masq", "sym-rnd+full-cone", "full-cone+masq"})


@pytest.mark.parametrize("site", SITES)
def test_every_site_reaches_the_server_and_is_seen_by_its_public_address(site):
    with Lab(a=site) as lab:
        echo, caller = Echo(lab), lab.a.socket()
        if any(gateway.udp_blocked for gateway in parse(site).chain):
            assert not echo.hears(caller)
        else:
            assert echo.sees(caller)[0] == lab.a.public_address
        reached = lab.a.socket(STREAM)
        listener = lab.server.socket(STREAM, (lab.server.address, 443))
        listener.listen()
        reached.connect(listener.getsockname())
        assert listener.accept()[1][0] == lab.a.public_address


@pytest.mark.parametrize("site", ["public,ipv6", "masq,ipv6", "port-restricted,ipv6", "cgnat,ipv6"])
def test_ipv6_is_not_translated(site):
    with Lab(a=site) as lab:
        echo = Echo(lab, lab.server.addresses[2], socket.AF_INET6)
        assert echo.sees(lab.a.socket(address=("::", 5000), family=socket.AF_INET6)) == (lab.a.address_v6, 5000)


def test_the_servers_second_address_answers_too():
    with Lab(a="public") as lab:
        assert Echo(lab, lab.server.addresses[1]).sees(lab.a.socket(address=("", 5000))) == (lab.a.address, 5000)


def test_hosts_on_one_lan_talk_without_their_gateway():
    with Lab(a="@home:port-restricted", b="@home") as lab:
        there = lab.b.socket(address=("", 5000))
        lab.a.socket().sendto(b"neighbour", (lab.b.address, 5000))
        bytes_, (address, _) = there.recvfrom(100)
        assert (bytes_, address) == (b"neighbour", lab.a.address)
        assert lab.counters().between("a", "b").packets == 1


def test_hosts_on_an_isolated_lan_do_not_hear_each_other():
    with Lab(a="@home:port-restricted,isolated", b="@home") as lab:
        there = lab.b.socket(address=("", 5000))
        lab.a.socket().sendto(b"neighbour", (lab.b.address, 5000))
        there.settimeout(PAUSE)
        with pytest.raises(TimeoutError):
            there.recv(100)


def test_both_sides_may_have_the_same_subnet():
    with Lab(a="masq,lan=192.168.1", b="port-restricted,lan=192.168.1") as lab:
        echo = Echo(lab)
        assert lab.a.address == lab.b.address
        assert [echo.sees(host.socket())[0] for host in (lab.a, lab.b)] == [lab.a.public_address, lab.b.public_address]


def test_counters_tell_who_spoke_to_whom():
    with Lab(a="masq", b="public") as lab:
        echo, caller = Echo(lab), lab.a.socket()
        before = lab.counters()
        caller.sendto(bytes(1000), echo.address)
        assert caller.recv(2000) == bytes(1000)
        counted = lab.counters() - before
        assert counted.sent("a", "server").bytes == counted.sent("server", "a").bytes == 1000 + 20 + 8
        assert counted.between("a", "server").packets == 2
        assert counted.between("a", "b").packets == counted.between("b", "server").packets == 0
        lab.reset_counters()
        assert lab.counters().between("a", "server").packets == 0


@pytest.mark.parametrize("wire", ["a.link", "a.gw1.link", "a.access", "server.access"])
def test_a_wire_can_be_cut_and_mended(wire):
    with Lab(a="masq") as lab:
        echo, caller = Echo(lab), lab.a.socket()
        lab.cut(wire)
        assert not echo.hears(caller)
        lab.mend(wire)
        assert echo.sees(caller)


def test_the_access_of_a_host_may_be_another_ones_too():
    with Lab(a="@home:masq", b="@home") as lab:
        echo = Echo(lab)
        lab.cut("b.access")
        assert not echo.hears(lab.a.socket())


@pytest.mark.parametrize("gateway", ["masq", "port-restricted"])
def test_a_reboot_forgets_mappings(gateway):
    with Lab(a=gateway) as lab:
        echo, caller = Echo(lab), lab.a.socket()
        mapped = echo.sees(caller)
        lab.reboot("a")
        echo.socket.sendto(b"to what is no more", mapped)
        caller.settimeout(PAUSE)
        with pytest.raises(TimeoutError):
            caller.recv(100)
        assert echo.sees(caller)


@pytest.mark.parametrize("site", ["masq", "port-restricted", "cgnat", "masq+masq", "public"])
def test_a_provider_can_change_a_sites_address(site):
    with Lab(a=site) as lab:
        echo = Echo(lab)
        old = lab.a.public_address
        new = lab.change_address("a")
        assert new == lab.a.public_address != old
        assert echo.sees(lab.a.socket())[0] == new


def hears(host, port, caller, to, patience=PATIENCE):
    there = host.socket(address=("", port))
    there.settimeout(patience)
    caller.socket().sendto(b"uninvited", to)
    try:
        return there.recv(100) == b"uninvited"
    except TimeoutError:
        return False


@pytest.mark.parametrize("site", ["masq", "port-restricted"])
def test_a_port_that_is_forwarded_by_hand_is_so_after_a_reboot_too(site):
    with Lab(a=f"{site},forward=udp:4700", b="public") as lab:
        outside = lab.a.public_address
        lab.forward("a", "udp", 4800)
        lab.forward("a", "udp", 4900, to=f"{lab.a.address}:5000")
        for _ in range(2):
            assert hears(lab.a, 4700, lab.b, (outside, 4700))
            assert hears(lab.a, 4800, lab.b, (outside, 4800))
            assert hears(lab.a, 5000, lab.b, (outside, 4900))
            assert not hears(lab.a, 4701, lab.b, (outside, 4701), PAUSE)
            lab.reboot("a")


def pcp_map(lab, internal, external, lifetime=3600, patience=PATIENCE):
    """Result, external port and lifetime of an answer to MAP (RFC 6887 section 11.1); None without one."""
    asking = lab.a.socket()
    asking.settimeout(patience)
    client = socket.inet_pton(socket.AF_INET6, f"::ffff:{lab.a.address}")
    any_address = socket.inet_pton(socket.AF_INET6, "::ffff:0.0.0.0")
    asking.sendto(struct.pack(">BBHI", 2, 1, 0, lifetime) + client + bytes(range(12)) + struct.pack(">B3xHH", 17, internal, external) + any_address,
                  (lab.a.router, 5351))
    try:
        answer = asking.recv(1100)
    except TimeoutError:
        return None
    return answer[3], struct.unpack(">H", answer[42:44])[0], struct.unpack(">I", answer[4:8])[0]


@pytest.mark.parametrize(("habit", "holds"), [
    ("announcements=0", lambda lab: pcp_map(lab, 7000, 7000) == (0, 7000, 3600)),
    ("gives-other-port=yes", lambda lab: pcp_map(lab, 7000, 7000)[1] != 7000),
    ("longest-lifetime=60s", lambda lab: pcp_map(lab, 7000, 7000) == (0, 7000, 60)),
    ("shortest-lifetime=2h", lambda lab: pcp_map(lab, 7000, 7000) == (0, 7000, 7200)),
    ("limit=1", lambda lab: [pcp_map(lab, port, port)[0] for port in (7000, 7001)] == [0, 8]),  # NO_RESOURCES
    ("lowest-port=8000", lambda lab: pcp_map(lab, 7000, 7000)[:2] != (0, 7000)),
    ("dead-at-first=1", lambda lab: pcp_map(lab, 7000, 7000)[0] == 0 and not hears(lab.a, 7000, lab.b, (lab.a.public_address, 7000), PAUSE)),
    ("answers-after=30s", lambda lab: pcp_map(lab, 7000, 7000, patience=PAUSE) is None),
])
def test_a_gateway_maps_ports_as_its_habits_are(habit, holds):
    with Lab(a=f"port-restricted,protocols=pcp,{habit}", b="public") as lab:
        assert holds(lab)


@pytest.mark.parametrize("site", ["masq", "port-restricted,addresses=100", "public"])
def test_a_provider_never_runs_out_of_addresses(site):
    with Lab(a=site) as lab:
        for _ in range(260 if site != "masq" else 110):
            old = set(lab.plan.public_addresses("a"))
            lab.change_address("a")
            assert not old & set(lab.plan.public_addresses("a"))
        assert Echo(lab).sees(lab.a.socket())[0] in lab.plan.public_addresses("a")


@pytest.mark.parametrize("gateway", ["masq", "port-restricted"])
def test_udp_can_be_blocked_and_allowed_again(gateway):
    with Lab(a=gateway) as lab:
        echo, caller = Echo(lab), lab.a.socket()
        assert echo.sees(caller)
        lab.block_udp("a")
        assert not echo.hears(caller)
        lab.allow_udp("a")
        assert echo.sees(caller)


@pytest.mark.parametrize("gateway", ["masq", "port-restricted"])
def test_what_is_blocked_is_so_after_a_reboot_too(gateway):
    with Lab(a=gateway) as lab:
        echo, caller = Echo(lab), lab.a.socket()
        lab.block_udp("a")
        lab.reboot("a")
        assert not echo.hears(caller)
        lab.allow_udp("a")
        lab.reboot("a")
        assert echo.sees(caller)


@pytest.mark.parametrize("gateway", ["masq", "port-restricted"])
def test_udp_that_a_site_blocks_can_be_allowed(gateway):
    with Lab(a=f"{gateway},udp=blocked") as lab:
        echo, caller = Echo(lab), lab.a.socket()
        assert not echo.hears(caller)
        lab.allow_udp("a")
        assert echo.sees(caller)


def test_programs_run_in_their_host_and_end_with_the_laboratory():
    with Lab(a="public") as lab:
        serves = "import socket; s = socket.create_server(('', 443)); print('ready'); s.accept(); s.accept()"
        listening = lab.server.start(["python3", "-u", "-c", serves])
        listening.says("ready")
        told = lab.a.run(["python3", "-c", f"import socket; print(socket.create_connection(('{lab.server.address}', 443)).getsockname()[0])"])
        assert told.text.strip() == lab.a.address
    assert not listening.running()


def test_tcp_uses_the_congestion_control_that_most_people_have():
    with Lab(a="masq") as lab:
        listener = lab.server.socket(STREAM, (lab.server.address, 443))
        listener.listen()
        caller = lab.a.socket(STREAM)
        caller.connect(listener.getsockname())
        for end in (caller, listener.accept()[0]):
            assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0").decode() == CONGESTION_CONTROL


def test_one_laboratory_comes_after_another():
    for _ in range(2):
        with Lab(a="masq") as lab:
            assert Echo(lab).sees(lab.a.socket())


def test_what_is_not_there_is_refused_in_words():
    with Lab(a="masq", b="public") as lab:
        with pytest.raises(LabError, match="no-such"):
            lab.cut("no-such.wire")
        with pytest.raises(LabError, match="b is behind no gateway"):
            lab.reboot("b")
        with pytest.raises(AttributeError, match="no host 'c'"):
            lab.c.run(["true"])


def test_the_death_of_the_internet_is_told():
    with pytest.raises(LabError, match=r"natlab-internet has died \(signal 9\)"), Lab(a="masq") as lab:
        lab._internet._running.kill()
        assert "signal 9" in lab.wait_for_death()


def test_a_laboratory_outlives_the_programs_in_it():
    with Lab(a="masq") as lab:
        Running.end_all()
        assert Echo(lab).sees(lab.a.socket())


def test_a_town_that_cannot_be_leaves_no_folder_behind(monkeypatch):
    def fail(*_):
        raise ZeroDivisionError
    monkeypatch.setattr(people, "Server", fail)
    with Lab(a="masq") as lab:
        with pytest.raises(ZeroDivisionError):
            people.Town(lab)
        assert not list(lab.folder.glob("town-*"))


def test_the_death_of_the_internet_does_not_hide_what_a_test_found():
    with pytest.raises(ZeroDivisionError), Lab(a="masq") as lab:
        lab._internet._running.kill()
        lab.wait_for_death()
        raise ZeroDivisionError


def test_the_real_miniupnpd_is_found_and_asked_from_the_lan():
    with Lab(a="upnp", b="public") as lab:
        assert "Mapped public port 7000 protocol UDP" in lab.a.run(["natpmpc", "-a", "7000", "7000", "udp", "3600"]).text
        host, stranger = lab.a.socket(address=("", 7000)), lab.b.socket()
        stranger.sendto(b"uninvited", (lab.a.public_address, 7000))
        assert host.recv(100) == b"uninvited"
        assert "Found valid IGD" in lab.a.run(["upnpc", "-s"]).text
