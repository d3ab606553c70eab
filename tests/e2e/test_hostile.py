"""Senders and servers that lie, speaking the real protocol (tests/e2e/hostile): nothing outside the destination changes, no byte goes to a
wrong key, and each try is answered in words."""
import os
import re
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from liar import Lied
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
    return lambda lie, **how: Lied(tmp_path, lie, **how)


def assert_nothing_went(sending, bob):
    sending.ends(6)
    error = sending.event("error", code="identity-mismatch")
    assert error["hint"]
    assert not sending.find("path") and not sending.find("done")
    assert not (bob.files / "secret.bin").exists()


def arrives(lied, sending, receiving):
    """In spite of everything."""
    sending.ends(0)
    receiving.event("done")
    assert_same(lied.alice.files / "secret.bin", lied.bob.files / "secret.bin")
    lied.has_heard_nothing()


def fails(lied, sending, status, *words):
    """With these words, and without a byte that went anywhere."""
    sending.ends(status)
    error = sending.event("error")
    for each in words:
        assert each in error["message"] + " " + error.get("hint", ""), sending.story()
    assert not sending.find("path") and not sending.find("done")
    assert not (lied.bob.files / "secret.bin").exists()
    lied.has_heard_nothing()


def test_every_lie_is_tried():
    known = subprocess.run([program("lying_server"), "--list"], capture_output=True, text=True, check=True).stdout.split()
    tried = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [each for each in known if f'"{each}"' not in tried] == []


# --- Keys -----------------------------------------------------------------------------------------------------------------------------------------


def test_a_server_that_gives_a_wrong_key_for_bob_gets_nothing(liar):
    lied = alice, bob = liar("wrong-key")
    assert_nothing_went(alice.sends("secret.bin", to=bob), bob)
    assert_nothing_went(alice.sends("secret.bin", to=bob.peer_id), bob)
    lied.has_heard_nothing()


def test_a_wrong_key_is_seen_by_who_has_once_had_the_right_one(liar):
    lied = liar("wrong-key-later")
    carol = Peer(lied.folder, "carol")
    carol.init(lied.spec)
    receiving = lied.receives("--from", "alice")
    carol.run("send", "--text", "hello", "--to", "bob", "--trust-new", status=3)
    write_random(carol.files / "secret.bin", 1000)
    assert_nothing_went(carol.sends("secret.bin", to=lied.bob), lied.bob)
    assert receiving.running()


def test_who_trusts_unseen_is_told_the_words_to_compare(liar):
    """That nobody can be protected who does not compare is so by design: what is shown must be what was pinned, so that comparing finds it."""
    lied = liar("wrong-key")
    carol = Peer(lied.folder, "carol")
    carol.init(lied.spec)
    unsure = carol.start("send", "--text", "hello", "--to", "bob")
    unsure.ends(6)
    assert "Compare the words" in unsure.event("error", code="untrusted")["hint"]
    trusting = carol.start("send", "--text", "hello", "--to", "bob", "--trust-new", "--timeout", "2s")
    trusting.ends(1)
    shown = re.search(r'"bob" is one of your contacts now \(([^)]+)\)', trusting.words).group(1)
    assert shown != lied.bob.words and shown in unsure.event("error")["message"]
    corrected = carol.start("contacts", "add", "bob", lied.bob.peer_id)
    assert corrected.ends() != 0, "another key is not taken without a word"


def test_an_answer_that_somebody_else_wrote_is_not_believed(liar):
    alice, bob = liar("swapped")
    assert_nothing_went(alice.sends("secret.bin", to=bob), bob)


def test_an_answer_that_somebody_else_wrote_in_their_own_name_is_none(liar):
    """The server knows which session an offer is of, and may tell anybody."""
    lied = liar("another-answers")
    sending = lied.alice.sends("secret.bin", "--timeout", "2s", to=lied.bob)
    fails(lied, sending, 1, "bob is online but did not answer in time")
    assert not sending.find("accepted")


def test_garbage_in_the_recipients_name_is_not_believed(liar):
    alice, bob = liar("garbage")
    assert_nothing_went(alice.sends("secret.bin", to=bob), bob)


def test_letters_under_another_name_or_for_somebody_else_count_for_nothing(liar, tmp_path):
    for lie in ("renamed", "misdirected"):
        (tmp_path / lie).mkdir()
        lied = Lied(tmp_path / lie, lie)
        receiving = lied.receives()
        fails(lied, lied.alice.sends("secret.bin", "--timeout", "2s", to=lied.bob), 1, "bob is online but did not answer", "send again")
        assert not receiving.find("offer") and receiving.running()


def test_another_server_in_the_place_of_the_one_that_was_pinned_is_refused(server, friends, liar):
    alice, bob = friends
    write_random(alice.files / "secret.bin", 300_000)
    receiving = bob.start("receive", "--dir", bob.files, "--yes")
    receiving.says("Waiting for offers")
    server.stop()
    liar("nobody-online", port=server.port, spec=server.spec)
    sending = alice.sends("secret.bin", "--timeout", "3s", to=bob)
    sending.ends(6)
    error = sending.event("error", code="identity-mismatch")
    assert "is not who it was" in error["message"] and "somebody stands between you and it" in error["hint"]
    receiving.says("is not who it was")   # nor need bob run anything to learn of it
    receiving.says("somebody stands between you and it")
    assert receiving.words.count("is not who it was") == 1 and receiving.running() and not (bob.files / "secret.bin").exists()


# --- What is carried, and what is said of it --------------------------------------------------------------------------------------------------------


