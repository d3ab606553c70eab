"""pshare and the traps of docs/nat.md that take real kernels to walk into: packets that come too early for a Linux router, ICMP errors, two hosts with the same port.
The others that concern TCP are in test_tcp_punching.py."""
import re

import pytest

from lab import Lab
from lab.people import Town
from test_straight import LONG, PATIENCE, TALK_AT_MOST, Sent, through_server, waiting
from trees import assert_same, write_random

pytestmark = [pytest.mark.internet, pytest.mark.pshare]


def unreachables(host):
    """How many ICMP errors of the kind "destination unreachable" this host's kernel has got."""
    names, numbers = [line.split()[1:] for line in host.run(["cat", "/proc/net/snmp"]).text.splitlines() if line.startswith("Icmp:")]
    return int(dict(zip(names, numbers))["InDestUnreachs"])


# --- 1: the early packet ----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("b", "server_ms"), [("port-restricted", 50), ("masq,fw=open", 50), ("port-restricted", 120)])
def test_a_router_that_has_remembered_an_early_packet_is_passed_by_new_sockets(b, server_ms):
    """The way to the server grows longer when the receiver has measured it, so the receiver begins some 45 ms before the sender. It is 10 ms away, and the sender's
    router remembers its checks, which each further one renews. With a server that is far away the second round has to be agreed on, too."""
    with Lab(a="masq,fw=open,delay=5ms", b=f"{b},delay=5ms") as lab, Town(lab) as town:
        receiving = town.bob.receives("--transport", "udp", "-vv")
        receiving.wait_until(lambda: survey(receiving, "udp"), "its survey over UDP")
        lab.wire("server.access", delay_ms=server_ms)
        Sent(lab, town.alice, town.bob, "--transport", "udp", receiving=receiving).arrives("punched").by("udp")


# --- 6: ICMP errors about UDP are about one candidate, and at worst about one datagram ---------------------------------------------

def test_a_candidate_where_nobody_listens_does_not_end_the_punching():
    """The peer's address at home is our own here, so our checks to it are refused by our own kernel, at once, before the round has come to anything."""
    with Lab(a="masq,lan=192.168.1", b="port-restricted,lan=192.168.1") as lab, Town(lab) as town:
        assert lab.a.address == lab.b.address
        before = [unreachables(host) for host in (lab.a, lab.b)]
        Sent(lab, town.alice, town.bob, "--transport", "udp").arrives("punched").by("udp")
        after = [unreachables(host) for host in (lab.a, lab.b)]
        assert all(later > earlier for earlier, later in zip(before, after)), "no ICMP error has come: this proves nothing"


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_address_that_routers_call_unreachable_is_one_candidates_failure(transport):
    """That of the peer at home: on the internet nobody knows the way to it."""
    with Lab(a="masq,lan=10.7.0", b="masq,lan=10.9.0") as lab, Town(lab) as town:
        before = [unreachables(host) for host in (lab.a, lab.b)]
        Sent(lab, town.alice, town.bob, "--transport", transport).arrives("punched").by(transport)
        after = [unreachables(host) for host in (lab.a, lab.b)]
        assert all(later > earlier for earlier, later in zip(before, after)), "no ICMP error has come: this proves nothing"


def test_a_lane_over_quic_outlives_icmp_errors():
    """The receiver's router forgets the flow and refuses the sender's datagrams by ICMP until the receiver's next one opens it again."""
    with Lab(a="port-restricted", b="masq,fw=reject") as lab, Town(lab) as town:
        write_random(town.alice.files / "film.mkv", LONG)
        receiving = waiting(town.bob, *Sent.tiers, "--transport", "udp")
        sending = town.alice.sends("film.mkv", "--limit", "2M", *Sent.tiers, "--transport", "udp", to=town.bob)
        sending.progress_beyond(LONG // 4)
        before = unreachables(lab.a)
        while unreachables(lab.a) == before:  # the receiver's next datagram may have been quicker
            assert not sending.find("done"), "no ICMP error has come: this proves nothing"
            lab.reboot("b")
        for each in (sending, receiving):
            each.ends(0, PATIENCE)
        assert_same(town.alice.files / "film.mkv", town.bob.files / "film.mkv")
        paths = [event for event in sending.events if event["event"] == "path"]
        assert [(path["tier"], path["transport"]) for path in paths] == [("punched", "udp")], f"the lane was lost\n{sending.story()}"
        assert through_server(lab, town.alice, town.bob) < TALK_AT_MOST


# --- 8: Linux gives another port to the second host that uses the same one ---------------------------------------------------------

def test_a_port_that_a_neighbour_has_already_makes_no_hard_nat():
    with Lab(a="@home:masq", b="port-restricted", c="@home") as lab, Town(lab) as town:
        port = ("--port", "4800")
        neighbour = town.people["c"].receives(*port, "-vv")
        for transport in ("udp", "tcp"):
            neighbour.wait_until(lambda: survey(neighbour, transport) == ("stable", f"{lab.a.public_address}:4800"), f"the port to itself over {transport}")
        sent = Sent(lab, town.alice, town.bob, sends=(*port, "-vv")).arrives("punched")
        for transport in ("udp", "tcp"):
            mapping, external = survey(sent.sending, transport)
            assert (mapping, external == f"{lab.a.public_address}:4800") == ("stable", False), transport
        assert "punch.measured" not in sent.sending.words


def survey(program, transport):
    """What it has found out about its port, in the end: the mapping's kind, and the external endpoint."""
    found = re.findall(rf"survey\.{transport} family=IPv4 mapping=(\S+) external=(\S+)", program.words)
    return found[-1] if found else None
