"""pshare.toml says what the command line does not, and what is wrong with it is said with its line; `pshare config` shows what is in force; pshare-server has such a file as well."""
import os
import re
import subprocess
from pathlib import Path

import pytest

from processes import Running, program
from trees import assert_same_inside, write_random
from world import MiB, Peer, Server, delivered, environment


def write_settings(peer, text):
    """Behind what `init` has written."""
    file = peer.home / "pshare.toml"
    kept = file.read_text() if file.exists() else ""
    file.write_text(kept + text)
    return len(kept.splitlines())


def in_force(peer, *more, **how):
    return {event["key"]: (event["value"], event["source"]) for event in peer.run(*more, "config", **how).events if event["event"] == "setting"}


@pytest.fixture
def nobody(tmp_path):
    nobody = Peer(tmp_path, "nobody")
    nobody.home.mkdir()
    return nobody


def test_what_stands_in_the_file_is_done(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", MiB)
    (alice.files / "film.o").write_text("left out")
    write_settings(alice, '\n[send]\nexclude = ["*.o"]\n')
    inbox = bob.home / "in"
    inbox.mkdir()
    write_settings(bob, '\n[receive]\ndir = "~/in"\nyes = true\nonce = true\nfrom = ["alice"]\n')
    receiving = bob.start("receive")
    delivered(alice.sends("film.mkv", "film.o", "--limit", "100M", to=bob), receiving)
    assert [path.name for path in inbox.iterdir()] == ["film.mkv"]
    assert not list(bob.files.iterdir())


def test_the_command_line_is_stronger_than_the_file(friends, tmp_path):
    alice, bob = friends
    write_random(alice.files / "film.mkv", 1000)
    write_settings(alice, 'tiers = "relay"\n')
    write_settings(bob, f'[receive]\ndir = "{tmp_path}"\nyes = true\n')
    receiving = bob.receives()
    done, _ = delivered(alice.sends("film.mkv", "--tiers", "direct", to=bob), receiving)
    assert done["tier"] == "direct"
    assert_same_inside(alice.files, bob.files)


def test_a_wrong_line_ends_every_verb_with_2_and_its_place(strangers):
    alice, _ = strangers
    before = write_settings(alice, '\n[send]\nlimit = "2X"\n')
    for verb in (["id"], ["peers"], ["send", "x", "--to", "bob"], ["init"]):
        refused = alice.run(*verb, json=False, status=2)
        assert f"pshare.toml:{before + 3}:9: [send] limit: \"2X\" is not a rate" in refused.words
        assert "pshare config --sample" in refused.words and refused.out == b""
        told = alice.run(*verb, status=2).event("error")
        assert f"pshare.toml:{before + 3}:9: " in told["message"] and "pshare config --sample" in told["hint"]
    alice.run("--version", json=False)
    alice.run("send", "--help", json=False)


def test_a_file_that_cannot_be_read_is_told_to_programs_as_well(nobody):
    (nobody.home / "pshare.toml").mkdir()
    for arguments in (["id"], ["config"]):
        told = nobody.run(*arguments, status=8).event("error")
        assert "pshare.toml" in told["message"] and "may this user read it" in told["hint"]


def test_an_unknown_key_is_refused_with_the_nearest_one(nobody):
    write_settings(nobody, "[receive]\non-conflit = \"skip\"\n")
    assert "Perhaps you mean on-conflict." in nobody.run("id", json=False, status=2).words
    assert not (nobody.home / "identity.key").exists()


def test_config_says_what_is_in_force_and_from_where(strangers, server):
    alice, _ = strangers
    before = write_settings(alice, 'timeout = "3m"\n\n[send]\nlanes = 4\n')
    settings = in_force(alice, "--port", "4711")
    assert settings["name"][0] == "alice" and re.fullmatch(r"pshare\.toml:[12]", settings["name"][1])
    assert settings["server"] == ([server.address], settings["server"][1])
    assert settings["timeout"] == ("3m", f"pshare.toml:{before + 1}")
    assert settings["send.lanes"] == (4, f"pshare.toml:{before + 4}")
    assert settings["port"][1] == "command line"
    assert settings["receive.yes"] == (False, "default")
    assert settings["send.limit"] == (None, "default")
    assert settings["home"] == (str(alice.home), "PSHARE_HOME")
    assert in_force(alice, env={"PSHARE_SERVER": "elsewhere.example"})["server"] == (["elsewhere.example"], "PSHARE_SERVER")
    table = alice.run("config", json=False)
    assert re.search(rf"^send\.lanes +4 +pshare\.toml:{before + 4}$", table.text, re.M)


def test_config_makes_nothing_and_needs_nothing(tmp_path):
    ghost = Peer(tmp_path, "ghost")
    assert ghost.run("config", "--path", json=False).text == f"{ghost.home}/pshare.toml\n"
    assert in_force(ghost)["server"] == (None, "default")
    ghost.run("config", "check")
    assert not ghost.home.exists()


def test_config_check_names_all_that_is_wrong(nobody):
    write_settings(nobody, 'timeout = "soon"\nnonsense = 1\n[send]\nlanes = "four"\n')
    checked = nobody.run("config", "check", json=False, status=2)
    assert [re.match(r".*pshare\.toml:(\d+:\d+): ", line).group(1) for line in checked.text.splitlines()] == ["1:11", "2:1", "4:9"]
    faults = [event for event in nobody.run("config", "check", status=2).events if event["event"] == "fault"]
    assert [(fault["line"], fault["column"]) for fault in faults] == [(1, 11), (2, 1), (4, 9)]
    assert nobody.run("config", json=False, status=2).out == b""
    (nobody.home / "pshare.toml").write_text('timeout = "1m"\n')
    nobody.run("config", "check")


def test_the_sample_is_a_file_of_its_own_that_init_fills_in(tmp_path, server):
    carol = Peer(tmp_path, "carol")
    carol.home.mkdir()
    sample = carol.run("config", "--sample", json=False).text
    assert "#lanes = 1\n" in sample and "[supernode]\n" in sample
    (carol.home / "pshare.toml").write_text(sample)
    carol.run("config", "check")
    carol.init(server.spec)
    written = (carol.home / "pshare.toml").read_text()
    added = [line for line in written.splitlines() if line not in sample.splitlines()]
    assert added == ['name = "carol"', f'server = "{server.address}"']
    assert [line for line in written.splitlines() if line not in added] == sample.splitlines()
    assert written.index('name = "carol"') > written.index("#name = ")


def test_the_example_of_the_help_puts_the_sample_behind_what_init_has_written(strangers):
    alice, _ = strangers
    written = (alice.home / "pshare.toml").read_text()
    told = alice.run("config", "--help", json=False).text
    example, = re.findall(r"^ +(pshare config --sample.*)$", told, re.M)
    subprocess.run(["sh", "-e", "-c", example], env=environment(PATH=f"{Path(program('pshare')).parent}:{os.environ['PATH']}", PSHARE_HOME=alice.home), check=True, timeout=60)
    text = (alice.home / "pshare.toml").read_text()
    assert text.startswith(written) and "#lanes = 1\n" in text
    alice.run("config", "check")
    assert in_force(alice)["name"][0] == "alice"
    alice.run("id")


def test_init_keeps_for_all_verbs_the_server_that_stands_for_it_alone(tmp_path, server):
    erin = Peer(tmp_path, "erin")
    erin.home.mkdir()
    write_settings(erin, f'[init]\nserver = "{server.spec}"\n')
    erin.run("init", "--name", "erin")
    assert (erin.home / "pshare.toml").read_text() == f'server = "{server.address}"\nname = "erin"\n[init]\nserver = "{server.spec}"\n'
    erin.run("peers")


def test_init_leaves_what_the_user_has_written(strangers, server):
    alice, _ = strangers
    file = alice.home / "pshare.toml"
    file.write_text(f'# mine\nname = "alice" # that is me\n\n[receive] # inbox\nyes = true\n')
    alice.run("init", "--server", server.spec)
    assert file.read_text() == f'# mine\nname = "alice" # that is me\nserver = "{server.address}"\n\n[receive] # inbox\nyes = true\n'
    file.write_text(file.read_text().replace(f'"{server.address}"', f'["{server.spec}"] # pinned'))
    written = file.read_text()
    alice.run("init", "--name", "alice")
    assert file.read_text() == written
    assert oct(file.stat().st_mode & 0o777) == oct(0o600)


def test_no_password_is_shown(nobody):
    write_settings(nobody, 'proxy = "http://ann:s3cret@proxy.example:3128"\n')
    for shown in (nobody.run("config", json=False), nobody.run("config")):
        assert "ann:***@proxy.example" in shown.text and "s3cret" not in shown.text + shown.words


def test_the_server_reads_its_file(tmp_path):
    config = tmp_path / "server.toml"
    config.write_text(f'data = "{tmp_path}/kept"\nno-relay = true\n')
    server = Server(tmp_path / "data", options=["--config", str(config)])
    dave = Peer(tmp_path, "dave", server)
    assert (tmp_path / "data" / "names.sqlite").exists(), "--data is stronger"
    assert dave.peer_id
    server.running.wait_until(lambda: "relay=no" in server.running.words, "that it carries nothing")
    server.stop()


@pytest.mark.parametrize(("text", "words"), [('max-clients = "9"\n', ":1:15: max-clients is a whole number"), ("\nrelay-rat = 1\n", ":2:1: "), ("[relay]\n", ":1:2: [relay] is no table")])
def test_a_server_does_not_start_with_a_file_that_it_does_not_understand(tmp_path, text, words):
    config = tmp_path / "server.toml"
    config.write_text(text)
    refused = Running([program("pshare-server"), "--data", str(tmp_path / "data"), "--config", str(config)], environment(HOME=tmp_path))
    refused.ends(2)
    assert f"{config}{words}" in refused.words
    assert not (tmp_path / "data").exists()


def test_a_server_shows_what_is_wrong_without_its_control_characters(tmp_path):
    config = tmp_path / "server.toml"
    config.write_text('"\\u001b[31mred" = 1\n')
    refused = Running([program("pshare-server"), "--data", str(tmp_path / "data"), "--config", str(config)], environment(HOME=tmp_path))
    refused.ends(2)
    assert "\\x1b[31mred" in refused.words and "\x1b" not in refused.words


def test_a_server_without_the_file_that_it_is_told_of_does_not_start(tmp_path):
    refused = Running([program("pshare-server"), "--data", str(tmp_path / "data"), "--config", str(tmp_path / "none.toml")], environment(HOME=tmp_path))
    refused.ends(8)
    assert "there is no such file" in refused.words
