"""What people type for a site is read as they mean it, or refused in words that help."""
import pytest

from lab.spec import GRID, KERNEL, READY_MADE, SIMULATED, Gateway, Reference, SpecError, parse, words


def only(text):
    [gateway] = parse(text).chain
    return gateway


def test_every_word_is_a_site():
    for word in (*SIMULATED, *KERNEL, *READY_MADE, *GRID):
        parse(word)


def test_a_public_site_has_no_gateway():
    site = parse("public,ipv6,delay=50ms")
    assert (site.chain, site.ipv6, site.line.delay_ms) == ((), True, 50)


def test_gateways_are_joined_from_the_home_outwards():
    assert [gateway.kind for gateway in parse("masq+full-cone+sym-rnd").chain] == ["masq", "full-cone", "sym-rnd"]


def test_a_ready_made_name_is_what_it_stands_for():
    assert parse("cgnat").chain == parse("masq+port-restricted").chain
    assert only("udp-blocked").udp_blocked
    assert only("only-443").tcp_out == (443,)


def test_options_after_a_ready_made_name_belong_to_its_last_gateway():
    home, carrier = parse("cgnat,delay=7ms").chain
    assert (home.line.delay_ms, carrier.line.delay_ms) == (None, 7)


def test_a_name_before_a_ready_made_name_is_that_of_its_first_gateway():
    home, carrier = parse("@home:cgnat").chain
    assert (home.name, carrier.name) == ("home", None)


def test_a_reference_is_a_gateway_that_another_site_describes():
    assert parse("@home").chain == (Reference("home"),)
    assert parse("masq+@isp").chain == (Gateway("masq"), Reference("isp"))


def test_axes_become_the_words_of_the_configuration():
    behaviour = only("nat,mapping=address-dependent,ports=sequential,step=2,other-traffic=20,udp-lifetime=2m,simultaneous-open=no").behaviour
    assert behaviour == {"mapping": "address-dependent", "ports": "sequential", "step": 2, "other_traffic": 20, "udp_lifetime_s": 120,
                         "simultaneous_open": False}


@pytest.mark.parametrize(("text", "field", "value"), [
    ("delay=20ms", "delay_ms", 20), ("delay=0.5s", "delay_ms", 500), ("rate=200mbit", "rate_mbit", 200), ("rate=1gbit", "rate_mbit", 1000),
    ("rate=500kbit", "rate_mbit", 0.5), ("up=10mbit", "up_mbit", 10), ("queue=256kb", "queue_kb", 256),
    ("loss=1%", "loss", 0.01), ("loss=0.02", "loss", 0.02), ("hops=5", "hops", 5), ("mtu=1280", "mtu", 1280), ("reports-mtu=no", "reports_mtu", False), ("jitter=3ms", "jitter_ms", 3),
    ("bursts-every=5s", "bursts_every_ms", 5000), ("burst-lasts=200ms", "burst_lasts_ms", 200), ("keeps-order=no", "keeps_order", False)])
def test_a_line_is_described_with_units(text, field, value):
    assert getattr(only(f"masq,{text}").line, field) == pytest.approx(value)


def test_miniupnpd_speaks_all_protocols_unless_told():
    assert only("upnp").protocols == {"upnp", "natpmp", "pcp"}
    assert only("upnp,protocols=natpmp/pcp").protocols == {"natpmp", "pcp"}
    assert only("port-restricted,protocols=pcp").protocols == {"pcp"}


def test_a_kernel_gateway_has_a_firewall_and_its_own_lifetimes():
    gateway = only("masq,fw=reject,udp-lifetime=5s")
    assert (gateway.firewall, gateway.behaviour) == ("reject", {"udp_lifetime_s": 5})


def test_a_gateway_that_maps_ports_may_have_habits():
    habits = only("nat,protocols=pcp,gives-other-port=yes,answers-after=500ms,tells-address=10.0.0.7,limit=3,at-reboot=keeps").habits
    assert habits == {"gives_other_port": True, "answers_after_s": 0.5, "tells_address": "10.0.0.7", "limit": 3, "at_reboot": "keeps"}


def test_ports_may_be_forwarded_by_hand():
    assert only("masq,forward=udp:4700/tcp:80").forwards == only("nat,forward=udp:4700/tcp:80").forwards == (("udp", 4700), ("tcp", 80))


