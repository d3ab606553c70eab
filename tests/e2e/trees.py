"""Files and folders to send, and whether what arrived is the same: names, types, modes, times to the nanosecond, content, holes."""
import hashlib
import os
import random
import stat
from pathlib import Path

BLOCK = 1024 * 1024


def write_random(path, size, seed=1):
    """Bytes that do not compress, the same for the same seed."""
    stream = random.Random(seed)
    with open(path, "wb") as out:
        left = size
        while left > 0:
            out.write(stream.randbytes(min(BLOCK, left)))
            left -= BLOCK
    return path


def overwrite(path, offset, data):
    """Changes a file in place, as an editor of large files would."""
    with open(path, "r+b") as out:
        out.seek(offset)
        out.write(data)


def digest(path):
    found = hashlib.blake2b()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()


def _what_is_at(path):
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path))
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        return ("directory", oct(mode), status.st_mtime_ns)
    return ("file", oct(mode), status.st_mtime_ns, status.st_size, digest(path))


def picture(root):
    """Everything below (and with) `root`, by its path as bytes."""
    root = os.fsencode(root)
    found = {b"": _what_is_at(root)}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, root)] = _what_is_at(path)
    return found


def assert_same(sent, received):
    _assert_equal(picture(sent), picture(received))


def assert_same_inside(sender_folder, receiver_folder):
    """All that lies in these folders; the folders themselves did not travel."""
    before, after = picture(sender_folder), picture(receiver_folder)
    del before[b""], after[b""]
    _assert_equal(before, after)


def _assert_equal(before, after):
    """Names what differs, and how, without printing a tree of thousands."""
    missing, added = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    assert not missing and not added, f"missing {missing[:5]}, added {added[:5]}"
    different = [(name, before[name], after[name]) for name in before if before[name] != after[name]]
    assert not different, f"{len(different)} differ, first {different[:3]}"


def leftovers(folder):
    """What a transfer that came to its end must not leave behind."""
    return [entry.name for entry in Path(folder).iterdir() if entry.name.startswith(".pshare")]
