"""Ports on request, from the real miniupnpd and from gateways in user space, by Debian's upnpc and natpmpc and by a small PCP probe, each
protocol alone.
"""
import os
import re
import select
import socket
import struct

from .laboratory import laboratory
from .registry import holds, proves, same
from .responder import Responder
from .sockets import CONNECTED, PAUSE, SILENCE, TCP, connect, listen, open_socket, tell, tells

PORT = 7000
NUMBERS = {"udp": 17, "tcp": 6}


# --- Asking -------------------------------------------------------------------------------------------------------------

def _upnpc(lab, *words):
    return lab.a.run(["upnpc", *words], timeout=30, status=None).text


class Upnp:
    name = "upnp"

    @staticmethod
    def ask(lab, protocol):
        said = _upnpc(lab, "-a", lab.a.address, PORT, PORT, protocol.upper())
        mapped = f"external {lab.a.public_address}:{PORT} {protocol.upper()} is redirected to internal {lab.a.address}:{PORT}"
        holds(f"upnpc says: {mapped}", mapped in said, said)

    @staticmethod
    def give_back(lab, protocol):
        said = _upnpc(lab, "-d", PORT, protocol.upper())
        holds("upnpc says that it is deleted", "UPNP_DeletePortMapping() returned : 0" in said, said)


class NatPmp:
    name = "natpmp"

    @staticmethod
    def ask(lab, protocol):
        said = lab.a.run(["natpmpc", "-a", PORT, PORT, protocol, 3600]).text
        holds("natpmpc says the address", f"Public IP address : {lab.a.public_address}" in said, said)
        mapped = f"Mapped public port {PORT} protocol {protocol.upper()} to local port {PORT} liftime 3600"  # its spelling
        holds(f"natpmpc says: {mapped}", mapped in said, said)

    @staticmethod
    def give_back(lab, protocol):
        lab.a.run(["natpmpc", "-a", 0, PORT, protocol, 0])


class Pcp:
    name = "pcp"
    _nonce = os.urandom(12)

    @classmethod
    def ask(cls, lab, protocol):
        same("answer to PCP MAP: result, lifetime, external", pcp_map(lab.a, protocol, 3600, cls._nonce), (0, 3600, (lab.a.public_address, PORT)))

    @classmethod
    def give_back(cls, lab, protocol):
        same("answer to PCP MAP: result, lifetime", pcp_map(lab.a, protocol, 0, cls._nonce)[:2], (0, 0))


def _mapped_form(address):
    return socket.inet_pton(socket.AF_INET6, f"::ffff:{address}")


def _ask_router(host, request, patience=5.0):
    asking = open_socket(host)
    asking.sendto(request, (host.router, 5351))
    return asking.recv(1100) if select.select([asking], [], [], patience)[0] else None


def pcp_map(host, protocol, lifetime, nonce, patience=5.0):
    """RFC 6887 section 11.1. Gives result code, lifetime and external endpoint; None for no answer, or one of NAT-PMP's."""
    answer = _ask_router(host, struct.pack(">BBHI16s12sB3xHH16s", 2, 1, 0, lifetime, _mapped_form(host.address), nonce, NUMBERS[protocol], PORT, PORT,
                                           _mapped_form("0.0.0.0")), patience)
    if answer is None or answer[0] != 2:
        return None
    result, lifetime = struct.unpack_from(">xxxBI", answer)
    external, address = struct.unpack_from(">H16s", answer, 42)
    return result, lifetime, (socket.inet_ntop(socket.AF_INET, address[12:]), external)


def nat_pmp(host, request, patience=5.0):
    """RFC 6886 sections 3.2 and 3.3. Gives the result code; None for no answer."""
    answer = _ask_router(host, request, patience)
    return None if answer is None else struct.unpack_from(">H", answer, 2)[0]


NAT_PMP_ADDRESS = b"\0\0"
NAT_PMP_MAP = struct.pack(">BBHHHI", 0, 1, 0, PORT, PORT, 3600)


# --- Proving ------------------------------------------------------------------------------------------------------------

GATEWAYS = [{"gateway": gateway, "protocol": protocol} for gateway, protocols in (
    ("upnp", (Upnp, NatPmp, Pcp)), ("port-restricted", (NatPmp, Pcp)), ("sym-rnd", (NatPmp, Pcp))) for protocol in protocols]


@proves("{gateway} with {protocol.name} alone opens a port, through which strangers come over UDP, and closes it again", GATEWAYS, takes=5)
def over_udp(gateway, protocol):
    with laboratory(a=f"{gateway},protocols={protocol.name}", b="public") as lab:
        host, responder, stranger = open_socket(lab.a, port=PORT), Responder(lab), open_socket(lab.b)
        at = lab.a.public_address, PORT
        protocol.ask(lab, "udp")
        same("the stranger's address", tell(stranger, at, host), stranger_endpoint(lab, stranger))
        protocol.give_back(lab, "udp")
        other = open_socket(lab.a)
        fence = responder.udp[0, 0], responder.udp_sees(other)
        fresh = open_socket(lab.server)  # the first stranger's flow is still known
        fresh.sendto(b"closed", at)
        same("fence", tell(*fence, other), responder.at())
        host.setblocking(False)
        try:
            same("after it was closed", host.recv(100), None)
        except BlockingIOError:
            pass