@pytest.mark.parametrize(("text", "says"), [
    ("nat,gives-other-port=yes", "gives-other-port is of use only with protocols="),
    ("nat,answers-after=1s", "answers-after is of use"),
    ("upnp,limit=3", "limit is of gateways in user space"),
    ("nat,protocols=pcp,tells-address=foo", "tells-address: 'foo' is not an address"),
    ("nat,protocols=pcp,announcements=101", "announcements: 101 is out of range"),
    ("masq,forward=4700", "forward: '4700' is not a protocol and a port"),
    ("masq,forward=udp:0", "forward: 0 is out of range"),
    ("masq,forward=udp:1/udp:1", "same port twice"),
    ("", "needs a name"),
    ("foo", "no site or gateway 'foo'"),
    ("public+masq", "no option|stands alone"),
    ("masq+public", "stands alone"),
    ("public,fw=drop", "no option 'fw'"),
    ("masq,mapping=address-dependent", "has no 'mapping'"),
    ("full-cone,fw=drop", "no option 'fw'"),
    ("nat,mapping=foo", "'foo' is none of endpoint-independent"),
    ("masq,fw=maybe", "none of drop, reject, open"),
    ("masq,protocols=pcp", "upnp's"),
    ("full-cone,protocols=upnp/pcp", "miniupnpd's"),
    ("upnp,protocols=natpmp+pcp", 'between protocols write "/"'),
    ("upnp,protocols=smtp", "known are upnp/natpmp/pcp"),
    ("masq,delay", "delay needs a value"),
    ("masq,delay=", "not a time"),
    ("masq,ipv6=yes", "takes no value"),
    ("masq,loss=150%", "loss: 150% is out of range, which is 0% to 100%"),
    ("masq,colour=red", "no option 'colour'"),
    ("masq,lan=192.168.1.0", "first three numbers"),
    ("masq,tcp-out=0", "tcp-out: 0 is out of range"),
    ("full-cone,addresses=0", "1 to 100"),
    ("nat,first-port=70000", "first-port: 70000 is out of range, which is 1 to 65535"),
    ("nat,first-port=2000,last-port=1000", "first-port lies behind last-port"),
    ("nat,last-port=1000", "first-port lies behind last-port: usual are 1024"),
    ("nat,step=99999999999", "step: 99999999999 is out of range"),
    ("nat,block=99999", "block: 99999 is out of range"),
    ("nat,table-limit=" + "9" * 5000, "table-limit: 9+ is out of range"),
    ("nat,other-traffic=1000000", "other-traffic: .* 0 to 100000"),
    ("masq,hops=999", "hops: 999 is out of range, which is 0 to 60"),
    ("masq,mtu=1", "mtu: 1 is out of range, which is 68 to 65535"),
    ("masq,delay=99999999999999999s", "delay: .* 0ms to 60s"),
    ("public,delay=61s", "delay: .* 0ms to 60s"),
    ("masq,rate=101gbit", "rate: .* 100gbit"),
    ("masq,queue=1001mb", "queue: .* 1000mb"),
    ("masq,udp-lifetime=99999999h", "udp-lifetime: .* 2400h"),
    ("masq,udp-lifetime=" + "9" * 400 + "h", "udp-lifetime: .* out of range"),
    ("masq,udp-lifetime=0.2s", "at least 1"),
    ("masq,hops=-1", "not a whole number"),
    ("masq,hops=\u0663", "not a whole number"),
    ("masq,lan=81.2.69", "81.2.69 is not private"),
    ("masq,lan=127.0.0", "not private"),
    ("masq,lan=192.168.256", "first three numbers"),
    ("masq,lan=10.0", "first three numbers"),
    ("masq,fw=open,fw=drop", "fw is said twice"),
    ("public,ipv6,ipv6", "ipv6 is said twice"),
    ("public,ipv6=no", "takes no value"),
    ("udp-blocked,udp=blocked", "udp is said twice"),
    ("@a:masq", "cannot name a gateway"),
    ("@Isp:masq", "cannot name a gateway"),
    ("@up:masq", "cannot name a gateway: .* up$"),
    (f"@{'x' * 31}:masq", "at most 30"),
    ("@isp,fw=drop", "belong where it is described"),
    ("@isp+masq", "said where @isp is described"),
])
def test_what_cannot_be_read_is_refused_in_words(text, says):
    with pytest.raises(SpecError, match=says):
        parse(text)


def test_the_list_of_words_has_all_of_them():
    listed = {word for _, rows in words() for word, _ in rows}
    assert {*SIMULATED, *KERNEL, *READY_MADE, "public"} <= listed
