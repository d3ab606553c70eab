"""Killed at any moment: the same command again finishes the work, and sends hardly anything twice."""
import os
import signal
import time

import pytest

from processes import PATIENCE
from scale import KILLS, sized
from trees import assert_same_inside, leftovers, overwrite, write_random
from world import MiB, delivered

SIZE = sized(96 * MiB, 2048 * MiB)
RATE = sized("12M", "150M")     # so slow that some seconds are left after each strike, on a machine that has much else to do as well
SENT_AGAIN_AT_MOST = 32 * MiB   # for each kill
NEARLY_DONE = SIZE * 6 // 10    # each run gets further by itself; whoever strikes later may strike what is over
FRAMING = 1.01                  # headers and acknowledgements, as a share of what travels


@pytest.fixture
def film(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", SIZE)
    return alice, bob


def moments(dice, count=KILLS):
    """When to strike: after so many bytes."""
    return [dice.randrange(SIZE // 50, SIZE // 2) for _ in range(count)]  # progress is told twice a second: later it might be over


def start(alice, bob, *more):
    receiving = bob.receives("--timeout", "60s")
    sending = alice.sends("film.mkv", "--timeout", "60s", *more, to=bob)
    return sending, receiving


def start_slowly(alice, bob):
    """For what is to be struck in the middle."""
    return start(alice, bob, "--limit", RATE)


def assert_arrived(alice, bob):
    assert_same_inside(alice.files, bob.files)
    assert leftovers(bob.files) == []


def test_the_receiver_is_killed_again_and_again(film, dice):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    for moment in sorted(moments(dice)):
        if sending.progress_beyond(moment)["bytes"] > NEARLY_DONE:
            break
        receiving.kill()
        receiving = bob.receives("--timeout", "60s")
    done, received = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert received["resumed_bytes"] > 0
    shown = [event["bytes"] for event in sending.events if event["event"] == "progress"]
    begun = next(number for number, bytes_ in enumerate(shown) if bytes_ > 0)
    assert min(shown[begun:]) > 0, "what has arrived is shown while the other side is waited for"
    assert done["wire_bytes"] <= SIZE * FRAMING + KILLS * SENT_AGAIN_AT_MOST


def test_the_sender_is_killed_again_and_again(film, dice):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    for moment in sorted(moments(dice)):
        safe = sending.progress_beyond(moment)["bytes"]
        if safe > NEARLY_DONE:
            break
        sending.kill()
        sending = alice.sends("film.mkv", "--limit", RATE, to=bob)
        resumed = sending.progress_beyond(0)["bytes"]
        assert resumed >= safe - SENT_AGAIN_AT_MOST, f"{safe} bytes were safe, {resumed} were found again"
    done, received = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert done["bytes"] == SIZE and done["resumed_bytes"] > 0
    assert received["wire_bytes"] <= (SIZE - received["resumed_bytes"]) * FRAMING + MiB, "the last session brought what was missing"


def test_both_are_killed_and_run_again(film, dice):
    alice, bob = film
    for moment in sorted(moments(dice)):
        sending, receiving = start_slowly(alice, bob)
        sending.progress_beyond(moment)
        safe = sending.last_progress()["bytes"]
        sending.kill()
        receiving.kill()
        if safe > NEARLY_DONE:
            break
    sending, receiving = start(alice, bob)
    done, _ = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert done["resumed_bytes"] >= safe - SENT_AGAIN_AT_MOST
    assert done["wire_bytes"] <= (SIZE - done["resumed_bytes"]) * FRAMING + MiB


def test_nothing_is_sent_twice_that_was_reported_safe(film):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(SIZE // 2)
    safe = sending.last_progress()["bytes"]
    sending.kill()
    receiving.kill()
    sending, receiving = start(alice, bob)
    done, _ = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert done["resumed_bytes"] >= safe


def test_a_transfer_under_way_does_not_notice_the_servers_death(film, server, dice):
    alice, bob = film
    moment, = moments(dice, 1)
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(moment)
    server.kill()
    done, received = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert done["resumed_bytes"] == received["resumed_bytes"] == 0, "one session from beginning to end"
    assert not sending.find("error") and not receiving.find("error")


def test_the_server_dies_and_comes_back_and_then_the_sender_dies_too(film, server):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(SIZE // 8)
    server.kill()
    server.start()
    sending.kill()
    sending = alice.sends("film.mkv", to=bob)
    done, _ = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert done["resumed_bytes"] > 0


def test_a_server_that_comes_back_is_found_by_those_who_wait(friends, server):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    receiving = bob.receives()
    receiving.says("aiting")
    server.kill()
    server.start()
    delivered(alice.sends("film.mkv", to=bob), receiving)
    assert_arrived(alice, bob)


def test_a_tree_is_resumed_too(friends):
    alice, bob = friends
    for number in range(400):
        folder = alice.files / "tree" / str(number % 7)
        folder.mkdir(parents=True, exist_ok=True)
        write_random(folder / str(number), 100_000, seed=number)
    receiving = bob.receives()
    sending = alice.sends("tree", "--limit", "6M", to=bob)
    sending.progress_beyond(12 * MiB)
    sending.kill()
    receiving.kill()
    receiving = bob.receives()
    done, _ = delivered(alice.sends("tree", to=bob), receiving)
    assert done["resumed_bytes"] >= 8 * MiB
    assert_arrived(alice, bob)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_sender_says_7_and_can_go_on(film, how):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(SIZE // 4)
    sending.process.send_signal(how)
    sending.ends(7)
    receiving.ends(7)  # it has been told
    sending, receiving = start(alice, bob)
    done, _ = delivered(sending, receiving)
    assert done["resumed_bytes"] > 0
    assert_arrived(alice, bob)


def test_an_interrupted_receiver_says_7_and_can_go_on(film):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(SIZE // 4)
    receiving.interrupt()
    receiving.ends(7)
    sending.ends(7)  # it has been told
    sending, receiving = start(alice, bob)
    done, _ = delivered(sending, receiving)
    assert done["resumed_bytes"] > 0
    assert_arrived(alice, bob)


def test_who_waits_in_vain_for_the_other_side_says_7(film):
    alice, bob = film
    receiving = bob.receives("--give-up", "2s")
    sending = alice.sends("film.mkv", "--limit", RATE, to=bob)
    sending.progress_beyond(SIZE // 8)
    sending.kill()
    receiving.ends(7, patience=PATIENCE)
    assert receiving.event("error")["hint"], "says that it can be resumed, and how"


def test_offers_in_vain_do_not_make_the_other_side_wait_for_ever(film):
    alice, bob = film
    receiving = bob.receives("--give-up", "6s")
    sending = alice.sends("film.mkv", "--limit", RATE, to=bob)
    sending.progress_beyond(SIZE // 8)
    sending.kill()
    deadline = time.monotonic() + PATIENCE / 2
    while receiving.running() and time.monotonic() < deadline:
        alice.sends("film.mkv", "--tiers", "supernode", "--timeout", "4s", to=bob).ends()  # there is none: agreed to, and no path
    receiving.ends(5, patience=1)  # the last of its troubles


def test_a_source_that_changed_in_between_arrives_in_its_new_form(film):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(SIZE // 2)
    sending.kill()
    receiving.kill()
    overwrite(alice.files / "film.mkv", 3 * MiB + 5, os.urandom(1000))
    overwrite(alice.files / "film.mkv", SIZE - 3 * MiB, os.urandom(1000))
    sending, receiving = start(alice, bob)
    done, _ = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert done["resumed_bytes"] >= SIZE // 4, "only what changed travels again"


@pytest.mark.parametrize("size", [SIZE // 3, SIZE + 5 * MiB + 17], ids=["shorter", "longer"])
def test_a_source_of_another_length_in_between_arrives_in_its_new_form(film, size):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(SIZE // 2)
    sending.kill()
    receiving.kill()
    with open(alice.files / "film.mkv", "r+b") as out:
        out.truncate(size)
        out.seek(max(0, size - 1000))
        out.write(os.urandom(1000))
    sending, receiving = start(alice, bob)
    delivered(sending, receiving)
    assert_arrived(alice, bob)


def test_a_source_that_was_replaced_in_between_is_never_mixed_with_the_old_one(film):
    alice, bob = film
    sending, receiving = start_slowly(alice, bob)
    sending.progress_beyond(SIZE // 2)
    sending.kill()
    receiving.kill()
    write_random(alice.files / "new", SIZE, seed=2)
    (alice.files / "new").rename(alice.files / "film.mkv")
    sending, receiving = start(alice, bob)
    done, _ = delivered(sending, receiving)
    assert_arrived(alice, bob)
    assert done["resumed_bytes"] == 0


def test_the_same_command_after_the_end_sends_it_once_more_beside_the_first(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", 2 * MiB)
    for _ in range(2):
        receiving = bob.receives()
        delivered(alice.sends("film.mkv", to=bob), receiving)
    assert sorted(path.name for path in bob.files.iterdir()) == ["film (1).mkv", "film.mkv"]
