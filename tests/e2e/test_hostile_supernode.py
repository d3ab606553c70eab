"""Supernodes that do harm, with the right key and listed by an honest server (tests/e2e/hostile/hostile_supernode.cpp), and honest ones for which a
server gives tickets that are wrong, or which it has invented (lies_about_tickets.cpp): no byte of a file reaches a wrong key, and each try goes another
way or ends in words."""
import socket
import threading
from contextlib import suppress

import pytest

from liar import Lied
from processes import Running, program
from trees import assert_same, write_random
from world import MiB, Peer, environment

AT_SUPERNODES = ("--tiers", "supernode", "--timeout", "4s")
WITH_A_RELAY_BESIDE = ("--tiers", "supernode,relay")


def fails(sending, bob, *words, file="secret.bin"):
    """Without a path, with these words, and without a byte that went anywhere."""
    sending.ends(5)
    error = sending.event("error", code="no-path")
    assert error["hint"]
    for each in words:
        assert each in error["message"], sending.story()
    assert not sending.find("path") and not sending.find("done")
    assert not (bob.files / file).exists()


# --- Tickets that are wrong -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lied(tmp_path):
    """A lying server, at which carol's supernode is listed: an honest one, and alice and bob are her contacts."""
    def begin(lie):
        lied = Lied(tmp_path, lie)
        carol = Peer(tmp_path, "carol")
        carol.init(lied.spec)
        carol.knows(lied.alice, lied.bob)
        for each in lied:
            each.knows(carol)
        lied.node = carol.start("supernode")
        lied.node.event("supernode", state="listed")
        return lied
    return begin


WRONG_TICKETS = {
    "ticket-expired": "this ticket has expired; ask the server for another",
    "ticket-for-a-day": "this ticket holds longer than any should",
    "ticket-for-others": "this ticket is for two others, and not yours",
    "ticket-for-another-relay": "it is for another relay",
    "ticket-of-nobody": "the server that this relay belongs to has not signed it",
}


@pytest.mark.parametrize("lie", WRONG_TICKETS)
def test_a_ticket_that_is_wrong_opens_nothing_and_its_fault_is_named(lied, lie):
    lied = lied(lie)
    receiving = lied.receives(*AT_SUPERNODES)
    fails(lied.alice.sends("secret.bin", *AT_SUPERNODES, to=lied.bob), lied.bob, WRONG_TICKETS[lie])
    assert not lied.node.find("relaying") and lied.node.running() and receiving.running()
    lied.has_heard_nothing()


def test_past_a_ticket_that_is_wrong_the_straight_path_is_taken(lied):
    lied = lied("ticket-for-others")
    receiving = lied.receives()
    lied.alice.sends("secret.bin", to=lied.bob).ends(0)
    receiving.event("done")
    assert_same(lied.alice.files / "secret.bin", lied.bob.files / "secret.bin")
    lied.has_heard_nothing()


def test_a_ticket_of_another_session_leads_to_nobody_but_the_two_whom_it_names(lied):
    """What it says of the session is for the server's books: whose lane it is, the two say to each other in their own TLS."""
    lied = lied("ticket-of-another-session")
    receiving = lied.receives(*AT_SUPERNODES)
    sending = lied.alice.sends("secret.bin", *AT_SUPERNODES, to=lied.bob)
    sending.ends(0)
    receiving.event("done")
    assert sending.event("done")["tier"] == "supernode"
    assert_same(lied.alice.files / "secret.bin", lied.bob.files / "secret.bin")
    assert {each["name"] for each in lied.node.event("relaying", state="begun")["peers"]} == {"alice", "bob"}
    lied.has_heard_nothing()


def test_a_ticket_that_was_used_is_good_for_nothing_more(lied):
    lied = lied("one-ticket")
    write_random(lied.alice.files / "second.bin", 1000)
    receiving = lied.receives(*AT_SUPERNODES)
    lied.alice.sends("secret.bin", *AT_SUPERNODES, to=lied.bob).ends(0)
    receiving.event("done")
    lied.node.event("relaying", state="over")
    fails(lied.alice.sends("second.bin", *AT_SUPERNODES, to=lied.bob), lied.bob, "the relay", "refused", file="second.bin")
    lied.has_heard_nothing()


# --- Supernodes that nobody has seen --------------------------------------------------------------------------------------------------------------


class Victim:
    """Who listens somewhere and has nothing to do with pshare. Counts who comes, and what is said; `answers` or keeps silent."""

    def __init__(self, answers):
        self.calls, self.bytes, self._answers = 0, [], answers
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                self.calls += 1
                threading.Thread(target=self._hear, args=(caller,), daemon=True).start()

    def _hear(self, caller):
        with suppress(OSError):
            while piece := caller.recv(65536):
                self.bytes.append(piece)
                if self._answers:
                    caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


LISTED, ADDRESSES = 8, 4     # supernodes in one answer, addresses of each (max_relays, max_relay_endpoints)
ROUNDS = 5                   # in the time that AT_SUPERNODES gives, with pauses that grow
A_GREETING = 400             # bytes of TLS's first message, which is all that a supernode hears before it has proven itself


