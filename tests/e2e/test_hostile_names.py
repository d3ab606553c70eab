"""Every name of hostile/names.txt, and trees with links that lead astray, said over the real protocol to the built receiver in each place
where a name occurs. Whatever is answered, nothing outside the destination changes, and no terminal is told to do something."""
import hashlib
import os
import stat
import sys
import unicodedata
from pathlib import Path

import pytest

from processes import Running, program
from world import environment

sys.path.insert(0, str(Path(__file__).parent / "hostile"))
import names  # noqa: E402

CORPUS = names.read()
LANDING = [each.name for each in CORPUS if each.verdict == "lands"]
OURS = [each.name for each in CORPUS if each.verdict == "ours"]
REFUSED = [each.name for each in CORPUS if each.verdict == "refused"]
PRECIOUS = ("x", "y", "precious.txt", ".bashrc", "authorized_keys", "outside")
# What of the corpus would be found elsewhere if it got out.
ELSEWHERE = [Path(path) for path in ("/x", "/tmp/x", "/tmp/pshare-was-here", "/etc/x", "/etc/cron.d/x", "/dev/shm/x", "/root/x")]


def file(name, parent=None, content=b"from far away"):
    return ("file", parent, name, content)


def folder(name, parent=None):
    return ("folder", parent, name, b"")


def link(name, target, parent=None):
    return ("link", parent, name, target)


def look(path):
    found = path.lstat()
    content = os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode), found.st_size if path.is_file() else 0, found.st_mtime_ns, content


class Place:
    """A destination deep in a folder of things that must not change, and a sender with a script."""

    def __init__(self, tmp_path, server, alice, bob):
        self.server, self.alice, self.bob = server, alice, bob
        self.around = tmp_path / "around"
        self.destination = self.around / "parent" / "destination"
        self.destination.mkdir(parents=True)
        self.way_out = self.around / "way-out"
        for at in (self.around, self.around / "parent", self.way_out, bob.home, bob.home / ".ssh", bob.files, alice.files):
            at.mkdir(exist_ok=True)
            for name in PRECIOUS:
                (at / name).write_text(f"precious {name} of {at}")
        self.elsewhere = [path.exists() for path in ELSEWHERE]
        self.before = self.snapshot()
        self.script = []
        self.sent = 0
        self.receiving = None

    def snapshot(self):
        """All that is the user's, beside the destination: kind, mode, size, time and content. In its own home the program keeps what it likes."""
        roots = (self.around, self.bob.files, self.alice.files, *(self.bob.home / name for name in (*PRECIOUS, ".ssh")))
        return {str(path): look(path) for root in roots for path in (root, *root.rglob("*"))
                if path != self.destination and self.destination not in path.parents}

    def receive(self, *options, destination=None, json=True, **how):
        self.receiving = self.bob.start("receive", "--dir", destination or self.destination, "--yes", *options, json=json, **how)
        self.receiving.says("Waiting for offers")
        return self.receiving

    def add(self, *entries, offered=(), text=None, claims=None, leave=False, number=None):
        say = self.script.append
        as_hex = lambda some: some.hex() or "-"  # noqa: E731
        if claims is not None:
            say(f"from {as_hex(claims)}")
        for each in offered:
            say(f"offered {as_hex(each)}")
        if text is not None:
            say(f"text {as_hex(text)}")
        for kind, parent, name, content in entries:
            say(f"entry {kind} {'-' if parent is None else parent} {as_hex(name)} {as_hex(content)}")
        if leave:
            say("leave")
        self.sent += 1
        say(f"send {self.sent if number is None else number}")

    def attack(self):
        """The answers to all that was added, one for each."""
        (self.around.parent / "script").write_text("\n".join(self.script) + "\n")
        with open(self.around.parent / "script") as script:
            sending = Running([program("hostile_sender"), str(self.alice.home), self.server.spec, self.bob.peer_id, "--script"], environment(), stdin=script)
            sending.ends()
        assert sending.process.returncode == 0, f"{sending.text[-2000:]} {sending.words} {self.receiving.story()}"
        answers = sending.text.splitlines()
        assert len(answers) == sum(line.startswith("send ") for line in self.script), sending.text[-2000:]
        self.script = []
        return answers

    def end(self):
        """The receiver has survived it all, and is ended now; nothing around has changed."""
        assert self.receiving.running(), self.receiving.story()
        self.receiving.terminate()
        self.nothing_has_changed()

    def nothing_has_changed(self):
        self.receiving.ends()
        assert self.snapshot() == self.before
        assert [path.exists() for path in ELSEWHERE] == self.elsewhere
        assert_harmless(bytes(self.receiving.out) + bytes(self.receiving.err))


