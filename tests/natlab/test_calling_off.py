"""Ctrl-C while a path is still being looked for, and options that forbid a way."""
import pytest

from lab import Lab
from lab.people import Town
from trees import write_random
from world import MiB

pytestmark = [pytest.mark.internet, pytest.mark.pshare]


ONLY_STRAIGHT = ("--tiers", "direct,mapped,punched")  # a relay would not wait for a busy machine


def two(town, *sends, timeout="60s"):
    (town.alice.files / "film.mkv").write_bytes(bytes(range(256)) * 4096)
    receiving = town.bob.receives("--timeout", timeout)
    sending = town.alice.sends("film.mkv", "--timeout", timeout, *(sends or ONLY_STRAIGHT), to=town.bob)
    return sending, receiving


@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_whoever_looks_for_a_path_in_vain_hears_that_the_other_has_called_it_off(who):
    with Lab(a="sym-rnd", b="sym-rnd") as lab, Town(lab) as town:
        sending, receiving = two(town)
        sending.event("accepted")
        (sending if who == "sender" else receiving).interrupt()
        sending.ends(7, 10)  # nobody waits for a time-out
        if who == "sender":
            receiving.says("took the offer back", 10)
        else:
            receiving.ends(7, 10)
        assert not sending.find("path")


@pytest.mark.parametrize("who", ["sender", "receiver"])
def test_whoever_stops_a_transfer_on_a_path_that_has_died_says_so_through_the_server(who):
    with Lab(a="masq", b="port-restricted") as lab, Town(lab) as town:
        write_random(town.alice.files / "film.mkv", 8 * MiB)
        receiving = town.bob.receives("--transport", "udp", *ONLY_STRAIGHT)
        sending = town.alice.sends("film.mkv", "--transport", "udp", "--limit", "2M", *ONLY_STRAIGHT, to=town.bob)
        sending.progress_beyond(MiB)
        lab.block_udp("a")
        stops, hears = (sending, receiving) if who == "sender" else (receiving, sending)
        stops.interrupt()
        stops.ends(7)
        hears.ends(7)
        assert "stopped the transfer" in hears.event("error")["message"], "nobody has told them"


def test_a_tier_that_the_sender_forbids_is_not_taken_by_way_of_the_other_side():
    with Lab(a="masq", b="masq") as lab, Town(lab) as town:
        sending, receiving = two(town, "--tiers", "direct,mapped", timeout="6s")
        sending.ends(5, 30)
        assert not sending.find("path") and not receiving.find("path")
