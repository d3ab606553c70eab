"""Wires: delay, jitter, rate and queue, loss, MTU, hops. Times are compared with arithmetic; the machine may be busy, so lower bounds are
strict, upper ones look at the best or the middle of many, and no packet is counted lost that the wire does not say it has dropped.
"""
import contextlib
import errno
import select
import socket
import statistics
import struct
import threading
import time

from .laboratory import laboratory
from .registry import holds, proves, same, within
from .responder import Responder
from .sockets import TCP, accept, begin_connect, listen, open_socket, outcome, port_of, tell

IP_MTU, IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 14, 10, 0, 2
IPV6_MTU, IPV6_MTU_DISCOVER = 24, 23
IP_RECVERR, IP_RECVTTL = 11, 12
SO_TIMESTAMPNS = 35
HEADERS = 28  # IPv4 and UDP


class Stream:
    """Numbered datagrams from one socket to another, with the moments of sending and of arrival at the other's kernel."""

    def __init__(self, sender, receiver, to, size=100):
        self._sender, self._receiver, self._to, self._body = sender, receiver, to, bytes(size - HEADERS - 4)
        self._receiver.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_000_000)
        self.sent, self.arrived = [], {}  # moments by number; arrived in order of arrival
        self._done = threading.Event()
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def send(self, count, gap=0.0):
        """gap: seconds from one to the next."""
        began = time.monotonic()
        for number in range(count):
            if gap:
                time.sleep(max(0.0, began + number * gap - time.monotonic()))
            self.sent.append(time.time())
            self._sender.sendto(struct.pack(">I", len(self.sent) - 1) + self._body, self._to)

    def _listen(self):
        while not self._done.is_set():
            if not select.select([self._receiver], [], [], 0.05)[0]:
                continue
            bytes_, ancillary, _, _ = self._receiver.recvmsg(2000, 200)
            seconds, nanoseconds = struct.unpack("qq", next(value for _, kind, value in ancillary if kind == SO_TIMESTAMPNS))
            self.arrived.setdefault(struct.unpack_from(">I", bytes_)[0], seconds + nanoseconds / 1e9)

    def finish(self, expected=None, patience=8.0):
        """Until so many have arrived, or nothing comes any more."""
        deadline = time.monotonic() + patience
        while len(self.arrived) < (expected or len(self.sent)) and time.monotonic() < deadline:
            count = len(self.arrived)
            time.sleep(0.3)
            if expected is None and len(self.arrived) == count:
                break
        self._done.set()
        self._listening.join()
        return self

    def delays(self):
        return [arrived - self.sent[number] for number, arrived in self.arrived.items()]

    def rate(self, size):
        """Mbit/s, as the middle of what halves of the stream show: a moment in which the machine was busy elsewhere does not count."""
        moments = list(self.arrived.values())
        half = len(moments) // 2
        return half * size * 8 / statistics.median(later - earlier for earlier, later in zip(moments, moments[half:])) / 1e6

    def lost(self):
        return [number for number in range(len(self.sent)) if number not in self.arrived]


def towards_server(lab, size=100):
    return Stream(open_socket(lab.a), server := open_socket(lab.server, port=4800, address=lab.server.address), server.getsockname(), size)


def dropped(lab, wire):
    return lab.counters().wires[wire]["dropped"]


# --- Delay and jitter ---------------------------------------------------------------------------------------------------

@proves("one way through {site} takes {expected} ms", quiet=True, each=[
    {"site": "public", "expected": 25}, {"site": "port-restricted", "expected": 25.1}, {"site": "masq", "expected": 25.1},
    {"site": "cgnat", "expected": 27.1}, {"site": "masq,delay=80ms", "expected": 85.1}, {"site": "nat,delay=0ms", "expected": 5.1}])
def delay(site, expected):
    with laboratory(a=site) as lab:
        delays = towards_server(lab)
        delays.send(40, gap=0.005)
        delays = sorted(1000 * each for each in delays.finish().delays())
        within("the quickest", delays[0], expected - 0.05, expected + 3, " ms")
        within("the median", statistics.median(delays), expected - 0.05, expected + 10, " ms")
        return f"quickest {delays[0]:.2f} ms, median {statistics.median(delays):.2f} ms"


@proves("an answer takes as long as both ways together: {expected} ms between two sites", [{"expected": 80.4}], quiet=True)
def round_trip(expected):
    with laboratory(a="full-cone", b="masq") as lab:
        responder, host, peer = Responder(lab), open_socket(lab.a), open_socket(lab.b)
        to = responder.udp_sees(host)
        trips = []
        for _ in range(10):
            began = time.monotonic()
            seen = tell(peer, to, host)
            tell(host, seen, peer)
            trips.append(1000 * (time.monotonic() - began))
        within("the quickest", min(trips), expected - 0.05, expected + 5, " ms")
        return f"quickest {min(trips):.2f} ms"


