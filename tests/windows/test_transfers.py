"""What is installed on Windows, against pshare on this machine: both ways, by name and by code, over TCP and over QUIC, with names that Windows cannot hold."""
import os
import subprocess

import machine
import pytest
from people import WindowsPeer, WindowsServer
from trees import digest, write_random
from world import MiB, Peer, delivered

# How a name is written on Windows (transfer/platform_name.hpp): a byte that cannot stay is one character, U+F000 and the byte.
MAPPED = {
    "plain.txt": "plain.txt",
    "Ω文件 é.txt": "Ω文件 é.txt",
    "😀": "😀",
    "CON": "\uf043ON",
    "aux.c": "\uf061ux.c",
    "a:b": "a\uf03ab",
    "what?": "what\uf03f",
    "star*": "star\uf02a",
    "back\\slash": "back\uf05cslash",
    "line\nbreak": "line\uf00abreak",
    "dot.": "dot\uf02e",
    "space ": "space\uf020",
    "PROGRA~1": "PROGRA\uf07e1",
    "n" * 250: "n" * 250,
}
# One of the two has to give way, and it is not said which.
DIFFER_IN_CASE = ["readme", "README"]


def contents(root):
    """Every file below `root` by its path: names and what is in them are what Linux and Windows both know."""
    return {os.path.relpath(os.path.join(folder, name), root): digest(os.path.join(folder, name)) for folder, _, files in os.walk(root) for name in files}


def make_tree(root):
    for folder in ("inner", "Ünder"):
        (root / folder).mkdir(parents=True)
    for number, name in enumerate([*MAPPED, *DIFFER_IN_CASE]):
        write_random(root / "inner" / name, 1000 + number, seed=number)
    write_random(root / "Ünder" / "film.bin", 9 * MiB, seed=77)
    (root / "Ünder" / "empty").touch()
    return root


def by_name(sender, receiver, what, *options):
    receiving = receiver.receives(*options)
    sending = sender.sends(what, *options, to=receiver)
    return sending, receiving


def by_code(sender, receiver, what, *options):
    sending = sender.start("send", what, *options)
    receiving = receiver.start("receive", sending.event("code")["code"], "--dir", receiver.files, "--yes", *options)
    return sending, receiving


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize("meeting", [by_name, by_code])
@pytest.mark.parametrize("direction", ["to Windows", "from Windows"])
def test_files_arrive_whole(friends, direction, meeting, transport):
    linus, wilma = friends
    sender, receiver = (linus, wilma) if direction == "to Windows" else (wilma, linus)
    write_random(sender.files / "film.bin", 20 * MiB + 17)
    sending, receiving = meeting(sender, receiver, "film.bin", "--transport", transport)
    done, received = delivered(sending, receiving)
    assert digest(receiver.files / "film.bin") == digest(sender.files / "film.bin")
    assert (done["tier"], sending.event("path")["transport"]) == ("direct", transport)
    assert received["bytes"] == 20 * MiB + 17


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_names_that_windows_cannot_hold_are_written_as_it_can_and_come_back_as_they_were(friends, tmp_path, server, transport):
    linus, wilma = friends
    tree = make_tree(linus.files / "tree")
    delivered(*by_name(linus, wilma, "tree", "--transport", transport))

    written = sorted(os.listdir(wilma.files / "tree" / "inner"))
    assert set(MAPPED.values()) < set(written) and len(written) == len(MAPPED) + len(DIFFER_IN_CASE)
    assert len({name.casefold() for name in written}) == len(written)

    other = Peer(tmp_path, "lotte", server)
    other.knows(wilma), wilma.knows(other)
    delivered(*by_name(wilma, other, "tree", "--transport", transport))
    assert contents(other.files / "tree") == contents(tree)


def test_what_windows_calls_something_arrives_under_that_name(friends):
    linus, wilma = friends
    texts = wilma.files / "texts"
    texts.mkdir()
    for name in ("Ω文件 é.txt", "😀", "Straße", "two  spaces"):
        write_random(texts / name, 100, seed=len(name))
    delivered(*by_name(wilma, linus, "texts"))
    assert contents(linus.files / "texts") == contents(wilma.files / "texts")


