"""Who is behind what: LANs, carriers, IPv6 firewalls, and sites that let little out."""
import contextlib
import socket
import struct

from .laboratory import laboratory
from .registry import differ, holds, proves, same
from .responder import PLACES, Responder
from .sockets import CONNECTED, SILENCE, TCP, accept, connect, hears, listen, open_socket, port_of, tell, tells

V6 = socket.AF_INET6
GROUP = "239.255.255.250"  # SSDP's


def each(*sites):
    return [{"site": site} for site in sites]


# --- One LAN ------------------------------------------------------------------------------------------------------------

@proves("hosts on one LAN behind {site} reach each other over UDP and TCP, and the internet sees one address",
        each("@home:port-restricted", "@home:masq", "@home:masq+nat"))
def same_lan(site):
    with laboratory(a=site, b="@home") as lab:
        there = open_socket(lab.b, port=5000)
        here = open_socket(lab.a)
        same("as seen", tell(here, (lab.b.address, 5000), there), (lab.a.address, port_of(here)))
        listening = listen(lab.b, 5001, lab.b.address)
        same("TCP", connect(open_socket(lab.a, TCP), listening.getsockname()), CONNECTED)
        responder = Responder(lab)
        same("addresses outside", {responder.udp_sees(open_socket(host))[0] for host in (lab.a, lab.b)}, {lab.a.public_address})


@proves("hosts on an isolated LAN reach the internet, and not each other")
def isolated():
    with laboratory(a="@home:port-restricted,isolated", b="@home") as lab:
        responder = Responder(lab)
        there, here = open_socket(lab.b, port=5000), open_socket(lab.a)
        mapped = responder.udp_sees(there)
        here.sendto(b"neighbour", (lab.b.address, 5000))
        holds("the server hears a", responder.udp_sees(here))  # sent later, been further
        responder.udp[0, 0].sendto(b"fence", mapped)
        same("what b hears first", there.recv(100), b"fence")
        listening = listen(lab.b, 5001)
        same("TCP", connect(open_socket(lab.a, TCP), (lab.b.address, port_of(listening)), SILENCE), SILENCE)


@contextlib.contextmanager
def _member(host, port=1900):
    sock = open_socket(host, port=port)
    with host.namespace.entered():
        membership = struct.pack("4s4sI", socket.inet_aton(GROUP), bytes(4), socket.if_nametoindex("eth0"))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
    yield sock


@proves("multicast reaches everybody on the LAN, and nobody else")
def multicast():
    with laboratory(a="@home:nat", b="@home", c="nat") as lab, _member(lab.b) as neighbour, _member(lab.c) as stranger:
        sender = open_socket(lab.a)
        sender.sendto(b"anybody", (GROUP, 1900))
        same("the neighbour hears", hears(neighbour, b"anybody"), (lab.a.address, port_of(sender)))
        responder = Responder(lab)
        responder.udp[0, 0].sendto(b"fence", responder.udp_sees(stranger))
        same("the other LAN hears first", stranger.recv(100), b"fence")


@proves("multicast does not pass between isolated hosts")
def multicast_isolated():
    with laboratory(a="@home:nat,isolated", b="@home") as lab, _member(lab.b) as neighbour:
        open_socket(lab.a).sendto(b"anybody", (GROUP, 1900))
        responder = Responder(lab)
        responder.udp_sees(open_socket(lab.a))
        responder.udp[0, 0].sendto(b"fence", responder.udp_sees(neighbour))
        same("the neighbour hears first", neighbour.recv(100), b"fence")


@proves("both sides may have the same subnet and even the same address")
def same_subnet():
    with laboratory(a="full-cone,lan=192.168.1", b="masq,lan=192.168.1") as lab:
        responder = Responder(lab)
        here, there = open_socket(lab.a), open_socket(lab.b)
        seen = responder.udp_sees(here), responder.udp_sees(there)
        same("addresses inside", (lab.a.address, lab.b.address), ("192.168.1.10", "192.168.1.10"))
        differ("addresses outside", *(address for address, _ in seen))
        same("they talk", tell(there, seen[0], here), seen[1])


# --- Carriers -----------------------------------------------------------------------------------------------------------

@proves("homes behind one carrier that hairpins reach each other by their outer addresses",
        each("nat+@isp:full-cone,hairpinning=external-source"))
def carrier_hairpins(site):
    with laboratory(a=site, b="nat+@isp") as lab:
        responder, here, there = Responder(lab), open_socket(lab.a), open_socket(lab.b)
        mapped, peer = responder.udp_sees(here), responder.udp_sees(there)
        same("public address", mapped[0], peer[0])
        here.sendto(b"opens the own NAT", peer)
        same("the peer comes from", tell(there, mapped, here), peer)
        same("counted at the carrier", lab.counters().between("a", "b").packets > 0, False)


@proves("homes behind one carrier that does not hairpin reach each other only by their routers' WAN addresses",
        each("nat+@isp:full-cone", "masq+@isp:masq"))
def carrier_does_not(site):
    with laboratory(a=site, b=site.partition("+")[0] + "+@isp") as lab:
        responder, here, there = Responder(lab), open_socket(lab.a, port=5000), open_socket(lab.b, port=5001)
        mapped, peer = responder.udp_sees(here), responder.udp_sees(there)
        wan, peer_wan = ((lab.plan.boxes[name].outside[0], port) for name, port in (("a.gw1", 5000), ("b.gw1", 5001)))
        here.sendto(b"opens the own NAT", peer)
        same("by the public address", tells(there, mapped, here, (responder.udp[0, 0], mapped)), None)
        here.sendto(b"opens the own NAT", peer_wan)
        same("by the WAN address", tell(there, wan, here), peer_wan)
        holds("they are counted at the carrier", lab.counters().between("a", "b").packets >= 1)