@proves("jitter adds up to what it says, and packets overtake each other", quiet=True)
def jitter():
    with laboratory(a="nat,jitter=30ms") as lab:
        stream = towards_server(lab)
        stream.send(400, gap=0.001)
        delays = sorted(1000 * each for each in stream.finish().delays())
        within("the quickest", delays[0], 25.1 - 0.05, 30, " ms")
        within("the middle", statistics.median(delays), 25.1 + 10, 25.1 + 25, " ms")
        within("9 of 10", delays[360], 25.1 + 20, 25.1 + 38, " ms")
        holds("some overtake", list(stream.arrived) != sorted(stream.arrived))
        same("none is lost", stream.lost(), [])
        return f"{delays[0]:.1f} to {delays[-1]:.1f} ms"


@proves("with keeps-order jitter delays, but nothing overtakes", timed=True)
def jitter_in_order():
    with laboratory(a="nat,jitter=30ms,keeps-order=yes") as lab:
        stream = towards_server(lab)
        stream.send(400, gap=0.001)
        stream.finish()
        same("order of arrival", list(stream.arrived), list(range(400)))
        within("the longest delay", 1000 * max(stream.delays()), 25.1 + 10, 5000, " ms")


# --- Rate and queue -----------------------------------------------------------------------------------------------------

@proves("a line of {rate} Mbit/s carries as much UDP, {way}", quiet=True, takes=2,
        each=[{"rate": rate, "way": way} for rate in (4, 20) for way in ("up", "down")] + [{"rate": 100, "way": "up"}])
def rate(rate, way):
    with laboratory(a=f"public,rate={rate}mbit") as lab:
        count = rate * 50 if rate < 100 else 3000
        if way == "up":
            stream = towards_server(lab, 1250)
        else:
            host = open_socket(lab.a)
            stream = Stream(open_socket(lab.server), host, (lab.a.address, port_of(host)), 1250)
        stream.send(count)  # much faster than the line
        stream.finish(count)
        same("lost", stream.lost(), [])
        measured = stream.rate(1250)
        within("rate", measured, rate * 0.9, rate * 1.05, " Mbit/s")
        return f"{measured:.2f} Mbit/s"


@proves("the way up can be slower than the way down", quiet=True)
def slower_up():
    with laboratory(a="public,rate=20mbit,up=2mbit") as lab:
        rates = []
        host = open_socket(lab.a)
        for stream, count in ((towards_server(lab, 1250), 60), (Stream(open_socket(lab.server), host, (lab.a.address, port_of(host)), 1250), 400)):
            stream.send(count)
            rates.append(stream.finish(count).rate(1250))
        within("up", rates[0], 1.8, 2.1, " Mbit/s")
        within("down", rates[1], 18, 21, " Mbit/s")


@proves("a queue of 50 kB on a line of 2 Mbit/s holds 40 packets of 1250 bytes, delays by 200 ms at most, and drops the rest", quiet=True)
def queue():
    with laboratory(a="public,rate=2mbit,queue=50kb") as lab:
        stream = towards_server(lab, 1250)
        stream.send(200)
        stream.finish()
        # While the burst comes in some leave.
        took = stream.sent[-1] - stream.sent[0]
        within("arrived", len(stream.arrived), 40, 40 + took * 200 + 10)
        same("dropped by the wire", dropped(lab, "a.access"), len(stream.lost()))
        same("which: the first ones", sorted(stream.arrived)[:40], list(range(40)))
        within("delay of the 40th", 1000 * (stream.arrived[39] - stream.sent[39]), 225 - 1000 * took - 10, 225 + 100, " ms")
        return f"{len(stream.arrived)} arrived"


@proves("TCP fills a line of {rate} Mbit/s, {way}", quiet=True, takes=3, each=[{"rate": 20, "way": "up"}, {"rate": 20, "way": "down"}])
def tcp(rate, way):
    with laboratory(a=f"masq,rate={rate}mbit,queue=150kb") as lab:
        listener = listen(lab.server, 443, lab.server.address)
        calling = open_socket(lab.a, TCP)
        begin_connect(calling, listener.getsockname())
        same("connecting", outcome(calling), "connected")
        accepted, _ = accept(listener)
        sending, receiving = (calling, accepted) if way == "up" else (accepted, calling)
        sending.settimeout(20)

        def send():
            with contextlib.suppress(OSError):  # the other end has heard enough
                while True:
                    sending.sendall(bytes(65536))
        threading.Thread(target=send, daemon=True).start()
        began, got = time.monotonic(), 0
        while time.monotonic() < began + 0.6:  # slow start
            receiving.recv(65536)
        began = time.monotonic()
        while time.monotonic() < began + 1.2:
            got += len(receiving.recv(65536))
        measured = got * 8 / (time.monotonic() - began) / 1e6
        receiving.close()
        within("goodput", measured, rate * 0.6, rate * 1.15, " Mbit/s")  # at the beginning something has been waiting
        return f"{measured:.1f} Mbit/s"


