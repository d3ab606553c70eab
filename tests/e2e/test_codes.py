"""One-time codes: two who have nothing in common but a code come to each other; a guess burns it; and nobody sees it who should not."""
import json
import os
import re
import subprocess
import time

import pytest

from terminal import OnTerminal
from trees import assert_same, write_random
from world import Peer, environment

CODE = re.compile(r"\d{4,7}-[a-z]+-[a-z]+")


@pytest.fixture
def note(strangers):
    alice, bob = strangers
    write_random(alice.files / "note.bin", 300_000)
    return alice, bob


def shown(sending, number=0):
    """The code that it shows, or the one after it, ..."""
    return sending.wait_until(lambda: [e for e in sending.events if e["event"] == "code"][number:number + 1], "a code")[0]


def wrong(code):
    number, first, second = code.split("-")
    return f"{number}-{first}-{'acid' if second != 'acid' else 'acorn'}"


def by_code(peer, code, *more, **how):
    return peer.start("receive", code, "--dir", peer.files, "--yes", *more, **how)


def test_a_code_is_all_that_two_strangers_need(note):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    code = shown(sending)
    assert CODE.fullmatch(code["code"])
    assert code["link"].startswith(f"pshare:{code['code']}/127.0.0.1:")
    receiving = by_code(bob, code["code"])
    sending.ends(0), receiving.ends(0)
    assert_same(alice.files / "note.bin", bob.files / "note.bin")
    assert receiving.event("offer")["from"] == "alice"
    assert sending.event("path")["tier"] == "direct"
    assert not bob.run("contacts").events and not alice.run("contacts").events   # met once is no contact


def test_the_link_in_the_qr_code_needs_no_server_on_the_other_side(note, tmp_path):
    alice, _ = note
    newcomer = Peer(tmp_path, "newcomer")   # has never heard of any server
    sending = alice.start("send", "note.bin")
    receiving = by_code(newcomer, shown(sending)["link"].upper())
    sending.ends(0), receiving.ends(0)
    assert_same(alice.files / "note.bin", newcomer.files / "note.bin")


@pytest.mark.parametrize("way", ["environment", "pipe", "dash"])
def test_a_code_need_not_be_an_argument(note, way):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    code = shown(sending)["code"]
    if way == "environment":
        receiving = bob.start("receive", "--dir", bob.files, "--yes", env={"PSHARE_CODE": code})
    else:
        reading, writing = os.pipe()
        receiving = bob.start("receive", *(["-"] if way == "dash" else []), "--dir", bob.files, "--yes", stdin=reading)
        os.close(reading)
        os.write(writing, (code + "\nthe next line is not ours\n").encode())
        os.close(writing)
    sending.ends(0), receiving.ends(0)
    assert_same(alice.files / "note.bin", bob.files / "note.bin")


def test_a_wrong_guess_burns_the_code_and_the_sender_gets_a_new_one(note):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    first = shown(sending)["code"]
    guessing = by_code(bob, wrong(first))
    guessing.ends(6)
    error = guessing.event("error", code="identity-mismatch")
    assert "did not match" in error["message"] and "new one" in error["hint"]
    second = shown(sending, 1)["code"]
    assert second.split("-")[0] != first.split("-")[0] and second.split("-")[1:] != first.split("-")[1:]
    assert "wrong code" in sending.words and first not in sending.words.split("Code, good for one try")[-1]
    late = by_code(bob, first)   # the right one, burnt
    late.ends(6)
    assert "nobody shows this code" in late.event("error")["message"]
    assert sending.running() and not sending.find("path")
    receiving = by_code(bob, second)
    sending.ends(0), receiving.ends(0)
    assert_same(alice.files / "note.bin", bob.files / "note.bin")


def test_who_guesses_again_and_again_makes_the_sender_stop(note):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    for guess in range(10):
        by_code(bob, wrong(shown(sending, guess)["code"])).ends(6)
    sending.ends(6)
    assert "guessing" in sending.event("error")["message"]
    assert not sending.find("path")