def assert_harmless(output):
    """Nothing in it that a terminal would obey, and nothing that turns or hides the words around it."""
    text = output.decode()  # which is UTF-8 throughout
    bad = {f"U+{ord(c):04X}" for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(c) in
           ("RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI")}
    assert not bad, bad


def kept(destination):
    """What has arrived, unfinished transfers apart."""
    return {name for name in os.listdir(os.fsencode(destination)) if not name.startswith(b".pshare-partial-")}


@pytest.fixture
def place(tmp_path, server, friends):
    return Place(tmp_path, server, *friends)


# One server hears so many signals of one person only (docs/protocol.md), so each place where a name can stand gets a server of its own.
PLACES = {
    "a file": lambda name: (file(name),),
    "a file in a folder": lambda name: (folder(b"d"), file(name, 0)),
    "a folder": lambda name: (folder(name), file(b"x", 0)),
    "a link": lambda name: (folder(b"d"), link(name, b"x", 0)),
}


@pytest.mark.parametrize("stands_for", PLACES)
def test_what_is_no_name_is_refused_wherever_it_stands(place, stands_for):
    place.receive("--on-conflict", "overwrite")
    told = REFUSED + (OURS if "in" not in stands_for and stands_for != "a link" else [])
    for name in told:
        place.add(*PLACES[stands_for](name), offered=[name[:255]])
    for name, answer in zip(told, place.attack()):
        assert answer.startswith("stopped: "), f"{name[:80]!r}: {answer}"
    assert kept(place.destination) == set()
    place.end()


@pytest.mark.parametrize("conflict", ["rename", "overwrite", "skip"])
def test_every_legal_name_lands_as_it_was_sent_and_nowhere_else(place, conflict):
    """The destination is itself a link, as a user may have one."""
    by_way_of = place.around.parent / "link-to-destination"
    by_way_of.symlink_to(place.destination)
    place.receive("--on-conflict", conflict, destination=by_way_of)
    place.add(*(file(name, content=name) for name in LANDING))
    place.add(folder(b"below"), *(file(name, 0, content=name) for name in LANDING + OURS))
    place.add(folder(b"folders"), *(folder(name, 0) for name in LANDING + OURS), *(file(b"x", number) for number in range(1, 1 + len(LANDING + OURS))))
    place.add(folder(b"links"), *(link(name, name, 0) for name in LANDING + OURS))
    assert place.attack() == ["verified"] * 4
    root = os.fsencode(place.destination)
    below = set(LANDING + OURS)
    assert kept(place.destination) == set(LANDING) | {b"below", b"folders", b"links"}
    assert set(os.listdir(root + b"/below")) == set(os.listdir(root + b"/folders")) == set(os.listdir(root + b"/links")) == below
    for at, every in ((root, LANDING), (root + b"/below", below)):
        for name in every:
            with open(at + b"/" + name, "rb") as arrived:
                assert arrived.read() == name
    assert all(os.readlink(root + b"/links/" + name) == name for name in below)
    assert all(os.listdir(root + b"/folders/" + name) == [b"x"] for name in below)
    place.end()


@pytest.mark.parametrize("json", [True, False], ids=["json", "words"])
def test_names_that_are_only_shown_obey_nobody(place, json):
    """In the offer, as the sender's own name, as a text, and in what is said at the end."""
    place.receive(json=json)
    showable = [name for name in LANDING + OURS + [name for name in REFUSED if len(name) <= 255]]
    for at in range(0, len(showable), 8):
        some = showable[at:at + 8]
        place.add(file(b"file %d" % at), offered=some, claims=some[0][:64])
    for at in range(0, len(showable), 100):
        place.add(text=b" ".join(showable[at:at + 100])[:16000])
    place.add(*(file(name) for name in LANDING[:200]))
    place.add(*(file(name) for name in LANDING[:200]))   # all of them are there already, which is told
    answers = place.attack()
    assert set(answers) == {"verified", "shown"}
    place.end()