# --- Loss ---------------------------------------------------------------------------------------------------------------

@proves("of many packets a share of {share} is lost, here and there", [{"share": share} for share in (0.02, 0.1, 0.5)], timed=True, takes=2)
def loss(share):
    with laboratory(a=f"public,loss={share}") as lab:
        stream, count = towards_server(lab), 3000
        stream.send(count, gap=0.0003)
        stream.finish()
        lost = stream.lost()
        same("lost are those that the wire has dropped", len(lost), dropped(lab, "a.access"))
        deviation = (count * share * (1 - share)) ** 0.5
        within("lost", len(lost), count * share - 5 * deviation, count * share + 5 * deviation)
        within("mean length of runs", mean_run(lost), 1, 1.15 / (1 - share))
        return f"{len(lost)} of {count}"


def mean_run(numbers):
    all_of_them = set(numbers)
    begun = sum(number - 1 not in all_of_them for number in numbers)
    return len(numbers) / begun if begun else 0


@proves("both directions lose independently: of echoes {share} come back", [{"share": 0.64}], takes=2)
def loss_both_ways(share):
    with laboratory(a="public,loss=20%") as lab:
        server = open_socket(lab.server, port=4800, address=lab.server.address)

        def echo():
            with contextlib.suppress(OSError):
                while True:
                    bytes_, source = server.recvfrom(100)
                    server.sendto(bytes_, source)
        threading.Thread(target=echo, daemon=True).start()
        host = open_socket(lab.a)
        stream = Stream(host, host, server.getsockname())
        stream.send(1500, gap=0.0005)
        stream.finish()
        deviation = (1500 * share * (1 - share)) ** 0.5
        within("came back", len(stream.arrived), 1500 * share - 5 * deviation, 1500 * share + 5 * deviation)


@proves("in bursts everything is lost for a while: about 20 of 70 ms", timed=True, takes=4)
def bursts():
    with laboratory(a="public,bursts-every=50ms,burst-lasts=20ms") as lab:
        stream = towards_server(lab)
        stream.send(3000, gap=0.001)
        stream.finish()
        lost = stream.lost()
        same("lost are those that the wire has dropped", len(lost), dropped(lab, "a.access"))
        within("share lost", len(lost) / 3000, 0.12, 0.50)
        within("mean length of runs", mean_run(lost), 6, 60)
        return f"{len(lost) / 3000:.0%} in runs of {mean_run(lost):.0f} on average"


# --- MTU ----------------------------------------------------------------------------------------------------------------

@proves("a path of 1280 bytes through {gateway} reports it, and path MTU discovery learns it",
        [{"gateway": gateway} for gateway in ("nat", "masq", "upnp", "sym-rnd")])
def mtu_reported(gateway):
    with laboratory(a=f"{gateway},mtu=1280") as lab:
        host, responder = open_socket(lab.a), Responder(lab)
        host.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        host.connect(responder.at())
        same("before", host.getsockopt(socket.IPPROTO_IP, IP_MTU), 1500)
        host.send(bytes(1300 - HEADERS))
        select.select([host], [], [], 10)  # the error is there
        same("what the next one gets", _error_of(lambda: host.send(bytes(1300 - HEADERS))), "EMSGSIZE")
        same("path MTU", host.getsockopt(socket.IPPROTO_IP, IP_MTU), 1280)
        _clear(host)
        host.send(bytes(1280 - HEADERS))
        same("what fits arrives", len(responder.udp[0, 0].recv(2000)), 1280 - HEADERS)


@proves("a path of 1280 bytes through {gateway} that reports nothing swallows what is larger",
        [{"gateway": gateway} for gateway in ("nat", "masq")])
def mtu_black_hole(gateway):
    with laboratory(a=f"{gateway},mtu=1280,reports-mtu=no") as lab:
        host, responder = open_socket(lab.a), Responder(lab)
        host.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        host.connect(responder.at())
        host.send(bytes(1281 - HEADERS))
        host.send(bytes(1280 - HEADERS))
        same("what arrives first", len(responder.udp[0, 0].recv(2000)), 1280 - HEADERS)
        same("path MTU", host.getsockopt(socket.IPPROTO_IP, IP_MTU), 1500)


