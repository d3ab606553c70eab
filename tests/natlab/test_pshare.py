"""pshare itself in the laboratory: straight where its own addresses can be dialled, a clear word where not, and never a wrong file whatever
is done to the network meanwhile. What it says is held against the counters of the boxes in between."""
import re
import time

import pytest

from lab import Lab
from lab.people import Town
from trees import assert_same, leftovers, write_random
from world import MiB, delivered

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

SIZE = MiB
OVERHEAD = 1.9            # what headers, and what TCP sends again on a busy machine, may add: less than the file once more
TALK_AT_MOST = 64 * 1024  # through the server, in a transfer that is straight
TIERS = {"direct", "mapped", "punched"}
LONG = 12 * MiB           # to have time for harm
LIMIT = "3M"             # some seconds, so that the harm comes before the end on a busy machine too
ONLY_STRAIGHT = ("--tiers", "direct,mapped,punched")  # a relay would not wait for a busy machine


def crossed_server(lab, counted, *hosts):
    """Those who share a way to the internet are counted once."""
    ways = {lab.plan.meeting(host, "server"): host for host in hosts}
    return sum(counted.between(host, "server").bytes for host in ways.values())


def transfer(lab, sender, receiver):
    """One file, from beginning to end; gives both programs and what was counted."""
    write_random(sender.files / "film.mkv", SIZE)
    receiving = receiver.receives(*ONLY_STRAIGHT)
    receiving.says("aiting")
    lab.reset_counters()
    sending = sender.sends("film.mkv", *ONLY_STRAIGHT, to=receiver)
    delivered(sending, receiving)
    assert_same(sender.files / "film.mkv", receiver.files / "film.mkv")
    return sending, receiving, lab.counters()


def assert_direct(lab, sender, receiver):
    """Each says so, and the counters agree. Gives the sender's path."""
    sending, receiving, counted = transfer(lab, sender, receiver)
    for each in (sending, receiving):
        assert each.event("path")["tier"] == each.event("done")["tier"] == "direct"
    sent = counted.sent(sender.host.name, receiver.host.name)
    assert SIZE <= sent.bytes <= SIZE * OVERHEAD
    assert crossed_server(lab, counted, sender.host.name, receiver.host.name) < TALK_AT_MOST
    return sending.event("path")


def assert_no_path(sender, receiver):
    """Without relays both say so and end with 5, and the sender says of each tier why. Gives those reasons."""
    write_random(sender.files / "film.mkv", SIZE)
    receiving = receiver.receives("--tiers", ",".join(TIERS))
    receiving.says("aiting")
    sending = sender.sends("film.mkv", "--timeout", "6s", "--tiers", ",".join(TIERS), to=receiver)
    sending.ends(5)
    receiving.ends(5)
    reasons = {event["tier"]: event["reason"] for event in sending.events if event["event"] == "attempt"}
    error = sending.event("error")
    assert error["code"] == receiving.event("error")["code"] == "no-path"
    assert set(reasons) == TIERS and all(reasons.values())
    told = re.findall(r"([\w, ]+): [a-z]", error["message"].partition("tried ")[2])
    assert {tier for tiers in told for tier in tiers.strip().split(", ")} >= TIERS and error["hint"]
    assert error["message"] in sending.words, "people read the same"
    assert not sending.find("path") and not list(receiver.files.iterdir())
    return reasons


# --- Straight -----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [("public", "public"), ("public", "masq"), ("masq", "public"), ("public", "sym-rnd"), ("udp-blocked", "public")])
def test_a_public_host_sends_to_everybody_and_everybody_to_it(a, b):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        assert_direct(lab, town.alice, town.bob)


def test_neighbours_on_one_lan_do_not_trouble_their_gateway():
    with Lab(a="@home:port-restricted", b="@home") as lab, Town(lab) as town:
        path = assert_direct(lab, town.alice, town.bob)
        assert path["remote"].split(":")[0] in (lab.b.address, lab.a.address)
        assert lab.counters().at("home.lan", "a", "up").bytes < TALK_AT_MOST


def test_a_neighbour_is_not_mistaken_for_a_stranger_with_the_same_address():
    with Lab(a="@home:masq,lan=192.168.1", b="@home", c="masq,lan=192.168.1") as lab, Town(lab) as town:
        assert lab.a.address == lab.c.address
        stranger = town.people["c"].receives()
        stranger.says("aiting")
        assert_direct(lab, town.bob, town.alice)
        assert not stranger.find("offer") and not list(town.people["c"].files.iterdir())


