"""Who is who: keys, names, contacts, fingerprints; and that a wrong key is never given a byte."""
import re

import pytest

from terminal import OnTerminal
from trees import assert_same_inside, write_random
from world import Peer, Server, delivered

PEER_ID = re.compile(r"([A-Z2-7]{7}-){7}[A-Z2-7]{7}")


def assert_stopped(running, code="identity-mismatch"):
    running.ends(6)
    error = running.event("error")
    assert error["code"] == code and error["hint"]
    assert not running.find("offer") and not running.find("path")
    return error


def test_id_says_who_we_are(strangers):
    alice, _ = strangers
    identity = alice.run("id").event("identity")
    assert set(identity) == {"event", "name", "peer_id", "words"}
    assert identity["name"] == "alice" and identity["peer_id"] == alice.peer_id
    assert PEER_ID.fullmatch(identity["peer_id"])
    assert re.fullmatch(r"([a-z]+-){7}[a-z]+", identity["words"])


def test_an_identity_is_made_on_first_use_and_kept(tmp_path):
    alice = Peer(tmp_path, "alice")
    first = alice.run("id").event("identity")
    assert alice.run("id").event("identity") == first
    assert oct(alice.home.stat().st_mode & 0o777) == oct(0o700)
    assert all(oct(path.stat().st_mode & 0o777) == oct(0o600) for path in alice.home.glob("*key*"))


def test_init_again_keeps_the_identity(strangers, server):
    alice, _ = strangers
    before = alice.peer_id
    alice.init(server.spec)
    assert alice.peer_id == before


def test_a_name_belongs_to_the_first_key_even_after_the_server_was_killed(strangers, tmp_path, server):
    impostor = Peer(tmp_path / "elsewhere", "alice")
    for _ in range(2):
        refused = impostor.run("init", "--name", "alice", "--server", server.spec, status=1)
        assert "alice" in refused.event("error")["message"]
        server.kill()
        server.start()


def test_the_server_is_pinned_by_its_fingerprint(strangers, tmp_path, server):
    other = Server(tmp_path / "other server")
    carol = Peer(tmp_path, "carol")
    running = carol.start("init", "--name", "carol", "--server", f"{server.address}#{other.fingerprint}")
    assert_stopped(running)


def test_a_server_without_fingerprint_is_pinned_at_first_sight(tmp_path, server):
    carol = Peer(tmp_path, "carol")
    first = carol.run("init", "--name", "carol", "--server", server.address)
    assert server.fingerprint in first.words, "its key is shown"
    server.stop()
    (server.data / "server.key").unlink()
    server.start()
    assert_stopped(carol.start("init", "--name", "carol", "--server", server.address))


def test_a_contact_under_whom_the_directory_lists_another_key_is_not_sent_to(strangers, tmp_path, server):
    alice, bob = strangers
    mallory = Peer(tmp_path, "mallory", server)
    alice.run("contacts", "add", "bob", mallory.peer_id)
    write_random(alice.files / "note.txt", 100)
    bob.start("receive", "--yes")
    mallory.start("receive", "--yes")
    error = assert_stopped(alice.sends("note.txt", to=bob))
    assert mallory.peer_id in error["message"] and bob.peer_id in error["message"], "both keys are shown"
    assert mallory.words in error["message"] and bob.words in error["message"], "in words as well"
    assert "new machine" in error["hint"] and "posing" in error["hint"]


def test_a_contacts_key_is_not_replaced_in_passing(strangers, tmp_path, server):
    alice, bob = strangers
    mallory = Peer(tmp_path, "mallory", server)
    alice.knows(bob)
    refused = alice.start("contacts", "add", "bob", mallory.peer_id)
    assert refused.ends() == 6
    listed = alice.run("contacts", "list").event("contact")
    assert listed["name"] == "bob" and listed["peer_id"] == bob.peer_id


def test_a_name_new_to_us_needs_a_yes(strangers):
    alice, bob = strangers
    bob.knows(alice)
    write_random(alice.files / "note.txt", 100)
    receiving = bob.receives()
    error = assert_stopped(alice.sends("note.txt", to=bob), "untrusted")
    assert bob.words in error["message"], "the words to compare"

    done, _ = delivered(alice.sends("note.txt", "--trust-new", to=bob), receiving)
    assert done["bytes"] == 100
    assert alice.run("contacts").event("contact")["peer_id"] == bob.peer_id


def test_the_yes_can_be_given_at_the_terminal(strangers):
    alice, bob = strangers
    bob.knows(alice)
    write_random(alice.files / "note.txt", 100)
    receiving = bob.receives()
    sending = OnTerminal(alice, "send", "note.txt", "--to", "bob")
    sending.says(bob.words)
    sending.types("yes\n")
    sending.ends(0)
    receiving.ends(0)
    assert_same_inside(alice.files, bob.files)