@proves("packets that may be fragmented pass a path of 1280 bytes")
def mtu_fragments():
    with laboratory(a="nat,mtu=1280") as lab:
        host, responder = open_socket(lab.a), Responder(lab)
        host.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        host.sendto(bytes(1500 - HEADERS), responder.at())
        same("what arrives", len(responder.udp[0, 0].recv(2000)), 1500 - HEADERS)


@proves("over IPv6 path MTU discovery learns 1300 bytes too, through {gateway}", [{"gateway": gateway} for gateway in ("nat", "masq")])
def mtu_v6(gateway):
    with laboratory(a=f"{gateway},ipv6,mtu=1300") as lab:
        host, server = (open_socket(each, family=socket.AF_INET6, address=address, port=5000)
                        for each, address in ((lab.a, "::"), (lab.server, lab.server.address_v6)))
        host.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
        host.connect(server.getsockname()[:2])
        host.send(bytes(1400 - 48))
        select.select([host], [], [], 10)
        same("what the next one gets", _error_of(lambda: host.send(bytes(1400 - 48))), "EMSGSIZE")
        same("path MTU", host.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU), 1300)
        _clear(host)
        host.send(bytes(1300 - 48))
        same("what fits arrives", len(server.recv(2000)), 1300 - 48)


@proves("TCP gets through a path of 1280 bytes that reports it", takes=2)
def mtu_tcp():
    with laboratory(a="masq,mtu=1280") as lab:
        _, here, there = Responder(lab).tcp_sees(lab.a)
        threading.Thread(target=here.sendall, args=(bytes(100_000),), daemon=True).start()
        got = 0
        while got < 100_000:
            got += len(there.recv(65536))


def _error_of(act):
    try:
        act()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "none"


def _clear(sock):
    sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


# --- Hops ---------------------------------------------------------------------------------------------------------------

ROUTERS, BACKBONE = "81.2.64.1", "81.2.64.9"
# Who says that it died, by TTL; the last one is larger than the path and arrives.
DEATHS = {
    "public": [*[ROUTERS] * 3, BACKBONE, *[ROUTERS] * 3],
    "port-restricted": ["192.168.11.1", *[ROUTERS] * 3, BACKBONE, *[ROUTERS] * 3],
    "masq": ["192.168.11.1", *[ROUTERS] * 3, BACKBONE, *[ROUTERS] * 3],
    "masq,hops=5": ["192.168.11.1", *[ROUTERS] * 5, BACKBONE, *[ROUTERS] * 3],
    "masq+nat": ["192.168.11.1", ROUTERS, "100.64.12.1", *[ROUTERS] * 3, BACKBONE, *[ROUTERS] * 3],
}


@proves("from {site} to the server there are {hops} hops, and each says where a packet died", [
    {"site": site, "hops": len(deaths)} for site, deaths in DEATHS.items()], takes=2)
def hops(site, hops):
    with laboratory(a=site) as lab:
        responder = Responder(lab)
        server = responder.udp[0, 0]
        server.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        reporters = []
        for ttl in range(1, hops + 1):
            host = open_socket(lab.a)
            host.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            host.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            host.sendto(b"dies", responder.at())
            reporters.append(_reporter(host))
        same("who reports", reporters, DEATHS[site])
        host = open_socket(lab.a)
        host.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops + 1)
        host.sendto(b"arrives", responder.at())
        bytes_, ancillary, _, _ = server.recvmsg(100, 100)
        same("what arrives", bytes_, b"arrives")
        same("with a TTL of", [struct.unpack("i", value)[0] for _, _, value in ancillary], [1])


def _reporter(sock):
    """Who sent the ICMP time exceeded that the socket got."""
    select.select([sock], [], [], 10)
    _, ancillary, _, _ = sock.recvmsg(2000, 500, socket.MSG_ERRQUEUE)
    [error] = [value for _, kind, value in ancillary if kind == IP_RECVERR]
    _, origin, type_, code = struct.unpack_from("=IBBB", error)
    same("ICMP: origin, type, code", (origin, type_, code), (2, 11, 0))
    return socket.inet_ntoa(error[20:24])


@proves("a packet with a small TTL opens {gateway} and does not reach the peer's gateway",
        [{"gateway": gateway} for gateway in ("port-restricted", "masq")])
def small_ttl(gateway):
    with laboratory(a=gateway, b="masq,fw=open") as lab:
        responder, host, peer = Responder(lab), open_socket(lab.a), open_socket(lab.b)
        mapped, peer_mapped = responder.udp_sees(host), responder.udp_sees(peer)
        before = lab.counters()
        host.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)
        host.sendto(b"opens", peer_mapped)
        host.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 64)
        responder.udp_sees(host)
        same("packets from a to b", (lab.counters() - before).sent("a", "b").packets, 0)
        same("the peer's packet comes in", tell(peer, mapped, host), peer_mapped)