def test_a_replayed_offer_counts_once(liar):
    lied = alice, bob = liar("replay")
    receiving = lied.receives()
    for _ in range(2):
        alice.sends("secret.bin", to=bob).ends(0)
    alice.run("peers")   # connects, so that everything recorded is delivered once more
    receiving.wait_until(lambda: sum(e["event"] == "done" for e in receiving.events) == 2, "the end of both")   # the sender's comes a moment before
    receiving.terminate()
    receiving.ends()
    assert sum(e["event"] == "offer" for e in receiving.events) == 2
    assert sorted(p.name for p in bob.files.iterdir()) == ["secret (1).bin", "secret.bin"]
    lied.has_heard_nothing()


@pytest.mark.parametrize("lie", ["reversed", "says-waiting", "nowhere"])
def test_what_a_server_lies_about_in_vain(far_address, liar, lie):
    """There is an address to meet at that needs no word of the server's."""
    lied = liar(lie)
    receiving = lied.receives()
    arrives(lied, lied.alice.sends("secret.bin", to=lied.bob), receiving)


def test_doctor_does_not_repeat_that_we_are_where_nobody_can_be(liar):
    lied = liar("nowhere")
    looking = lied.alice.run("doctor")
    assert not [told for told in ("0.0.0.0:1", "255.255.255.255", "224.0.0.1") if told in looking.out.decode() + looking.words], looking.story()


NO_ANSWER = (1, "bob is online but did not answer in time", "Ask them")
NOT_ONLINE = (4, "bob is not online", "")
NO_SERVER = (1, "server", "")
DROPPED = {
    "drops-all": NO_ANSWER,
    "drops-offers": NO_ANSWER,
    "drops-answers": NO_ANSWER,
    "says-offline": NOT_ONLINE,
    "says-unknown": NOT_ONLINE,
    "says-no-room": (4, "bob is not online, and too many offers wait", "Try again"),
    "silent": NO_SERVER,
    "silent-after-welcome": NO_SERVER,
    "ends-at-hello": NO_SERVER,
    "ends-at-resolve": NO_SERVER,
    "ends-at-offer": NO_SERVER,
}


@pytest.mark.parametrize("lie", DROPPED)
def test_what_is_dropped_or_denied_ends_in_words_and_in_time(liar, lie):
    lied = liar(lie)
    receiving = lied.bob.start("receive", "--dir", lied.bob.files, "--yes")
    if lie not in ("silent", "silent-after-welcome", "ends-at-hello"):   # those do not let anybody wait, either
        receiving.says("Waiting for offers")
    status, *words = DROPPED[lie]
    fails(lied, lied.alice.sends("secret.bin", "--timeout", "3s", to=lied.bob), status, *words)
    receiving.terminate()
    receiving.ends()
    assert not receiving.find("done")


@pytest.mark.parametrize("lie", ["drops-half", "ends-at-answer"])
def test_what_is_carried_in_part_arrives_whole_or_not_at_all(liar, lie):
    lied = liar(lie)
    receiving = lied.receives()
    sending = lied.alice.sends("secret.bin", "--timeout", "3s", to=lied.bob)
    if sending.ends() == 0:
        arrives(lied, sending, receiving)
    else:
        assert sending.event("error")["message"]
        assert not (lied.bob.files / "secret.bin").exists()
        lied.has_heard_nothing()


def test_an_offer_that_is_delivered_after_it_was_withdrawn_brings_nothing(liar):
    lied = liar("withdrawn")
    receiving = lied.receives("--timeout", "3s")
    fails(lied, lied.alice.sends("secret.bin", "--timeout", "2s", to=lied.bob), 4, "bob did not come online in time")
    receiving.event("offer")
    receiving.wait_until(lambda: receiving.find("error") or receiving.find("cancelled"), "a word about the one who has gone")
    assert not (lied.bob.files / "secret.bin").exists()


def test_who_is_online_is_the_servers_word_and_nothing_more(liar, tmp_path):
    for lie, online in (("everybody-online", True), ("nobody-online", False)):
        (tmp_path / lie).mkdir()
        lied = Lied(tmp_path / lie, lie)
        told = lied.alice.run("peers").event("peer")
        assert told["online"] is online
        receiving = lied.receives()
        arrives(lied, lied.alice.sends("secret.bin", to=lied.bob), receiving)


@pytest.mark.parametrize("lie, status, words", [("swapped", 6, "did not write"), ("garbage", 6, "did not write"), ("drops-all", 1, "no answer")])
def test_a_question_about_the_others_network_is_answered_by_nobody_else(liar, lie, status, words):
    lied = liar(lie)
    lied.receives()
    asking = lied.alice.start("doctor", "--with", "bob", "--timeout", "3s", json=False)
    asking.ends(status)
    assert words in asking.words


# --- Relays -----------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lie", ["no-relay", "bad-tickets", "relay-in-between", "strange-relay"])
def test_a_relay_that_lies_gets_nothing_and_ends_in_words(liar, lie):
    lied = liar(lie)
    receiving = lied.receives("--tiers", "relay,supernode", "--timeout", "4s")
    sending = lied.alice.sends("secret.bin", "--tiers", "relay,supernode", "--timeout", "4s", to=lied.bob)
    fails(lied, sending, 5, "bob")
    presented = b"a ticket was presented" in lied.overheard.read_bytes()
    assert presented == (lie == "relay-in-between"), "a relay is told nothing before it has proven the key that it is listed under"
    assert b"a lane was opened" not in lied.overheard.read_bytes()   # nor did either say a word to a key that is not the other's
    receiving.terminate()
    receiving.ends()


def test_past_a_relay_that_lies_the_straight_path_is_taken(liar):
    lied = liar("relay-in-between")
    receiving = lied.receives()
    arrives(lied, lied.alice.sends("secret.bin", to=lied.bob), receiving)
