"""Counters between every pair of hosts tell what was sent, headers included, whatever programs say of themselves."""
import threading
import time

from lab.counters import Traffic

from .laboratory import laboratory
from .registry import holds, proves, same, within
from .responder import Responder
from .sockets import PATIENCE, TCP, accept, begin_connect, listen, open_socket, outcome, port_of, tell

IP_AND_UDP = 28


def _flood(sender, to, receiver, count, size):
    """In small heaps, so that no socket overflows."""
    for _ in range(count // 20):
        for _ in range(20):
            sender.sendto(bytes(size), to)
        for _ in range(20):
            receiver.recv(2000)


@proves("UDP is counted to the byte between {one} and {other} and nobody else: {sites}", [
    {"sites": sites, "one": one, "other": other} for sites, one, other in (
        ("full-cone x masq", "a", "b"), ("public x public", "a", "b"), ("@home:masq x @home", "a", "b"), ("masq x cgnat", "a", "server"),
        ("upnp x public", "b", "server"))], takes=2)
def udp(sites, one, other):
    a, b = sites.split(" x ")
    with laboratory(a=a, b=b) as lab:
        sender, receiver = open_socket(lab.hosts[one]), open_socket(lab.hosts[other])
        to = (lab.hosts[other].address, port_of(receiver))
        if other == "b" and not lab.plan.hosts["b"].chain == lab.plan.hosts["a"].chain and lab.plan.hosts["b"].chain:
            responder = Responder(lab)
            to, mapped = responder.udp_sees(receiver), responder.udp_sees(sender)
            receiver.sendto(b"opens", mapped)
            tell(sender, to, receiver)
        lab.reset_counters()
        _flood(sender, to, receiver, 200, 1000)
        counted = lab.counters()
        bytes_ = 200 * (1000 + IP_AND_UDP)
        same("sent", counted.sent(one, other), Traffic(200, bytes_, bytes_, 0))
        same("the other way", counted.sent(other, one), Traffic())
        [third] = {"a", "b", "server"} - {one, other}
        same("with the third", [counted.between(each, third) for each in (one, other)], [Traffic(), Traffic()])


@proves("TCP is counted with its headers and acknowledgements: {sites}", [{"sites": "masq x public"}, {"sites": "cgnat x public"}])
def tcp(sites):
    a, b = sites.split(" x ")
    with laboratory(a=a, b=b) as lab:
        listener = listen(lab.b, 5000)
        calling = open_socket(lab.a, TCP)
        begin_connect(calling, (lab.b.address, 5000))
        same("connecting", outcome(calling), "connected")
        there, _ = accept(listener)
        size = 500_000
        threading.Thread(target=calling.sendall, args=(bytes(size),), daemon=True).start()
        got = 0
        while got < size:
            got += len(there.recv(65536))
        counted = lab.counters()
        sent, back = counted.sent("a", "b"), counted.sent("b", "a")
        same("all of it is TCP", (sent.bytes, sent.udp_bytes), (sent.tcp_bytes, 0))
        # 1448 of 1500 bytes carry something; a busy machine sends something again.
        within("there", sent.bytes, size * 1500 / 1448, size * 1.25)
        within("back", back.bytes, 52, size * 0.1)
        same("between others", counted.between("a", "server") + counted.between("b", "server"), Traffic())


@proves("a file that goes straight leaves a few packets at the server, and one that is relayed all its bytes twice", [{}], takes=2)
def straight_or_relayed():
    with laboratory(a="full-cone", b="masq") as lab:
        responder, here, there = Responder(lab), open_socket(lab.a), open_socket(lab.b)
        to, back = responder.udp_sees(there), responder.udp_sees(here)
        there.sendto(b"opens", back)
        tell(here, to, there)
        _flood(here, to, there, 400, 1000)
        counted = lab.counters()
        holds("hardly a byte with the server", counted.between("a", "server").bytes + counted.between("b", "server").bytes < 200, counted.table())
        holds("all of them straight", counted.sent("a", "b").bytes >= 400 * 1028, counted.table())
        lab.reset_counters()
        relay = responder.udp[0, 0]
        for _ in range(20):
            for _ in range(20):
                here.sendto(bytes(1000), responder.at())
            for _ in range(20):
                relay.sendto(relay.recv(2000), to)
            for _ in range(20):
                there.recv(2000)
        counted = lab.counters()
        same("straight", counted.between("a", "b"), Traffic())
        same("by the server", (counted.sent("a", "server").bytes, counted.sent("server", "b").bytes), (400 * 1028, 400 * 1028))


def _lose(lab, host, responder, wire, count):
    """Sends so many packets that are to be lost on a wire, and waits until it says so, or says no more."""
    before = lab.counters()
    for _ in range(count):
        host.sendto(bytes(100), responder.at())
    deadline = time.monotonic() + PATIENCE
    while (lab.counters() - before).wires[wire]["dropped"] < count and time.monotonic() < deadline:
        time.sleep(0.01)


@proves("wires count what is put on them and what they drop, by a cut or by loss")
def wires():
    with laboratory(a="nat") as lab:
        responder, host = Responder(lab), open_socket(lab.a)
        responder.udp_sees(host)
        before = lab.counters()
        lab.cut("server.access")
        _lose(lab, host, responder, "server.access", 7)
        lab.mend("server.access")
        lab.wire("a.access", loss=1)
        _lose(lab, host, responder, "a.access", 5)
        lab.wire("a.access", loss=0)
        holds("afterwards packets arrive", responder.udp_sees(host))
        counted = (lab.counters() - before).wires
        same("packets put on the access line", counted["a.access"]["there"].packets, 13)
        same("bytes", counted["a.access"]["there"].bytes, 12 * 128 + 36)
        same("the other way", counted["a.access"]["back"].packets, 0)
        same("dropped", {name: wire["dropped"] for name, wire in counted.items() if wire["dropped"]}, {"server.access": 7, "a.access": 5})


@proves("mappings of a NAT are counted while they live", timed=True, takes=2)
def mappings():
    with laboratory(a="nat,udp-lifetime=1s", b="public") as lab:
        responder = Responder(lab)
        for _ in range(5):
            responder.udp_sees(open_socket(lab.a))
        same("mappings", lab.counters().mappings, {"a.gw1": 5})
        time.sleep(1.3)
        same("after their life-time", lab.counters().mappings, {"a.gw1": 0})
