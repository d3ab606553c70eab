"""`pshare supernode`: listed once the server has reached it, carries for those it is meant for, keeps to its owner's limits, and leaves when it is
asked to. The peers that meet at it are `relay_peer`s: they speak the real protocol, without a transfer."""
import re
import shutil
import signal
from pathlib import Path

import pytest

from meeting import Meeting
from processes import program
from scale import SANITIZED
from terminal import OnTerminal
from world import MiB, Peer, Server, delivered


@pytest.fixture
def carol(tmp_path, server, friends):
    """Whose supernode it is: alice and bob are her contacts."""
    carol = Peer(tmp_path, "carol", server)
    carol.knows(*friends)
    return carol


def volunteers(carol, *more, **how):
    """A supernode that is listed."""
    running = carol.start("supernode", *more, **how)
    running.event("supernode", state="listed")
    return running


def test_a_supernode_carries_for_two_contacts_and_says_so(server, friends, carol):
    alice, bob = friends
    node = volunteers(carol)
    listed = node.find("supernode", state="listed")
    assert listed["endpoint"].startswith("127.0.0.1:") and listed["for"] == "contacts" and listed["max_sessions"] == 16
    meeting = Meeting(server, carol, alice, bob, 3 * MiB)
    for limits in meeting.begin():
        assert limits["bytes_left"] is None and limits["rate"] is None
    begun = node.event("relaying", state="begun")
    assert [peer["name"] for peer in begun["peers"]] == ["alice", "bob"]
    meeting.end()
    over = node.event("relaying", state="over")
    assert over["lane"] == begun["lane"] and over["bytes"] == 3 * MiB + 1
    assert meeting.joining.event("taken")["bytes"] == 3 * MiB
    node.terminate()
    node.ends(0)
    assert node.event("supernode", state="withdrawn")["month_bytes"] == 3 * MiB + 1


def test_a_supernode_for_contacts_is_for_two_of_them_and_says_so(tmp_path, server, friends, carol):
    alice, _ = friends
    dave = Peer(tmp_path, "dave", server)
    node = volunteers(carol)
    for one, other in ((alice, dave), (dave, alice)):
        meeting = Meeting(server, carol, one, other)
        meeting.join()
        for side in (meeting.asking, meeting.joining):
            assert "only its owner's contacts" in side.event("refused")["words"]
            side.ends(4)
    assert not node.find("relaying")


def test_a_supernode_for_anyone_is_for_anyone(tmp_path, server, carol):
    dave, erin = Peer(tmp_path, "dave", server), Peer(tmp_path, "erin", server)
    node = volunteers(carol, "--for", "anyone")
    meeting = Meeting(server, carol, dave, erin)
    meeting.begin()
    assert meeting.asking.event("ticket")["for_anyone"]
    assert node.event("relaying", state="begun")["peers"] == [{"name": "", "peer_id": dave.peer_id}, {"name": "", "peer_id": erin.peer_id}]
    meeting.end()


def test_limits_are_told_and_the_month_is_kept_over_restarts(server, friends, carol):
    alice, bob = friends
    limits = ("--rate", "50M", "--volume", "5M", "--sessions", "3")
    node = volunteers(carol, *limits)
    meeting = Meeting(server, carol, alice, bob, 2 * MiB)
    for told in meeting.begin():
        assert told["bytes_left"] == 5 * MiB and told["rate"] == 50 * MiB
    meeting.end()
    node.event("relaying", state="over")
    node.terminate()
    node.ends(0)

    node = volunteers(carol, *limits)
    assert node.find("supernode", state="listed")["month_left"] == 3 * MiB - 1
    meeting = Meeting(server, carol, alice, bob, 4 * MiB)
    for told in meeting.begin():
        assert told["bytes_left"] == 3 * MiB - 1
    cut = meeting.joining.event("cut")
    assert cut["bytes"] <= 3 * MiB - 1 and cut["code"] == "limit" and "owner" in cut["words"]
    full = node.event("supernode", state="full")
    assert full["month_left"] == 0 and full["endpoint"] is None
    meeting.end(5)
    assert "owner" in node.event("relaying", state="over")["why"]
    Meeting(server, carol, alice, bob).asking.ends(3)  # not listed


def test_a_full_supernode_is_not_listed_until_there_is_room(server, friends, carol):
    alice, bob = friends
    node = volunteers(carol, "--sessions", "1")
    first = Meeting(server, carol, alice, bob)
    first.begin()
    assert node.event("supernode", state="full")["sessions"] == 1
    Meeting(server, carol, bob, alice).asking.ends(3)
    first.end()
    node.wait_until(lambda: sum(e["event"] == "supernode" and e["state"] == "listed" for e in node.events) == 2, "being listed again")
    second = Meeting(server, carol, bob, alice)
    second.begin()
    second.end()


def test_a_supernode_that_is_asked_to_end_waits_for_what_it_carries(server, friends, carol):
    alice, bob = friends
    node = volunteers(carol)
    meeting = Meeting(server, carol, alice, bob)
    meeting.begin()
    waiting = Meeting(server, carol, bob, alice)
    waiting.asking.event("ticket")
    node.terminate()
    assert "1 session" in node.event("supernode", state="draining")["reason"]
    assert waiting.asking.event("refused")["code"] == "busy"
    assert node.running()
    meeting.end()
    node.ends(0)
    node.event("supernode", state="withdrawn")
    Meeting(server, carol, alice, bob).asking.ends(3)


