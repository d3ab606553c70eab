"""pshare punches over TCP between real kernels: a test for each trap of docs/nat.md that concerns it. What the programs say is held against the
counters of the boxes in between."""
import re

import pytest

from lab import Lab
from lab.people import Town
from trees import assert_same, write_random
from world import MiB, delivered

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

SIZE = MiB
OVERHEAD = 1.9            # what headers, SYNs by the hundred, and what a line that reorders makes TCP send again may add: less than the file once more
TALK_AT_MOST = 64 * 1024  # through the server
PATIENCE = "30s"          # a busy machine takes longer for what comes before a round
ROUNDS_AT_MOST = 2        # some seconds each


def transfer(lab, sender, receiver, *options):
    """One file from beginning to end, without relays, which need not wait for a busy machine. Gives both programs."""
    options = ("--tiers", "direct,mapped,punched", "-vv", *options)
    write_random(sender.files / "film.mkv", SIZE)
    receiving = receiver.receives(*options)
    receiving.says("aiting")
    lab.reset_counters()
    sending = sender.sends("film.mkv", "--timeout", PATIENCE, *options, to=receiver)
    delivered(sending, receiving)
    assert max(rounds(sending, receiving), default=1) <= ROUNDS_AT_MOST, sending.story() + receiving.story()
    assert_same(sender.files / "film.mkv", receiver.files / "film.mkv")
    counted = lab.counters()
    names = sender.host.name, receiver.host.name
    assert SIZE <= counted.sent(*names).bytes <= SIZE * OVERHEAD
    assert sum(counted.between(name, "server").bytes for name in names) < TALK_AT_MOST
    return sending, receiving


def rounds(*programs):
    """Which rounds of punching over TCP they speak of."""
    return {int(number) for program in programs for number in re.findall(r"punch\.(?:measured|connected) .*round=(\d+)", program.words)}


def assert_punched(lab, sender, receiver, *options, transport="tcp"):
    programs = transfer(lab, sender, receiver, *options)
    for program in programs:
        path = program.event("path")
        assert (path["tier"], path["transport"]) == ("punched", transport)
    return programs


def assert_punched_over_tcp(a, b, *options):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        return assert_punched(lab, town.alice, town.bob, "--transport", "tcp", *options)


# --- 2: the SYN that comes too early may be answered by RST or ICMP -----------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [("rst-syn", "icmp-syn"), ("masq,fw=reject", "rst-syn"), ("icmp-late-syn", "rst-kills"), ("rst-kills-rst", "rst-kills-rst")])
def test_a_syn_that_a_router_refuses_is_sent_again_from_the_same_port(a, b):
    assert_punched_over_tcp(a, b)


@pytest.mark.parametrize(("a", "b"), [("rst-kills-rst,jitter=200ms", "rst-kills-rst"), ("rst-kills-rst", "rst-kills-rst,jitter=200ms"), ("rst-syn,jitter=120ms", "icmp-syn")])
def test_the_two_sides_need_not_begin_at_the_same_moment(a, b):
    assert_punched_over_tcp(a, b)


# --- 3: who punches listens as well -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [("rst-kills", "no-simopen-rst"), ("no-simopen-rst", "rst-kills")])
def test_where_only_one_sides_syn_can_win_the_other_falls_silent_and_accepts_it(a, b):
    assert_punched_over_tcp(a, b)


@pytest.mark.parametrize(("a", "b"), [("full-cone", "no-simopen-rst"), ("no-simopen", "full-cone")])
def test_a_syn_that_a_full_cone_lets_in_uninvited_is_accepted(a, b):
    assert_punched_over_tcp(a, b)


# --- 4: glare -----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [("full-cone", "full-cone"), ("@home:full-cone,hairpinning=external-source", "@home"), ("public", "full-cone")])
def test_of_many_connections_that_come_up_at_once_both_take_the_same(a, b):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        for sender, receiver in ((town.alice, town.bob), (town.bob, town.alice)):
            (sender.files / "film.mkv").unlink(missing_ok=True), (receiver.files / "film.mkv").unlink(missing_ok=True)
            ours, theirs = (each.event("path") for each in transfer(lab, sender, receiver, "--transport", "tcp"))
            assert ours["tier"] == theirs["tier"]


# --- 5: RST and the birthday --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [("rst-syn", "sym-rnd"), ("sym-rnd", "masq,fw=reject"), ("masq-rnd", "icmp-syn")])
def test_random_ports_are_found_by_a_router_that_refuses_the_search(a, b):
    """By the first search: a later one might have the luck that this one should not need. A machine that was busy just then may have had a part of it too late, so
    one more try is allowed: where refusals spoil a search, they spoil every first one."""
    for _ in range(2):
        programs = assert_punched_over_tcp(a, b)
        if (searched := rounds(*programs)) == {1}:
            break
    assert searched == {1}, "".join(program.story() for program in programs)


# --- 6: ICMP about one candidate is that candidate's failure ---------------------------------------------------------------------

@pytest.mark.parametrize(("a", "b"), [("masq,ipv6", "masq"), ("masq", "port-restricted,ipv6"), ("masq,lan=10.7.0", "icmp-syn,lan=10.9.0")])
def test_candidates_that_cannot_be_reached_at_all_do_no_harm(a, b):
    assert_punched_over_tcp(a, b)


# --- 9: what UDP's mapping is like says nothing of TCP's ---------------------------------------------------------------------------

RANDOM_OVER_TCP = "nat,ports=random,tcp-mapping=address-and-port-dependent,tcp-filtering=address-and-port-dependent"
RANDOM_OVER_UDP = "sym-rnd,tcp-mapping=endpoint-independent,tcp-filtering=address-and-port-dependent"


@pytest.mark.parametrize(("a", "b"), [(RANDOM_OVER_TCP, "masq"), ("port-restricted", RANDOM_OVER_TCP), (RANDOM_OVER_TCP, "udp-blocked")])
def test_the_tcp_mapping_is_measured_by_itself(a, b):
    assert_punched_over_tcp(a, b)


def test_tcp_goes_where_udp_has_no_chance():
    with Lab(a=RANDOM_OVER_UDP, b=RANDOM_OVER_UDP) as lab, Town(lab) as town:
        assert_punched(lab, town.alice, town.bob)
