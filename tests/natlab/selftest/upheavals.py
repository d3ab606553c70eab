"""What ends mappings before their time: a full table, a reboot, another address. And what takes a port before its time: an early packet."""
import time

from .laboratory import laboratory
from .registry import differ, holds, proves, same
from .responder import Responder
from .sockets import gets, open_socket, tell, tells


@proves("a full table refuses new mappings and keeps the old")
def table_refuses():
    with laboratory(a="nat,table-limit=3") as lab:
        responder = Responder(lab)
        sockets = [open_socket(lab.a) for _ in range(4)]
        seen = [responder.udp_sees(each) for each in sockets[:3]]
        same("a fourth", responder.udp_sees(sockets[3], patience=0.3), None)
        same("the three", [responder.udp_sees(each) for each in sockets[:3]], seen)
        same("mappings counted", lab.counters().mappings, {"a.gw1": 3})


@proves("a full table gives the place of the mapping that was idle longest")
def table_evicts():
    with laboratory(a="nat,table-limit=3,table-full=evicts-oldest") as lab:
        responder = Responder(lab)
        sockets = [open_socket(lab.a) for _ in range(4)]
        seen = [responder.udp_sees(each) for each in sockets[:3]]
        responder.udp_sees(sockets[0])  # so the second is idle longest
        seen.append(responder.udp_sees(sockets[3]))
        server = responder.udp[0, 0]
        for place in (1, 0, 2, 3):
            server.sendto(b"in", seen[place])
        same("the others", [sockets[place].recv(10) for place in (0, 2, 3)], [b"in"] * 3)
        sockets[1].setblocking(False)
        try:
            sockets[1].recv(10)
            holds("the second has lost its mapping", False)
        except BlockingIOError:
            pass


def through(*gateways):
    return [{"gateway": gateway} for gateway in gateways]


@proves("a reboot of {gateway} ends flows over UDP and TCP, and new ones begin",
        through("nat", "full-cone", "sym-rnd", "masq", "masq-rnd", "upnp", "cgnat"), takes=2)
def reboot(gateway):
    with laboratory(a=gateway) as lab:
        responder, host = Responder(lab), open_socket(lab.a)
        mapped = responder.udp_sees(host)
        _, here, there = responder.tcp_sees(lab.a)
        lab.reboot("a")
        there.sendall(b"to what is no more")
        other = open_socket(lab.a)
        fence = responder.udp_sees(other)
        responder.udp[0, 0].sendto(b"old", mapped)
        same("fence", tell(responder.udp[0, 0], fence, other), responder.at())
        same("over TCP", gets(here, b"to what is no more", 0.1), False)
        host.setblocking(False)
        try:
            same("over UDP", host.recv(10), None)
        except BlockingIOError:
            pass
        host.settimeout(10)
        again = responder.udp_sees(host)
        same("and anew", tell(responder.udp[0, 0], again, host), responder.at())
        holds("TCP connects again", responder.tcp_sees(lab.a))


@proves("when the provider gives {gateway} another address, the old one is dead and new flows have the new",
        through("nat", "sym-rnd", "masq", "upnp", "cgnat", "masq+masq"), takes=2)
def address_change(gateway):
    with laboratory(a=gateway) as lab:
        responder, host = Responder(lab), open_socket(lab.a)
        old = responder.udp_sees(host)
        _, here, there = responder.tcp_sees(lab.a)
        new = lab.change_address("a")
        differ("addresses", old[0], new)
        there.sendall(b"to the old address")
        responder.udp[0, 0].sendto(b"old", old)
        other = open_socket(lab.a)
        fence = responder.udp_sees(other)
        same("new flows come from", fence[0], new)
        same("fence", tell(responder.udp[0, 0], fence, other), responder.at())
        same("over TCP", gets(here, b"to the old address", 0.1), False)
        host.setblocking(False)
        try:
            same("over UDP", host.recv(10), None)
        except BlockingIOError:
            pass
        host.settimeout(10)
        again = responder.udp_sees(host)
        same("the same socket now comes from", again[0], new)
        same("and is reached there", tell(responder.udp[0, 0], again, host), responder.at())
        same("TCP comes from", responder.tcp_sees(lab.a)[0][0], new)


# --- Early packets ------------------------------------------------------------------------------------------------------

@proves("a packet that comes before the host's own takes its port in {gateway}, for this one peer",
        through("masq,fw=open", "nat,early-packet-claims-port=30s"))
def early(gateway):
    with laboratory(a=gateway) as lab:
        responder, host = Responder(lab), open_socket(lab.a, port=5000)
        mapped = responder.udp_sees(host)
        stranger = responder.udp[1, 1]
        same("early", tells(stranger, mapped, host, (responder.udp[0, 0], mapped)), None)
        claimed = responder.udp_sees(host, (1, 1))
        differ("endpoints towards the early one", mapped, claimed)
        same("towards the first", responder.udp_sees(host), mapped)
        # Each of its packets to the old endpoint keeps the claim: whatever both do, they do not meet there.
        same("again", tells(stranger, mapped, host, (responder.udp[0, 0], mapped)), None)
        same("still", responder.udp_sees(host, (1, 1)), claimed)


@proves("a packet that comes before the host's own does no harm in {gateway}", through("masq", "masq,fw=reject", "nat", "upnp", "masq-rnd"))
def early_but_forgotten(gateway):
    with laboratory(a=gateway) as lab:
        responder, host = Responder(lab), open_socket(lab.a, port=5000)
        mapped = responder.udp_sees(host)
        stranger = responder.udp[1, 1]
        same("early", tells(stranger, mapped, host, (responder.udp[0, 0], mapped)), None)
        seen = responder.udp_sees(host, (1, 1))
        same("and then it may come in", tell(stranger, seen, host), responder.at(1, 1))
        if "rnd" not in gateway:
            same("endpoint", seen, mapped)


@proves("the claim of an early packet ends with its time", timed=True, takes=3)
def claim_ends():
    with laboratory(a="nat,early-packet-claims-port=1s") as lab:
        responder, host = Responder(lab), open_socket(lab.a, port=5000)
        mapped = responder.udp_sees(host)
        responder.udp[1, 1].sendto(b"early", mapped)
        time.sleep(1.4)
        same("endpoint", responder.udp_sees(host, (1, 1)), mapped)


