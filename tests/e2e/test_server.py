"""pshare-server as those who run it see it."""
import socket
from contextlib import suppress

import pytest

from processes import Running, program
from world import Peer, Server, environment


def run_server(*arguments):
    return Running([program("pshare-server"), *map(str, arguments)], environment(HOME="/nonexistent"))


def test_it_prints_the_line_that_clients_need_and_ends_cleanly(tmp_path):
    server = Server(tmp_path / "data")
    assert f"pshare init --name YOU --server {server.spec}" in server.running.text
    assert server.stop() == 0


def test_a_restart_keeps_key_and_names(tmp_path):
    server = Server(tmp_path / "data")
    spec = server.spec
    Peer(tmp_path, "alice", server)
    server.stop()
    server.start()
    assert server.spec == spec
    impostor = Peer(tmp_path / "elsewhere", "alice")
    impostor.run("init", "--name", "alice", "--server", spec, status=1)


def test_a_taken_port_is_said(tmp_path):
    server = Server(tmp_path / "data")
    second = run_server("--listen", server.address, "--data", tmp_path / "other")
    assert second.ends() not in (0, 2)
    assert str(server.port) in second.words


def test_wrong_usage_ends_with_2(tmp_path):
    for arguments in (["--listen", "nonsense", "--data", tmp_path], ["--max-clients", "0", "--data", tmp_path], ["--nonsense"]):
        refused = run_server(*arguments)
        refused.ends(2)
        assert "--help" in refused.words


def test_data_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").touch()
    refused = run_server("--listen", "127.0.0.1:0", "--data", tmp_path / "file" / "data")
    refused.ends(8)
    assert "data" in refused.words


def test_garbage_on_its_port_does_not_disturb_it(tmp_path):
    server = Server(tmp_path / "data")
    for greeting in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"A" * 1000, b"", b"\0" * 70_000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            try:
                connection.sendall(greeting)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
            except OSError:
                pass  # it may well slam the door
    Peer(tmp_path, "alice", server)


@pytest.mark.parametrize("asked", [False, True], ids=["unasked", "asked"])
def test_its_log_names_nobody_unless_it_is_asked(tmp_path, asked):
    server = Server(tmp_path / "data", options=("-v",) if asked else ())
    alice, bob, mallory = Peer(tmp_path, "alice", server), Peer(tmp_path, "bob", server), Peer(tmp_path, "mallory")
    alice.knows(bob)
    bob.knows(alice)
    (alice.files / "note.txt").write_text("carried by the relay")
    receiving = bob.receives("--tiers", "relay", json=False)
    receiving.says("aiting")
    sending = alice.sends("note.txt", "--tiers", "relay", to=bob, json=False)
    for each in (sending, receiving):
        each.ends(0)
    mallory.run("init", "--name", "alice", "--server", server.spec, status=1)
    for greeting in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"A" * 1000, b"\0" * 70_000):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection, suppress(OSError):
            connection.sendall(greeting)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    idle = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(60)]   # more than an address may have half open
    server.running.says("connections.refused")
    for each in idle:
        each.close()
    server.stop()
    named = ["127.0.0.1", *(who.peer_id.split("-")[0] for who in (alice, bob))]
    assert [each for each in named if each in server.running.words] == (named if asked else [])


def test_it_serves_no_more_clients_than_it_was_told(tmp_path):
    data = tmp_path / "data"
    running = run_server("--listen", "127.0.0.1:0", "--data", data, "--max-clients", "1")
    import re
    spec = running.wait_until(lambda: re.search(r"--server (\S+)", running.text), "its line").group(1)
    first, second = Peer(tmp_path, "first"), Peer(tmp_path, "second")
    first.init(spec)
    first.start("receive", "--yes").says("aiting")
    refused = second.start("init", "--name", "second", "--server", spec, "--timeout", "3s")
    assert refused.ends() == 1
    assert "full" in refused.words or "busy" in refused.words or "clients" in refused.words