@pytest.mark.parametrize("conflict", ["rename", "overwrite", "skip"])
def test_what_the_user_has_there_leads_nobody_out(place, conflict):
    """Links that the user once put into the destination, to a folder, to a file and to nothing, and a file that means something."""
    for name, target in (("folder", "../../way-out"), ("file", "../../way-out/precious.txt"), ("nothing", "../../way-out/new"), ("here", "/proc/self/cwd")):
        (place.destination / name).symlink_to(target)
    (place.destination / ".bashrc").write_text("mine")
    (place.destination / "tree").mkdir()
    (place.destination / "tree" / "sub").symlink_to("../../../way-out")
    place.receive("--on-conflict", conflict)
    for name in (b"folder", b"file", b"nothing", b"here"):
        place.add(folder(name), file(b"x", 0), file(b"precious.txt", 0))
    place.add(folder(b"tree"), folder(b"sub", 0), file(b"x", 1))
    place.add(file(b".bashrc"))
    assert place.attack() == ["verified"] * 6
    replaced = conflict == "overwrite"
    for name in ("folder", "file", "nothing", "here"):
        assert (place.destination / name).is_symlink() != replaced
        assert (place.destination / f"{name} (1)").is_dir() == (conflict == "rename")
    assert (place.destination / "tree" / "sub").is_symlink() != replaced
    assert (place.destination / ".bashrc").read_text() == ("from far away" if replaced else "mine")
    # The same with files, and this time over what the first round has left.
    for name in ("folder", "file", "nothing", "here"):
        place.add(file(name.encode()))
        place.add(file(f"{name} (1)".encode()))
    assert place.attack() == ["verified"] * 8
    place.end()


ASTRAY = {
    "to the folder above": [folder(b"d"), link(b"l", b"..", 0)],
    "to a neighbour": [folder(b"d"), link(b"l", b"../precious.txt", 0)],
    "far up": [folder(b"d"), link(b"l", b"../../../../../../../../etc/passwd", 0)],
    "out and in again": [folder(b"d"), link(b"l", b"../d/x", 0)],
    "down first": [folder(b"d"), link(b"l", b"x/../../../y", 0)],
    "up behind a name": [folder(b"d"), folder(b"e", 0), link(b"l", b"x/..", 1)],
    "up behind nothing": [folder(b"d"), link(b"l", b".//..//..", 0)],
    "to the root": [folder(b"d"), link(b"l", b"/", 0)],
    "to a file by its whole path": [folder(b"d"), link(b"l", b"/etc/passwd", 0)],
    "to /proc/self/cwd": [folder(b"d"), link(b"l", b"/proc/self/cwd", 0)],
    "to /proc/self/root": [folder(b"d"), link(b"l", b"/proc/self/root/tmp", 0)],
    "to /dev/fd/3": [folder(b"d"), link(b"l", b"/dev/fd/3", 0)],
    "with two slashes": [folder(b"d"), link(b"l", b"//etc", 0)],
    "to nothing": [folder(b"d"), link(b"l", b"", 0)],
    "with a NUL": [folder(b"d"), link(b"l", b"x\0/../..", 0)],
    "longer than any path": [folder(b"d"), link(b"l", b"x" * 4096, 0)],
    "at the top": [link(b"l", b"..")],
    "at the top, to itself": [link(b"l", b".")],
    "at the top, to a neighbour": [link(b"l", b"x")],
    "at the top, to the root": [link(b"l", b"/")],
    "at the top, with a file below": [link(b"l", b".."), file(b"outside", 0)],
    "a file below a link": [folder(b"d"), link(b"l", b"e", 0), file(b"x", 1)],
    "a folder below a link": [folder(b"d"), link(b"l", b"e", 0), folder(b"f", 1), file(b"x", 2)],
    "a link below a link": [folder(b"d"), link(b"l", b"e", 0), link(b"m", b"x", 1)],
    "a link, then a folder of its name": [folder(b"d"), link(b"l", b"e", 0), folder(b"l", 0), file(b"x", 2)],
    "a folder, then a link of its name": [folder(b"d"), folder(b"l", 0), link(b"l", b"e", 0), file(b"x", 1)],
    "a link, then a file of its name": [folder(b"d"), link(b"l", b"e", 0), file(b"l", 0)],
    "a file below a file": [file(b"f"), file(b"x", 0)],
    "a chain, the last one out": [folder(b"d"), link(b"a", b"b", 0), link(b"b", b"c", 0), link(b"c", b"..", 0)],
    "a chain over folders": [folder(b"d"), folder(b"e", 0), link(b"up", b"..", 1), link(b"out", b"e/up/..", 0)],
    "a chain that climbs by links": [folder(b"d"), folder(b"e", 0), link(b"up", b"..", 1), link(b"out", b"up/../..", 1)],
    "some steps as folders": [folder(b".ssh"), folder(b"..", 0), file(b"x", 1)],
    "some steps as dots": [folder(b"."), folder(b"..", 0), folder(b"..", 1), file(b"x", 2)],
}
HARMLESS = {
    "a path of its own": [folder(b".ssh"), file(b"authorized_keys", 0)],
    "deep": [folder(b"..."), folder(b"...", 0), folder(b"..\\", 1), file(b"x", 2)],
    "beside": [folder(b"links"), link(b"l", b"x", 0), file(b"x", 0)],
    "to each other": [folder(b"circle"), link(b"a", b"b", 0), link(b"b", b"a", 0)],
    "to itself": [folder(b"self"), link(b"l", b"l", 0)],
    "to where nothing is": [folder(b"dangling"), link(b"l", b"nowhere/at/all", 0)],
    "up, but not out": [folder(b"up"), folder(b"e", 0), link(b"l", b"../x", 1), link(b"m", b"..", 1), file(b"x", 0)],
    "with odd names": [folder(b"odd"), link(b"l", b"..\\..\\x", 0), link(b"m", b"C:\\x", 0), link(b"n", b"\x1b[2J", 0)],
}


