"""Sites become addresses, boxes and wires that fit together."""
import ipaddress
import itertools

import pytest

from lab.plan import Plan
from lab.show import picture
from lab.spec import GRID, SpecError

EVERYTHING = {"a": "@home:upnp,ipv6+@isp:full-cone,addresses=2", "b": "@home", "c": "sym-seq,isolated+masq-rnd+@isp"}


def config(**sites):
    return Plan(**sites).configuration(seed=7)


def named(list_of, name):
    return next(each for each in list_of if each["name"] == name)


@pytest.mark.parametrize("sites", [{}, EVERYTHING, *({"a": one, "b": other} for one, other in itertools.product(GRID, GRID))])
def test_each_end_of_a_wire_is_there_and_has_one_wire(sites):
    told = config(**sites)
    there = {edge["name"] for edge in told["edges"]}
    there |= {f"{switch['name']}:{port['port']}" for switch in told["switches"] for port in switch["ports"]}
    there |= {f"{nat['name']}:{side}" for nat in told["nats"] for side in ("inside", "outside")}
    there |= {f"{router['name']}:{route['port']}" for router in told["routers"] for route in router["routes"]}
    ends = [end for wire in told["wires"] for end in wire["between"]]
    assert sorted(ends) == sorted(there)
    assert len({wire["name"] for wire in told["wires"]}) == len(told["wires"])


@pytest.mark.parametrize("sites", [EVERYTHING, *({"a": one, "b": other} for one, other in itertools.product(GRID, GRID))])
def test_nobody_shares_an_address_on_the_internet(sites):
    routes = [ipaddress.ip_network(route["to"]) for router in config(**sites)["routers"] for route in router["routes"]]
    assert len(set(routes)) == len(routes)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(routes, 2) if one.version == other.version)
    assert all(route.is_global for route in routes if route.version == 4)  # miniupnpd maps nothing behind others


def test_the_server_has_two_addresses_of_each_family():
    assert Plan().hosts["server"].addresses == ["81.2.69.10", "81.2.69.11"]
    assert Plan().hosts["server"].addresses_v6 == ["2001:db8:69::10", "2001:db8:69::11"]


def test_a_home_behind_a_carrier_has_a_carriers_address():
    plan = Plan(a="cgnat")
    assert plan.hosts["a"].addresses == ["192.168.11.10"]
    assert plan.boxes["a.gw1"].outside == ["100.64.12.2"]
    assert plan.boxes["a.gw2"].outside == ["81.2.70.2"]
    assert plan.public_addresses("a") == ["81.2.70.2"]


def test_hosts_behind_the_same_home_gateway_are_on_one_lan():
    plan = Plan(a="@home:masq", b="@home")
    assert [plan.hosts[host].addresses for host in "ab"] == [["192.168.11.10"], ["192.168.11.11"]]
    [switch] = plan.configuration(7)["switches"]
    assert [port["port"] for port in switch["ports"]] == ["a", "b", "up"]


def test_homes_behind_the_same_carrier_have_one_public_address():
    plan = Plan(a="masq+@isp:port-restricted", b="full-cone+@isp")
    assert plan.public_addresses("a") == plan.public_addresses("b") == ["81.2.70.2"]
    assert [plan.boxes[name].outside for name in ("a.gw1", "b.gw1")] == [["100.64.12.2"], ["100.64.12.3"]]


def test_a_reference_may_come_before_its_description():
    plan = Plan(a="masq+@isp", b="full-cone+@isp:port-restricted")
    assert plan.public_addresses("a") == ["81.2.71.2"]


def test_a_host_behind_a_shared_home_gateway_is_behind_its_carrier_too():
    assert Plan(a="@home:masq+full-cone", b="@home").hosts["b"].chain == ("home", "a.gw2")


def test_both_sides_may_have_the_same_subnet():
    plan = Plan(a="masq,lan=192.168.1", b="full-cone,lan=192.168.1")
    assert plan.hosts["a"].addresses == plan.hosts["b"].addresses == ["192.168.1.10"]


def test_ipv6_reaches_through_every_gateway_of_the_chain():
    plan = Plan(a="cgnat,ipv6", b="masq")
    told = plan.configuration(7)
    assert plan.hosts["a"].addresses_v6 == ["2001:db8:70:1::10"]
    assert plan.hosts["b"].addresses_v6 == []
    assert "2001:db8:70:1::10" in named(told["switches"], "a.gw2.lan")["ports"][0]["addresses"]
    assert {"to": "2001:db8:70:1::/64", "port": "a"} in told["routers"][0]["routes"]
    assert named(told["nats"], "a.gw2")["inside_address_v6"] == "2001:db8:70:2::1"