def test_a_guest_that_breaks_off_burns_the_code_too(note, tmp_path):
    """One that knows the right code and was killed in the middle cannot be told from one that tried, saw, and hung up."""
    alice, bob = note
    sending = alice.start("send", "note.bin")
    code = shown(sending)["code"]
    killed = False
    for _ in range(40):   # the exchange takes some 100 ms
        receiving = by_code(bob, code)
        time.sleep(0.12)
        receiving.kill()
        if len([e for e in sending.events if e["event"] == "code"]) > 1 or sending.find("accepted"):
            killed = True
            break
    assert killed or sending.running()


@pytest.mark.parametrize("typed, words", [
    ("orbit-velvet", "no number in front"),
    ("4821-comte-walnut", 'perhaps it is meant to be "comet"'),
    ("4821-comet", "1 word"),
    ("999-comet-walnut", "none that a server gives out"),
])
def test_what_is_no_code_is_refused_before_anybody_is_asked(note, server, typed, words):
    _, bob = note
    server.kill()   # nobody could be asked
    refused = bob.start("receive", typed)
    refused.ends(2)
    assert words in refused.event("error")["message"]


def test_a_code_that_nobody_shows_is_told_in_words(note):
    _, bob = note
    receiving = by_code(bob, "4821-comet-walnut")
    receiving.ends(6)
    error = receiving.event("error", code="identity-mismatch")
    assert "nobody shows this code" in error["message"] and "same server" in error["hint"]


def test_nobody_coming_is_told_after_the_timeout(note):
    alice, _ = note
    sending = alice.start("send", "note.bin", "--timeout", "2s")
    shown(sending)
    sending.ends(4)
    assert "nobody came with the code" in sending.event("error", code="offline")["message"]


def test_without_yes_and_without_a_terminal_the_offer_is_declined_to_both(note):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    receiving = bob.start("receive", shown(sending)["code"], "--dir", bob.files)
    sending.ends(3), receiving.ends(3)
    assert not (bob.files / "note.bin").exists()


def test_a_code_is_for_one_offer_and_nobody_elses(note, tmp_path, server):
    """`receive CODE` takes nothing of a contact who happens to send at that moment: another program of the same person does."""
    alice, bob = note
    carol = Peer(tmp_path, "carol", server)
    carol.knows(bob)
    bob.knows(carol)
    write_random(carol.files / "other.bin", 1000)
    (bob.files / "service").mkdir()
    service = bob.start("receive", "--dir", bob.files / "service", "--yes")
    service.says("Waiting for offers")
    sending = alice.start("send", "note.bin", "--timeout", "60s")
    code = shown(sending)["code"]
    carol.sends("other.bin", to=bob).ends(0)
    receiving = by_code(bob, code)
    sending.ends(0), receiving.ends(0)
    assert sorted(p.name for p in (bob.files / "service").iterdir()) == ["other.bin"]
    assert not [e for e in service.events if e["event"] == "offer" and e["from"] == "alice"]
    service.terminate()
    service.ends()


def test_text_and_standard_input_go_by_code_as_well(note):
    alice, bob = note
    sending = alice.start("send", "--text", "see you at eight")
    receiving = by_code(bob, shown(sending)["code"])
    sending.ends(0), receiving.ends(0)
    assert receiving.event("text")["text"] == "see you at eight"
    reading, writing = os.pipe()
    sending = alice.start("send", "-", stdin=reading)
    os.close(reading)
    os.write(writing, b"from a pipe")
    os.close(writing)
    receiving = bob.start("receive", shown(sending)["code"], "--stdout", "--yes", json=False)
    sending.ends(0), receiving.ends(0)
    assert receiving.text == "from a pipe"


def test_more_words_for_who_wants_more(note):
    alice, bob = note
    sending = alice.start("send", "note.bin", "--code-words", "5")
    code = shown(sending)["code"]
    assert len(code.split("-")) == 6
    receiving = by_code(bob, code)
    sending.ends(0), receiving.ends(0)
    alice.run("send", "note.bin", "--code-words", "1", status=2)
    alice.run("send", "note.bin", "--code-words", "3", "--to", "bob", status=2)


