"""Ports that routers open for us: the driver (natlab-port-mapper) against the real miniupnpd, and against gateways in user space where
another habit is wanted. That a port is open is believed when a stranger gets in by it."""
import contextlib
import json
import secrets
import signal
import socket
import subprocess
import time

import pytest

from lab import Lab, internet
from lab.scripted_firewall import ScriptedFirewall

pytestmark = pytest.mark.internet

PORT = 4700
PROTOCOLS = {"pcp": "pcp", "natpmp": "nat-pmp", "upnp": "upnp"}  # the site's word, and ours
V6 = socket.AF_INET6

# Seconds: for a datagram that has to come, on a busy machine too; for a connection that has to come by its first SYN, since the next one, a second later, would not
# notice that the port was shut for a moment; and for what is not to come.
PATIENCE, ONE_SYN, PAUSE = 10, 0.9, 0.5


class Mapper:
    def __init__(self, host, *options):
        self.running = host.start([internet.program().with_name("natlab-port-mapper"), "--port", PORT, *options])

    def lines(self):
        # The last one may be half there.
        return [json.loads(line) for line in self.running.text.splitlines(keepends=True) if line.endswith("\n")]

    def comes_to(self, fact, what):
        """The first state for which `fact` is true."""
        return self.running.wait_until(
            lambda: next((line for line in self.lines() if line["event"] == "ports" and fact(line)), None), what, patience=20)

    def maps(self, count=2):
        return self.comes_to(lambda state: len(state["ports"]) == count, f"{count} ports mapped")

    def settles(self):
        return self.comes_to(lambda state: state["settled"], "rest")

    def last(self):
        return [line for line in self.lines() if line["event"] == "ports"][-1]

    def gives_back(self, how=signal.SIGINT):
        self.running.process.send_signal(how)
        self.running.ends(0)
        said = self.lines()[-1]
        assert said["event"] == "given-back"
        return said


class Home:
    """Host a listens at PORT; strangers at the server come from a port of their own each time."""

    def __init__(self, lab, family=socket.AF_INET):
        self.lab = lab
        self.family = family
        everywhere = "::" if family == V6 else ""
        self.udp = lab.a.socket(address=(everywhere, PORT), family=family)
        self.tcp = lab.a.socket(socket.SOCK_STREAM, (everywhere, PORT), family=family)
        self.tcp.listen()

    def lets_in_udp(self, address, stranger=None, patience=PAUSE):
        word = secrets.token_bytes(16)  # what comes late is not taken for another's
        with contextlib.suppress(TimeoutError, BlockingIOError):
            (stranger or self.lab.server).socket(address=("::" if self.family == V6 else "", 0), family=self.family).sendto(word, (address, PORT))
            until = time.monotonic() + patience
            while (left := until - time.monotonic()) > 0:
                self.udp.settimeout(left)
                if self.udp.recv(100) == word:
                    return True
        return False

    def lets_in_tcp(self, address, stranger=None, patience=PAUSE):
        caller = (stranger or self.lab.server).socket(socket.SOCK_STREAM, family=self.family)
        caller.settimeout(patience)
        with contextlib.closing(caller), contextlib.suppress(TimeoutError, ConnectionRefusedError):
            caller.connect((address, PORT))
            return True
        return False

    def is_open(self, address, stranger=None):
        return self.lets_in_udp(address, stranger, PATIENCE) and self.lets_in_tcp(address, stranger, ONE_SYN)

    def is_shut(self, address, stranger=None):
        return not self.lets_in_udp(address, stranger) and not self.lets_in_tcp(address, stranger)


def soon(fact):
    """A router that is busy closes a moment after the program has ended: what it was asked lies in its queue."""
    until = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < until, "not even after a while"
        time.sleep(0.05)


_PROTOCOLS = {"0x6": "tcp", "0x11": "udp", "tcp": "tcp", "udp": "udp"}  # as versions of nft print the header's field


def forwards(lab, gateway="a.gw1"):
    """What miniupnpd has put into the kernel: "tcp 4700" ..."""
    with lab.gateways[gateway].namespace.entered():
        said = subprocess.run(["nft", "list", "chain", "inet", "natlab", "miniupnpd_prerouting"], text=True, capture_output=True, check=True).stdout
    return sorted(f"{_PROTOCOLS[line.split(' th dport ')[0].split()[-1]]} {line.split(' th dport ')[1].split()[0]}"
                  for line in said.splitlines() if " th dport " in line)


