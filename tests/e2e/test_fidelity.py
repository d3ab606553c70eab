"""What arrives is what was sent: content, names, modes, times, links, holes."""
import os

from scale import LARGE_FILE, MANY_FILES
from trees import assert_same, assert_same_inside, leftovers, write_random
from world import MiB, delivered


def exchange(alice, bob, name, *more):
    """Sends one thing of alice's to bob; what arrived is the same, and nothing else is left. Gives alice's `done`."""
    receiving = bob.receives()
    sending = alice.sends(name, *more, to=bob)
    done, _ = delivered(sending, receiving)
    assert_same(os.path.join(os.fsencode(alice.files), os.fsencode(name)), os.path.join(os.fsencode(bob.files), os.fsencode(name)))
    assert leftovers(bob.files) == []
    return done


def test_a_large_random_file(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", LARGE_FILE)
    done = exchange(alice, bob, "film.mkv")
    assert done["bytes"] == LARGE_FILE and done["files"] == 1 and done["resumed_bytes"] == 0
    assert done["tier"] == "direct"
    assert LARGE_FILE <= done["wire_bytes"] < LARGE_FILE * 1.01


def test_a_tree_of_many_small_files(friends):
    alice, bob = friends
    for number in range(MANY_FILES):
        folder = alice.files / "tree" / f"{number % 40:02}"
        folder.mkdir(parents=True, exist_ok=True)
        write_random(folder / f"{number:05}", 4096, seed=number)
    done = exchange(alice, bob, "tree")
    assert done["files"] == MANY_FILES and done["bytes"] == MANY_FILES * 4096


AWKWARD = [
    b"with spaces ", b" in front", b"new\nline", "grüße-日本-😀".encode(), b"not \xff\xfe utf-8", b"-rf", b"--to", b".hidden", b"...", b"a\\b",
    b'"quoted"', b"'single'", b"$(reboot)", b"tab\there", b"\x1b[31mred\x1b[0m", b"\x07bell\r", b"CON", b"ends with dot.", b"*?[x]", b"\x01",
    b"n" * 255, "é".encode() * 127 + b"x", b"\xff" * 255,
]


def test_awkward_names_in_a_tree(friends):
    alice, bob = friends
    tree = os.path.join(os.fsencode(alice.files), b"tree")
    os.mkdir(tree)
    for name in AWKWARD:
        os.mkdir(os.path.join(tree, b"in " + name[:200]))
        for path in (os.path.join(tree, name), os.path.join(tree, b"in " + name[:200], name)):
            with open(path, "wb") as out:
                out.write(name)
    exchange(alice, bob, "tree")


def test_awkward_names_sent_one_by_one(friends):
    alice, bob = friends
    for name in AWKWARD:
        with open(os.path.join(os.fsencode(alice.files), name), "wb") as out:
            out.write(name)
    receiving = bob.receives(json=False)
    sending = alice.sends(*[os.path.join(os.fsencode(alice.files), name) for name in AWKWARD], to=bob)
    sending.ends(0)
    receiving.ends(0)
    assert_same_inside(alice.files, bob.files)
    for said in (receiving.err, sending.err):
        assert b"\x1b" not in said and b"\x07" not in said, "a name must not move the cursor or ring the bell"


def test_a_sparse_file_keeps_its_holes(friends):
    alice, bob = friends
    path = alice.files / "disk.img"
    with open(path, "wb") as out:
        out.truncate(256 * MiB)
        for offset in (0, 100 * MiB + 12345, 255 * MiB):
            out.seek(offset)
            out.write(os.urandom(100_000))
    done = exchange(alice, bob, "disk.img")
    assert (bob.files / "disk.img").stat().st_blocks * 512 < 32 * MiB, "the holes are holes again"
    assert done["wire_bytes"] < 16 * MiB, "holes do not travel"


def test_empty_files_and_directories(friends):
    alice, bob = friends
    (alice.files / "tree" / "empty" / "deeper").mkdir(parents=True)
    (alice.files / "tree" / "nothing").touch()
    exchange(alice, bob, "tree")


def test_an_empty_file_alone(friends):
    alice, bob = friends
    (alice.files / "nothing").touch()
    assert exchange(alice, bob, "nothing")["bytes"] == 0


def test_an_empty_directory_alone(friends):
    alice, bob = friends
    (alice.files / "nothing").mkdir()
    assert exchange(alice, bob, "nothing")["files"] == 0


def test_modes_and_times_to_the_nanosecond(friends):
    alice, bob = friends
    tree = alice.files / "tree"
    tree.mkdir()
    for mode in (0o400, 0o444, 0o600, 0o640, 0o755, 0o777):
        path = tree / oct(mode)
        path.write_bytes(b"x" * mode)
        path.chmod(mode)
        os.utime(path, ns=(0, 1_234_567_890_123_456_789 + mode))
    for when in (0, 1, 4_102_444_800_000_000_001):
        path = tree / f"time {when}"
        path.touch()
        os.utime(path, ns=(0, when))
    for mode in (0o500, 0o700, 0o755):
        folder = tree / f"folder {oct(mode)}"
        folder.mkdir()
        (folder / "file").write_text("inside")
        os.utime(folder, ns=(0, 987_654_321_987_654_321 + mode))
        folder.chmod(mode)
    os.utime(tree, ns=(0, 1_111_111_111_111_111_111))
    exchange(alice, bob, "tree")


def test_set_user_id_bits_do_not_travel(friends):
    alice, bob = friends
    path = alice.files / "tool"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o6755)
    delivered_by = bob.receives()
    delivered(alice.sends("tool", to=bob), delivered_by)
    assert oct((bob.files / "tool").stat().st_mode & 0o7777) == oct(0o755)


