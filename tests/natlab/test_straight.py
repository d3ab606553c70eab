"""The straight tiers where it takes more than a plain exchange: neighbours of all sorts, IPv6, carriers' blocks of ports, other people's traffic, ports
that routers open, and harm in the middle. What pshare says of a path is held against the counters of the boxes in between, every time."""
import signal
import time

import pytest

from lab import Lab
from lab.people import Town
from test_port_mapping import forwards
from trees import assert_same, leftovers, write_random
from world import MiB, delivered

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

SIZE = MiB
TALK_AT_MOST = 128 * 1024  # through the server, in all
LONG = 8 * MiB            # to have time for harm
LIMIT = "4M"
PATIENCE = 60             # seconds, after which a program hangs


def through_server(lab, sender, receiver):
    counted = lab.counters()
    ways = {lab.plan.meeting(each.host.name, "server"): each.host.name for each in (sender, receiver)}  # who share a carrier are counted once
    return sum(counted.between(name, "server").bytes for name in ways.values())


def from_site_to_site(lab, sender, receiver):
    """Bytes; of two customers of one carrier those too that it turns round itself (hairpinning)."""
    counted, names = lab.counters(), (sender.host.name, receiver.host.name)
    node, from_port, to_port = lab.plan.meeting(*names)
    turned_round = counted.at(node, from_port, "up").bytes - counted.sent(names[0], "server").bytes
    return max(counted.sent(*names).bytes, turned_round)


class Sent:
    """A file that has arrived, straight; `size` bytes from `sender` to `receiver`."""
    tiers = ("--tiers", "direct,mapped,punched")  # a relay would not wait for a busy machine

    def __init__(self, lab, sender, receiver, *options, size=SIZE, receiving=None, sends=()):
        options = (*self.tiers, *options)
        self.lab, self.sender, self.receiver, self.size = lab, sender, receiver, size
        write_random(sender.files / "film.mkv", size)
        self.receiving = receiving or waiting(receiver, *options)
        lab.reset_counters()
        self.sending = sender.sends("film.mkv", *options, *sends, to=receiver)

    def ends(self):
        for each in (self.sending, self.receiving):
            each.ends(0, PATIENCE)
        return self.sending.event("done"), self.receiving.event("done")

    def arrives(self, *tiers):
        self.ends()
        assert_same(self.sender.files / "film.mkv", self.receiver.files / "film.mkv")
        assert leftovers(self.receiver.files) == []
        self.path = self.sending.event("path")
        said = {(each.event("path")["tier"], each.event("done")["tier"]) for each in (self.sending, self.receiving)}
        assert said in [{(tier, tier)} for tier in tiers], self.sending.story() + self.receiving.story()
        assert from_site_to_site(self.lab, self.sender, self.receiver) >= self.size
        assert through_server(self.lab, self.sender, self.receiver) < TALK_AT_MOST
        return self

    def by(self, transport):
        assert self.path["transport"] == transport
        return self


def reasons_of(running):
    return {event["tier"]: event["reason"] for event in running.events if event["event"] == "attempt" and event["outcome"] == "failed"}


def waiting(receiver, *options):
    receiving = receiver.receives(*options)
    receiving.says("aiting")
    return receiving


def address_of(endpoint):
    return endpoint.rpartition(":")[0].strip("[]")


# --- Neighbours ---------------------------------------------------------------------------------------------------------

def test_two_on_one_lan_use_it():
    with Lab(a="@home:masq-rnd", b="@home") as lab, Town(lab) as town:
        sent = Sent(lab, town.alice, town.bob).arrives("direct")
        assert address_of(sent.path["remote"]) == lab.b.address
        assert lab.counters().at("home.lan", "a", "up").bytes < TALK_AT_MOST, "their gateway was troubled"


