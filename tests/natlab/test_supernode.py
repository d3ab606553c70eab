"""Supernodes where it matters: two people whose routers leave them no straight path, and a third whose port the internet reaches."""
import pytest

from lab import Lab
from lab.people import Town
from meeting import Meeting
from test_port_mapping import forwards, soon
from world import MiB

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

SIZE = MiB
TALK_AT_MOST = 64 * 1024  # through the server, of each
HARD = {"a": "sym-rnd", "b": "sym-rnd"}


def standings(node):
    return [event for event in node.events if event["event"] == "supernode"]


def listed(node, times=1):
    node.wait_until(lambda: sum(event["state"] == "listed" for event in standings(node)) >= times, "being listed")
    return [event for event in standings(node) if event["state"] == "listed"][-1]


def carries(lab, town, node):
    """Two meet at carol's, and every byte goes over her line, none through the server or straight."""
    alice, bob, carol = (town.people[name] for name in "abc")
    lab.reset_counters()
    over = sum(event["event"] == "relaying" and event["state"] == "over" for event in node.events)
    meeting = Meeting(town.server, carol, alice, bob, SIZE)
    meeting.begin()
    meeting.end()
    node.wait_until(lambda: sum(event["event"] == "relaying" and event["state"] == "over" for event in node.events) > over, "the end of the lane")
    counted = lab.counters()
    assert counted.between("a", "c").bytes >= SIZE and counted.between("b", "c").bytes >= SIZE
    assert counted.between("a", "b").bytes == 0
    assert all(counted.between(name, "server").bytes < TALK_AT_MOST for name in "abc")


@pytest.mark.parametrize("site", ["public", "upnp", "upnp,protocols=pcp"])
def test_two_without_a_path_meet_at_a_contact_whose_port_is_open(site):
    with Lab(**HARD, c=site) as lab, Town(lab) as town:
        node = town.people["c"].start("supernode")
        listed(node)
        if site != "public":
            assert forwards(lab, "c.gw1")
        carries(lab, town, node)
        node.terminate()
        node.ends(0)
        if site != "public":
            soon(lambda: not forwards(lab, "c.gw1"))
        Meeting(town.server, town.people["c"], town.alice, town.bob).asking.ends(3)


def test_a_supernode_that_nobody_reaches_says_what_to_do_and_is_listed_once_that_is_done():
    with Lab(**HARD, c="masq") as lab, Town(lab) as town:
        carol = town.people["c"]
        node = carol.start("supernode", "--port", "4711")
        no = node.event("supernode", state="unreached")
        assert "4711" in no["reason"] and "forward TCP port 4711" in no["hint"]
        Meeting(town.server, carol, town.alice, town.bob).asking.ends(3)
        lab.forward("c", "tcp", 4711)
        assert listed(node)["endpoint"].endswith(":4711")
        carries(lab, town, node)


def test_a_supernode_is_where_its_provider_puts_it():
    """Its router comes back with another address, and all who would come have to know that."""
    with Lab(**HARD, c="upnp") as lab, Town(lab) as town:
        node = town.people["c"].start("supernode")
        before = listed(node)["endpoint"]
        new = lab.change_address("c")
        after = listed(node, times=2)["endpoint"]
        assert after != before and after.startswith(new + ":")
        carries(lab, town, node)