@proves("a home NAT behind a carrier's: what is seen is the carrier's, the mapping the stricter of both",
        each("full-cone+port-restricted", "masq+full-cone", "full-cone+full-cone"))
def home_and_carrier(site):
    with laboratory(a=site) as lab:
        responder, host = Responder(lab), open_socket(lab.a)
        mapped = responder.udp_sees(host)
        same("address", mapped[0], lab.plan.boxes["a.gw2"].outside[0])
        comes = tells(responder.udp[1, 1], mapped, host, (responder.udp[0, 0], mapped)) is not None
        same("a stranger comes in", comes, site == "full-cone+full-cone")


@proves("three in a row still reach the server, through {site}", each("masq+nat+full-cone", "nat+masq+masq"))
def three(site):
    with laboratory(a=site) as lab:
        responder = Responder(lab)
        same("seen", responder.udp_sees(open_socket(lab.a))[0], "81.2.70.2")
        same("over TCP", responder.tcp_sees(lab.a)[0][0], "81.2.70.2")


# --- IPv6 ---------------------------------------------------------------------------------------------------------------

def _v6(host, port=0, kind=socket.SOCK_DGRAM):
    return open_socket(host, kind, port, host.address_v6, V6)


@proves("over IPv6 {site} translates nothing, and lets in whom the host has written to",
        each("nat,ipv6", "masq,ipv6", "port-restricted,ipv6", "cgnat,ipv6", "masq,ipv6,fw=reject"))
def v6_firewall(site):
    with laboratory(a=site) as lab:
        host, friend, stranger = _v6(lab.a, 5000), _v6(lab.server, 4700), _v6(lab.server, 4701)
        at = lab.a.address_v6, 5000
        same("as seen", tell(host, (lab.server.address_v6, 4700), friend), at)
        same("a stranger", tells(stranger, at, host, (friend, at)), None)
        same("a friend", tell(friend, at, host), (lab.server.address_v6, 4700))
        listener = listen_v6(lab.server, 443)
        same("TCP out", connect(_v6(lab.a, 0, TCP), (lab.server.address_v6, 443)), CONNECTED)
        same("seen as", accept(listener)[1][0], lab.a.address_v6)
        inner = listen_v6(lab.a, 5001)
        refusal = "refused" if "reject" in site else SILENCE
        same("TCP in", connect(_v6(lab.server, 0, TCP), (lab.a.address_v6, port_of(inner)), refusal), refusal)


def listen_v6(host, port):
    listening = _v6(host, port, TCP)
    listening.listen(5)
    return listening


@proves("over IPv6 {site} lets everybody in", each("masq,ipv6,fw=open", "full-cone,ipv6", "public,ipv6"))
def v6_open(site):
    with laboratory(a=site) as lab:
        host, stranger, friend = _v6(lab.a, 5000), _v6(lab.server, 4701), _v6(lab.server, 4700)
        tell(host, (lab.server.address_v6, 4700), friend)
        same("a stranger", tell(stranger, (lab.a.address_v6, 5000), host), (lab.server.address_v6, 4701))


@proves("two IPv6 firewalls are opened by packets from both sides")
def v6_punched():
    with laboratory(a="nat,ipv6", b="masq,ipv6") as lab:
        here, there = _v6(lab.a, 5000), _v6(lab.b, 5000)
        here.sendto(b"opens", (lab.b.address_v6, 5000))
        # Its own way out is longer than that packet's to the other firewall's outer side, or it is not: either way the third arrives.
        tell(there, (lab.a.address_v6, 5000), here)
        same("from the first", tell(here, (lab.b.address_v6, 5000), there), (lab.a.address_v6, 5000))
        same("from the other", tell(there, (lab.a.address_v6, 5000), here), (lab.b.address_v6, 5000))


# --- Little is let out --------------------------------------------------------------------------------------------------

@proves("{site} lets no UDP out, and TCP to any port", each("udp-blocked", "masq,udp=blocked", "full-cone,udp=blocked"))
def udp_blocked(site):
    with laboratory(a=site) as lab:
        responder, host = Responder(lab), open_socket(lab.a)
        for place in PLACES:
            host.sendto(b"UDP", responder.at(*place))
        holds("TCP connects", responder.tcp_sees(lab.a))  # and has been there and back
        for sock in responder.udp.values():
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                same("what the server hears over UDP", sock.recv(100), None)


@proves("{site} lets TCP out to port 443, and nothing else", each("only-443", "masq,udp=blocked,tcp-out=443"))
def only_443(site):
    with laboratory(a=site) as lab:
        responder = Responder(lab)
        listening = listen(lab.server, 443, lab.server.address)
        open_socket(lab.a).sendto(b"UDP", responder.at())
        same("4700", connect(open_socket(lab.a, TCP), responder.at(), SILENCE), SILENCE)
        same("443", connect(open_socket(lab.a, TCP), listening.getsockname()), CONNECTED)
        responder.udp[0, 0].setblocking(False)
        with contextlib.suppress(BlockingIOError):
            same("what the server hears over UDP", responder.udp[0, 0].recv(100), None)


@proves("a public site is reached by everybody at its own address")
def public():
    with laboratory(a="public", b="masq") as lab:
        host, stranger = open_socket(lab.a, port=5000), open_socket(lab.b, port=6000)
        same("uninvited", tell(stranger, (lab.a.address, 5000), host), (lab.b.public_address, 6000))
        listener = listen(lab.a, 5001)
        same("TCP", connect(open_socket(lab.b, TCP), (lab.a.address, 5001)), CONNECTED)
        same("seen as", accept(listener)[1][0], lab.b.public_address)
