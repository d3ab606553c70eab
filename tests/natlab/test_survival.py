"""Harm to a lane over UDP in the middle of a transfer: a path that comes to carry less, and programs that are killed. A lane over UDP hears of neither from
the kernel. Addresses that change are in test_straight.py."""
import pytest

from lab import Lab
from lab.people import Town
from test_straight import LONG, waiting
from test_straight import Underway as AnyUnderway

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

NARROW = 1300  # less than what a lane has found out to be possible, more than what it needs
OVER_UDP = ("--transport", "udp", "-vv")
TALK_ON_A_LANE = 64 * 1024


class Underway(AnyUnderway):
    limit = "2M"  # so that what happens in the middle does so on a busy machine too


def only_the_rest_was_sent(program):
    """To or by this program, which had the file's beginning from an earlier one."""
    done = program.event("done")
    assert done["resumed_bytes"] > LONG // 4
    assert done["resumed_bytes"] + done["wire_bytes"] < LONG + TALK_ON_A_LANE


@pytest.mark.parametrize(("sends", "reported"), [("a", False), ("b", False), ("a", True)])
def test_a_path_that_carries_only_short_datagrams_any_more_is_left_for_a_lane_of_short_datagrams(sends, reported):
    with Lab(a="port-restricted", b="full-cone") as lab, Town(lab) as town:
        people = (town.alice, town.bob) if sends == "a" else (town.bob, town.alice)
        underway = Underway(lab, *people, *OVER_UDP)
        both = (underway.sending, underway.receiving)
        assert not any("long_datagrams=avoided" in each.words for each in both)
        lab.wire("a.access", mtu=NARROW, reports_mtu=reported)
        underway.comes_to_a_good_end()
        assert [event["transport"] for event in underway.sending.events if event["event"] == "path"] == ["udp", "udp"]
        for each in both:
            assert "lets long datagrams through no longer" in each.words, each.story()
            assert "long_datagrams=avoided" in each.words, each.story()
        assert not any("has fallen silent" in each.words for each in both)


def test_a_receiver_that_was_killed_and_started_again_at_once_gets_only_the_rest():
    with Lab(a="port-restricted", b="masq") as lab, Town(lab) as town:
        underway = Underway(lab, town.alice, town.bob, *OVER_UDP)
        underway.receiving.kill()
        underway.receiving = waiting(town.bob, *OVER_UDP)
        underway.comes_to_a_good_end()
        assert "peer.gone" in underway.sending.words, "the server knew, and was not asked"
        only_the_rest_was_sent(underway.receiving)


def test_a_receiver_that_vanishes_without_a_word_to_the_server_is_found_when_it_is_back():
    """As after a power cut. The server takes the old connection for alive, and what it delivers there nobody hears."""
    with Lab(a="port-restricted", b="masq") as lab, Town(lab) as town:
        underway = Underway(lab, town.alice, town.bob, *OVER_UDP)
        lab.cut("b.access")
        underway.receiving.kill()
        sending = underway.sending
        sending.wait_until(lambda: sum(event["event"] == "offer" for event in sending.events) >= 2, "another offer")
        assert not any(event["fate"] == "waiting" for event in sending.events if event["event"] == "offer")
        assert "peer.gone" not in sending.words
        lab.mend("b.access")
        underway.receiving = waiting(town.bob, *OVER_UDP)
        underway.comes_to_a_good_end()
        only_the_rest_was_sent(underway.receiving)


def test_without_a_server_both_look_for_each_other_until_the_path_is_back():
    """Longer than a look at our own address takes to be due, which nobody answers, than one round of punching, and than a session bears without a lane
    where there is a server."""
    in_vain = {"event": "attempt", "tier": "punched", "outcome": "failed"}
    with Lab(a="port-restricted", b="masq") as lab, Town(lab) as town:
        underway = Underway(lab, town.alice, town.bob, *OVER_UDP)
        town.server.kill()
        lab.cut("a.access")
        sending = underway.sending
        sending.wait_until(lambda: sum(in_vain.items() <= event.items() for event in sending.events) >= 9, "nine attempts, of 3 s each at first")
        lab.mend("a.access")
        underway.comes_to_a_good_end()
        assert "Offering again" not in sending.words, "an offer cannot be made without the server"


def test_a_sender_that_was_killed_and_started_again_at_once_sends_only_the_rest():
    with Lab(a="port-restricted", b="masq") as lab, Town(lab) as town:
        underway = Underway(lab, town.alice, town.bob, *OVER_UDP)
        underway.sending.kill()
        underway.sending = town.alice.sends("film.mkv", *OVER_UDP, to=town.bob)
        underway.comes_to_a_good_end()
        only_the_rest_was_sent(underway.sending)
