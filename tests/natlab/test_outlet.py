"""Out of networks that let through nothing but TLS on 443, or nothing but what goes to their proxy."""
import os
import shutil

import pytest

from lab import Lab
from lab.people import Town
from processes import Running
from world import MiB, delivered, environment

pytestmark = [pytest.mark.internet, pytest.mark.pshare]

PROXY_PORT = 3128
SUPERNODE_PORT = 4711
TALK_AT_MOST = 128 * 1024
ONLY_TO_THE_PROXY = f"port-restricted,udp=blocked,tcp-out={PROXY_PORT}"


def http_proxy(host, folder, ports=(443,)):
    """tinyproxy, which lets through port 443 alone, as most do, or to these."""
    tinyproxy = shutil.which("tinyproxy")
    if not tinyproxy:
        pytest.skip("tinyproxy is not installed (packaging/setup.sh --tests)")
    configuration = folder / "tinyproxy.conf"
    configuration.write_text(f"Port {PROXY_PORT}\nLogLevel Connect\n" + "".join(f"ConnectPort {port}\n" for port in ports))
    proxy = Running([tinyproxy, "-d", "-c", str(configuration)], environment(), launcher=host.launcher)
    proxy.says("done sending stored logs")
    return proxy


def socks_proxy(host, folder, ports):
    """Dante."""
    danted = shutil.which("danted")
    if not danted:
        pytest.skip("dante-server is not installed (packaging/setup.sh --tests)")
    configuration = folder / "danted.conf"
    rules = "".join(f"socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 port = {port} }}\n" for port in ports)
    configuration.write_text(f"logoutput: stdout\ninternal: {host.address} port = {PROXY_PORT}\nexternal: {host.address}\nsocksmethod: none\nclientmethod: none\n"
                             f"client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n{rules}")
    proxy = Running([danted, "-f", str(configuration)], environment(), launcher=host.launcher)
    proxy.says("running")
    return proxy


def assert_an_offer_gets_through(town):
    """It is agreed upon; what becomes of the bytes is up to the tiers."""
    [bob] = [each for each in town.alice.run("peers").events if each["name"] == "bob"]
    assert not bob["online"]
    (town.alice.files / "letter").write_text("through the wall")
    receiving = town.bob.receives()
    receiving.says("aiting")
    town.alice.sends("letter", "--timeout", "20s", to=town.bob).event("accepted")


def test_a_network_that_lets_out_443_alone_reaches_a_server_that_listens_there():
    with Lab(a="only-443", b="public") as lab, Town(lab, server_ports=(443,)) as town:
        assert_an_offer_gets_through(town)


def test_a_network_that_lets_out_nothing_but_to_its_proxy_reaches_the_server_through_it(tmp_path):
    with Lab(a=ONLY_TO_THE_PROXY, b="public", c="public") as lab:
        proxy = http_proxy(lab.hosts["c"], tmp_path)
        url = f"http://{lab.hosts['c'].address}:{PROXY_PORT}"
        with Town(lab, server_ports=(443,), variables={"a": {"HTTPS_PROXY": url}}) as town:
            assert_an_offer_gets_through(town)
            assert f"CONNECT {lab.server.address}:443" in proxy.text


def test_behind_a_proxy_nobody_is_told_the_proxys_address_as_ours(tmp_path):
    with Lab(a=ONLY_TO_THE_PROXY, b="public", c="public") as lab:
        http_proxy(lab.hosts["c"], tmp_path)
        proxy = str(lab.hosts["c"].address)
        with Town(lab, server_ports=(443,), variables={"a": {"HTTPS_PROXY": f"http://{proxy}:{PROXY_PORT}"}}) as town:
            (town.alice.files / "letter").write_text("through the wall")
            receiving = town.bob.receives("-vv")
            receiving.says("aiting")
            sending = town.alice.sends("letter", "--timeout", "5s", "-vv", to=town.bob)
            sending.ends()
            assert f"{proxy}:" not in receiving.words


@pytest.mark.parametrize("scheme, runs", [("http", http_proxy), ("socks5", socks_proxy)])
def test_two_behind_proxies_meet_at_a_supernode_and_the_server_carries_nothing(scheme, runs, tmp_path):
    with Lab(a=ONLY_TO_THE_PROXY, b=ONLY_TO_THE_PROXY, c="public") as lab:
        runs(lab.hosts["c"], tmp_path, (443, SUPERNODE_PORT))
        url = f"{scheme}://{lab.hosts['c'].address}:{PROXY_PORT}"
        with Town(lab, server_ports=(443,), variables={name: {"ALL_PROXY": url} for name in "ab"}) as town:
            node = town.people["c"].start("supernode", "--port", str(SUPERNODE_PORT))
            node.wait_until(lambda: any(event["event"] == "supernode" and event["state"] == "listed" for event in node.events), "being listed")
            (town.alice.files / "film").write_bytes(os.urandom(4 * MiB))
            no_relay = ("--no-tiers", "relay")  # which would not wait for a busy machine; that a supernode comes first is shown in test_relayed.py
            receiving = town.bob.receives("--proxy", url, *no_relay)
            receiving.says("aiting")
            lab.reset_counters()
            sending = town.alice.sends("film", "-vv", *no_relay, to=town.bob)
            delivered(sending, receiving)
            assert [event["tier"] for event in sending.events if event["event"] == "path"] == ["supernode"], sending.story()
            assert all(lab.counters().between(name, "server").bytes < TALK_AT_MOST for name in "abc")