def test_a_transfer_that_was_killed_goes_on_with_a_new_code(note):
    alice, bob = note
    write_random(alice.files / "big.bin", 40_000_000)
    sending = alice.start("send", "big.bin", "--limit", "8M")
    receiving = by_code(bob, shown(sending)["code"])
    receiving.progress_beyond(10_000_000)
    sending.kill(), receiving.kill()
    sending = alice.start("send", "big.bin")
    receiving = by_code(bob, shown(sending)["code"])
    sending.ends(0), receiving.ends(0)
    assert_same(alice.files / "big.bin", bob.files / "big.bin")
    assert receiving.event("done")["resumed_bytes"] > 5_000_000


def test_a_receiver_that_loses_server_and_path_is_found_again(note, server):
    """The server knows nothing of a code that was used; the two know each other by then."""
    alice, bob = note
    write_random(alice.files / "big.bin", 30_000_000)
    sending = alice.start("send", "big.bin", "--limit", "3M")
    receiving = by_code(bob, shown(sending)["code"])
    receiving.progress_beyond(2_000_000)
    server.kill()
    server.start()
    sending.ends(0), receiving.ends(0)
    assert_same(alice.files / "big.bin", bob.files / "big.bin")


def test_a_restarted_server_costs_a_sender_that_waits_nothing(note, server):
    alice, bob = note
    sending = alice.start("send", "note.bin", "-v")
    first = shown(sending)["code"]
    server.kill()
    # Also one that is not there at the first try.
    sending.wait_until(lambda: sending.words.count("No connection to the server") >= 2, "a second try")
    server.start()
    sending.wait_until(lambda: sending.words.count("Connected to the server") >= 2, "a new connection")
    receiving = by_code(bob, first)   # the number was kept: it is free there
    sending.ends(0), receiving.ends(0)
    assert [each["event"] for each in sending.events].count("code") == 1, sending.story()


# --- pairing ----------------------------------------------------------------------------------------------------------

def test_pairing_makes_two_people_contacts_of_each_other(strangers):
    alice, bob = strangers
    showing = alice.start("pair")
    joining = bob.start("pair", shown(showing)["code"])
    showing.ends(0), joining.ends(0)
    assert [(e["name"], e["peer_id"]) for e in alice.run("contacts").events] == [("bob", bob.peer_id)]
    assert [(e["name"], e["peer_id"]) for e in bob.run("contacts").events] == [("alice", alice.peer_id)]
    write_random(alice.files / "note.bin", 1000)
    receiving = bob.receives()
    alice.sends("note.bin", to=bob).ends(0)
    receiving.ends(0)


def test_pairing_takes_another_name_and_never_changes_a_pinned_one(strangers, tmp_path, server):
    alice, bob = strangers
    impostor = Peer(tmp_path, "carol", server)
    alice.run("contacts", "add", "carol", bob.peer_id)   # alice's carol is somebody else
    showing = alice.start("pair")
    joining = impostor.start("pair", shown(showing)["code"], "--as", "my-alice")
    joining.ends(0)
    showing.ends(6)
    assert "already pinned to another key" in showing.event("error")["message"]
    assert [e["name"] for e in impostor.run("contacts").events] == ["my-alice"]
    assert [(e["name"], e["peer_id"]) for e in alice.run("contacts").events] == [("carol", bob.peer_id)]


def test_a_code_for_pairing_is_not_one_for_a_transfer(note):
    alice, bob = note
    showing = alice.start("pair")
    confused = by_code(bob, shown(showing)["code"])
    confused.ends(2)
    assert "becoming contacts" in confused.event("error")["message"]
    shown(showing, 1)   # used up by that
    showing.interrupt()
    showing.ends(7)


# --- nobody sees it ---------------------------------------------------------------------------------------------------

def everything_that_lists_processes_shows(pid):
    found = b""
    for name in ("cmdline", "environ", "comm", "stat"):
        try:
            found += open(f"/proc/{pid}/{name}", "rb").read()
        except OSError:
            pass
    found += subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True).stdout
    return found.decode(errors="replace")


