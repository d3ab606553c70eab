"""What is taken from whom without anybody being asked: rules of contacts, and the programs that follow them."""
import subprocess

import pytest

from terminal import OnTerminal
from trees import assert_same, write_random
from world import delivered


@pytest.fixture
def note(friends):
    alice, bob = friends
    write_random(alice.files / "note.txt", 5000)
    return alice, bob


def rule(peer, *arguments, **how):
    return peer.run("contacts", "rule", *arguments, **how)


def declined(sending):
    sending.ends(3)
    return sending.event("error")["message"]


def test_always_takes_unattended_and_without_yes(note):
    alice, bob = note
    assert rule(bob, "alice", "--accept", "always").event("rule")["accept"] == "always"
    receiving = bob.start("receive", "--dir", bob.files, "--once")
    receiving.says("Takes without asking: alice")
    delivered(alice.sends("note.txt", to=bob), receiving)
    assert_same(alice.files / "note.txt", bob.files / "note.txt")


def test_never_declines_with_yes_and_at_a_terminal(note):
    alice, bob = note
    rule(bob, "alice", "--accept", "never")
    receiving = bob.start("receive", "--yes")
    assert "take nothing from you" in declined(alice.sends("note.txt", to=bob))
    receiving.says("Declined")
    receiving.interrupt()
    receiving.ends()
    attended = OnTerminal(bob, "receive")
    attended.says("aiting")
    assert "take nothing from you" in declined(alice.sends("note.txt", to=bob))
    assert "Accept" not in attended.text
    assert not (bob.files / "note.txt").exists()


def test_ask_counts_for_more_than_yes(note):
    alice, bob = note
    rule(bob, "alice", "--accept", "ask")
    bob.start("receive", "--yes").says("aiting")
    assert "nobody is at the receiver's terminal" in declined(alice.sends("note.txt", to=bob))


def test_more_than_the_rule_takes_is_declined_in_words_to_both(note):
    alice, bob = note
    rule(bob, "alice", "--accept", "always", "--max-size", "4999")
    receiving = bob.start("receive", "--dir", bob.files)
    message = declined(alice.sends("note.txt", to=bob))
    assert "up to 5.0 kB" in message and "this is more" in message
    receiving.says("--max-size")
    assert not (bob.files / "note.txt").exists()
    declined(alice.sends("-", to=bob, stdin=subprocess.PIPE))  # of a stream nobody knows how long it gets
    rule(bob, "alice", "--max-size", "5000")  # counts from now on, for the program that runs
    alice.sends("note.txt", to=bob).ends(0)


def test_somebody_at_the_terminal_is_asked_about_more(note):
    alice, bob = note
    rule(bob, "alice", "--accept", "always", "--max-size", "4999")
    receiving = OnTerminal(bob, "receive", "--once")
    sending = alice.sends("note.txt", to=bob)
    receiving.says("[y/n]")
    assert "Without asking, up to" in receiving.text
    receiving.types("y\n")
    sending.ends(0)
    receiving.ends(0)


def test_what_happens_while_a_question_is_open_stands_apart_from_it(note):
    alice, bob = note
    write_random(alice.files / "letter.txt", 100)
    receiving = OnTerminal(bob, "receive")
    receiving.says("aiting")
    first = alice.sends("note.txt", to=bob)
    receiving.says("Accept note.txt (5.0 kB) from alice? [y/n] ")
    second = alice.sends("letter.txt", to=bob)
    receiving.says("letter.txt")
    question = "Accept note.txt (5.0 kB) from alice? [y/n] "
    receiving.wait_until(lambda: receiving.text.count(question) == 2, "the question once more")
    assert "[y/n] \r\n" in receiving.text, "the news began in the middle of the question's line"
    second.interrupt()
    second.ends(7)
    receiving.types("y\n")
    first.ends(0)
    third = alice.sends("letter.txt", to=bob)
    receiving.says("Accept letter.txt (100 B) from alice? [y/n] ")
    third.interrupt()
    third.ends(7)
    receiving.says("took the offer back")
    assert "[y/n] \r\nalice took the offer back." in receiving.text


def test_each_contact_may_have_a_folder(note, tmp_path):
    alice, bob = note
    folder = tmp_path / "from alice"
    missing = bob.start("contacts", "rule", "alice", "--dir", folder)
    assert missing.ends() == 8, "a folder that is not there may be a disk that is not mounted"
    folder.mkdir()
    assert rule(bob, "alice", "--accept", "always", "--dir", folder).event("rule")["dir"] == str(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    delivered(alice.sends("note.txt", to=bob), bob.start("receive", "--dir", elsewhere, "--once"))
    assert_same(alice.files / "note.txt", folder / "note.txt")
    assert not list(elsewhere.iterdir())
    assert bob.run("contacts").event("contact")["rule"] == {"accept": "always", "max_size": None, "dir": str(folder)}


def test_a_folder_that_is_gone_costs_the_offer_and_not_the_program(note, tmp_path):
    alice, bob = note
    folder = tmp_path / "disk"
    folder.mkdir()
    rule(bob, "alice", "--accept", "always", "--dir", folder)
    folder.rmdir()
    receiving = bob.start("receive", "--dir", bob.files)
    receiving.says("nothing can be received from alice")
    sending = alice.sends("note.txt", to=bob)
    sending.ends(8)
    assert sending.event("rejected")["why"] == "local-trouble"
    folder.mkdir()
    alice.sends("note.txt", to=bob).ends(0)
    assert_same(alice.files / "note.txt", folder / "note.txt")


def test_rules_that_cannot_be_read_stop_what_they_are_about_and_stay_as_they_are(note):
    alice, bob = note
    file = bob.home / "accept.toml"
    broken = "[contacts.alice]\nacept = \"never\"\n"
    file.write_text(broken)
    for arguments in (["receive", "--yes"], ["contacts", "rule", "alice", "--accept", "always"], ["contacts", "remove", "alice"]):
        error = bob.run(*arguments, status=2).event("error")
        assert "accept.toml, line 2" in error["message"] and "acept" in error["message"]
    assert file.read_text() == broken
    file.unlink()
    receiving = bob.start("receive", "--yes", "--dir", bob.files)
    receiving.says("aiting")
    file.write_text(broken)
    sending = alice.sends("note.txt", to=bob)
    sending.ends(8)
    receiving.event("error")
    file.unlink()
    alice.sends("note.txt", to=bob).ends(0)


def test_a_forgotten_contacts_rule_is_forgotten_too(note):
    alice, bob = note
    rule(bob, "alice", "--accept", "always")
    assert oct((bob.home / "accept.toml").stat().st_mode & 0o777) == oct(0o600)
    bob.run("contacts", "remove", "alice")
    bob.knows(alice)
    assert bob.run("contacts").event("contact")["rule"] is None
    rule(bob, "carol", "--accept", "always", status=4)


def test_the_default_rule_is_for_contacts_without_one(note):
    alice, bob = note
    rule(bob, "--default", "--accept", "always")
    assert rule(bob, "alice").event("rule")["accept"] == "always"
    rule(bob, "alice", "--accept", "ask")
    assert rule(bob, "alice").event("rule")["accept"] == "ask"
    assert rule(bob, "alice", "--clear").event("rule")["accept"] == "always"
    delivered(alice.sends("note.txt", to=bob), bob.start("receive", "--dir", bob.files, "--once"))
