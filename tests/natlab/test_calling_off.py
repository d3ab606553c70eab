"""Ctrl-C while a path is still being looked for, and options that forbid a way."""
import pytest

from lab import Lab
from lab.people import Town

pytestmark = [pytest.mark.internet, pytest.mark.pshare]


def two(town, *sends, timeout="60s"):
    (town.alice.files / "film.mkv").write_bytes(bytes(range(256)) * 4096)
    receiving = town.bob.receives("--timeout", timeout)
    sending = town.alice.sends("film.mkv", "--timeout", timeout, *sends, to=town.bob)
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


def test_a_tier_that_the_sender_forbids_is_not_taken_by_way_of_the_other_side():
    with Lab(a="masq", b="masq") as lab, Town(lab) as town:
        sending, receiving = two(town, "--no-tiers", "punched", timeout="6s")
        sending.ends(5, 30)
        assert not sending.find("path") and not receiving.find("path")
