"""What can be said on the command line does what it says, and what cannot be said ends with 2 and a word of advice."""
import pytest

from terminal import OnTerminal
from trees import assert_same, assert_same_inside, digest, write_random
from world import MiB, delivered


@pytest.fixture
def film(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", 20 * MiB + 17)
    return alice, bob


def test_limit_is_kept(film):
    alice, bob = film
    receiving = bob.receives()
    done, _ = delivered(alice.sends("film.mkv", "--limit", "10M", to=bob), receiving)
    assert done["seconds"] > 1.4


@pytest.mark.parametrize("options", [["--lanes", "4"], ["--lanes", "16", "--chunk", "64K"], ["--chunk", "4M"], ["--level", "none"],
                                     ["--level", "1"], ["--level", "19", "--lanes", "2"], ["--transport", "tcp"], ["--transport", "udp"],
                                     ["--transport", "udp", "--lanes", "4"], ["--tiers", "direct"], ["--tiers", "relay"]],
                         ids=" ".join)
def test_these_settings_change_nothing_in_what_arrives(film, options):
    alice, bob = film
    (alice.files / "text").write_bytes(b"compressible " * 30_000)
    receiving = bob.receives()
    delivered(alice.sends("film.mkv", "text", *options, to=bob), receiving)
    assert_same_inside(alice.files, bob.files)


@pytest.mark.parametrize(("ours", "theirs"), [
    (["--tiers", "mapped,punched"], []), (["--tiers", "punched"], []), ([], ["--tiers", "mapped,punched"]), ([], ["--tiers", "punched"]),
    (["--tiers", "punched"], ["--tiers", "punched"]), (["--transport", "udp"], ["--transport", "tcp"]), (["--transport", "tcp"], ["--transport", "udp"]),
    (["--transport", "udp", "--no-tiers", "direct"], []), ([], ["--transport", "udp", "--no-tiers", "direct"]), (["--tiers", "relay"], ["--no-tiers", "relay"]),
], ids=lambda options: " ".join(options) or "any")
def test_without_any_way_to_the_peer_both_say_so(film, ours, theirs):
    alice, bob = film
    receiving = bob.receives("--timeout", "30s", *theirs)
    receiving.says("aiting")   # what is short is the time for the answer and for the search alone
    sending = alice.sends("film.mkv", "--timeout", "5s", *ours, to=bob)
    sending.ends(5)
    receiving.ends(5)
    for side in (sending, receiving):
        error = side.event("error")
        assert error["code"] == "no-path" and error["hint"]
        assert not side.find("path") and not side.find("attempt", outcome="connected")


def test_exclude_leaves_out_what_matches(friends):
    alice, bob = friends
    for path in ("tree/keep.txt", "tree/drop.o", "tree/.git/config", "tree/sub/drop.o", "tree/sub/keep", "tree/build/x/y"):
        (alice.files / path).parent.mkdir(parents=True, exist_ok=True)
        (alice.files / path).write_text(path)
    receiving = bob.receives()
    delivered(alice.sends("tree", "--exclude", "*.o", "--exclude", ".git", "--exclude", "build/x", to=bob), receiving)
    arrived = sorted(str(path.relative_to(bob.files)) for path in bob.files.rglob("*") if path.is_file())
    assert arrived == ["tree/keep.txt", "tree/sub/keep"]


def test_on_conflict_rename_is_the_default_and_never_overwrites(film):
    alice, bob = film
    (bob.files / "film.mkv").write_text("mine")
    (bob.files / "film (1).mkv").write_text("mine, too")
    receiving = bob.receives()
    delivered(alice.sends("film.mkv", to=bob), receiving)
    assert (bob.files / "film.mkv").read_text() == "mine"
    assert (bob.files / "film (1).mkv").read_text() == "mine, too"
    assert_same(alice.files / "film.mkv", bob.files / "film (2).mkv")


def test_on_conflict_overwrite_replaces(film):
    alice, bob = film
    (bob.files / "film.mkv").write_text("old")
    receiving = bob.receives("--on-conflict", "overwrite")
    delivered(alice.sends("film.mkv", to=bob), receiving)
    assert_same_inside(alice.files, bob.files)


def test_on_conflict_skip_keeps_what_is_there(film):
    alice, bob = film
    (alice.files / "new.txt").write_text("new")
    (bob.files / "film.mkv").write_text("mine")
    receiving = bob.receives("--on-conflict", "skip")
    delivered(alice.sends("film.mkv", "new.txt", to=bob), receiving)
    assert (bob.files / "film.mkv").read_text() == "mine"
    assert (bob.files / "new.txt").read_text() == "new"
    assert len(list(bob.files.iterdir())) == 2


@pytest.mark.parametrize("arguments", [
    [], ["sned", "x"], ["send"], ["send", "film.mkv", "--code-words", "1"], ["receive", "4821-comte-walnut"], ["send", "-", "film.mkv", "--to", "bob"], ["send", "film.mkv", "--text", "x", "--to", "bob"],
    ["send", "film.mkv", "--to", "bob", "--lanes", "0"], ["send", "film.mkv", "--to", "bob", "--lanes", "17"],
    ["send", "film.mkv", "--to", "bob", "--limit", "fast"], ["send", "film.mkv", "--to", "bob", "--limit", "0"],
    ["send", "film.mkv", "--to", "bob", "--chunk", "1K"], ["send", "film.mkv", "--to", "bob", "--chunk", "5M"],
    ["send", "film.mkv", "--to", "bob", "--level", "20"], ["send", "film.mkv", "--to", "bob", "--timeout", "soon"],
    ["send", "film.mkv", "--to", "bob", "--tiers", "magic"], ["send", "film.mkv", "--to", "bob", "--no-tiers", "direct,mapped,punched,supernode,relay"],
    ["send", "film.mkv", "--to", "bob", "--tiers", "relay,supernode", "--transport", "udp"],
    ["send", "film.mkv", "--to", "bob", "--transport", "pigeon"], ["send", "film.mkv", "--to", "bob", "--server", "host:port"],
    ["receive", "--on-conflict", "explode"], ["receive", "--json", "--stdout"], ["receive", "--nonsense"],
    ["contacts", "add", "carol"], ["contacts", "add", "carol", "not-an-id"], ["init", "--name"], ["--port", "0", "id"],
], ids=lambda arguments: " ".join(arguments) or "nothing")
def test_wrong_usage_ends_with_2_and_advice(film, arguments):
    alice, _ = film
    refused = alice.run(*arguments, json=False, status=2)
    assert refused.words.startswith("pshare: ") and len(refused.words.strip().splitlines()) >= 2
    assert refused.out == b""


@pytest.mark.parametrize("arguments", [["--help"], ["send", "--help"], ["receive", "--help"], ["contacts", "--help"], ["--version"]], ids=" ".join)
def test_help_is_on_standard_output(friends, arguments):
    alice, _ = friends
    shown = alice.run(*arguments, json=False)
    assert "pshare" in shown.text and shown.err == b""


def test_without_any_server_it_says_how_to_get_one(tmp_path):
    from world import Peer
    nobody = Peer(tmp_path, "nobody")
    (nobody.files / "x").touch()
    refused = nobody.run("send", "x", "--to", "bob", status=2)
    assert "pshare init" in refused.words


def test_the_server_can_come_from_the_environment_or_an_option(tmp_path, server):
    from world import Peer
    carol = Peer(tmp_path, "carol")
    carol.run("peers", env={"PSHARE_SERVER": server.spec})
    carol.run("peers", "--server", server.spec)


def test_a_server_that_is_not_there_is_an_error_after_the_timeout(friends, server):
    alice, _ = friends
    (alice.files / "x").touch()
    server.stop()
    sending = alice.sends("x", "--timeout", "2s", to="bob")
    assert sending.ends() in (1, 4)
    assert server.address in sending.event("error")["message"] or "server" in sending.event("error")["message"]


def test_people_see_a_progress_bar_on_a_terminal_and_a_summary(film):
    alice, bob = film
    receiving = bob.receives(json=False)
    sending = OnTerminal(alice, "send", "film.mkv", "--to", "bob", "--limit", "8M", "--transport", "tcp")
    sending.says(" %")
    sending.says("direct tcp")
    sending.ends(0)
    receiving.ends(0)
    assert "Sent 1 file, 21 MB" in sending.text
    assert "Received 1 file, 21 MB" in receiving.words
    assert "\r" not in receiving.words, "no bar where there is no terminal"


def test_quiet_says_nothing_when_all_is_well(film):
    alice, bob = film
    receiving = bob.receives("-q", json=False)
    sending = alice.sends("film.mkv", "-q", to=bob, json=False)
    sending.ends(0)
    receiving.ends(0)
    assert sending.out + sending.err == b""
    assert digest(bob.files / "film.mkv") == digest(alice.files / "film.mkv")