# --- Each protocol alone ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("speaks", "ours"), PROTOCOLS.items())
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_each_protocol_alone_opens_the_port_and_closes_it_at_the_end(speaks, ours, how):
    with Lab(a=f"upnp,protocols={speaks}") as lab:
        home = Home(lab)
        assert home.is_shut(lab.a.public_address)
        mapper = Mapper(lab.a)
        state = mapper.maps()
        assert sorted((port["transport"], port["protocol"], port["external"]) for port in state["ports"]) == [
            (transport, ours, f"{lab.a.public_address}:{PORT}") for transport in ("tcp", "udp")]
        assert home.is_open(lab.a.public_address)
        assert forwards(lab) == [f"tcp {PORT}", f"udp {PORT}"]
        mapper.gives_back(how)
        soon(lambda: forwards(lab) == [])
        assert home.is_shut(lab.a.public_address)


def test_of_several_protocols_one_maps_and_the_others_are_known_to_be_there():
    with Lab(a="upnp") as lab:
        mapper = Mapper(lab.a)
        state = mapper.comes_to(lambda line: len(line["ports"]) == 2 and line["settled"], "rest with both ports")
        assert {port["protocol"] for port in state["ports"]} == {"pcp"}
        assert [(each["protocol"], each["state"]) for each in state["protocols"]] == [("pcp", "maps"), ("nat-pmp", "answers"), ("upnp", "answers")]
        assert forwards(lab) == [f"tcp {PORT}", f"udp {PORT}"]


# --- Leases -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("site", "lifetime"), [("upnp,protocols=upnp", 5), ("upnp,protocols=natpmp", 5), ("nat,protocols=pcp", 5)])  # miniupnpd's PCP: 120 s at least
def test_what_a_killed_program_leaves_behind_ends_with_its_lease(site, lifetime):
    with Lab(a=site) as lab:
        home = Home(lab)
        mapper = Mapper(lab.a, "--lifetime", lifetime)
        mapper.maps()
        assert home.is_open(lab.a.public_address)
        mapper.running.kill()
        killed = time.monotonic()
        while home.lets_in_udp(lab.a.public_address) or home.lets_in_tcp(lab.a.public_address):
            assert time.monotonic() < killed + lifetime + 10, "it does not end"


@pytest.mark.parametrize("site", ["upnp,protocols=upnp", "upnp,protocols=natpmp", "nat,protocols=pcp"])
def test_a_lease_is_renewed_for_as_long_as_the_program_runs(site):
    with Lab(a=site) as lab:
        home = Home(lab)
        mapper = Mapper(lab.a, "--lifetime", 8)
        mapper.maps()
        until = time.monotonic() + 20
        while time.monotonic() < until:
            assert home.is_open(lab.a.public_address)
            time.sleep(1)  # twice the lease, and nothing to wait for
        assert len(mapper.last()["ports"]) == 2


@pytest.mark.parametrize(("site", "lifetime"), [
    ("nat,protocols=pcp", 3600), ("nat,protocols=natpmp", 3600),  # they announce that they have forgotten everything
    ("upnp,protocols=natpmp", 8)])                                # seen by its epoch, when the lease is renewed
def test_a_router_that_reboots_is_asked_again(site, lifetime):
    with Lab(a=site) as lab:
        home = Home(lab)
        mapper = Mapper(lab.a, "--lifetime", lifetime)
        mapper.maps()
        time.sleep(4)  # an epoch as young as its router cannot be told from one that has just begun anew
        lab.reboot("a")
        until = time.monotonic() + 60  # less than half a lease of an hour
        while not (home.lets_in_udp(lab.a.public_address) and home.lets_in_tcp(lab.a.public_address)):
            assert time.monotonic() < until, mapper.running.story()


def test_giving_back_to_a_router_that_is_gone_is_given_up():
    with Lab(a="upnp") as lab:
        mapper = Mapper(lab.a)
        mapper.maps()
        lab.cut("a.link")
        assert mapper.gives_back()["took"] > 0.9, "it was not even tried"