def stranger_endpoint(lab, sock):
    return lab.b.address, sock.getsockname()[1]


@proves("{gateway} with {protocol.name} alone opens a port, to which strangers connect over TCP, and closes it again", GATEWAYS, takes=5)
def over_tcp(gateway, protocol):
    with laboratory(a=f"{gateway},protocols={protocol.name}", b="public") as lab:
        listener = listen(lab.a, PORT)
        at = lab.a.public_address, PORT
        same("before", connect(open_socket(lab.b, TCP), at, SILENCE), SILENCE)
        protocol.ask(lab, "tcp")
        same("open", connect(open_socket(lab.b, TCP), at), CONNECTED)
        protocol.give_back(lab, "tcp")
        same("closed", connect(open_socket(lab.b, TCP), at, SILENCE), SILENCE)
        listener.close()


# Silence and "unsupported version" (RFC 6886 section 3.5, RFC 6887 section 9) come to the same.
@proves("{gateway} with {spoken} alone speaks nothing else", takes=9, each=[
    {"gateway": gateway, "spoken": each}
    for gateway, protocols in (("upnp", ("upnp", "natpmp", "pcp")), ("nat", ("natpmp", "pcp"))) for each in protocols])
def alone(gateway, spoken):
    with laboratory(a=f"{gateway},protocols={spoken}") as lab:
        patience = {each: 5.0 if each == spoken else PAUSE for each in ("upnp", "natpmp", "pcp")}
        answers = {"natpmp": nat_pmp(lab.a, NAT_PMP_ADDRESS, patience["natpmp"]) == 0,
                   "pcp": (pcp_map(lab.a, "udp", 60, bytes(12), patience["pcp"]) or [None])[0] == 0,
                   "upnp": "Found valid IGD" in _upnpc(lab, "-s")}
        same("who answers", [each for each, answered in answers.items() if answered], [spoken])


@proves("upnpc lists what was mapped by natpmpc and PCP, as one table", takes=4)
def one_table():
    with laboratory(a="upnp") as lab:
        NatPmp.ask(lab, "udp")
        Pcp.ask(lab, "tcp")
        said = _upnpc(lab, "-l")
        for protocol in ("UDP", "TCP"):
            holds(f"{protocol} is listed", re.search(rf"{protocol} +{PORT}->{re.escape(lab.a.address)}:{PORT}", said), said)


@proves("a reboot of {gateway} forgets what was mapped by request", [{"gateway": "upnp"}, {"gateway": "nat"}])
def forgotten(gateway):
    with laboratory(a=f"{gateway},protocols=natpmp", b="public") as lab:
        host, stranger, responder = open_socket(lab.a, port=PORT), open_socket(lab.b), Responder(lab)
        at = lab.a.public_address, PORT
        NatPmp.ask(lab, "udp")
        same("before", tell(stranger, at, host), stranger_endpoint(lab, stranger))
        lab.reboot("a")
        mapped = responder.udp_sees(host)
        same("port that it keeps by itself", mapped, at)
        same("after", tells(responder.udp[1, 1], at, host, (responder.udp[0, 0], mapped)), None)


# --- Behind a carrier ---------------------------------------------------------------------------------------------------

@proves("behind a carrier's NAT, miniupnpd's NAT-PMP says network failure, and natpmpc gives up")
def carrier_natpmp():
    with laboratory(a="upnp+port-restricted") as lab:
        same("result for the address and for a mapping", (nat_pmp(lab.a, NAT_PMP_ADDRESS), nat_pmp(lab.a, NAT_PMP_MAP)), (3, 3))
        asking = lab.a.run(["natpmpc", "-a", PORT, PORT, "udp", 3600], status=None)
        holds("natpmpc gives up", "Mapped public port" not in asking.text, asking.text)


@proves("behind a carrier's NAT, miniupnpd's PCP says no resources for 30 s, and its private address")
def carrier_pcp():
    with laboratory(a="upnp+port-restricted") as lab:
        result, lifetime, (address, _) = pcp_map(lab.a, "udp", 3600, bytes(12))
        same("result, lifetime, external address", (result, lifetime, address), (8, 30, lab.plan.boxes["a.gw1"].outside[0]))


@proves("behind a carrier's NAT, upnpc finds a gateway that is not connected", takes=4)
def carrier_upnp():
    with laboratory(a="upnp+port-restricted") as lab:
        said = _upnpc(lab, "-s")
        holds("upnpc says so", "(not connected?) IGD" in said, said)