@pytest.mark.parametrize(("a", "b"), [("public,ipv6", "masq,ipv6"), ("masq,ipv6", "masq,fw=open,ipv6")])
def test_ipv6_leads_straight_where_one_firewall_lets_it(a, b):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        path = assert_direct(lab, town.alice, town.bob)
        assert path["local"].startswith("[2001:db8:") and path["remote"].startswith("[2001:db8:")


# --- No path ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [("sym-rnd", "masq-rnd"), ("@home:masq,isolated", "@home"), ("udp-blocked,mapping=address-and-port-dependent,ports=random", "sym-seq")])
def test_two_who_cannot_reach_each_other_are_told_so_with_a_reason_for_each_tier(a, b):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        reasons = assert_no_path(town.alice, town.bob)
        assert reasons["direct"] in ("timeout", "unreachable")
        counted = lab.counters()
        assert crossed_server(lab, counted, "a", "b") < TALK_AT_MOST


def test_two_homes_with_the_same_addresses_do_not_find_themselves():
    with Lab(a="masq-rnd,lan=192.168.1", b="sym-rnd,lan=192.168.1") as lab, Town(lab) as town:
        assert lab.a.address == lab.b.address
        assert_no_path(town.alice, town.bob)


# --- Harm, in the middle of a transfer ----------------------------------------------------------------------------------

class Underway:
    """A transfer that has come to its middle."""

    def __init__(self, town, give_up="60s", transport=()):
        self.town = town
        write_random(town.alice.files / "film.mkv", LONG)
        self.receiving = town.bob.receives(*ONLY_STRAIGHT, *transport)
        self.receiving.says("aiting")
        self.sending = town.alice.sends("film.mkv", "--limit", LIMIT, "--give-up", give_up, *ONLY_STRAIGHT, *transport, to=town.bob)
        self.sending.progress_beyond(LONG // 4)

    def comes_to_a_good_end(self):
        done, received = delivered(self.sending, self.receiving)
        assert_same(self.town.alice.files / "film.mkv", self.town.bob.files / "film.mkv")
        assert leftovers(self.town.bob.files) == []
        assert done["bytes"] == received["bytes"] == LONG

    def paths(self):
        return [event for event in self.sending.events if event["event"] == "path"]


def test_a_server_that_dies_the_moment_the_path_is_up_is_not_missed():
    with Lab(a="public", b="masq") as lab, Town(lab) as town:
        write_random(town.alice.files / "film.mkv", LONG)
        receiving = town.bob.receives(*ONLY_STRAIGHT)
        receiving.says("aiting")
        sending = town.alice.sends("film.mkv", *ONLY_STRAIGHT, to=town.bob)
        sending.event("path")
        town.server.kill()
        delivered(sending, receiving)
        assert_same(town.alice.files / "film.mkv", town.bob.files / "film.mkv")
        assert not sending.find("error") and not receiving.find("error")


def test_a_linux_gateway_that_reboots_is_not_even_noticed():
    with Lab(a="masq", b="public") as lab, Town(lab) as town:
        underway = Underway(town)
        lab.reboot("a")
        underway.comes_to_a_good_end()
        assert len(underway.paths()) == 1, "Linux takes flows up in the middle, and the port is the same"


def test_a_gateway_that_forgets_its_mappings_costs_a_new_path_and_nothing_else():
    with Lab(a="port-restricted", b="public") as lab, Town(lab) as town:
        underway = Underway(town, transport=("--transport", "tcp"))  # a lane over UDP may get its port again and go on
        lab.reboot("a")
        underway.comes_to_a_good_end()
        assert len(underway.paths()) > 1


def test_a_line_that_is_cut_for_some_seconds_is_waited_for():
    with Lab(a="masq", b="public") as lab, Town(lab) as town:
        underway = Underway(town)
        lab.cut("a.access")
        time.sleep(2)  # the harm itself
        lab.mend("a.access")
        underway.comes_to_a_good_end()


def test_a_line_that_stays_cut_ends_the_sender_with_7_and_the_same_command_goes_on():
    with Lab(a="masq", b="public") as lab, Town(lab) as town:
        underway = Underway(town, give_up="2s")
        lab.cut("a.access")
        underway.sending.ends(7)
        assert underway.sending.event("error")["hint"]
        assert not (town.bob.files / "film.mkv").exists(), "half a file never gets its name"
        lab.mend("a.access")
        done, _ = delivered(town.alice.sends("film.mkv", *ONLY_STRAIGHT, to=town.bob), underway.receiving)
        assert_same(town.alice.files / "film.mkv", town.bob.files / "film.mkv")
        assert done["resumed_bytes"] > 0
