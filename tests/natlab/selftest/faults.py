"""Harm on command while traffic flows: cut, reboot, another address, UDP blocked, a process killed."""
import contextlib
import select
import threading
import time

from lab.namespaces import processes_in

from .laboratory import laboratory
from .registry import differ, proves, same
from .responder import Responder
from .sockets import TCP, connect, gets, hears, open_socket, tell


class Flow:
    """UDP from the host to the server and back every few milliseconds."""

    def __init__(self, lab, responder, host="a"):
        self._socket, self._responder = open_socket(lab.hosts[host]), responder
        self._server = responder.udp[0, 0]
        self._ended = threading.Event()
        self.echoes = 0
        self.sources = []  # as the server sees it
        threading.Thread(target=self._echo, daemon=True).start()
        threading.Thread(target=self._send, daemon=True).start()

    def _echo(self):
        while not self._ended.is_set():
            if select.select([self._server], [], [], 0.1)[0]:
                bytes_, source = self._server.recvfrom(100)
                if source[0] not in self.sources[-1:]:
                    self.sources.append(source[0])
                self._server.sendto(bytes_, source)

    def _send(self):
        while not self._ended.wait(0.005):
            with contextlib.suppress(OSError):
                self._socket.sendto(b"tick", self._responder.at())
            while select.select([self._socket], [], [], 0)[0]:
                with contextlib.suppress(OSError):
                    self._socket.recv(100)
                    self.echoes += 1

    def flows(self, patience=10):
        """Whether echoes come from now on. Those that were under way do not count."""
        time.sleep(0.2)
        before, deadline = self.echoes, time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.echoes > before + 5:
                return True
            time.sleep(0.01)
        return False

    def stands_still(self):
        return not self.flows(patience=0.4)

    def end(self):
        self._ended.set()


@contextlib.contextmanager
def flowing(**sites):
    with laboratory(**sites) as lab:
        responder = Responder(lab)
        flow = Flow(lab, responder)
        try:
            same("flowing at first", flow.flows(), True)
            yield lab, responder, flow
        finally:
            flow.end()


def each(*sites, **more):
    return [{"site": site, **more} for site in sites]


@proves("a cut of {wire} stops traffic through {site}, mending it lets it flow again", takes=3,
        each=[{"site": site, "wire": wire} for site, wire in (
            ("masq", "a.access"), ("port-restricted", "a.access"), ("masq", "a.link"), ("nat", "a.gw1.link"), ("cgnat", "a.gw1.uplink"),
            ("public", "a.access"), ("masq", "server.access"))])
def cut(site, wire):
    with flowing(a=site) as (lab, _, flow):
        lab.cut(wire)
        same("still while cut", flow.stands_still(), True)
        lab.mend(wire)
        same("flows when mended", flow.flows(), True)


@proves("a TCP connection through {site} survives a cut of a second", each("masq", "nat"), takes=4)
def cut_tcp(site):
    with laboratory(a=site) as lab:
        _, here, there = Responder(lab).tcp_sees(lab.a)
        lab.cut("a.access")
        here.sendall(b"during the cut")
        same("during the cut", gets(there, b"during the cut", 1.0), False)
        lab.mend("a.access")
        same("afterwards", gets(there, b"during the cut"), True)


@proves("traffic from inside goes on after a reboot of {site}, which has forgotten the mapping of who is silent",
        each("masq", "port-restricted", "sym-rnd", "upnp"), takes=2)
def reboot(site):
    with flowing(a=site) as (lab, responder, flow):
        server, place = responder.udp[1, 1], (1, 1)  # the flow has the first for itself
        silent, other = open_socket(lab.a), open_socket(lab.a)
        mapped = responder.udp_sees(silent, place)
        same("the silent one before", tell(server, mapped, silent), responder.at(*place))
        lab.reboot("a")
        same("flows again", flow.flows(), True)
        fence = responder.udp_sees(other, place)
        word = b"to the silent one"
        server.sendto(word, mapped)
        same("fence", tell(server, fence, other), responder.at(*place))
        same("the silent one hears afterwards", hears(silent, word, 0.1), None)


@proves("traffic of {site} goes on from the new address when the provider changes it", each("masq", "sym-rnd", "cgnat"), takes=2)
def change_address(site):
    with flowing(a=site) as (lab, _, flow):
        old, new = lab.a.public_address, lab.change_address("a")
        differ("addresses", old, new)
        same("flows again", flow.flows(), True)
        same("seen as", flow.sources, [old, new])


@proves("UDP through {site} stops when it is blocked, TCP goes on, and UDP flows again when it is allowed",
        each("masq", "port-restricted", "cgnat"), takes=3)
def block_udp(site):
    with flowing(a=site) as (lab, responder, flow):
        _, here, there = responder.tcp_sees(lab.a)
        lab.block_udp("a")
        same("still while blocked", flow.stands_still(), True)
        here.sendall(b"TCP goes on")
        same("TCP meanwhile", gets(there, b"TCP goes on"), True)
        lab.allow_udp("a")
        same("flows when allowed", flow.flows(), True)


@proves("loss and delay can change while traffic flows", takes=2)
def change_wire():
    with flowing(a="nat") as (lab, _, flow):
        lab.wire("a.access", loss=1)
        same("still when all is lost", flow.stands_still(), True)
        lab.wire("a.access", loss=0, delay_ms=150)
        same("flows again", flow.flows(), True)


@proves("a killed process of a host is gone at once, and its peer is told by the kernel", takes=2)
def kill():
    serve = "import socket; s = socket.create_server(('', 443)); print('ready'); c, _ = s.accept(); print(c.recv(3).decode()); s.accept()"
    call = ("import socket, sys; c = socket.create_connection((sys.argv[1], 443)); c.sendall(b'hey'); print('called'); "
            "print('end' if c.recv(10) == b'' else 'words')")
    with laboratory(a="masq", b="public") as lab:
        serving = lab.server.start(["python3", "-u", "-c", serve])
        serving.says("ready")
        calling = lab.a.start(["python3", "-u", "-c", call, lab.server.address])
        serving.says("hey")
        serving.kill()
        same("running", serving.running(), False)
        calling.says("end")
        calling.ends(0)
        same("connecting to where it was", connect(open_socket(lab.a, TCP), (lab.server.address, 443)), "refused")


@proves("what programs of a laboratory run ends with it, their children too")
def end_of_all():
    with laboratory(a="masq") as lab:
        started = lab.a.start(["sh", "-c", "setsid sleep 1000 & echo begun; wait"])
        started.says("begun")
        namespace = lab.a.namespace
        inode = namespace.inode()
        same("processes", len(processes_in({inode})), 2)
    same("left", (started.running(), processes_in({inode})), (False, []))
    same("names of namespaces", [each.name for each in namespace.path.parent.iterdir()], [])