@pytest.mark.parametrize("b", ["port-restricted", "sym-seq"])
def test_the_same_subnet_on_both_sides_confuses_nobody(b):
    with Lab(a="masq,lan=192.168.1", b=f"{b},lan=192.168.1") as lab, Town(lab) as town:
        assert lab.a.address == lab.b.address
        sent = Sent(lab, town.alice, town.bob).arrives("punched")
        assert address_of(sent.path["remote"]) == lab.b.public_address


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_customers_of_a_carrier_that_hairpins_meet(transport):
    with Lab(a="masq+@isp:port-restricted,hairpinning=external-source", b="masq+@isp") as lab, Town(lab) as town:
        Sent(lab, town.alice, town.bob, "--transport", transport).arrives("punched").by(transport)


@pytest.mark.parametrize(("a", "b"), [("upnp", "upnp"), ("nat,protocols=pcp", "masq"), ("masq", "nat,protocols=natpmp")])
def test_two_customers_of_a_carrier_that_does_not_hairpin_meet_at_the_address_that_a_router_tells(a, b):
    with Lab(a=f"{a}+@isp:port-restricted", b=f"{b}+@isp") as lab, Town(lab) as town:
        sent = Sent(lab, town.alice, town.bob).arrives("mapped", "punched")
        assert address_of(sent.path["remote"]).startswith("100.64."), "that is not a router's outside"


# --- IPv6 ---------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_two_ipv6_firewalls_open_for_each_other_where_ipv4_has_no_way(transport):
    with Lab(a="sym-rnd,ipv6", b="masq-rnd,ipv6") as lab, Town(lab) as town:
        sent = Sent(lab, town.alice, town.bob, "--transport", transport).arrives("direct").by(transport)
        assert address_of(sent.path["remote"]) == lab.b.address_v6


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("dual_stack_sends", [True, False])
def test_ports_are_searched_over_ipv4_although_the_server_is_talked_to_over_ipv6(dual_stack_sends, transport):
    with Lab(a="sym-rnd,ipv6", b="port-restricted") as lab, Town(lab) as town:
        server = town.name_the_server(lab.server.address_v6, lab.server.address)
        people = (town.alice, town.bob) if dual_stack_sends else (town.bob, town.alice)
        Sent(lab, *people, "--transport", transport, "--server", server).arrives("punched").by(transport)


# --- Ports that are hard to tell ----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [
    ("cgn-block", "cgn-block"),
    ("cgn-block", "port-restricted"),
    ("masq+cgn-block", "masq"),
    ("sym-seq,other-traffic=200", "masq"),
    ("masq", "sym-seq,other-traffic=200"),
    ("sym-seq,other-traffic=200", "sym-seq"),
    ("sym-seq,other-traffic=200", "sym-seq,other-traffic=200"),
    ("sym-seq,step=2", "sym-seq,step=2"),
])
def test_ports_in_small_blocks_or_among_other_peoples_are_found(a, b):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        Sent(lab, town.alice, town.bob).arrives("punched")


@pytest.mark.parametrize(("a", "b"), [("udp-blocked", "sym-rnd"), ("masq-rnd", "udp-blocked")])
def test_without_udp_random_ports_are_found_over_tcp(a, b):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        Sent(lab, town.alice, town.bob).arrives("punched").by("tcp")


# --- Ports that routers open --------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("protocol", "how"), [("upnp", signal.SIGINT), ("natpmp", signal.SIGTERM), ("pcp", None)])
def test_a_router_of_any_protocol_is_asked_for_a_port_and_gets_it_back(protocol, how):
    with Lab(a="sym-rnd", b=f"upnp,protocols={protocol}") as lab, Town(lab) as town:
        receiving = waiting(town.bob)
        eventually(lambda: len(forwards(lab, "b.gw1")) == 2, "two ports mapped")  # else a way may be punched before the router has answered
        sent = Sent(lab, town.alice, town.bob, receiving=receiving).arrives("mapped")
        assert address_of(sent.path["remote"]) == lab.b.public_address
        eventually(lambda: forwards(lab, "b.gw1") == [], "the receiver's ports are closed")
        if how:
            again = waiting(town.bob)
            eventually(lambda: len(forwards(lab, "b.gw1")) == 2, "two ports mapped")
            again.process.send_signal(how)
            again.ends()
            eventually(lambda: forwards(lab, "b.gw1") == [], "ports closed after a signal")


