"""Which way the bytes go: over TCP or by QUIC, by which tiers, and what is told of it."""
import json
import re

import pytest

from processes import PATIENCE
from silent_router import SilentRouter
from trees import assert_same, assert_same_inside, leftovers, write_random
from world import MiB, Peer, Server, delivered

TIERS = {"direct", "mapped", "punched", "supernode", "relay"}
BY_QUIC = ["--transport", "udp"]
SENT_AGAIN_AT_MOST = 32 * MiB
A_PROMPT_COMES_BACK = PATIENCE / 15   # 6 s where no sanitizer slows us down: pshare allows itself 2.5 s, and waits 10 s for a router where nobody is in a hurry


@pytest.fixture
def film(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", 24 * MiB + 17)
    return alice, bob


def events(running, kind):
    return [event for event in running.events if event["event"] == kind]


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("who", ["sender", "receiver", "both"])
def test_either_side_may_say_which_transport_is_used(film, transport, who):
    alice, bob = film
    option = ["--transport", transport]
    receiving = bob.receives(*(option if who != "sender" else []))
    sending = alice.sends("film.mkv", *(option if who != "receiver" else []), to=bob)
    delivered(sending, receiving)
    for side in (sending, receiving):
        assert {(path["tier"], path["transport"]) for path in events(side, "path")} == {("direct", transport)}, side.story()
    assert_same_inside(alice.files, bob.files)


@pytest.mark.parametrize("transport", ["tcp", "udp", "any"])
def test_both_sides_tell_of_the_same_path(film, transport):
    alice, bob = film
    receiving = bob.receives()
    sending = alice.sends("film.mkv", "--transport", transport, to=bob)
    done, received = delivered(sending, receiving)
    ours, theirs = events(sending, "path")[-1], events(receiving, "path")[-1]
    assert (ours["tier"], ours["transport"]) == (theirs["tier"], theirs["transport"]) and ours["tier"] == done["tier"] == received["tier"]
    assert ours["local"] == theirs["remote"] and ours["remote"] == theirs["local"], "on one machine, without a NAT"
    for path in (ours, theirs):
        assert path["elapsed_ms"] >= 0


def assert_contract(attempt):
    """What every attempt tells, design section 9."""
    assert attempt["tier"] in TIERS and attempt["transport"] in {"tcp", "udp"}
    assert attempt["outcome"] in {"connected", "failed"}
    assert (attempt["reason"] == "") == (attempt["outcome"] == "connected"), "who fails says why"
    assert isinstance(attempt["elapsed_ms"], int) and attempt["elapsed_ms"] >= 0


@pytest.mark.parametrize("transport", ["tcp", "udp", "any"])
def test_every_attempt_tells_tier_transport_outcome_reason_and_time(film, transport):
    alice, bob = film
    receiving = bob.receives()
    sending = alice.sends("film.mkv", "--transport", transport, to=bob)
    delivered(sending, receiving)
    for side in (sending, receiving):
        for attempt in events(side, "attempt"):
            assert_contract(attempt)
        connected = [attempt for attempt in events(side, "attempt") if attempt["outcome"] == "connected"]
        assert {attempt["tier"] for attempt in connected} == {"direct"}, side.story()
        assert {path["transport"] for path in events(side, "path")} <= {attempt["transport"] for attempt in connected}
    if transport != "any":
        assert {attempt["transport"] for attempt in events(sending, "attempt")} == {transport}


def test_where_nothing_connects_there_is_an_attempt_for_every_tier(film):
    alice, bob = film
    receiving = bob.receives("--transport", "tcp")
    receiving.says("aiting")
    sending = alice.sends("film.mkv", *BY_QUIC, "--timeout", "10s", to=bob)
    sending.ends(5)
    receiving.ends(5)
    for attempt in events(sending, "attempt") + events(receiving, "attempt"):
        assert_contract(attempt)
        assert attempt["outcome"] == "failed"
    assert {attempt["tier"] for attempt in events(sending, "attempt")} == TIERS
    error = sending.event("error", code="no-path")
    assert error["hint"] and all(tier in error["message"] for tier in TIERS), "people are told of each tier, too"


def test_said_twice_verbose_writes_the_log_to_standard_error_and_nothing_to_standard_output(film):
    alice, bob = film
    receiving = bob.receives("-vv")
    sending = alice.sends("film.mkv", "-vv", to=bob)
    delivered(sending, receiving)
    for side in (sending, receiving):
        assert all("event" in json.loads(line) for line in side.out.splitlines())
        assert re.search(r"^\d{4}-\d\d-\d\dT\S+ debug attempt\.ended tier=direct transport=\w+ outcome=connected ", side.words, re.MULTILINE), side.story()
    quiet = alice.start("peers", "-v", json=False)
    quiet.ends(0)
    assert " debug " not in quiet.words


def test_verbose_words_stay_out_of_a_stream(film):
    alice, bob = film
    receiving = bob.start("receive", "--stdout", "--yes", "-vv", json=False)
    sending = alice.sends("film.mkv", "-vv", to=bob, json=False)
    sending.ends(0)
    receiving.ends(0)
    assert receiving.out == (alice.files / "film.mkv").read_bytes()
    assert sending.out == b""
    assert " debug " in receiving.words and " debug " in sending.words


def test_two_send_by_quic_to_one_receiver_at_the_same_time(friends, tmp_path, server):
    alice, bob = friends
    carol = Peer(tmp_path, "carol", server)
    carol.knows(bob)
    bob.knows(carol)
    write_random(alice.files / "from alice", 24 * MiB, seed=1)
    write_random(carol.files / "from carol", 4 * MiB, seed=2)
    receiving = bob.start("receive", "--dir", bob.files, "--yes")
    first = alice.sends("from alice", "--limit", "3M", *BY_QUIC, to=bob)
    first.progress_beyond(0)
    second = carol.sends("from carol", *BY_QUIC, to=bob)
    second.ends(0)
    assert first.running(), "the second did not have to wait for the first"
    first.ends(0)
    assert_same(alice.files / "from alice", bob.files / "from alice")
    assert_same(carol.files / "from carol", bob.files / "from carol")
    receiving.terminate()
    receiving.ends()
    paths = events(receiving, "path")
    assert len(paths) == 2 and {path["transport"] for path in paths} == {"udp"}
    assert len({path["local"].rpartition(":")[2] for path in paths}) == 1, "one port serves both"
    assert len({path["remote"] for path in paths}) == 2


def test_by_quic_a_killed_receiver_comes_back_and_the_rest_follows(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", 64 * MiB)
    receiving = bob.receives(*BY_QUIC, "--timeout", "60s")
    sending = alice.sends("film.mkv", "--limit", "8M", *BY_QUIC, "--timeout", "60s", to=bob)
    sending.progress_beyond(8 * MiB)
    receiving.kill()
    receiving = bob.receives(*BY_QUIC, "--timeout", "60s")
    done, received = delivered(sending, receiving)
    assert_same_inside(alice.files, bob.files)
    assert leftovers(bob.files) == []
    assert received["resumed_bytes"] > 0 and done["wire_bytes"] <= 64 * MiB * 1.01 + SENT_AGAIN_AT_MOST
    assert {path["transport"] for path in events(sending, "path") + events(receiving, "path")} == {"udp"}


def test_by_quic_a_killed_sender_goes_on_where_it_was(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", 64 * MiB)
    receiving = bob.receives(*BY_QUIC, "--timeout", "60s")
    sending = alice.sends("film.mkv", "--limit", "8M", *BY_QUIC, to=bob)
    safe = sending.progress_beyond(16 * MiB)["bytes"]
    sending.kill()
    sending = alice.sends("film.mkv", *BY_QUIC, to=bob)
    done, received = delivered(sending, receiving)
    assert_same_inside(alice.files, bob.files)
    assert leftovers(bob.files) == []
    assert done["resumed_bytes"] >= safe - SENT_AGAIN_AT_MOST and done["resumed_bytes"] > 0
    assert {path["transport"] for path in events(sending, "path") + events(receiving, "path")} == {"udp"}


def test_what_began_over_tcp_is_finished_by_quic(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", 48 * MiB)
    receiving = bob.receives("--timeout", "60s")
    sending = alice.sends("film.mkv", "--limit", "8M", "--transport", "tcp", to=bob)
    sending.progress_beyond(8 * MiB)
    sending.kill()
    sending = alice.sends("film.mkv", *BY_QUIC, to=bob)
    done, _ = delivered(sending, receiving)
    assert_same_inside(alice.files, bob.files)
    assert done["resumed_bytes"] > 0
    assert sending.event("path")["transport"] == "udp"


@pytest.mark.parametrize("verb", ["send", "receive"])
def test_an_interruption_does_not_wait_for_a_router_that_never_answers(tmp_path, verb):
    router = SilentRouter()
    server = Server(tmp_path / "server", launcher=router.launcher)
    alice, bob = Peer(tmp_path, "alice"), Peer(tmp_path, "bob")
    for each in (alice, bob):
        each.init(server.spec, launcher=router.launcher)
    alice.knows(bob)
    write_random(alice.files / "note.txt", 5000)
    before = router.packets()
    asking = alice.start("send", "note.txt", "--to", "bob", launcher=router.launcher) if verb == "send" else bob.start("receive", launcher=router.launcher)
    asking.wait_until(lambda: router.packets() > before, "a question to the router")
    asking.event("offer") if verb == "send" else asking.says("aiting for offers")
    asking.interrupt()
    asking.ends(7 if verb == "send" else 0, patience=A_PROMPT_COMES_BACK)   # who merely waits may be told to stop
