"""Nothing is sent to anybody who has not agreed; and every way of not agreeing has its own words and exit status."""
import signal

import pytest

from terminal import OnTerminal
from trees import assert_same, assert_same_inside, write_random
from world import MiB, Peer, delivered


@pytest.fixture
def note(friends):
    alice, bob = friends
    write_random(alice.files / "note.txt", 5000)
    return alice, bob


def assert_refused(sending, status, code):
    sending.ends(status)
    error = sending.event("error")
    assert error["code"] == code and error["message"]
    assert error["hint"] or code == "declined", "who declines may have said why, and there is nothing more to advise"
    assert not sending.find("path") and not sending.find("done")
    return error


def test_without_a_terminal_and_without_yes_an_offer_is_declined_in_words_to_both(note):
    alice, bob = note
    receiving = bob.start("receive")
    sending = alice.sends("note.txt", to=bob)
    error = assert_refused(sending, 3, "declined")
    assert "terminal" in error["message"]
    assert sending.event("rejected")["why"] == "no-terminal"
    receiving.says("Declined")
    receiving.says("--yes")
    assert not (bob.files / "note.txt").exists()


@pytest.mark.parametrize(("files", "more"), [(8, False), (9, True)])
def test_who_is_asked_is_told_that_there_are_more_names_than_are_shown(friends, files, more):
    alice, bob = friends
    names = [f"file{number}" for number in range(files)]
    for name in names:
        write_random(alice.files / name, 10)
    receiving = OnTerminal(bob, "receive", "--once")
    sending = alice.sends(*names, to=bob)
    receiving.says("file7, ..." if more else "file7")
    receiving.types("y\n")
    sending.ends(0)
    receiving.ends(0)
    assert ("file7, ..." in receiving.text) == more


def test_yes_is_for_contacts_only(strangers):
    alice, bob = strangers
    alice.knows(bob)
    write_random(alice.files / "note.txt", 5000)
    receiving = bob.start("receive", "--yes")
    sending = alice.sends("note.txt", to=bob)
    assert_refused(sending, 3, "declined")
    assert sending.event("rejected")["why"] == "not-a-contact"
    assert receiving.event("offer")["contact"] is False


def test_from_takes_offers_of_certain_contacts_only(note, tmp_path, server):
    alice, bob = note
    carol = Peer(tmp_path, "carol", server)
    carol.knows(bob)
    bob.knows(carol)
    write_random(carol.files / "note.txt", 5000)
    bob.start("receive", "--yes", "--from", "carol").says("aiting")
    assert_refused(alice.sends("note.txt", to=bob), 3, "declined")
    carol.sends("note.txt", to=bob).ends(0)


def test_the_user_says_yes_at_the_terminal(note):
    alice, bob = note
    receiving = OnTerminal(bob, "receive", "--once")
    sending = alice.sends("note.txt", to=bob)
    receiving.says("note.txt")
    receiving.says("alice")
    receiving.says("?")
    assert not sending.find("accepted") and not sending.find("attempt")
    receiving.types("yes\n")
    sending.ends(0)
    receiving.ends(0)
    assert_same(alice.files / "note.txt", bob.files / "note.txt")


def test_the_user_says_no_at_the_terminal(note):
    alice, bob = note
    receiving = OnTerminal(bob, "receive", "--once")
    sending = alice.sends("note.txt", to=bob)
    receiving.says("?")
    receiving.types("no\n")
    assert_refused(sending, 3, "declined")
    assert sending.event("rejected")["why"] == "declined"
    assert not (bob.files / "note.txt").exists()


def test_what_is_neither_yes_nor_no_is_asked_again(note):
    alice, bob = note
    receiving = OnTerminal(bob, "receive", "--once")
    sending = alice.sends("note.txt", to=bob)
    receiving.says("?")
    receiving.types("perhaps\n")
    receiving.says("answer y or n")
    receiving.types("y\n")
    sending.ends(0)
    receiving.ends(0)


