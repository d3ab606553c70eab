"""Transfers that begin on a relay: who carries, what a better path changes, and what happens when the relay goes."""
import pytest

from lab import Lab
from lab.people import Town
from test_straight import LONG, Underway

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

NO_WAY = "no-simopen"         # over TCP, between two of them
LONGER = 8 * LONG             # than what is on the relayed lane already when the straight one comes
TALK_ON_LANES = 256 * 1024    # of each lane a hello, a manifest, what is there, and reports
TALK_AT_MOST = 128 * 1024     # with the server: letters, and standbys that were brought up and closed


class AnyTier(Underway):
    tiers = ()


class Slow(AnyTier):
    limit = "2M"  # so that what happens in the middle does so on a busy machine too


def tiers(program):
    return [event["tier"] for event in program.events if event["event"] == "path"]


def test_a_path_that_becomes_possible_is_used_and_no_byte_travels_twice():
    with Lab(a=f"{NO_WAY},udp=blocked,rate=100mbit", b=NO_WAY) as lab, Town(lab) as town:
        underway = AnyTier(lab, town.alice, town.bob, "-vv", size=LONGER)
        assert tiers(underway.sending) == ["relay"]
        lab.allow_udp("a")
        underway.comes_to_a_good_end(relayed=True)
        assert tiers(underway.sending) == ["relay", "punched"] == tiers(underway.receiving), underway.sending.story()
        done = underway.sending.event("done")
        assert done["tier"] == "punched"
        assert done["wire_bytes"] < LONGER + TALK_ON_LANES
        counted = lab.counters()
        relayed, straight = counted.sent("a", "server").bytes, counted.sent("a", "b").bytes
        assert straight > LONGER // 4
        assert relayed + straight < 1.1 * LONGER


def test_a_server_that_is_killed_while_it_relays_is_gone_back_to():
    with Lab(a="sym-rnd,rate=100mbit", b="sym-rnd") as lab, Town(lab) as town:
        underway = Slow(lab, town.alice, town.bob, "-vv")
        assert tiers(underway.sending) == ["relay"]
        town.server.kill()
        underway.sending.wait_until(lambda: "lost" in underway.sending.words, "the loss")
        town.server.start()
        underway.comes_to_a_good_end(relayed=True)


def test_a_supernode_carries_before_the_server_and_the_server_when_it_is_gone():
    with Lab(a="sym-rnd,rate=100mbit", b="sym-rnd", c="public") as lab, Town(lab) as town:
        node = town.people["c"].start("supernode")
        node.wait_until(lambda: any(event["event"] == "supernode" and event["state"] == "listed" for event in node.events), "being listed")
        underway = Slow(lab, town.alice, town.bob, "-vv")
        assert tiers(underway.sending) == ["supernode"]
        assert lab.counters().between("a", "server").bytes < TALK_AT_MOST
        node.kill()
        underway.comes_to_a_good_end(relayed=True)
        assert tiers(underway.sending)[-1] == "relay"
