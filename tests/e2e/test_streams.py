"""Standard input, standard output, and texts."""
import os
import subprocess

import pytest

from trees import digest, leftovers, write_random
from world import MiB, delivered


@pytest.fixture
def bytes_of_alice(friends):
    alice, bob = friends
    return alice, bob, write_random(alice.files / "bytes", 21 * MiB + 123)


def test_standard_input_to_standard_output(bytes_of_alice):
    alice, bob, path = bytes_of_alice
    with open(bob.files / "out", "wb") as out, open(path, "rb") as stream:
        receiving = bob.start("receive", "--yes", "--once", "--stdout", json=False, stdout=out)
        sending = alice.sends("-", to=bob, stdin=stream)
        sending.ends(0)
        receiving.ends(0)
    assert digest(bob.files / "out") == digest(path)
    assert sending.event("done")["bytes"] == 21 * MiB + 123


def test_standard_input_to_a_file(bytes_of_alice):
    alice, bob, path = bytes_of_alice
    with open(path, "rb") as stream:
        receiving = bob.receives()
        delivered(alice.sends("-", to=bob, stdin=stream), receiving)
    arrived, = bob.files.iterdir()
    assert digest(arrived) == digest(path)
    assert leftovers(bob.files) == []


def test_standard_input_that_trickles_in(friends):
    alice, bob = friends
    receiving = bob.receives()
    sending = alice.sends("-", to=bob, stdin=subprocess.PIPE)
    sending.event("path")
    for number in range(20):
        sending.process.stdin.write(f"line {number}\n".encode())
        sending.process.stdin.flush()
    sending.process.stdin.close()
    delivered(sending, receiving)
    arrived, = bob.files.iterdir()
    assert arrived.read_text() == "".join(f"line {number}\n" for number in range(20))


def test_standard_input_that_is_empty(friends):
    alice, bob = friends
    receiving = bob.receives()
    done, _ = delivered(alice.sends("-", to=bob), receiving)
    arrived, = bob.files.iterdir()
    assert arrived.stat().st_size == 0 and done["bytes"] == 0


def test_a_file_to_standard_output(bytes_of_alice):
    alice, bob, path = bytes_of_alice
    with open(bob.files / "out", "wb") as out:
        receiving = bob.start("receive", "--yes", "--once", "--stdout", json=False, stdout=out)
        alice.sends("bytes", "--lanes", "3", to=bob).ends(0)
        receiving.ends(0)
    assert digest(bob.files / "out") == digest(path)


def test_standard_output_takes_exactly_one_file(friends):
    alice, bob = friends
    (alice.files / "folder").mkdir()
    bob.start("receive", "--yes", "--stdout", json=False).says("aiting")
    sending = alice.sends("folder", to=bob)
    sending.ends(3)
    assert sending.event("rejected")["why"] == "unfit"


def test_a_reader_that_goes_away_ends_both(bytes_of_alice):
    alice, bob, path = bytes_of_alice
    reader, writer = os.pipe()
    receiving = bob.start("receive", "--yes", "--once", "--stdout", json=False, stdout=writer)
    os.close(writer)
    with open(path, "rb") as stream:
        sending = alice.sends("-", "--limit", "4M", "--timeout", "5s", to=bob, stdin=stream)
        os.read(reader, 1)
        os.close(reader)
        assert receiving.ends() not in (0, -13)
        assert sending.ends() != 0
    assert receiving.words


def test_a_text(friends):
    alice, bob = friends
    receiving = bob.receives()
    sending = alice.sends("--text", "Call me back: 555-0123\nthanks \u2713", to=bob)
    sending.ends(0)
    receiving.ends(0)
    assert receiving.event("text") == {"event": "text", "from": "alice", "text": "Call me back: 555-0123\nthanks \u2713"}
    assert list(bob.files.iterdir()) == []


def test_a_text_cannot_move_the_cursor(friends):
    alice, bob = friends
    receiving = bob.receives(json=False)
    alice.sends("--text", "\x1b[2Jgone\x07", to=bob).ends(0)
    receiving.ends(0)
    assert b"gone" in receiving.out
    assert b"\x1b" not in receiving.out + receiving.err and b"\x07" not in receiving.out + receiving.err


def test_a_text_is_kept_for_somebody_offline(friends):
    alice, bob = friends
    sending = alice.sends("--text", "later", to=bob)
    sending.event("offer", fate="waiting")
    receiving = bob.receives()
    sending.ends(0)
    assert receiving.event("text")["text"] == "later"
