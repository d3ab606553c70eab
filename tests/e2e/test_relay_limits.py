"""What the server's relay allows, and what both people read of it."""
import subprocess

import pytest

from processes import program
from trees import assert_same, write_random
from world import MiB, Peer, Server, delivered

RELAYED = ("--tiers", "relay")


@pytest.fixture
def relayed(tmp_path):
    """relayed("--relay-quota", "6M"): two contacts at a server with these options, one of whom sends to the other over its relay."""
    def begin(*options, size, more=()):
        server = Server(tmp_path / "server", options=options)
        alice, bob = (Peer(tmp_path, name, server) for name in ("alice", "bob"))
        alice.knows(bob), bob.knows(alice)
        write_random(alice.files / "film.mkv", size)
        receiving = bob.receives(*RELAYED, *more)
        receiving.says("aiting")
        return alice, bob, alice.sends("film.mkv", *RELAYED, *more, to=bob), receiving
    return begin


def test_a_quota_is_told_before_it_is_used_up_and_is_the_reason_when_it_is(relayed):
    _, bob, sending, receiving = relayed("--relay-quota", "6M", size=10 * MiB, more=("--give-up", "10s"))
    for each in (sending, receiving):
        each.says("are left, then it ends")
    sending.ends(7)
    used_up = "carried all that it carries for the two of you in a day"
    assert used_up in sending.event("error", code="interrupted")["message"], sending.story()
    assert "there is more in 2" in sending.words, sending.story()
    assert {event["reason"] for event in sending.events if event["event"] == "attempt" and event["outcome"] == "failed"} == {"refused"}
    assert not (bob.files / "film.mkv").exists()


def test_a_rate_is_told_and_kept(relayed):
    alice, bob, sending, receiving = relayed("--relay-rate", "4M", size=6 * MiB)
    done, _ = delivered(sending, receiving)
    assert_same(alice.files / "film.mkv", bob.files / "film.mkv")
    for each in (sending, receiving):
        assert "at most 4.2 MB/s, shared with others" in each.words
    assert done["seconds"] > 1.3, "6 MiB at 4 MiB in a second, of which a tenth may be caught up with"


def test_a_quota_of_nothing_is_refused(tmp_path):
    said = subprocess.run([program("pshare-server"), "--data", tmp_path, "--relay-quota", "0"], capture_output=True, text=True, timeout=30)
    assert said.returncode == 2
    assert "--no-relay" in said.stderr
