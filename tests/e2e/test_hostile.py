"""Senders and servers that lie, speaking the real protocol (tests/e2e/hostile): nothing outside the destination changes, no byte goes to a
wrong key, and each try is answered in words."""
import os
import re
import subprocess
from contextlib import suppress

import pytest

from processes import Running, program
from trees import assert_same, write_random
from world import MiB, Peer, environment


def snapshot(folder):
    """Everything below `folder`, by name and size; of the receiver's home only what identifies it."""
    found = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # the receiver may still be at work
            if ".lock" not in path.name:
                found.append((str(path.relative_to(folder)), path.lstat().st_size))
    return sorted(found)


def lies():
    return subprocess.run([program("hostile_sender"), "--list"], capture_output=True, text=True, check=True).stdout.split()


def peak_memory(running):
    status = open(f"/proc/{running.process.pid}/status").read()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


# These break the framing itself: the lane is closed, and the receiver waits for the sender to come back on another one.
COST_ONLY_THE_LANE = {"unknown-frame", "endless-frame", "70000-byte-name"}


def test_no_manifest_leads_outside_or_harms_the_receiver(tmp_path, server, friends):
    alice, bob = friends
    (tmp_path / "precious.txt").write_text("untouched")
    everything = lies()
    assert len(everything) >= 30
    receiving = bob.start("receive", "--dir", bob.files, "--yes")
    receiving.says("Waiting for offers")
    before_memory = None
    for each in everything:
        before = snapshot(tmp_path)
        attack = Running([program("hostile_sender"), str(alice.home), server.spec, bob.peer_id, each], environment())
        attack.ends()
        assert attack.process.returncode == 0, f"{each}: {attack.text} {attack.words}"
        assert receiving.running(), f"{each}\n{receiving.story()}"
        left = [entry for entry in snapshot(tmp_path) if entry not in before]
        assert all(name.startswith("bob.files/.pshare-partial-") for name, _ in left), f"{each} left {left}"
        before_memory = before_memory or peak_memory(receiving)
    receiving.wait_until(lambda: sum(e["event"] == "error" for e in receiving.events) >= len(everything) - len(COST_ONLY_THE_LANE),
                         "an error for each lie")
    for error in (e for e in receiving.events if e["event"] == "error"):
        assert error["message"] and "\x1b" not in receiving.words
    if os.environ.get("PSHARE_E2E_SANITIZED") != "1":
        assert peak_memory(receiving) - before_memory < 64 * MiB
    # And an honest sender is served as ever.
    write_random(alice.files / "honest.bin", 100_000)
    alice.sends("honest.bin", to=bob).ends(0)
    assert_same(alice.files / "honest.bin", bob.files / "honest.bin")
    receiving.terminate()
    receiving.ends()


@pytest.fixture
def liar(tmp_path):
    def start(lie):
        running = Running([program("lying_server"), str(tmp_path / "liar.key"), lie], environment())
        spec = running.wait_until(lambda: re.search(r"--server (\S+)", running.text), "the line that clients need").group(1)
        alice, bob = Peer(tmp_path, "alice"), Peer(tmp_path, "bob")
        for each in (alice, bob):
            each.init(spec)
        alice.knows(bob)
        bob.knows(alice)
        write_random(alice.files / "secret.bin", 300_000)
        return alice, bob
    return start


def assert_nothing_went(sending, bob):
    sending.ends(6)
    error = sending.event("error", code="identity-mismatch")
    assert error["hint"]
    assert not sending.find("path") and not sending.find("done")
    assert not (bob.files / "secret.bin").exists()


def test_a_server_that_gives_a_wrong_key_for_bob_gets_nothing(liar):
    alice, bob = liar("wrong-key")
    assert_nothing_went(alice.sends("secret.bin", to=bob), bob)
    assert_nothing_went(alice.sends("secret.bin", to=bob.peer_id), bob)


def test_an_answer_that_somebody_else_wrote_is_not_believed(liar):
    alice, bob = liar("swapped")
    assert_nothing_went(alice.sends("secret.bin", to=bob), bob)


def test_garbage_in_the_recipients_name_is_not_believed(liar):
    alice, bob = liar("garbage")
    assert_nothing_went(alice.sends("secret.bin", to=bob), bob)


def test_a_replayed_offer_counts_once(liar):
    alice, bob = liar("replay")
    receiving = bob.start("receive", "--dir", bob.files, "--yes")
    receiving.says("Waiting for offers")
    for _ in range(2):
        alice.sends("secret.bin", to=bob).ends(0)
    alice.run("peers")   # connects, so that everything recorded is delivered once more
    receiving.wait_until(lambda: sum(e["event"] == "done" for e in receiving.events) == 2, "the end of both")   # the sender's comes a moment before
    receiving.terminate()
    receiving.ends()
    assert sum(e["event"] == "offer" for e in receiving.events) == 2
    assert sorted(p.name for p in bob.files.iterdir()) == ["secret (1).bin", "secret.bin"]