def test_a_no_at_the_terminal_sends_nothing_and_pins_nothing(strangers):
    alice, bob = strangers
    write_random(alice.files / "note.txt", 100)
    sending = OnTerminal(alice, "send", "note.txt", "--to", "bob")
    sending.says(bob.words)
    sending.types("n\n")
    sending.ends(6)
    assert not alice.run("contacts").find("contact")


def test_a_peer_can_be_named_by_its_id(friends):
    alice, bob = friends
    write_random(alice.files / "note.txt", 100)
    receiving = bob.receives()
    delivered(alice.sends("note.txt", to=bob.peer_id), receiving)
    assert_same_inside(alice.files, bob.files)


def mistyped(peer_id):
    return ("A" if peer_id[0] != "A" else "B") + peer_id[1:]


def test_nobody_sends_to_themself(strangers):
    alice, _ = strangers
    for whom in ("alice", alice.peer_id):
        refused = alice.run("send", "--text", "hello", "--to", whom, "--trust-new", status=2)
        assert "this ID is your own" in refused.words
    assert not alice.run("contacts").find("contact")


def test_a_mistyped_id_is_refused(friends):
    alice, bob = friends
    write_random(alice.files / "note.txt", 100)
    assert "mistyped" in alice.run("contacts", "add", "carol", mistyped(bob.peer_id), status=2).words
    assert "mistyped" in alice.run("send", "note.txt", "--to", mistyped(bob.peer_id), status=2).words


def test_contacts_are_listed_verified_and_forgotten(friends):
    alice, bob = friends
    assert alice.run("contacts").event("contact") == {"event": "contact", "name": "bob", "peer_id": bob.peer_id, "words": bob.words, "verified": False, "rule": None}
    ours, theirs = alice.run("contacts", "verify", "bob"), bob.run("contacts", "verify", "alice")
    words = ours.event("contact")["compare"]
    assert re.fullmatch(r"([a-z]+-){7}[a-z]+", words) and words in ours.words
    assert theirs.event("contact")["compare"] == words, "the same on both machines"
    assert words not in (alice.words, bob.words)
    assert alice.run("contacts").event("contact")["verified"] is False, "nobody has compared them"
    alice.run("contacts", "remove", "bob")
    assert not alice.run("contacts").find("contact")
    alice.run("contacts", "remove", "bob", status=4)


def verifies(peer, contact, answer, status):
    verifying = OnTerminal(peer, "contacts", "verify", contact)
    verifying.says("[y/n]")
    verifying.types(answer + "\n")
    verifying.ends(status)
    return verifying


def test_a_contact_whose_words_were_compared_is_marked_until_its_key_changes(friends, tmp_path, server):
    alice, bob = friends
    verifies(alice, "bob", "yes", 0)
    assert alice.run("contacts").event("contact")["verified"] is True
    mallory = Peer(tmp_path, "mallory", server)
    refused = alice.run("contacts", "add", "bob", mallory.peer_id, status=6).event("error")
    assert bob.words in refused["message"] and mallory.words in refused["message"], "both keys in words"
    assert "seriously" in refused["hint"], "it had been verified"
    alice.run("contacts", "remove", "bob")
    alice.run("contacts", "add", "bob", mallory.peer_id)
    assert alice.run("contacts").event("contact")["verified"] is False


def test_words_that_differ_mark_nothing_and_say_what_that_may_mean(friends):
    alice, _ = friends
    verifying = verifies(alice, "bob", "no", 6)
    assert "in the middle" in " ".join(verifying.text.split())
    assert alice.run("contacts").event("contact")["verified"] is False


def test_peers_says_who_is_online(friends):
    alice, bob = friends
    assert alice.run("peers").event("peer", name="bob")["online"] is False
    bob.start("receive", "--yes").says("aiting")
    assert alice.run("peers").event("peer", name="bob")["online"] is True


@pytest.mark.parametrize("name", ["", ".x", "a b", "a/b", "x" * 65, "bücher"])
def test_names_have_rules(tmp_path, server, name):
    nobody = Peer(tmp_path, "nobody")
    assert "1 to 64 characters" in nobody.run("init", "--name", name, "--server", server.spec, status=2).words


def test_a_key_that_others_may_read_is_not_used(tmp_path):
    alice = Peer(tmp_path, "alice")
    alice.run("id")
    key, = alice.home.glob("*key*")
    key.chmod(0o644)
    refused = alice.start("id")
    assert refused.ends() != 0
    assert "chmod" in refused.words
