"""Disks that are full or closed, files that cannot be read or do not hold still: exit 8, in clear words, and nothing done is lost."""
import os
import shutil

import pytest

from small_disk import SmallDisk
from trees import assert_same, digest, overwrite, write_random
from world import MiB, delivered

# Root may read and write everything; without its capabilities it is a user like others.
AS_A_USER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []


def trouble_of(running):
    """The error it ended with: exit 8, and words with something to do."""
    running.ends(8)
    error = running.event("error")
    assert error["message"] and error["hint"]
    return error


def test_no_room_from_the_start_is_said_before_a_byte_travels(friends):
    alice, bob = friends
    disk = SmallDisk(bob.files / "disk", "size=8m")
    write_random(alice.files / "film.mkv", 20 * MiB)
    receiving = bob.start("receive", "--dir", disk.folder, "--yes", "--once", launcher=disk.launcher)
    sending = alice.sends("film.mkv", to=bob)
    error = trouble_of(receiving)
    assert error["code"] == "local-io" and "free" in error["message"] + error["hint"]
    assert sending.ends() != 0
    assert sending.event("error")["message"]
    assert not any(event["bytes"] for event in sending.events if event["event"] == "progress")
    assert "film.mkv" not in os.listdir(disk.root)


def test_a_disk_that_runs_full_keeps_what_was_done(friends):
    """A stream announces no length, so its end of the disk comes as a surprise."""
    alice, bob = friends
    disk = SmallDisk(bob.files / "disk", "size=16m")
    write_random(alice.files / "stream", 40 * MiB)
    receiving = bob.start("receive", "--dir", disk.folder, "--yes", "--once", launcher=disk.launcher)
    with open(alice.files / "stream", "rb") as stream:
        sending = alice.sends("-", to=bob, stdin=stream)
    error = trouble_of(receiving)
    assert error["code"] == "local-io" and "space" in (error["message"] + error["hint"]).lower()
    sending.ends(8)
    assert "disk" in sending.event("error")["message"], "who sends learns whose trouble it is"
    assert [name for name in os.listdir(disk.root) if name.startswith(".pshare-partial")]


def test_room_is_taken_first_so_a_disk_that_others_fill_meanwhile_does_not_matter(friends):
    alice, bob = friends
    disk = SmallDisk(bob.files / "disk", "size=64m")
    write_random(alice.files / "film.mkv", 40 * MiB)
    receiving = bob.start("receive", "--dir", disk.folder, "--yes", "--once", launcher=disk.launcher)
    sending = alice.sends("film.mkv", "--limit", "8M", to=bob)
    sending.progress_beyond(4 * MiB)
    state = os.statvfs(disk.root)
    with open(os.path.join(disk.root, "greedy"), "wb", buffering=0) as out:
        for _ in range(state.f_bavail * state.f_frsize // MiB - 2):  # never all of it: the journal grows while it is written
            out.write(bytes(MiB))
    missing = 40 * MiB - sending.last_progress()["bytes"]
    assert missing > 4 * MiB, "more than there is room for now was still to come"
    delivered(sending, receiving)
    assert digest(os.path.join(disk.root, "film.mkv")) == digest(alice.files / "film.mkv")


def test_a_full_disk_goes_on_when_there_is_room_again(friends):
    alice, bob = friends
    disk = SmallDisk(bob.files / "disk", "size=8m")
    write_random(alice.files / "film.mkv", 20 * MiB)
    receiving = bob.start("receive", "--dir", disk.folder, "--yes", "--once", launcher=disk.launcher)
    alice.sends("film.mkv", to=bob).ends()
    trouble_of(receiving)
    disk.remount("size=64m")
    receiving = bob.start("receive", "--dir", disk.folder, "--yes", "--once", launcher=disk.launcher)
    delivered(alice.sends("film.mkv", to=bob), receiving)
    assert digest(os.path.join(disk.root, "film.mkv")) == digest(alice.files / "film.mkv")


def assert_no_destination(alice, bob, folder, launcher=()):
    """Nothing can be received there: said at the start, or at the latest when there is something to receive."""
    (alice.files / "note").write_text("x")
    receiving = bob.start("receive", "--dir", folder, "--yes", "--once", launcher=launcher)
    sending = alice.sends("note", to=bob)
    error = trouble_of(receiving)
    assert error["code"] == "local-io" and folder.name in error["message"]
    assert not sending.find("done")


def test_a_destination_that_may_not_be_written(friends):
    alice, bob = friends
    (bob.files / "closed").mkdir(mode=0o555)
    assert_no_destination(alice, bob, bob.files / "closed", launcher=AS_A_USER)


def test_a_destination_that_is_not_there(friends):
    alice, bob = friends
    assert_no_destination(alice, bob, bob.files / "nowhere")


def test_a_destination_that_is_a_file(friends):
    alice, bob = friends
    (bob.files / "occupied").touch()
    assert_no_destination(alice, bob, bob.files / "occupied")


def test_a_source_that_may_not_be_read_is_named_before_anything_is_sent(friends):
    alice, bob = friends
    (alice.files / "tree").mkdir()
    (alice.files / "tree" / "fine").write_text("x")
    (alice.files / "tree" / "secret").write_text("x")
    (alice.files / "tree" / "secret").chmod(0)
    sending = alice.sends("tree", to=bob, launcher=AS_A_USER)
    error = trouble_of(sending)
    assert error["code"] == "local-io" and "secret" in error["message"]
    assert not sending.find("offer")


def test_a_source_that_is_not_there(friends):
    alice, bob = friends
    sending = alice.sends("nowhere", to=bob)
    assert "nowhere" in trouble_of(sending)["message"]
    assert not sending.find("offer")


def shrink(path):
    os.truncate(path, 40 * MiB)


def grow(path):
    with open(path, "ab") as out:
        out.write(b"more")


def rewrite(path):
    overwrite(path, 60 * MiB, os.urandom(MiB))


def replace(path):
    path.with_suffix(".new").rename(path)


def remove(path):
    path.rename(path.with_suffix(".gone"))


@pytest.mark.parametrize("change", [shrink, grow, rewrite, replace, remove])
def test_a_file_that_does_not_hold_still_is_noticed_and_sent_as_it_is_the_next_time(friends, change):
    alice, bob = friends
    film = write_random(alice.files / "film.mkv", 64 * MiB)
    write_random(alice.files / "film.new", 64 * MiB, seed=2)
    receiving = bob.receives()
    sending = alice.sends("film.mkv", "--limit", "8M", to=bob)
    sending.progress_beyond(8 * MiB)
    change(film)
    error = trouble_of(sending)
    assert error["code"] in ("source-changed", "local-io") and "film.mkv" in error["message"]
    receiving.kill()
    assert not (bob.files / "film.mkv").exists(), "half a file never gets its name"
    if change is remove:
        film.with_suffix(".gone").rename(film)

    receiving = bob.receives()
    done, _ = delivered(alice.sends("film.mkv", to=bob), receiving)
    assert_same(film, bob.files / "film.mkv")
    if change is not replace:
        assert done["resumed_bytes"] >= 4 * MiB, "what was done is kept"


def test_a_destination_that_vanishes_is_an_error_and_no_crash(friends):
    alice, bob = friends
    target = bob.files / "target"
    target.mkdir()
    write_random(alice.files / "film.mkv", 64 * MiB)
    receiving = bob.start("receive", "--dir", target, "--yes", "--once")
    sending = alice.sends("film.mkv", "--limit", "8M", "--give-up", "5s", to=bob)
    sending.progress_beyond(8 * MiB)
    shutil.rmtree(target)
    trouble_of(receiving)
    assert sending.ends() != 0