def test_a_second_signal_ends_a_supernode_at_once(server, friends, carol):
    alice, bob = friends
    node = volunteers(carol)
    meeting = Meeting(server, carol, alice, bob)
    meeting.begin()
    node.terminate()
    node.event("supernode", state="draining")
    node.terminate()
    node.ends(-signal.SIGTERM)
    meeting.asking.process.stdin.close()


def test_a_supernode_lists_itself_again_when_the_server_comes_back(server, friends, carol):
    alice, bob = friends
    node = volunteers(carol)
    meeting = Meeting(server, carol, alice, bob)
    meeting.begin()
    server.kill()
    node.event("supernode", state="offline")
    server.start()
    node.wait_until(lambda: sum(e["event"] == "supernode" and e["state"] == "listed" for e in node.events) == 2, "being listed again")
    again = Meeting(server, carol, alice, bob)
    again.begin()
    again.end()
    meeting.end()  # it has not noticed anything


def test_a_supernode_goes_on_at_a_second_server(tmp_path):
    one, two = Server(tmp_path / "one"), Server(tmp_path / "two")
    alice, bob, carol = (Peer(tmp_path, name) for name in ("alice", "bob", "carol"))
    for each in (alice, bob, carol):
        each.init(f"{one.spec},{two.spec}")
    carol.knows(alice, bob)
    for each, other in ((alice, bob), (bob, alice)):
        each.knows(other, carol)
    node = volunteers(carol)
    before, outstanding = Meeting(one, carol, alice, bob), Meeting(one, carol, alice, bob)
    before.begin()
    outstanding.asking.event("ticket")
    one.kill()
    node.wait_until(lambda: sum(e["event"] == "supernode" and e["state"] == "listed" for e in node.events) == 2, "being listed by the second server")
    before.end()  # it has not noticed anything
    outstanding.begin()  # what the first has signed still counts
    outstanding.end()
    (alice.files / "letter").write_text("by another way")
    receiving = bob.receives("--tiers", "supernode")
    sending = alice.sends("letter", "--tiers", "supernode", to=bob)
    sent, _ = delivered(sending, receiving)
    assert sent["tier"] == "supernode"
    assert (bob.files / "letter").read_text() == "by another way"


@pytest.mark.skipif(SANITIZED, reason="a sanitizer wants to be loaded before anything else")
@pytest.mark.parametrize("hours", [-100, +100])
def test_a_supernode_whose_clock_is_wrong_takes_tickets_all_the_same(server, friends, carol, hours):
    alice, bob = friends
    node = volunteers(carol, "-vv", env={"LD_PRELOAD": program("wrong_clock.so"), "WRONG_CLOCK": hours * 3600})
    meeting = Meeting(server, carol, alice, bob)
    meeting.begin()
    meeting.end()
    node.event("relaying", state="over")


def open_files_allowed(running):
    limits = Path(f"/proc/{running.process.pid}/limits").read_text()
    return int(re.search(r"Max open files\s+(\d+)", limits).group(1))


def with_open_files(soft, hard):
    path = shutil.which("prlimit")
    if not path:
        pytest.skip("prlimit is not installed")
    return (path, f"--nofile={soft}:{hard}")


def test_a_supernode_allows_itself_the_sockets_of_all_its_sessions(carol):
    node = volunteers(carol, "--sessions", "1024", launcher=with_open_files(64, 4096))
    assert 2 * 1024 + 1000 < open_files_allowed(node) <= 4096
    assert "ulimit" not in node.words


def test_a_supernode_says_when_it_may_not_have_as_many_sockets(carol):
    node = volunteers(carol, "--sessions", "1024", launcher=with_open_files(64, 256))
    assert open_files_allowed(node) == 256
    assert "of which this system allows 256. Raise `ulimit -n`, or lower --sessions." in node.words


def test_a_supernode_does_not_begin_with_a_count_that_it_cannot_read(carol):
    (carol.home / "supernode-volume").write_text("a lot\n")
    node = carol.run("supernode", status=8)
    assert "Remove the file" in node.event("error")["hint"]


def test_a_port_in_use_is_refused_in_words(server, carol):
    node = carol.run("supernode", "--port", str(server.port), status=1)
    assert str(server.port) in node.event("error")["message"]


def test_at_a_terminal_the_owner_sees_what_is_carried(server, friends, carol):
    alice, bob = friends
    node = OnTerminal(carol, "supernode", "--volume", "1G")
    node.says("Listed: others reach you at 127.0.0.1:")
    node.says("Carrying 0 of 16 sessions.")
    meeting = Meeting(server, carol, alice, bob, 3 * MiB)
    meeting.begin()
    node.says("Carrying 1 of 16 sessions")
    node.says("alice <-> bob  3.1 MB")
    node.presses_control_c()
    node.says("Waiting for 1 session under way; Ctrl-C again ends at once.")
    meeting.end()
    node.says("alice <-> bob: 3.1 MB in ")
    node.says("Over: 3.1 MB carried in 1 session.")
    node.ends(0)