@pytest.mark.parametrize("answers", [True, False])
def test_a_server_that_vouches_for_supernodes_elsewhere_has_them_called_a_few_times_and_greeted(tmp_path, answers):
    lied = Lied(tmp_path, "false-supernodes")
    victim = Victim(answers)
    (tmp_path / "overheard.victim").write_text(victim.address)
    receiving = lied.receives(*AT_SUPERNODES)
    fails(lied.alice.sends("secret.bin", *AT_SUPERNODES, to=lied.bob), lied.bob)
    receiving.terminate()
    receiving.ends()
    victim.close()
    said = b"".join(victim.bytes)
    print(f"{victim.calls} calls, {len(said)} bytes")
    assert LISTED <= victim.calls <= ROUNDS * LISTED * ADDRESSES * 3   # both measure how far it is, and the sender goes there
    assert 0 < len(said) <= ROUNDS * LISTED * ADDRESSES * A_GREETING
    assert all(piece.startswith(b"\x16\x03\x01") for piece in victim.bytes), "a greeting, and nothing behind it"
    secret = (lied.alice.files / "secret.bin").read_bytes()
    assert not any(secret[at:at + 32] in said for at in range(0, len(secret) - 32, 4096)) and b"secret.bin" not in said
    lied.has_heard_nothing()


# --- Supernodes that do harm ----------------------------------------------------------------------------------------------------------------------


class Harmed:
    """alice and bob, whose contact carol has a supernode that does `harm`, at an honest server."""

    def __init__(self, folder, server, alice, bob, harm):
        self.alice, self.bob, self.overheard = alice, bob, folder / "overheard"
        carol = Peer(folder, "carol", server)
        for each in (alice, bob):
            each.knows(carol)
        self.node = Running([program("hostile_supernode"), str(carol.home), server.spec, harm, str(self.overheard)], environment())
        self.node.wait_until(lambda: "listed" in self.node.text.split(), "being listed")
        self.sent = []

    def receives(self, *more):
        receiving = self.bob.start("receive", "--dir", self.bob.files, "--yes", *more)
        receiving.says("Waiting for offers")
        return receiving

    def sends(self, name, *more, size=300_000):
        write_random(self.alice.files / name, size)
        self.sent.append(name)
        return self.alice.sends(name, *more, to=self.bob)

    def has_done(self, what):
        self.node.wait_until(lambda: what in self.node.text.split(), what)

    def arrives(self, *sending):
        for each in sending:
            each.ends(0)
        for name in self.sent:
            assert_same(self.alice.files / name, self.bob.files / name)
        self.has_read_nothing()

    def has_read_nothing(self):
        """Neither in what was said to it, nor in what it has carried: that is of no use to it."""
        heard = self.overheard.read_bytes()
        assert heard, "so it has kept something"
        assert b"a lane was opened" not in heard
        for name in self.sent:
            secret = (self.alice.files / name).read_bytes()
            assert name.encode() not in heard
            assert not any(secret[at:at + 32] in heard for at in range(0, len(secret) - 32, 4096))


@pytest.fixture
def harmed(tmp_path, server, friends):
    return lambda harm: Harmed(tmp_path, server, *friends, harm)


@pytest.mark.parametrize("harm, words", [("poses", "is not the expected one"), ("echoes", "TLS handshake")])
def test_a_supernode_that_is_not_the_peer_gets_nothing_and_ends_in_words(harmed, harm, words):
    harmed = harmed(harm)
    receiving = harmed.receives(*AT_SUPERNODES)
    fails(harmed.sends("secret.bin", *AT_SUPERNODES), harmed.bob, words)
    assert receiving.running()
    harmed.has_read_nothing()


@pytest.mark.parametrize("harm", ["poses", "echoes"])
def test_past_a_supernode_that_does_harm_the_servers_relay_is_taken(harmed, harm):
    harmed = harmed(harm)
    harmed.receives(*WITH_A_RELAY_BESIDE)
    sending = harmed.sends("secret.bin", *WITH_A_RELAY_BESIDE)
    harmed.arrives(sending)
    assert sending.event("done")["tier"] == "relay"


def test_what_was_said_in_one_meeting_opens_nothing_in_the_next(harmed):
    harmed = harmed("replays")
    harmed.receives(*WITH_A_RELAY_BESIDE)
    first = harmed.sends("first.bin", *WITH_A_RELAY_BESIDE)
    harmed.arrives(first)
    assert first.event("done")["tier"] == "supernode", "so there is something to replay"
    second = harmed.sends("second.bin", *WITH_A_RELAY_BESIDE)
    harmed.has_done("replayed")
    harmed.arrives(second)
    assert second.event("done")["tier"] == "relay"


def test_two_sessions_of_the_same_two_that_are_led_to_each_other_part_again(harmed):
    """Both keys are right there, and it is the session that is not."""
    harmed = harmed("crosses")
    harmed.receives(*WITH_A_RELAY_BESIDE)
    both = [harmed.sends(name, *WITH_A_RELAY_BESIDE) for name in ("one.bin", "two.bin")]
    harmed.has_done("crossed")
    harmed.arrives(*both)


def test_bytes_of_two_sessions_that_are_exchanged_on_the_way_cost_a_lane_each(harmed):
    harmed = harmed("exchanges")
    harmed.receives(*WITH_A_RELAY_BESIDE)
    both = [harmed.sends(name, *WITH_A_RELAY_BESIDE, "--limit", "2M", size=6 * MiB) for name in ("one.bin", "two.bin")]
    harmed.has_done("exchanged")
    harmed.arrives(*both)
    for each in both:
        assert sum(event["event"] == "path" for event in each.events) > 1, each.story()