# --- Behind another NAT -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("outer", ["full-cone", "cgnat"])
def test_a_router_that_will_not_map_behind_another_nat_still_tells_its_own_address(outer):
    with Lab(a=f"upnp+{outer}") as lab:
        state = Mapper(lab.a).settles()
        assert state["reason"] == "double-nat" and state["ports"] == []
        assert {each["reason"] for each in state["protocols"]} == {"double-nat"}
        assert state["router_address"] == lab.gateways["a.gw1"].box.outside[0]


@pytest.mark.parametrize("speaks", ["natpmp", "upnp"])
def test_a_router_that_says_only_that_it_has_no_address_is_seen_through_once_the_server_sees_us(speaks):
    with Lab(a=f"upnp,protocols={speaks}+full-cone") as lab:
        assert Mapper(lab.a).settles()["reason"] == "igd-refused"
        assert Mapper(lab.a, "--observed", lab.a.public_address).settles()["reason"] == "double-nat"


def test_what_is_mapped_behind_a_carrier_is_marked_and_serves_a_neighbour():
    with Lab(a="nat,protocols=pcp+@isp:port-restricted", b="masq+@isp") as lab:
        home = Home(lab)
        state = Mapper(lab.a).maps()
        assert state["reason"] == "double-nat" and all(port["behind_another"] for port in state["ports"])
        address = state["router_address"]
        assert {port["external"] for port in state["ports"]} == {f"{address}:{PORT}"}
        assert home.is_open(address, stranger=lab.b)
        assert home.is_shut(lab.a.public_address)


def test_the_servers_view_tells_a_lying_router():
    with Lab(a="nat,protocols=pcp,tells-address=81.2.99.9") as lab:
        mapper = Mapper(lab.a)
        assert mapper.maps()["reason"] == ""
        mapper.gives_back()
        assert Mapper(lab.a, "--observed", lab.a.public_address).maps()["reason"] == "double-nat"


# --- Proof --------------------------------------------------------------------------------------------------------------

def test_what_the_server_got_through_by_is_proved():
    with Lab(a="upnp") as lab:
        mapper = Mapper(lab.a, "--observed", lab.a.public_address, "--dial-back", "arrived")
        mapper.comes_to(lambda state: len(state["ports"]) == 2 and all(port["proved"] for port in state["ports"]), "proved ports")


def test_what_lets_nobody_in_is_made_anew_once_by_each_protocol_and_then_given_up():
    with Lab(a="upnp") as lab:
        mapper = Mapper(lab.a, "--observed", lab.a.public_address, "--dial-back", "lost")
        state = mapper.comes_to(lambda line: line["settled"] and not line["ports"] and line["reason"], "giving up")
        assert state["reason"] == "unreachable"
        dialled = [line for line in mapper.lines() if line["event"] == "dial-back"]
        assert 2 * len(PROTOCOLS) < len(dialled) <= 2 * 2 * len(PROTOCOLS), mapper.running.story()
        assert {each["state"] for each in state["protocols"]} == {"useless"}
        soon(lambda: forwards(lab) == [])


# --- Who is asked -------------------------------------------------------------------------------------------------------

def test_a_public_host_asks_nobody():
    with Lab(a="public") as lab:
        state = Mapper(lab.a).settles()
        assert state["protocols"] == []


def test_a_router_that_maps_nothing_is_known_as_such():
    with Lab(a="masq") as lab:
        state = Mapper(lab.a).settles()
        assert state["reason"] == "no-igd"


# --- IPv6 ---------------------------------------------------------------------------------------------------------------

def pinholes(lab, gateway="a.gw1"):
    """How many miniupnpd has put into the kernel."""
    with lab.gateways[gateway].namespace.entered():
        said = subprocess.run(["nft", "list", "chain", "inet", "natlab", "miniupnpd_forward"], text=True, capture_output=True, check=True).stdout
    return sum(f" th dport {PORT} " in line and "accept" in line for line in said.splitlines())


