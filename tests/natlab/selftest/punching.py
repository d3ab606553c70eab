"""A textbook punch by plain sockets between all pairs of ten kinds of site: it connects the pairs that the rules allow, and no others. The
simulator is measured by the same table (tests/sim/pairs_test.cpp).

    both ask the server how it sees them, and are told of each other at the same time
    UDP: each knocks at the other's endpoint every 50 ms; who is knocked at answers to where the knock came from, and knocks there from now on
    TCP: each listens and connects from the port that the server has seen, again 100 ms after each failure
"""
import itertools
import select
import socket
import time

from lab.spec import GRID

from .laboratory import drawn, laboratory
from .registry import holds, proves, same
from .responder import Responder
from .sockets import TCP, begin_connect, listen, open_socket

KINDS = [kind for kind in GRID if kind != "only-443"]
PAIRS = list(itertools.combinations_with_replacement(KINDS, 2))
AGAIN, AGAIN_TCP = 0.05, 0.1
PATIENCE, IN_VAIN = 10.0, 1.3  # seconds: for what has to connect, for what cannot (a SYN is sent again after one)

# As pairs_test.cpp has it: whose port depends on the peer, and whose filter looks at ports.
DEPENDENT = {"masq-rnd", "sym-seq", "sym-rnd"}
MINDS_PORTS = set(KINDS) - {"public", "full-cone", "address-restricted"}


def can_be_punched(a, b):
    """Whose mapping depends on the peer leaves from a port that the other was not told: the other's filter must not look at ports."""
    if a in DEPENDENT and b in DEPENDENT:
        return False
    if a in DEPENDENT or b in DEPENDENT:
        return (b if a in DEPENDENT else a) not in MINDS_PORTS
    return True


def over_udp(a, b):
    return can_be_punched(a, b) and "udp-blocked" not in (a, b)


# --- UDP ----------------------------------------------------------------------------------------------------------------

def punch_udp(lab, responder, patience):
    """Seconds until both have heard the other's answer; None: not in time."""
    sockets = [open_socket(host) for host in (lab.a, lab.b)]
    seen = [responder.udp_sees(each, patience=1 if patience < PATIENCE else PATIENCE) for each in sockets]
    if None in seen:
        return None
    peers = dict(zip(sockets, reversed(seen)))
    began, knock_at, answered = time.monotonic(), 0.0, set()
    while len(answered) < 2 and time.monotonic() < began + patience:
        if time.monotonic() >= knock_at:
            for own, peer in peers.items():
                own.sendto(b"knock", peer)
            knock_at = time.monotonic() + AGAIN
        for own in select.select(sockets, [], [], max(0.0, knock_at - time.monotonic()))[0]:
            word, source = own.recvfrom(100)
            if word == b"knock":
                own.sendto(b"answer", source)
                peers[own] = source
            elif word == b"answer":
                answered.add(own)
    return time.monotonic() - began if len(answered) == 2 else None


# --- TCP ----------------------------------------------------------------------------------------------------------------

class _Caller:
    def __init__(self, responder, host):
        self._host = host
        self.seen, self._to_server, _ = responder.tcp_sees(host)
        self._port = self._to_server.getsockname()[1]
        self.listener = listen(host, self._port)
        self.listener.setblocking(False)
        self.attempt, self.again_at = None, 0.0
        self.up = []       # connections
        self.heard = False

    def call(self, peer):
        if self.attempt is None and not self.up and time.monotonic() >= self.again_at:
            attempt = open_socket(self._host, TCP, self._port)
            try:
                self.attempt = begin_connect(attempt, peer)
            except OSError:  # that connection is there already: accepted just now
                self.again_at = time.monotonic() + AGAIN_TCP

    def came(self):
        try:
            self._add(self.listener.accept()[0])
        except BlockingIOError:
            pass

    def became(self):
        attempt, self.attempt = self.attempt, None
        if attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            return self._add(attempt)
        attempt.close()
        self.again_at = time.monotonic() + AGAIN_TCP

    def _add(self, connection):
        connection.setblocking(False)
        self.up.append(connection)
        connection.send(b"come in")

    def hear(self, connection):
        try:
            said = connection.recv(100)
        except OSError:
            said = b""
        self.heard = self.heard or bool(said)
        if not said:
            self.up.remove(connection)


def punch_tcp(lab, responder, patience):
    callers = [_Caller(responder, host) for host in (lab.a, lab.b)]
    began = time.monotonic()
    while not all(each.heard for each in callers) and time.monotonic() < began + patience:
        for each, peer in zip(callers, reversed(callers)):
            each.call(peer.seen)
        reading = {connection: each for each in callers for connection in [each.listener, *each.up]}
        attempts = {each.attempt: each for each in callers if each.attempt}
        readable, writable, _ = select.select(reading, attempts, [], 0.02)
        for connection in readable:
            each = reading[connection]
            each.came() if connection is each.listener else each.hear(connection)
        for attempt in writable:
            attempts[attempt].became()
    return time.monotonic() - began if all(each.heard for each in callers) else None


# --- Proving ------------------------------------------------------------------------------------------------------------

def _word(connects):
    return "connects" if connects else "does not connect"


@proves("{a} x {b} {udp} over UDP, {tcp} over TCP", takes=1.5, each=[
    {"a": a, "b": b, "udp": _word(over_udp(a, b)), "tcp": _word(can_be_punched(a, b))} for a, b in PAIRS])
def pair(a, b, udp, tcp):
    with laboratory(seed=drawn(a, b), a=a, b=b) as lab:
        responder = Responder(lab)
        udp_took = punch_udp(lab, responder, PATIENCE if over_udp(a, b) else IN_VAIN)
        tcp_took = punch_tcp(lab, responder, PATIENCE if can_be_punched(a, b) else IN_VAIN)
        same("over UDP, over TCP", (_word(udp_took), _word(tcp_took)), (udp, tcp))
        straight = lab.counters().sent("a", "b")
        holds("what connected is counted straight between them", straight.udp_bytes > 0 or not udp_took, straight)
        holds("what connected is counted straight between them", straight.tcp_bytes > 0 or not tcp_took, straight)
        return f"UDP {_seconds(udp_took)}, TCP {_seconds(tcp_took)}; seed {lab.seed}"


def _seconds(took):
    return f"{took:.2f} s" if took else "no"
