"""`pshare doctor` between real kernels: what it says of a network is what that network is."""
import re

import pytest

from lab import Lab
from lab.people import Town

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

EIM, ADM, APDM = "endpoint-independent", "address-dependent", "address-and-port-dependent"


def doctor(person, *arguments):
    """What it prints with --json."""
    return person.run("doctor", *arguments).event("doctor")


def advised(found):
    return [each["what"] for each in found["advice"]]


def tiers(found):
    return [each["tier"] for each in found["expected"]]


KINDS = {
    # site: mapping and filtering over UDP, how ports are given, whether a peer with random ports can be met
    "public": (EIM, EIM, "stable", True),
    "full-cone": (EIM, EIM, "stable", True),
    "address-restricted": (EIM, ADM, "stable", True),
    "port-restricted": (EIM, APDM, "stable", True),
    "masq": (EIM, APDM, "stable", True),
    "masq-rnd": (APDM, APDM, "random", False),
    "masq-random": (APDM, APDM, "random", False),
    "sym-seq": (APDM, APDM, "stepping", False),
    "sym-rnd": (APDM, APDM, "random", False),
    "cgnat": (EIM, APDM, "stable", True),
}


@pytest.mark.parametrize("site", KINDS)
def test_finds_what_the_site_is(site):
    mapping, filtering, ports, meets_random = KINDS[site]
    with Lab(a=site) as lab, Town(lab) as town:
        found = doctor(town.alice)
        for transport in ("udp", "tcp"):
            nat = found["nat"][transport]
            assert nat["ports"]["kind"] == ports, transport
            assert nat["external"].split(":")[0] == lab.a.public_address
            assert nat["mapping"] in (mapping, f"{ADM} or {mapping}"), transport
        assert found["nat"]["udp"]["mapping"] == mapping
        assert found["nat"]["udp"]["filtering"] == filtering
        assert mapping != EIM or filtering in found["nat"]["tcp"]["filtering"]
        assert found["nat"]["translated"] == (site != "public")
        assert found["udp_out"] is True
        assert found["server"]["stun"] is True and abs(found["server"]["clock_ahead_s"]) <= 1
        assert found["server"]["round_trip_ms"] >= 49
        assert found["network"]["reachable"] == (site == "public")
        assert (tiers(found)[3] is not None) == meets_random
        assert tiers(found)[0] == "direct"


def test_udp_that_is_blocked_is_told_and_tcp_expected_to_do():
    with Lab(a="udp-blocked") as lab, Town(lab) as town:
        found = doctor(town.alice)
        assert found["udp_out"] is False and found["nat"]["udp"]["ports"]["kind"] == "blocked"
        assert found["nat"]["tcp"]["ports"]["kind"] == "stable"
        assert "allow-udp" in advised(found)
        assert found["expected"][1]["tier"] == "punched" and found["expected"][1]["transport"] == "tcp"


@pytest.mark.parametrize(("site", "seen"), [("sym-seq,step=2", 2), ("sym-seq,step=3,other-traffic=100", 3)])
def test_measures_the_step(site, seen):
    with Lab(a=site) as lab, Town(lab) as town:
        ports = doctor(town.alice)["nat"]["udp"]["ports"]
        assert ports["kind"] == "stepping" and ports["step"] == seen
        assert (ports["strangers_per_second"] > 30) == ("other-traffic" in site)


@pytest.mark.parametrize("protocols", ["upnp", "natpmp", "pcp", "upnp/natpmp/pcp"])
def test_a_router_that_opens_ports_is_proved_from_outside_and_nothing_is_left_to_change(protocols):
    with Lab(a=f"upnp,protocols={protocols}") as lab, Town(lab) as town:
        found = doctor(town.alice)
        router = found["router"]
        assert {each["transport"] for each in router["ports"] if each["proved"]} == {"tcp", "udp"}
        assert all(each["external"].startswith("81.2.70.") for each in router["ports"])
        assert found["network"]["mapped"] and advised(found) == []
        assert tiers(found)[1:] == ["mapped"] * 4


def test_an_ipv6_firewall_that_upnp_opens_is_named():
    with Lab(a="upnp,protocols=upnp,ipv6") as lab, Town(lab) as town:
        router = doctor(town.alice)["router"]
        assert {(each["protocol"], each["state"]) for each in router["protocols"] if each["family"] == "ipv6"} == {("pcp", "useless"), ("upnp", "maps")}
        assert {each["transport"] for each in router["ports"] if each["external"].startswith(f"[{lab.a.address_v6}]:")} == {"tcp", "udp"}


def test_behind_two_nats_it_says_so_and_does_not_praise_the_inner_one():
    with Lab(a="upnp+port-restricted") as lab, Town(lab) as town:
        found = doctor(town.alice)
        assert found["router"]["reason"] == "double-nat" and not found["network"]["mapped"]
        assert "bridge-mode" in advised(found) and "enable-port-mapping" not in advised(found)


