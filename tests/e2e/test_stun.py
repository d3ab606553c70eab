"""What pshare-server tells about NATs: STUN to our own questions and to those of clients that others wrote, never at more length than it was asked.
The reflect role and the dial-backs are proven beside their client in tests/unit/traversal/io."""
import os
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest

from processes import Running, program
from world import environment

COOKIE = 0x2112A442
SUCCESS, ERROR = 0x0101, 0x0111
XOR_MAPPED, RESPONSE_ORIGIN, OTHER, PADDING, CHANGE = 0x0020, 0x802B, 0x802C, 0x0026, 0x0003
ONE, OTHER_ADDRESS = "127.0.0.1", "127.0.0.2"


class StunServer:
    """pshare-server at two addresses of this machine."""

    def __init__(self, folder, *more):
        self.running = Running([program("pshare-server"), "--listen", f"{ONE}:0", "--data", str(folder), *more], environment(HOME=folder))
        found = self.running.wait_until(lambda: re.search(r"stun\.listening port=(\d+) alternate_port=(\d+)", self.running.words), "its STUN ports")
        self.port, self.alternate = int(found[1]), int(found[2])


def test_on_every_ipv4_address_it_answers_from_the_one_that_was_asked(tmp_path):
    running = Running([program("pshare-server"), "--listen", "0.0.0.0:0", "--data", str(tmp_path)], environment(HOME=tmp_path))
    port, alternate = map(int, running.wait_until(lambda: re.search(r"port=(\d+) alternate_port=(\d+)", running.words), "its STUN ports").groups())
    for address in (ONE, OTHER_ADDRESS, "127.1.2.3"):
        assert ask(question(size=100), (address, port))[2] == (address, port)
        assert ask(question(size=100, change=2), (address, port))[2] == (address, alternate)


@pytest.fixture
def stun(tmp_path):
    return StunServer(tmp_path / "data", "--alternate", OTHER_ADDRESS)


def question(size=None, change=None, cookie=COOKIE):
    attributes = b"" if change is None else struct.pack("!HHI", CHANGE, 4, change)
    if size:
        room = size - 20 - len(attributes) - 4
        attributes += struct.pack("!HH", PADDING, room) + bytes(room)
    return struct.pack("!HHI", 0x0001, len(attributes), cookie) + os.urandom(12) + attributes