def eventually(fact, what, patience=20):
    until = time.monotonic() + patience
    while not fact():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.05)


def test_what_a_killed_program_had_mapped_ends_with_its_lease():
    with Lab(a="nat,protocols=pcp,longest-lifetime=4s") as lab, Town(lab) as town:
        receiving = town.alice.receives("--port", "4800")
        receiving.says("aiting")

        def stranger_gets_in():
            caller = lab.server.socket(1)  # SOCK_STREAM
            caller.settimeout(0.5)
            try:
                caller.connect((lab.a.public_address, 4800))
                return True
            except OSError as refused:
                return isinstance(refused, ConnectionRefusedError)  # by the host itself: its program is gone, its port is not
            finally:
                caller.close()

        eventually(stranger_gets_in, "the port is open")
        receiving.kill()
        eventually(lambda: not stranger_gets_in(), "the lease ends")


def test_behind_a_second_nat_it_is_said_and_the_way_is_punched():
    with Lab(a="upnp+port-restricted", b="upnp+port-restricted") as lab, Town(lab) as town:
        receiving = waiting(town.bob, *Sent.tiers)
        time.sleep(5)  # its routers have answered by then; the sender's may answer when the way is punched already
        Sent(lab, town.alice, town.bob, receiving=receiving).arrives("punched")
        assert reasons_of(receiving)["mapped"] == "double-nat"


# --- Harm, in the middle ------------------------------------------------------------------------------------------------

class Underway(Sent):
    """A transfer that has come to its middle."""
    limit = LIMIT

    def __init__(self, lab, sender, receiver, *options, size=LONG):
        super().__init__(lab, sender, receiver, *options, size=size, sends=("--limit", self.limit))
        self.sending.progress_beyond(size // 4)

    def comes_to_a_good_end(self, relayed=False):
        done, received = self.ends()
        assert_same(self.sender.files / "film.mkv", self.receiver.files / "film.mkv")
        assert leftovers(self.receiver.files) == []
        assert done["bytes"] == received["bytes"] == self.size
        assert relayed or through_server(self.lab, self.sender, self.receiver) < TALK_AT_MOST


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_server_killed_the_moment_the_path_is_up_is_not_missed(transport, backwards):
    with Lab(a="masq", b="port-restricted") as lab, Town(lab) as town:
        sender, receiver = (town.bob, town.alice) if backwards else (town.alice, town.bob)
        write_random(sender.files / "film.mkv", LONG)
        options = (*Sent.tiers, "--transport", transport)
        receiving = waiting(receiver, *options)
        sending = sender.sends("film.mkv", "--limit", LIMIT, *options, to=receiver)
        sending.event("path")
        town.server.kill()
        delivered(sending, receiving)
        assert_same(sender.files / "film.mkv", receiver.files / "film.mkv")
        assert sending.event("done")["tier"] == "punched"
        assert not sending.find("error") and not receiving.find("error")


@pytest.mark.parametrize(("a", "b", "side"), [("port-restricted", "full-cone", "a"), ("full-cone", "port-restricted", "b"), ("public", "full-cone", "a")])
def test_a_provider_that_gives_another_address_does_not_end_a_transfer(a, b, side):
    """Where the other side's NAT lets the new address in."""
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        underway = Underway(lab, town.alice, town.bob, "--transport", "udp")
        assert underway.sending.event("path")["transport"] == "udp"
        lab.change_address(side)
        underway.comes_to_a_good_end()


def test_where_no_nat_lets_the_new_address_in_both_find_each_other_anew():
    with Lab(a="port-restricted", b="masq") as lab, Town(lab) as town:
        underway = Underway(lab, town.alice, town.bob)
        lab.change_address("b")
        underway.comes_to_a_good_end()


@pytest.mark.parametrize("side", ["a", "b"])
def test_a_nat_that_reboots_does_not_end_a_transfer(side):
    with Lab(a="port-restricted", b="port-restricted") as lab, Town(lab) as town:
        underway = Underway(lab, town.alice, town.bob, "--transport", "udp")
        lab.reboot(side)
        underway.comes_to_a_good_end()