def test_links_that_lead_astray_are_refused_and_others_are_kept(place):
    place.receive("--on-conflict", "overwrite")
    for entries in (*ASTRAY.values(), *HARMLESS.values()):
        place.add(*entries)
    answers = place.attack()
    for (what, _), answer in zip(ASTRAY.items(), answers):
        assert answer.startswith("stopped: "), f"{what}: {answer}"
    assert answers[len(ASTRAY):] == ["verified"] * len(HARMLESS)
    assert kept(place.destination) == {entries[0][2] for entries in HARMLESS.values()}
    assert os.readlink(place.destination / "up" / "e" / "m") == ".."
    place.end()


def test_a_transfer_that_comes_back_as_something_else_gets_nowhere(place):
    """Broken off and taken up again under the same number, with a link where a folder was and the other way round."""
    inside = [folder(b"t"), folder(b"e", 0), file(b"x", 1)]
    linked = [folder(b"t"), link(b"e", b"f", 0), file(b"f", 0)]
    flat = [folder(b"t"), file(b"e", 0)]
    place.receive()
    for number, (first, second) in enumerate([(inside, linked), (linked, inside), (linked, flat), (flat, linked), (inside, ASTRAY["to the folder above"])]):
        place.add(*first, leave=True, number=1000 + number)
        place.add(*second, number=1000 + number)
    answers = place.attack()
    assert answers[::2] == ["left"] * 5
    assert answers[1:8:2] == ["verified"] * 4 and answers[9].startswith("stopped: "), answers
    assert kept(place.destination) == {b"t", b"t (1)", b"t (2)", b"t (3)"}
    assert (place.destination / "t" / "e").is_symlink() and (place.destination / "t (1)" / "e" / "x").read_text() == "from far away"
    place.end()


def test_standard_output_needs_no_name_and_takes_no_bad_one(place):
    for at, name in enumerate((b"../x", b"/tmp/pshare-was-here", b"x\0", b"..", b"", b"\x1b[2J\x1b]0;x\x07")):
        with open(place.around.parent / f"taken {at}", "wb") as taken:
            place.receive("--stdout", json=False, stdout=taken)
            place.add(file(name), offered=[name])
            answer, = place.attack()
            place.nothing_has_changed()   # it ends by itself after one transfer
        good = at == 5
        assert answer == "verified" if good else answer.startswith("stopped: "), f"{name!r}: {answer}"
        assert (place.around.parent / f"taken {at}").read_bytes() == (b"from far away" if good else b"")
    assert kept(place.destination) == set()