def attributes(answer):
    found, rest = {}, answer[20:]
    while rest:
        kind, length = struct.unpack("!HH", rest[:4])
        found.setdefault(kind, rest[4:4 + length])
        rest = rest[4 + (length + 3) // 4 * 4:]
    return found


def endpoint(value, mask=0):
    port, = struct.unpack("!H", value[2:4])
    address, = struct.unpack("!I", value[4:8])
    return socket.inet_ntoa(struct.pack("!I", address ^ mask)), port ^ mask >> 16


def ask(asked, to, patience=10):
    """The answer and where it came from; None if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((ONE, 0))
        client.settimeout(patience)
        client.sendto(asked, to)
        try:
            answer, from_ = client.recvfrom(4096)
        except TimeoutError:
            return None
        assert answer[4:20] == asked[4:20] and len(answer) <= len(asked)
        return struct.unpack("!H", answer[:2])[0], attributes(answer), from_, client.getsockname()


def silent(stun, *questions):
    """All of these are answered by nothing: another question, asked later from the same socket, is answered first."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        for each in questions:
            client.sendto(each, (ONE, stun.port))
        last = question(size=100)
        client.sendto(last, (ONE, stun.port))
        return client.recv(4096)[8:20] == last[8:20]


def test_it_tells_where_a_question_comes_from_and_where_else_to_ask(stun):
    kind, told, from_, own = ask(question(size=100), (ONE, stun.port))
    assert kind == SUCCESS and from_ == (ONE, stun.port)
    assert endpoint(told[XOR_MAPPED], COOKIE) == own
    assert endpoint(told[RESPONSE_ORIGIN]) == (ONE, stun.port)
    assert endpoint(told[OTHER]) == (OTHER_ADDRESS, stun.alternate)


@pytest.mark.parametrize(("change", "address", "alternate"), [(0, ONE, False), (2, ONE, True), (4, OTHER_ADDRESS, False), (6, OTHER_ADDRESS, True)])
def test_it_answers_from_where_it_is_asked_to(stun, change, address, alternate):
    _, told, from_, _ = ask(question(size=100, change=change), (ONE, stun.port))
    assert from_ == (address, stun.alternate if alternate else stun.port) == endpoint(told[RESPONSE_ORIGIN])


def test_with_one_address_it_refuses_to_change_it(tmp_path):
    stun = StunServer(tmp_path / "data")
    kind, told, _, _ = ask(question(size=100, change=6), (ONE, stun.port))
    assert kind == ERROR and told[0x0009][2:4] == bytes([4, 20])
    kind, told, from_, _ = ask(question(size=100, change=2), (ONE, stun.port))
    assert kind == SUCCESS and from_ == (ONE, stun.alternate) and OTHER not in told


def test_no_answer_is_longer_than_its_question_and_the_shortest_have_none(stun):
    for size in range(32, 120, 4):
        kind, told, _, _ = ask(question(size=size), (ONE, stun.port))  # which compares
        assert kind == SUCCESS and XOR_MAPPED in told
    assert silent(stun, question(), question(size=28), question(change=0), question(change=6, cookie=1), b"\0\1", bytes(600))


def test_a_flood_of_nonsense_and_of_askers_who_are_gone_leaves_it_answering(stun):
    for _ in range(300):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as gone:  # its answer meets "port unreachable"
            gone.sendto(question(size=100), (ONE, stun.port))
            gone.sendto(os.urandom(200), (ONE, stun.port))
    # The system drops what its buffer does not hold, as any client has to expect: so ask again.
    assert any(ask(question(size=100), (ONE, stun.port), patience=1) for _ in range(30))
    assert stun.running.running()


def test_a_taken_udp_port_is_said(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((ONE, 0))
        port = taken.getsockname()[1]
        refused = Running([program("pshare-server"), "--listen", f"{ONE}:{port}", "--data", str(tmp_path)], environment(HOME=tmp_path))
        assert refused.ends() not in (0, 2)
        assert str(port) in refused.words and "UDP" in refused.words


def test_a_taken_alternate_port_is_replaced_by_another(tmp_path):
    first = StunServer(tmp_path / "first")
    while True:  # a server whose next port is taken: by our own sockets
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as low, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as high:
            low.bind((ONE, 0))
            port = low.getsockname()[1]
            try:
                high.bind((ONE, port + 1))
            except (OSError, OverflowError):
                continue
            low.close()
            second = Running([program("pshare-server"), "--listen", f"{ONE}:{port}", "--data", str(tmp_path / "second")], environment(HOME=tmp_path))
            found = second.wait_until(lambda: re.search(r"stun\.listening port=(\d+) alternate_port=(\d+)", second.words), "its STUN ports")
            assert int(found[1]) == port and int(found[2]) not in (port, port + 1, first.alternate)
            return


def test_an_address_that_is_none_is_said(tmp_path):
    refused = Running([program("pshare-server"), "--alternate", "nonsense", "--data", str(tmp_path)], environment(HOME=tmp_path))
    refused.ends(2)
    assert "nonsense" in refused.words


# --- Clients that others wrote: docs/decisions/0015 ------------------------------------------------------------------

def needs(name):
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


def said_by(argv, patience):
    """What a program says until it ends or `patience` is over: one of them waits for ever for an answer that does not come."""
    try:
        return subprocess.run(argv, capture_output=True, timeout=patience, text=True).stdout
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode()


@needs("turnutils_natdiscovery")
def test_coturns_natdiscovery_is_served_if_it_pads(stun):
    said = said_by(["turnutils_natdiscovery", "-m", "-f", "-P", "-p", str(stun.port), ONE], 60)
    assert "NAT with Endpoint Independent Mapping!" in said
    assert "NAT with Endpoint Independent Filtering!" in said
    assert f"Other addr: : {OTHER_ADDRESS}:{stun.alternate}" in said


@needs("turnutils_stunclient")
def test_coturns_stunclient_asks_too_briefly_to_be_answered(stun):
    assert "reflexive" not in said_by(["turnutils_stunclient", "-p", str(stun.port), ONE], 2)


@needs("stun")
def test_the_client_of_rfc_3489_asks_too_briefly_to_be_answered(stun):
    began = time.monotonic()
    assert "Blocked or could not reach STUN server" in said_by(["stun", f"{ONE}:{stun.port}", "-p", "0"], 60)
    assert time.monotonic() - began < 60