@pytest.mark.parametrize("verb", ["receive", "pair"])
@pytest.mark.parametrize("way", ["argument", "link", "environment"])
def test_the_process_list_does_not_show_it(note, server, verb, way):
    _, bob = note
    code = "4821-comet-walnut"
    arguments = {"argument": [code], "link": [f"pshare:{code}/{server.address}/{server.fingerprint.replace('-', '')}"], "environment": []}[way]
    server.running.process.send_signal(19)   # it stands still, so that the program waits for it with the code in hand
    try:
        receiving = bob.start(verb, *arguments, json=False, env={"PSHARE_CODE": code} if way == "environment" else {})
        deadline = time.monotonic() + 60
        while "walnut" in everything_that_lists_processes_shows(receiving.process.pid):
            assert receiving.running() and time.monotonic() < deadline, "the code is in the process list"
        # Once wiped it stays so: a program that has got as far as talking to the server has long done it.
        for _ in range(50):
            assert "walnut" not in everything_that_lists_processes_shows(receiving.process.pid)
        assert receiving.running()
    finally:
        server.running.process.send_signal(18)
    receiving.ends(6)
    assert "walnut" not in receiving.words + receiving.text


# --- at a terminal ----------------------------------------------------------------------------------------------------

def test_a_code_is_typed_with_tab_and_mistakes_are_pointed_out(note):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    code = shown(sending)["code"]
    receiving = OnTerminal(bob, "receive", "--dir", bob.files)
    receiving.says("type it here")
    number, first, second = code.split("-")
    receiving.types(f"{number}-zzzz-")
    receiving.says("is no word that codes are made of")
    receiving.types("\x15")   # Ctrl-U
    receiving.types(f"{number}-{first[:5]}\t-{second}\n")
    receiving.says("Accept note.bin")
    receiving.types("y\n")
    sending.ends(0)
    receiving.ends(0)
    assert_same(alice.files / "note.bin", bob.files / "note.bin")


def test_the_prompt_gives_way_to_an_offer_and_comes_back(note):
    alice, bob = note
    alice.knows(bob)
    receiving = OnTerminal(bob, "receive", "--dir", bob.files)
    receiving.says("Code: ")
    sending = alice.sends("note.bin", to=bob)
    receiving.says("Accept note.bin")
    receiving.types("y\n")
    sending.ends(0)
    receiving.says("Received")
    before = receiving.text.count("Code: ")
    receiving.wait_until(lambda: receiving.text.count("Code: ") > before, "the prompt again")
    receiving.presses_control_c()
    receiving.ends(0)


def test_who_leaves_instead_of_answering_lets_the_sender_know(note):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    receiving = OnTerminal(bob, "receive", shown(sending)["code"])
    receiving.says("[y/n]")
    receiving.presses_control_c()
    receiving.ends(7)
    sending.ends(3)
    assert "left instead of answering" in sending.event("error")["message"]


def test_a_wrong_code_at_the_prompt_is_asked_for_again(note):
    alice, bob = note
    sending = alice.start("send", "note.bin")
    receiving = OnTerminal(bob, "receive", "--dir", bob.files)
    receiving.says("Code: ")
    receiving.types(wrong(shown(sending)["code"]) + "\n")
    receiving.says("did not match")
    receiving.types(shown(sending, 1)["code"] + "\n")
    receiving.says("Accept note.bin")
    receiving.types("y\n")
    sending.ends(0), receiving.ends(0)


def test_a_terminal_shows_a_qr_code_that_holds_the_link(note):
    alice, _ = note
    sending = OnTerminal(alice, "send", "note.bin")
    sending.says("the same with the server")
    code = CODE.search(sending.text).group(0)
    sending.says(f"pshare:{code}/")
    assert "\x1b[30;107m" in sending.text and "▀" in sending.text
    sending.presses_control_c()
    sending.ends(7)
    plain = OnTerminal(alice, "send", "note.bin", "--no-qr")
    plain.says("the same with the server")
    assert "\x1b[30;107m" not in plain.text
    plain.presses_control_c()
    plain.ends(7)
