"""Tab in real shells: what is offered, and what the line becomes."""
import re
import subprocess

import pytest

from programs import BIN, environment, run, verbs_of
from shells import Bash, Fish, Zsh


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Somebody who knows alice and bob, in a folder with files."""
    folder = tmp_path_factory.mktemp("world")
    home, files = folder / "home", folder / "files"
    config = home / ".config" / "pshare"
    for name in ("alice", "bob"):
        theirs = folder / name
        theirs.mkdir()
        peer_id = re.search(r'"peer_id":"([^"]+)"', run("pshare", "id", "--json", home=theirs)).group(1)
        config.parent.mkdir(parents=True, exist_ok=True)
        run("pshare", "--quiet", "contacts", "add", name, peer_id, home=home)
    (config / "servers").write_text(f"example.org:4700 {peer_id}\n")
    (files / "my photos").mkdir(parents=True)
    (files / "my photos" / "one.jpg").touch()
    (files / "mine.txt").touch()
    return home, files


@pytest.fixture(scope="module", params=[Bash, Zsh, Fish], ids=["bash", "zsh", "fish"])
def shell(request, world):
    shell = request.param(*world)
    yield shell
    shell.end()


def test_all_verbs_are_offered(shell):
    assert sorted(shell.offered("pshare ")) == sorted(verbs_of("pshare"))
    assert sorted(shell.offered("pshare contacts ")) == sorted(verbs_of("pshare", "contacts"))


def test_contacts_are_offered_where_people_are_meant(shell):
    for typed in ("pshare send film.mkv --to ", "pshare receive --from ", "pshare doctor --with ", "pshare contacts verify ", "pshare --json contacts remove "):
        assert sorted(shell.offered(typed)) == ["alice", "bob"], typed


def test_options_and_their_values_are_offered(shell):
    offered = shell.offered("pshare receive --")
    assert {"--dir", "--yes", "--json", "--on-conflict"} <= set(offered) and "--to" not in offered
    assert sorted(shell.offered("pshare id --transport ")) == ["any", "tcp", "udp"]
    assert sorted(shell.offered("pshare receive --on-conflict ")) == ["overwrite", "rename", "skip"]
    assert shell.line("pshare id --tiers direct,pu\t").strip() == "pshare id --tiers direct,punched"


def test_what_is_unique_is_ended_and_what_is_not_goes_as_far_as_it_can(shell):
    assert shell.line("pshare rec\t") == "pshare recei"   # receive, receipts
    assert shell.line("pshare recei\tv\t") == "pshare receive "
    assert shell.line("pshare send --to al\t") == "pshare send --to alice "
    assert shell.line("pshare send --to=al\t") == "pshare send --to=alice "
    assert shell.line("pshare help receiv\t") == "pshare help receive "


def test_words_of_codes_are_completed(shell):
    assert shell.line("pshare receive 4821-walnu\t") == "pshare receive 4821-walnut-"
    assert shell.line("pshare pair 4821-comet-walnu\t").rstrip() == "pshare pair 4821-comet-walnut"
    offered = shell.offered("pshare receive 4821-comet-or")
    assert offered and all(word.startswith("4821-comet-or") for word in offered)


def test_servers_are_completed_with_their_colons(shell):
    assert shell.line("pshare peers --server exam\t") == "pshare peers --server example.org:4700 "
    assert shell.line("pshare peers --server=example.org:4\t") == "pshare peers --server=example.org:4700 "


def test_a_word_with_an_at_sign_is_one(shell):
    assert shell.line("pshare --proxy http://u:p@h peers --ser\t") == "pshare --proxy http://u:p@h peers --server "
    assert shell.line("pshare --proxy http://u:p@h send --to al\t") == "pshare --proxy http://u:p@h send --to alice "


def test_files_are_completed_where_files_are_meant_with_their_spaces(shell):
    assert shell.line("pshare send mine\t") == "pshare send mine.txt "
    assert shell.line("pshare send my\\ ph\t") == "pshare send my\\ photos/"
    assert shell.line("pshare send my\\ photos/on\t") == "pshare send my\\ photos/one.jpg "


def test_only_folders_are_completed_where_a_folder_is_meant(shell):
    assert shell.line("pshare receive --dir m\t") == "pshare receive --dir my\\ photos/"
    assert shell.line("pshare receive --dir=m\t") == "pshare receive --dir=my\\ photos/"
    assert shell.line("pshare receive --dir min\t") == "pshare receive --dir min"


def test_another_home_has_other_people(shell, world):
    home, _ = world
    assert shell.offered(f"pshare --home {home}/nowhere send --to ") == []
    assert sorted(shell.offered("pshare --home ~/.config/pshare send --to ")) == ["alice", "bob"]
    assert not (home / "nowhere").exists()


def test_the_servers_options_are_completed(shell):
    assert shell.line("pshare-server --relay-q\t") == "pshare-server --relay-quota "
    assert shell.line("pshare-server --data my\\ ph\t") == "pshare-server --data my\\ photos/"


def test_the_answer_is_silent_about_trouble(tmp_path):
    """A home that is a mess, and lines that make no sense: nothing on standard error, and nothing is made."""
    home = tmp_path / "home"
    (home / ".config" / "pshare").mkdir(parents=True)
    (home / ".config" / "pshare" / "contacts").write_bytes(b"\xff\x00 what is this\n")
    for words in (b"send\0--to\0\0", b"", b"\0\0\0", b"fly\0--nonsense=\0", b"send", b"--home\0", b"receive\0" + b"9" * 100_000):
        answered = subprocess.run([BIN / "pshare", "__complete"], input=words, env=environment(home), capture_output=True, timeout=60)
        assert answered.returncode == 0 and answered.stderr == b"", words[:40]
        assert answered.stdout.split(b"\n")[0].split(b" ")[0] in (b"words", b"files", b"directories")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    subprocess.run([BIN / "pshare", "__complete"], input=b"send\0--to\0\0", env=environment(fresh), check=True, timeout=60)
    assert list(fresh.iterdir()) == []
