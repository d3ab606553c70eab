"""Whoever carries the bytes of a relayed transfer cannot harm it, but for the time that it takes: there is another lane after each strike, no byte of a
file is wrong, and little is sent again. The wire (hostile_wire.py) lies between one of the two and the server's relay.
"""
import pytest

from hostile_wire import FROM_RELAY, HARMS, TO_RELAY, HostileWire, altered, left_out, repeated, silenced
from trees import assert_same_inside, leftovers, write_random
from world import MiB, delivered

RELAYED = ("--tiers", "relay")
SENT_AGAIN_AT_MOST = 32 * MiB       # for each strike
LATE = 34 * MiB                     # if what had arrived were lost with its lane, more would be sent again
SIZE = 48 * MiB
A_PART_OF_A_CHUNK = 100_000         # so that nothing arrives whole
RELAY_ALPN, CONTROL_ALPN = b"pshare-relay/1", b"pshare-control/1"
HANDSHAKE_AT_MOST = 16 * 1024


@pytest.fixture
def film(friends):
    alice, bob = friends
    write_random(alice.files / "film.mkv", SIZE)
    return alice, bob


@pytest.fixture
def wires():
    laid = []
    yield laid
    for wire in laid:
        wire.cut()


@pytest.fixture
def behind(wires, server, film):
    """behind("alice", harm, ...): alice is to send to bob over the relay, and the one who is named has this hostile wire to it."""
    def lay(who, *how, **further):
        wires.append(HostileWire(server, *how, **further))
        return Relayed(*film, wires[-1], who)
    return lay


class Relayed:
    def __init__(self, alice, bob, wire, who):
        self.alice, self.bob, self.wire = alice, bob, wire
        self.ways = {who: ("--server", wire.spec)}

    def start(self, *more):
        self.receiving = self.bob.receives(*RELAYED, *self.ways.get("bob", ()))
        self.receiving.says("aiting")
        self.send(*more)
        return self

    def send(self, *more):
        self.sending = self.alice.sends("film.mkv", *RELAYED, *more, *self.ways.get("alice", ()), to=self.bob)

    def arrives(self):
        done, _ = delivered(self.sending, self.receiving)
        assert_same_inside(self.alice.files, self.bob.files)
        assert leftovers(self.bob.files) == []
        assert done["tier"] == "relay" and done["bytes"] == SIZE
        return done

    def story(self):
        return self.sending.story() + self.receiving.story()


def paths(running):
    return sum(event["event"] == "path" for event in running.events)


@pytest.mark.parametrize("who, harm", [*(("alice", harm) for harm in HARMS), ("bob", altered), ("bob", repeated)],
                         ids=lambda value: value if isinstance(value, str) else value.__name__)
def test_what_is_changed_on_the_way_costs_a_lane_and_nothing_else(behind, who, harm):
    relayed = behind(who, harm, TO_RELAY, LATE, 1).start()   # of alice it is the file that is changed, of bob what he says of it
    done = relayed.arrives()
    assert relayed.wire.strikes == 1
    assert paths(relayed.sending) > 1, relayed.story()
    assert done["wire_bytes"] - SIZE <= SENT_AGAIN_AT_MOST, relayed.story()
    carried = relayed.wire.carried[TO_RELAY if who == "alice" else FROM_RELAY]
    assert SIZE - MiB < carried <= SIZE + SENT_AGAIN_AT_MOST, "so the wire has counted"


def test_strike_upon_strike_is_borne(behind):
    strikes = 8
    relayed = behind("alice", left_out, TO_RELAY, 3 * MiB, strikes).start()
    done = relayed.arrives()
    assert relayed.wire.strikes == strikes
    assert done["wire_bytes"] - SIZE <= strikes * SENT_AGAIN_AT_MOST


def test_a_stream_bears_strikes_as_well_and_comes_in_order(behind):
    strikes = 6
    relayed = behind("alice", altered, TO_RELAY, 5 * MiB, strikes)
    relayed.receiving = relayed.bob.start("receive", "--stdout", "--yes", *RELAYED, json=False)
    relayed.receiving.says("aiting")
    with open(relayed.alice.files / "film.mkv", "rb") as film:
        relayed.sending = relayed.alice.sends("-", *RELAYED, "--server", relayed.wire.spec, to=relayed.bob, stdin=film)
    for each in (relayed.sending, relayed.receiving):
        each.ends(0)
    assert relayed.wire.strikes == strikes
    assert relayed.receiving.out == (relayed.alice.files / "film.mkv").read_bytes()


def test_a_relay_that_passes_nothing_on_any_more_is_left(behind):
    relayed = behind("alice", silenced, TO_RELAY, LATE, 1).start()
    done = relayed.arrives()
    assert relayed.wire.strikes == 1
    assert done["wire_bytes"] - SIZE <= SENT_AGAIN_AT_MOST, relayed.story()


def test_harm_at_every_step_of_joining_and_greeting_costs_another_try(behind):
    steps = [0, 1_500, 3_000, 5_000]
    relayed = behind("alice", altered, TO_RELAY, steps, len(steps), only=RELAY_ALPN).start()
    relayed.arrives()
    assert relayed.wire.strikes == len(steps)


def test_a_connection_to_the_server_that_is_tampered_with_is_made_anew(behind):
    relayed = behind("alice", altered, FROM_RELAY, [0, 2_000], 2, only=CONTROL_ALPN).start()
    relayed.arrives()
    assert relayed.wire.strikes == 2


def test_what_was_said_to_the_relay_opens_nothing_when_it_is_said_again(behind):
    relayed = behind("alice", altered, TO_RELAY, LATE, 1, only=RELAY_ALPN).start("--limit", "8M")
    relayed.sending.progress_beyond(0)
    for _ in range(3):
        assert 0 < len(relayed.wire.play_again()) < HANDSHAKE_AT_MOST
    assert relayed.sending.running(), "the transfer was to be under way meanwhile"
    relayed.arrives()


def test_harm_without_end_leaves_no_file_and_what_was_begun_goes_on_after_it(behind):
    relayed = behind("alice", altered, TO_RELAY, A_PART_OF_A_CHUNK, None, only=RELAY_ALPN).start("--give-up", "6s")
    relayed.sending.ends(7)
    error = relayed.sending.event("error", code="interrupted")
    assert error["message"] and error["hint"]
    assert relayed.wire.strikes > 1
    assert not (relayed.bob.files / "film.mkv").exists()
    assert relayed.receiving.running() and not relayed.receiving.find("done")
    relayed.wire.relent()
    relayed.send()
    relayed.arrives()