def test_nobody_answers_in_time(note):
    alice, bob = note
    receiving = OnTerminal(bob, "receive", "--once")
    receiving.says("aiting")
    sending = alice.sends("note.txt", "--timeout", "4s", to=bob)
    assert_refused(sending, 1, "no-answer")


def test_the_sender_calls_it_off_before_the_answer(note):
    alice, bob = note
    receiving = OnTerminal(bob, "receive")
    receiving.says("aiting")
    sending = alice.sends("note.txt", to=bob)
    receiving.says("?")
    sending.interrupt()
    sending.ends(7)
    receiving.says("took the offer back")
    assert not (bob.files / "note.txt").exists()
    # And whoever waited goes on waiting: the next offer is asked about, too.
    again = alice.sends("note.txt", to=bob)
    receiving.wait_until(lambda: receiving.text.count("Accept note.txt") >= 2, "the second question")
    receiving.types("y\n")
    again.ends(0)


def test_a_name_that_nobody_has(note):
    alice, _ = note
    error = assert_refused(alice.sends("note.txt", to="nobody"), 4, "unknown-peer")
    assert "nobody" in error["message"]


def test_a_contact_who_stays_offline(note):
    alice, bob = note
    sending = alice.sends("note.txt", "--timeout", "4s", to=bob)
    error = assert_refused(sending, 4, "offline")
    assert "bob" in error["message"]
    assert sending.event("offer")["fate"] == "waiting"


def test_an_offer_waits_for_somebody_who_is_offline(note):
    alice, bob = note
    sending = alice.sends("note.txt", to=bob)
    assert sending.event("offer")["fate"] == "waiting"
    delivered(sending, bob.receives())
    assert_same_inside(alice.files, bob.files)


def test_an_offer_that_a_program_took_with_it_when_it_was_killed_reaches_the_next_one(note):
    alice, bob = note
    receiving = bob.receives()
    receiving.says("aiting")
    receiving.process.send_signal(signal.SIGSTOP)  # the server believes in it, and it answers nothing
    sending = alice.sends("note.txt", to=bob)
    assert sending.event("offer")["fate"] == "delivered"
    receiving.kill()
    delivered(sending, bob.receives())
    assert_same(alice.files / "note.txt", bob.files / "note.txt")


def test_no_way_is_tried_before_the_other_side_has_agreed(note):
    alice, bob = note
    receiving = bob.receives()
    sending = alice.sends("note.txt", "-v", to=bob)
    delivered(sending, receiving)
    kinds = [event["event"] for event in sending.events]
    assert kinds.index("offer") < kinds.index("accepted") < kinds.index("attempt") <= kinds.index("path") < kinds.index("done")


def test_the_offer_says_who_what_and_how_much(note):
    alice, bob = note
    receiving = bob.receives()
    delivered(alice.sends("note.txt", to=bob), receiving)
    offer = receiving.event("offer")
    assert offer["from"] == "alice" and offer["peer_id"] == alice.peer_id and offer["contact"] is True
    assert offer["files"] == 1 and offer["bytes"] == 5000 and offer["names"] == ["note.txt"]


def test_one_receive_serves_several_senders_at_once(friends, tmp_path, server):
    alice, bob = friends
    carol = Peer(tmp_path, "carol", server)
    carol.knows(bob)
    bob.knows(carol)
    write_random(alice.files / "from alice", 24 * MiB, seed=1)
    write_random(carol.files / "from carol", 4 * MiB, seed=2)
    receiving = bob.start("receive", "--yes")
    first = alice.sends("from alice", "--limit", "3M", to=bob)
    first.event("path")
    second = carol.sends("from carol", to=bob)
    second.ends(0)
    assert first.running(), "the second did not have to wait for the first"
    first.ends(0)
    assert_same(alice.files / "from alice", bob.files / "from alice")
    assert_same(carol.files / "from carol", bob.files / "from carol")
    receiving.terminate()
    receiving.ends()


def test_once_ends_after_one_transfer_and_not_before(note):
    alice, bob = note
    receiving = bob.receives()
    alice.sends("note.txt", to=bob).ends(0)
    receiving.ends(0)