def test_a_forwarded_port_is_tried():
    with Lab(a="masq") as lab, Town(lab) as town:
        found = doctor(town.alice, "--port", "4711")
        assert found["forwarded_port"] == {"port": 4711, "works": False} and "check-forward" in advised(found)
        lab.forward("a", "tcp", 4711)
        lab.forward("a", "udp", 4711)
        found = doctor(town.alice, "--port", "4711")
        assert found["forwarded_port"] == {"port": 4711, "works": True}
        assert found["network"]["reachable"] and advised(found) == [] and tiers(found)[3] == "direct"


def test_ipv6_is_looked_at_beside_the_nat():
    with Lab(a="sym-rnd,ipv6") as lab, Town(lab) as town:
        server = town.server.spec.replace(lab.server.address, f"[{lab.server.address_v6}]")
        over_v6 = doctor(town.alice, "--server", server)
        assert over_v6["ipv6"] == {"address": True, "server_reached": True, "strangers_get_in": False}
        assert "use-ipv6" not in advised(over_v6)
        over_v4 = doctor(town.alice)
        assert over_v4["ipv6"]["address"] is True and over_v4["ipv6"]["server_reached"] is None, "by its IPv4 address nobody knows another"


def test_people_read_the_same():
    with Lab(a="upnp") as lab, Town(lab) as town:
        text = town.alice.run("doctor", json=False).text
        assert re.search(r"It opened 81\.2\.70\.\d+:\d+ \(tcp\); your server got in there\.", text)
        assert "Nothing: this is as good as it gets." in text


def test_without_the_server_it_fails_and_says_who_is_missing():
    with Lab(a="upnp", b="public") as lab, Town(lab) as town:
        town.server.kill()
        program = town.alice.run("doctor", "--timeout", "2s", status=1)
        assert "81.2.69.10:4700" in program.words
        found = program.event("doctor")
        assert "81.2.69.10:4700" in found["server"]["trouble"]
        assert lab.a.address in [each["address"] for each in found["addresses"]]
        assert found["router"]["router_address"] == lab.a.public_address, "the router has been asked all the same"
        assert {each["transport"] for each in found["router"]["ports"]} == {"tcp", "udp"}
        assert (found["udp_out"], found["network"], found["expected"], found["advice"]) == (None, None, [], [])
        people = town.alice.run("doctor", "--timeout", "2s", status=1, json=False)
        assert "is not reached" in people.text and "What to expect" not in people.text


@pytest.mark.parametrize(("a", "b", "tier", "way"), [("masq", "port-restricted", "punched", "plain"), ("sym-seq", "masq", "punched", "sweep"), ("sym-rnd", "masq-rnd", None, None),
                                                    ("masq", "public", "direct", None), ("sym-rnd", "upnp", "mapped", None)])
def test_two_who_ask_each_other_hear_the_same_prognosis(a, b, tier, way):
    with Lab(a=a, b=b) as lab, Town(lab) as town:
        asking = town.alice.start("doctor", "--with", "bob"), town.bob.start("doctor", "--with", "alice")
        for one, other in zip(asking, ("bob", "alice")):
            one.ends(0)
            heard = one.event("doctor")["with"]
            assert heard["name"] == other
            assert heard["prognosis"]["tier"] == tier and heard["prognosis"].get("way") == way
        left, right = (one.event("doctor") for one in asking)
        assert left["with"]["network"] == right["network"] and right["with"]["network"] == left["network"]
        assert lab.b.public_address not in asking[0].text and lab.a.public_address not in asking[1].text, "kinds alone"


def test_who_receives_answers_contacts_meanwhile():
    with Lab(a="sym-seq", b="masq") as lab, Town(lab) as town:
        receiving = town.bob.receives()
        receiving.says("aiting")
        heard = doctor(town.alice, "--with", "bob")["with"]
        assert heard["prognosis"]["tier"] == "punched" and heard["prognosis"]["way"] == "sweep"
        assert heard["network"]["udp"]["kind"] == "stable" and not heard["network"]["reachable"]


def test_who_is_not_online_cannot_be_asked():
    with Lab(a="public", b="public") as lab, Town(lab) as town:
        asked = town.alice.run("doctor", "--with", "bob", "--timeout", "2s", status=4)
        assert "bob" in asked.words and "not online" in asked.words
        assert "with" not in asked.event("doctor") and asked.event("doctor")["network"]["reachable"], "what was found here is told all the same"
        town.alice.run("doctor", "--with", "nobody", status=4)


def test_strangers_get_no_answer():
    with Lab(a="public", b="public") as lab, Town(lab) as town:
        town.bob.run("contacts", "remove", "alice")
        receiving = town.bob.receives()
        receiving.says("aiting")
        asked = town.alice.run("doctor", "--with", "bob", "--timeout", "2s", status=1)
        assert asked.event("error")["code"] == "no-answer"