def test_a_public_host_may_have_ipv6():
    plan = Plan(a="public,ipv6")
    assert plan.hosts["a"].addresses_v6 == ["2001:db8:70::10"]
    assert {"to": "2001:db8:70::10/128", "port": "a"} in plan.configuration(7)["routers"][0]["routes"]


def test_kernel_gateways_are_edges_and_others_are_nats():
    told = config(a="masq+full-cone")
    edges = {edge["name"]: edge["device"] for edge in told["edges"] if edge["namespace"] == "/run/netns/a.gw1"}
    assert edges == {"a.gw1.inside": "lan", "a.gw1.outside": "wan"}
    assert [nat["name"] for nat in told["nats"]] == ["a.gw2"]


def test_what_a_site_blocks_is_told_as_behaviour():
    [nat] = config(a="only-443")["nats"]
    assert (nat["preset"], nat["behaviour"]) == ("port-restricted", {"udp": False, "tcp_ports_out": [443]})
    [nat] = config(a="nat,dmz,protocols=pcp/natpmp,addresses=3,pooling=arbitrary")["nats"]
    assert nat["behaviour"] == {"pooling": "arbitrary", "dmz": "192.168.11.10"}
    assert nat["services"] == ["nat-pmp", "pcp"]
    assert nat["external"] == ["81.2.70.2", "81.2.70.3", "81.2.70.4"]


def test_habits_are_told_beside_the_services():
    [nat] = config(a="nat,protocols=pcp,gives-other-port=yes")["nats"]
    assert nat["habits"] == {"gives_other_port": True}
    assert "habits" not in config(a="nat,protocols=pcp")["nats"][0]


def test_lines_are_as_usual_unless_told():
    wires = config(a="masq,delay=3ms+full-cone,loss=1%,hops=7", b="public,mtu=1280")["wires"]
    assert named(wires, "server.access")["delay_ms"] == 5
    assert {key: named(wires, "a.gw1.uplink")[key] for key in ("delay_ms", "hops")} == {"delay_ms": 3, "hops": 1}
    assert {key: named(wires, "a.access")[key] for key in ("delay_ms", "hops", "loss")} == {"delay_ms": 20, "hops": 7, "loss": 0.01}
    assert named(wires, "b.access")["mtu"] == 1280


def test_a_line_may_be_slower_on_the_way_out():
    access = named(config(a="masq,rate=100mbit,up=10mbit")["wires"], "a.access")
    assert access["between"] == ["a.gw1.outside", "backbone:a"]
    assert (access["rate_mbit"], access["back"]) == (10, {"rate_mbit": 100})


@pytest.mark.parametrize(("sites", "meeting"), [
    ({"a": "masq", "b": "public"}, ("backbone", "a", "b")),
    ({"a": "@home:masq", "b": "@home"}, ("home.lan", "a", "b")),
    ({"a": "masq+@isp:full-cone", "b": "full-cone+@isp"}, ("isp.lan", "a.gw1", "b.gw1")),
    ({"a": "masq+@isp:full-cone", "b": "@isp"}, ("isp.lan", "a.gw1", "b")),
])
def test_what_travels_straight_is_counted_at_the_innermost_common_box(sites, meeting):
    assert Plan(**sites).meeting("a", "b") == meeting


def test_the_server_meets_everybody_at_the_backbone():
    assert Plan(**EVERYTHING).meeting("b", "server") == ("backbone", "isp", "server")


@pytest.mark.parametrize(("sites", "says"), [
    ({"a": "@isp"}, "which no site describes"),
    ({"a": "@isp:masq", "b": "@isp:masq"}, "described twice"),
    ({"a": "@p:masq+@q", "b": "@q:masq+@p"}, "behind itself"),
    ({"a": "@p:masq+@p"}, "behind itself"),
    ({"f": "masq"}, "no site 'f'"),
    ({"a": "masq+masq,lan=192.168.11"}, "a.gw1 and a.gw2.* both have the LAN 192.168.11.0/24"),
    ({"a": "masq,lan=10.0.0+@isp", "b": "@isp:full-cone,lan=10.0.0"}, "a.gw1 and isp"),
])
def test_sites_that_do_not_fit_together_are_refused(sites, says):
    with pytest.raises(SpecError, match=says):
        Plan(**sites)


def test_the_picture_shows_every_box_with_its_addresses():
    drawn = picture(Plan(**EVERYTHING))
    for box in Plan(**EVERYTHING).boxes.values():
        assert box.name in drawn and box.inside in drawn and all(address in drawn for address in box.outside)