def test_what_was_interrupted_goes_on(friends):
    linus, wilma = friends
    write_random(linus.files / "film.bin", 64 * MiB)
    receiving = wilma.receives()
    sending = linus.sends("film.bin", "--limit", "16M", to=wilma)
    receiving.progress_beyond(8 * MiB)
    sending.kill()
    receiving.kill()
    machine.stop()  # Wine's loader was killed; what it had started goes with the rest

    done, received = delivered(*by_name(linus, wilma, "film.bin"))
    assert received["resumed_bytes"] > 0
    assert digest(wilma.files / "film.bin") == digest(linus.files / "film.bin")


def test_standard_streams_carry_bytes_as_they_are(friends):
    linus, wilma = friends
    sent = bytes(range(256)) * 5000 + b"line\r\nline\n\x1a"
    (wilma.files / "bytes").write_bytes(sent)
    with open(wilma.files / "bytes", "rb") as source, open(linus.files / "out", "wb") as sink:
        receiving = linus.start("receive", "--yes", "--once", "--stdout", json=False, stdout=sink)
        sending = wilma.start("send", "-", "--to", "linus", stdin=source)
        sending.ends(0), receiving.ends(0)
    assert (linus.files / "out").read_bytes() == sent

    with open(linus.files / "out", "rb") as source, open(wilma.files / "back", "wb") as sink:
        receiving = wilma.start("receive", "--yes", "--once", "--stdout", json=False, stdout=sink)
        sending = linus.start("send", "-", "--to", "wilma", stdin=source)
        sending.ends(0), receiving.ends(0)
    assert (wilma.files / "back").read_bytes() == sent


def test_two_on_windows_by_a_server_on_windows(drive):
    server = WindowsServer(drive / "server")
    anna, bernd = WindowsPeer(drive, "anna", server), WindowsPeer(drive, "bernd", server)
    anna.knows(bernd), bernd.knows(anna)
    write_random(anna.files / "film.bin", 5 * MiB)
    delivered(*by_name(anna, bernd, "film.bin"))
    assert digest(bernd.files / "film.bin") == digest(anna.files / "film.bin")


def test_a_server_on_windows_keeps_its_names_and_relays(tmp_path, drive):
    server = WindowsServer(drive / "server")
    linus, wilma = Peer(tmp_path, "linus", server), WindowsPeer(drive, "wilma", server)
    linus.knows(wilma), wilma.knows(linus)
    server.kill()
    machine.stop()
    server.start()
    write_random(linus.files / "film.bin", 5 * MiB)
    sending, receiving = by_name(linus, wilma, "film.bin", "--tiers", "relay")
    done, _ = delivered(sending, receiving)
    assert done["tier"] == "relay"
    assert digest(wilma.files / "film.bin") == digest(linus.files / "film.bin")


def test_wrong_use_and_unknown_peers_end_as_on_linux(friends):
    _, wilma = friends
    wilma.run("send", "nothing-there.bin", "--to", "linus", status=8)
    wilma.run("sned", status=2)
    wilma.run("send", wilma.home, "--to", "nobody-has-this-name", "--timeout", "5s", status=4)


def test_without_a_home_of_its_own_it_keeps_to_the_users_folder(server, drive):
    """%APPDATA%\\pshare."""
    said = subprocess.run([machine.WINE, r"C:\Program Files\pshare\pshare.exe", "--json", "init", "--name", "carl", "--server", server.spec],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=machine.PATIENCE,
                          env={key: value for key, value in os.environ.items() if not key.startswith("PSHARE_")})
    homes = list((machine.DRIVE / "users").glob("*/AppData/Roaming/pshare"))
    assert said.returncode == 0 and len(homes) == 1, said.stdout.decode()
    for path in sorted(homes[0].rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    homes[0].rmdir()