@pytest.mark.parametrize("speaks", ["pcp", "upnp"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_ipv6_firewall_gets_a_pinhole_and_loses_it(speaks, how):
    with Lab(a=f"upnp,protocols={speaks},ipv6") as lab:
        home = Home(lab, V6)
        assert home.is_shut(lab.a.address_v6)
        mapper = Mapper(lab.a)
        state = mapper.maps(4)
        assert not state["settled"], "whoever does not answer has been waited for"
        assert {(port["protocol"], port["external"]) for port in state["ports"]} == {
            (speaks, f"{lab.a.public_address}:{PORT}"), (speaks, f"[{lab.a.address_v6}]:{PORT}")}
        assert home.is_open(lab.a.address_v6)
        mapper.gives_back(how)
        soon(lambda: pinholes(lab) == 0)
        assert not home.is_open(lab.a.address_v6)


def test_a_pinhole_of_a_killed_program_ends_with_its_lease():  # UPnP's: miniupnpd's PCP gives 120 s at least
    with Lab(a="upnp,protocols=upnp,ipv6") as lab:
        home = Home(lab, V6)
        mapper = Mapper(lab.a, "--lifetime", 5)
        mapper.maps(4)
        assert home.is_open(lab.a.address_v6)
        mapper.running.kill()
        killed = time.monotonic()
        while home.lets_in_udp(lab.a.address_v6) or home.lets_in_tcp(lab.a.address_v6):
            assert time.monotonic() < killed + 5 + 10, "it does not end"


def test_a_pinhole_is_renewed_for_as_long_as_the_program_runs():
    with Lab(a="upnp,protocols=upnp,ipv6") as lab:
        home = Home(lab, V6)
        mapper = Mapper(lab.a, "--lifetime", 8)
        mapper.maps(4)
        until = time.monotonic() + 20
        while time.monotonic() < until:
            assert home.is_open(lab.a.address_v6)
            time.sleep(1)  # twice the lease, and nothing to wait for
        assert len(mapper.last()["ports"]) == 4


def test_a_firewall_that_has_forgotten_its_pinholes_is_asked_again():
    with Lab(a="upnp,protocols=upnp,ipv6") as lab:
        home = Home(lab, V6)
        mapper = Mapper(lab.a, "--lifetime", 8)
        mapper.maps(4)
        lab.reboot("a")
        until = time.monotonic() + 60  # less than half a lease of an hour
        while not (home.lets_in_udp(lab.a.address_v6) and home.lets_in_tcp(lab.a.address_v6)):
            assert time.monotonic() < until, mapper.running.story()


@contextlib.contextmanager
def firewalled(**habits):
    """A home whose router shows its firewall over IPv4 alone: nobody answers a search over IPv6."""
    with Lab(a="masq,ipv6") as lab, ScriptedFirewall(lab.gateways["a.gw1"], **habits) as firewall:
        yield lab, firewall


def over_ipv6(state, protocol="upnp"):
    return next(each for each in state["protocols"] if each["ipv6"] and each["protocol"] == protocol)


def test_a_firewall_that_shows_itself_over_ipv4_alone_is_asked_there_for_our_ipv6_address():
    with firewalled() as (lab, firewall):
        home = Home(lab, V6)
        assert not home.is_open(lab.a.address_v6)
        mapper = Mapper(lab.a)
        mapper.maps(2)
        assert {pinhole for pinhole in firewall.pinholes.values()} == {(lab.a.address_v6, str(PORT), "tcp"), (lab.a.address_v6, str(PORT), "udp")}
        assert home.is_open(lab.a.address_v6)
        mapper.gives_back()
        assert firewall.pinholes == {} and not home.is_open(lab.a.address_v6)


def test_a_firewall_that_is_off_is_asked_for_nothing():
    with firewalled(enabled=False) as (lab, firewall):
        said = over_ipv6(Mapper(lab.a).settles())
        assert (said["state"], said["reason"]) == ("unneeded", "")
        assert firewall.actions() == ["GetFirewallStatus"]


@pytest.mark.parametrize(("habits", "words"), [({"allowed": False}, "inbound-pinhole-not-allowed"), ({"refuses": 606}, "606 not-authorized"),
                                               ({"refuses": 701}, "701 pinhole-space-exhausted")])
def test_a_firewall_that_makes_no_pinhole_says_why(habits, words):
    with firewalled(**habits) as (lab, _):
        said = over_ipv6(Mapper(lab.a).settles())
        assert (said["state"], said["reason"], said["said"]) == ("useless", "igd-refused", words)


def test_a_pinhole_whose_number_was_not_heard_any_more_is_given_back_too():
    with firewalled(hold_first_answer=True) as (lab, firewall):
        mapper = Mapper(lab.a)
        assert firewall.holds.wait(10)
        assert len(firewall.pinholes) == 1
        mapper.gives_back()
        assert firewall.pinholes == {}
