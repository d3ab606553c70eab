"""Out of networks that let through little: through real proxies (tinyproxy, Dante), and over the port of HTTPS."""
import shutil
import socket

import pytest

from processes import Running
from world import Peer, Server, environment

USER, PASSWORD = "ann", "open-sesame"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def installed(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        pytest.skip(f"{name} is not installed (packaging/setup.sh --tests)")
    return path


class HttpProxy:
    """tinyproxy, which lets through port 443 alone."""

    def __init__(self, folder, *more):
        self.port = free_port()
        configuration = folder / "tinyproxy.conf"
        configuration.write_text("\n".join([f"Port {self.port}", "Listen 127.0.0.1", "Allow 127.0.0.1", "LogLevel Connect", "ConnectPort 443", *more]) + "\n")
        self.running = Running([installed("tinyproxy"), "-d", "-c", str(configuration)], environment())
        self.running.wait_until(lambda: answers(self.port), "tinyproxy to listen")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


class SocksProxy:
    """Dante, which lets through what `rules` say."""

    def __init__(self, folder, external, rules="socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }"):
        self.port = free_port()
        configuration = folder / "danted.conf"
        configuration.write_text(f"""logoutput: stdout
internal: 127.0.0.1 port = {self.port}
external: {external}
socksmethod: none
clientmethod: none
client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}
{rules}
""")
        self.running = Running([installed("danted"), "-f", str(configuration)], environment())
        self.running.wait_until(lambda: answers(self.port), "Dante to listen")

    @property
    def url(self):
        return f"socks5://127.0.0.1:{self.port}"


@pytest.fixture
def far_server(tmp_path, far_address):
    return Server(tmp_path / "server", address=far_address, further=[f"{far_address}:443"])


@pytest.fixture
def alice(tmp_path, far_server):
    peer, bob = Peer(tmp_path, "alice", far_server), Peer(tmp_path, "bob", far_server)
    peer.knows(bob)
    bob.knows(peer)
    peer.bob = bob
    return peer


def hears_of_bob(peer, *arguments, **how):
    return peer.run("peers", "-vv", *arguments, **how)


def test_an_http_proxy_that_lets_through_443_alone_is_a_way_out(tmp_path, alice):
    proxy = HttpProxy(tmp_path)
    asking = hears_of_bob(alice, "--proxy", proxy.url)
    assert asking.event("peer")["name"] == "bob"
    proxy.running.says("CONNECT 198.51.100.7:443")


def test_an_http_proxys_password_is_used_and_never_shown(tmp_path, alice):
    proxy = HttpProxy(tmp_path, f"BasicAuth {USER} {PASSWORD}")
    asking = hears_of_bob(alice, "--proxy", proxy.url.replace("//", f"//{USER}:{PASSWORD}@"))
    assert asking.event("peer")["name"] == "bob"
    assert PASSWORD not in asking.words
    refused = alice.run("peers", "--proxy", proxy.url, "--timeout", "3s", status=1)
    assert "wants a user name and a password" in refused.words
    refused = alice.run("peers", "--proxy", proxy.url.replace("//", f"//{USER}:wrong-word@"), "--timeout", "3s", status=1)
    assert "does not take this user name and password" in refused.words
    assert "wrong-word" not in refused.words


def test_a_socks_proxy_is_a_way_out(tmp_path, alice, far_address):
    proxy = SocksProxy(tmp_path, far_address)
    asking = hears_of_bob(alice, "--proxy", proxy.url)
    assert asking.event("peer")["name"] == "bob"


def test_a_socks_proxys_rules_are_told_in_words(tmp_path, alice, far_address):
    proxy = SocksProxy(tmp_path, far_address, "socks block { from: 0.0.0.0/0 to: 0.0.0.0/0 }")
    refused = alice.run("peers", "--proxy", proxy.url, "--timeout", "3s", status=1)
    assert "its rules do not let anybody through" in refused.words


def test_the_environments_proxy_stands_back_where_straight_ways_work(tmp_path, alice):
    assert hears_of_bob(alice, env={"HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"}).event("peer")["name"] == "bob"
    no_proxy_of_ours = hears_of_bob(alice, env={"HTTPS_PROXY": "https://127.0.0.1"})
    assert "the environment's proxy is not used" in no_proxy_of_ours.words


def test_the_proxy_of_the_command_line_is_the_one_way_out(tmp_path, alice):
    refused = alice.run("peers", "--proxy", f"http://127.0.0.1:{free_port()}", "--timeout", "3s", status=1)
    assert "reaching the proxy" in refused.words
    alice.run("peers", "--proxy", f"http://127.0.0.1:{free_port()}", env={"NO_PROXY": "198.51.100.0/24"})
    alice.run("peers", "--proxy", "nonsense://here", status=2)


def test_an_offer_goes_out_through_a_proxy(tmp_path, alice):
    proxy = HttpProxy(tmp_path)
    (alice.files / "letter").write_text("through the wall")
    alice.bob.receives()
    sending = alice.sends("letter", "--proxy", proxy.url, to=alice.bob)
    sending.event("accepted")
    proxy.running.says("CONNECT 198.51.100.7:443")


def test_the_doctor_says_that_the_server_is_reached_through_a_proxy(tmp_path, alice):
    proxy = HttpProxy(tmp_path)
    diagnosis = alice.run("doctor", "--proxy", proxy.url).event("doctor")
    assert diagnosis["server"]["proxy"] == proxy.url
    assert diagnosis["server"]["endpoint"] is None


def test_a_server_that_answers_on_443_alone_is_found_there(tmp_path, alice, far_server, far_address):
    spec = far_server.address
    far_server.stop()
    moved = Server.__new__(Server)
    moved.data, moved.launcher, moved.host, moved.port, moved.further, moved.options = far_server.data, (), far_address, 443, (), ()
    moved.start()
    asking = hears_of_bob(alice, "--server", spec)
    assert asking.event("peer")["name"] == "bob"


# --- Several servers ----------------------------------------------------------------------------------------------------

def test_a_second_server_stands_in_for_a_first_that_is_lost(tmp_path):
    one, two = Server(tmp_path / "one"), Server(tmp_path / "two")
    alice, bob = Peer(tmp_path, "alice"), Peer(tmp_path, "bob")
    for each in (alice, bob):
        each.init(f"{one.spec},{two.spec}")
    alice.knows(bob)
    bob.knows(alice)
    receiving = bob.receives("-vv")
    receiving.says("server.online")
    one.kill()
    receiving.says(f"server.online server={two.address}")
    assert alice.run("peers").event("peer")["online"]
    (alice.files / "letter").write_text("by another way")
    sending = alice.sends("letter", to=bob)
    sending.ends(0)
    receiving.ends(0)


def test_init_goes_on_when_one_of_several_servers_is_down(tmp_path):
    one, two = Server(tmp_path / "one"), Server(tmp_path / "two")
    one.kill()
    alice = Peer(tmp_path, "alice")
    initialised = alice.run("init", "--name", "alice", "--server", one.spec, "--server", two.spec)
    assert "does not know you yet" in initialised.words
    alice.run("peers")