def test_links_that_stay_inside_are_kept_and_others_are_left_out(friends):
    alice, bob = friends
    tree = alice.files / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "file").write_text("here")
    (tree / "to file").symlink_to("file")
    (tree / "to folder").symlink_to("folder")
    (tree / "folder" / "up").symlink_to("../file")
    (tree / "dangling").symlink_to("not there")
    outside = [tree / "absolute", tree / "escaping", tree / "folder" / "sneaky"]
    for link, target in zip(outside, ("/etc/hostname", "../../elsewhere", "../../../elsewhere")):
        link.symlink_to(target)
    receiving = bob.receives()
    sending = alice.sends("tree", to=bob)
    delivered(sending, receiving)
    for link in outside:
        assert not os.path.lexists(bob.files / link.relative_to(alice.files))
        assert link.name in sending.words, "who sends is told what did not travel"
        link.unlink()
    os.utime(tree, ns=(0, 0)), os.utime(bob.files / "tree", ns=(0, 0))
    os.utime(tree / "folder", ns=(0, 0)), os.utime(bob.files / "tree" / "folder", ns=(0, 0))
    assert_same(tree, bob.files / "tree")


def test_a_link_that_is_named_itself_is_followed(friends):
    alice, bob = friends
    (alice.files / "real").write_text("content")
    (alice.files / "link").symlink_to("real")
    receiving = bob.receives()
    delivered(alice.sends("link", to=bob), receiving)
    assert (bob.files / "link").read_text() == "content"


def test_several_things_at_once(friends):
    alice, bob = friends
    write_random(alice.files / "one", 3 * MiB)
    (alice.files / "folder" / "deep").mkdir(parents=True)
    write_random(alice.files / "folder" / "deep" / "two", 1000)
    receiving = bob.receives()
    done, received = delivered(alice.sends("one", "folder", to=bob), receiving)
    assert done["files"] == received["files"] == 2
    assert_same_inside(alice.files, bob.files)


def test_a_deep_tree(friends):
    alice, bob = friends
    path = alice.files / "tree"
    for level in range(300):
        path = path / str(level % 10)
    path.mkdir(parents=True)
    (path / "bottom").write_text("here")
    exchange(alice, bob, "tree")


def test_what_compresses_travels_compressed(friends):
    alice, bob = friends
    (alice.files / "log.txt").write_bytes(b"the same line again and again\n" * 400_000)
    done = exchange(alice, bob, "log.txt", "--limit", "4M")
    assert done["wire_bytes"] < done["bytes"] / 4
