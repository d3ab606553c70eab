"""Delivery receipts: what the receiver has signed is kept, can be checked against the files, and cannot be altered without being noticed."""
import hashlib
import os

import pytest

from trees import assert_same_inside, leftovers, overwrite, write_random
from world import MiB, delivered

SIZE = 24 * MiB
SIGNED_RECEIPT = 270  # bytes, which a version precedes in the file


def transfer(alice, bob, *arguments, receive=(), **how):
    receiving = bob.receives(*receive)
    sending = alice.sends(*arguments, "--receipt", to=bob, **how)
    delivered(sending, receiving)
    return sending


def kept(peer):
    folder = peer.home / "receipts"
    return sorted(folder.iterdir()) if folder.exists() else []


def make_tree(folder):
    for name in range(3):
        (folder / "tree" / str(name)).mkdir(parents=True)
    for number in range(30):
        write_random(folder / "tree" / str(number % 3) / str(number), 70_000 + number, seed=number)
    (folder / "tree" / "empty").touch()
    os.symlink("0", folder / "tree" / "link")


def receipts_in(listing):
    return [event for event in listing.events if event["event"] == "receipt"]


def assert_proves(peer, number, *paths):
    checking = peer.run("receipts", "check", number, *paths, json=False)
    assert "the very files" in checking.text
    same = peer.run("receipts", "check", number, *paths).event("same_files")
    assert same["number"].startswith(number)


def test_a_receipt_of_a_tree_is_kept_listed_and_true(friends):
    alice, bob = friends
    make_tree(alice.files)
    sending = transfer(alice, bob, "tree")
    receipt, done = sending.event("receipt"), sending.event("done")
    assert receipt["peer"] == "bob" and receipt["peer_id"] == bob.peer_id
    assert receipt["files"] == done["files"] == 31 and receipt["bytes"] == done["bytes"]
    listed = alice.run("receipts").event("receipt")
    assert listed["holds"] and listed["names"] == ["tree"] and listed["number"] == receipt["number"] and listed["peer"] == "bob"
    file, = kept(alice)
    assert file.stat().st_mode & 0o777 == 0o600
    assert_proves(alice, receipt["number"][:6], "tree")
    assert_proves(alice, receipt["number"], bob.files / "tree")  # of what bob has, too, whatever its times are


def test_without_any_there_is_nothing_to_list_or_check(friends):
    alice, _ = friends
    assert alice.run("receipts").events == []
    assert alice.run("receipts", "check").events == []
    listing = alice.run("receipts", json=False)
    assert listing.text == "" and "No receipts yet" in listing.words  # a list of none is an empty one
    assert alice.run("receipts", "check", "00", status=2).event("error")["hint"] == "`pshare receipts` lists them."


def test_no_receipt_is_made_where_none_is_wanted(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    receiving = bob.receives()
    sending = alice.sends("film.mkv", "--no-receipt", to=bob)
    delivered(sending, receiving)
    assert not sending.find("receipt") and kept(alice) == []


def test_other_files_are_told_apart(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", SIZE + 5)
    number = transfer(alice, bob, "film.mkv").event("receipt")["number"]
    film = alice.files / "film.mkv"
    film.rename(alice.files / "other.mkv")
    renamed = alice.run("receipts", "check", number, "other.mkv", status=1)
    assert "under other names" in renamed.event("error")["message"]
    (alice.files / "other.mkv").rename(film)
    assert_proves(alice, number, "film.mkv")
    overwrite(film, SIZE // 2, b"!")
    changed = alice.run("receipts", "check", number, "film.mkv", status=1)
    assert "other contents of the same size" in changed.event("error")["message"]
    os.truncate(film, SIZE)
    shorter = alice.run("receipts", "check", number, "film.mkv", status=1)
    assert f"other contents, {SIZE:,} bytes instead of {SIZE + 5:,} bytes" in shorter.event("error")["message"]


def test_a_receipt_that_was_tampered_with_is_told_apart(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    transfer(alice, bob, "film.mkv")
    write_random(alice.files / "second.mkv", MiB, seed=2)
    good = transfer(alice, bob, "second.mkv").event("receipt")["number"]
    bad = next(file for file in kept(alice) if not file.name.endswith(good))
    data = bytearray(bad.read_bytes())
    data[100] ^= 1
    bad.write_bytes(data)
    checking = alice.run("receipts", "check", status=6)
    assert sorted(event["holds"] for event in receipts_in(checking)) == [False, True]
    assert alice.run("receipts", "check", good).event("receipt")["holds"]
    in_words = alice.run("receipts", "check", status=6, json=False)
    assert "DOES NOT HOLD" in in_words.text and "1 of 2 receipts does not hold" in in_words.words
    bad.write_bytes(data[:50])
    alice.run("receipts", "check", status=6)


def test_a_receipt_that_was_tampered_with_and_renumbered_is_told_by_its_signature(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    transfer(alice, bob, "film.mkv")
    file, = kept(alice)
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    number = hashlib.sha256(data[1:1 + SIGNED_RECEIPT]).hexdigest()[:16]
    file.write_bytes(data)
    file.rename(file.with_name(file.name[:11] + number))
    assert "its signature does not hold" in alice.run("receipts", "check", number, status=6).event("receipt", holds=False)["why"]


def test_a_receipt_of_what_somebody_else_sent_is_none_of_ours(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    transfer(alice, bob, "film.mkv")
    file, = kept(alice)
    copy = bob.home / "receipts" / file.name
    copy.parent.mkdir()
    copy.write_bytes(file.read_bytes())
    copy.chmod(0o600)
    checking = bob.run("receipts", "check", status=6)
    assert "another identity" in checking.event("receipt", holds=False)["why"]


def test_who_signed_is_told_by_their_key_when_they_are_no_contact_any_more(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    number = transfer(alice, bob, "film.mkv").event("receipt")["number"]
    alice.run("contacts", "remove", "bob")
    listed = alice.run("receipts").event("receipt")
    assert listed["peer"] is None and listed["peer_id"] == bob.peer_id
    checking = alice.run("receipts", "check", number, "film.mkv", json=False)
    assert f"the very files that {bob.peer_id[:15]} (no contact of yours) signed for" in checking.text


def test_a_receipt_of_a_stream(friends):
    alice, bob = friends
    path = write_random(alice.files / "bytes", 9 * MiB + 77)
    with open(path, "rb") as stream:
        number = transfer(alice, bob, "-", stdin=stream).event("receipt")["number"]
    assert_proves(alice, number, "bytes")
    with open(path, "rb") as stream, open(bob.files / "out", "wb") as out:
        receiving = bob.start("receive", "--yes", "--once", "--stdout", json=False, stdout=out)
        sending = alice.sends("-", "--receipt", to=bob, stdin=stream)
        sending.ends(0)
        receiving.ends(0)
    assert sending.event("receipt")["bytes"] == 9 * MiB + 77


@pytest.mark.parametrize("struck", ["sender", "receiver", "both"])
def test_a_receipt_after_a_kill_in_the_middle_is_of_everything(friends, struck):
    alice, bob = friends
    write_random(alice.files / "film.mkv", SIZE)
    receiving = bob.receives("--timeout", "60s")
    sending = alice.sends("film.mkv", "--receipt", "--limit", "6M", to=bob)
    sending.progress_beyond(SIZE // 4)
    if struck != "receiver":
        sending.kill()
    if struck != "sender":
        receiving.kill()
        receiving = bob.receives("--timeout", "60s")
    if struck != "receiver":
        sending = alice.sends("film.mkv", "--receipt", to=bob)
    done, received = delivered(sending, receiving)
    assert received["resumed_bytes"] > 0
    assert_same_inside(alice.files, bob.files)
    assert leftovers(bob.files) == []
    assert_proves(alice, sending.event("receipt")["number"], "film.mkv")


def test_a_file_that_was_there_already_and_left_as_it_is_gives_no_receipt(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    write_random(bob.files / "film.mkv", 1000, seed=2)
    sending = transfer(alice, bob, "film.mkv", receive=("--on-conflict", "skip"))
    assert not sending.find("receipt") and kept(alice) == []
    assert "no receipt came" in sending.words
