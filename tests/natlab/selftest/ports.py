"""Which external port a mapping gets (RFC 4787 section 4.2), and which of several external addresses (section 4.1)."""
import time

from .laboratory import laboratory
from .registry import differ, holds, proves, same, within
from .responder import PLACES, Responder
from .sockets import open_socket, port_of

PRESERVING = ("nat", "full-cone", "port-restricted", "masq", "masq,fw=open", "upnp", "dmz", "cgnat", "nat,mapping=address-and-port-dependent")
RANDOM = ("sym-rnd", "nat,ports=random", "masq-random", "masq-rnd")


def through(*gateways):
    return [{"gateway": gateway} for gateway in gateways]


def external_ports(responder, host, count):
    """Of so many new sockets, over UDP."""
    sockets = [open_socket(host) for _ in range(count)]
    return [responder.udp_sees(each)[1] for each in sockets], [port_of(each) for each in sockets]


@proves("{gateway} keeps the inner port, over UDP and TCP", through(*PRESERVING))
def preserving(gateway):
    with laboratory(a=gateway) as lab:
        responder = Responder(lab)
        same("external ports", *external_ports(responder, lab.a, 5))
        same("external port over TCP", responder.tcp_sees(lab.a, 5000)[0][1], 5000)


@proves("{gateway} gives a second host with the same inner port another one, the same towards everybody",
        through("@home:nat", "@home:masq", "@home:full-cone"))
def collision(gateway):
    with laboratory(a=gateway, b="@home") as lab:
        responder = Responder(lab)
        first, second = open_socket(lab.a, port=5000), open_socket(lab.b, port=5000)
        same("first external port", responder.udp_sees(first)[1], 5000)
        other = responder.udp_sees(second)
        differ("external ports", 5000, other[1])
        same("towards others", {responder.udp_sees(second, place) for place in PLACES}, {other})
        over_tcp = [responder.tcp_sees(host, 5001)[0][1] for host in (lab.a, lab.b)]
        same("first external port over TCP", over_tcp[0], 5001)
        differ("external ports over TCP", *over_tcp)


@proves("ports in sequence go up by a step of {step}", [{"step": step} for step in (1, 2, 7)])
def sequential(step):
    with laboratory(a=f"sym-seq,step={step}") as lab:
        responder, caller = Responder(lab), open_socket(lab.a)
        seen = [responder.udp_sees(caller, place)[1] for place in PLACES]
        same("steps", [later - earlier for earlier, later in zip(seen, seen[1:])], [step] * 3)
        over_tcp = [responder.tcp_sees(lab.a, 5000, place)[0][1] for place in PLACES]
        same("steps over TCP", [later - earlier for earlier, later in zip(over_tcp, over_tcp[1:])], [step] * 3)


@proves("a sequence goes on by {rate} ports a second that other people take", [{"rate": rate} for rate in (20, 200)])
def other_traffic(rate):
    with laboratory(a=f"sym-seq,other-traffic={rate}") as lab:
        responder = Responder(lab)

        def look():
            """The port, and between which moments it was given."""
            caller, began = open_socket(lab.a), time.monotonic()
            return responder.udp_sees(caller)[1], began, time.monotonic()
        first, first_began, first_ended = look()
        time.sleep(0.5)
        last, last_began, last_ended = look()
        within("ports between two looks", last - first, rate * (last_began - first_ended) - 1, rate * (last_ended - first_began) + 2)
        return f"{last - first} ports in {last_began - first_began:.2f} s"


@proves("{gateway} takes ports without a pattern", through(*RANDOM))
def random(gateway):
    with laboratory(a=gateway) as lab:
        responder = Responder(lab)
        ports, inner = external_ports(responder, lab.a, 12)
        differ("external ports", *ports)
        holds("hardly one is the inner port", sum(port == own for port, own in zip(ports, inner)) <= 1, ports)
        holds("steps differ", len({later - earlier for earlier, later in zip(ports, ports[1:])}) >= 10, ports)
        within("their spread", max(ports) - min(ports), 10_000, 65535)
        over_tcp = [responder.tcp_sees(lab.a, 5000 + number)[0][1] for number in range(4)]
        holds("over TCP hardly one is the inner port", sum(port == 5000 + number for number, port in enumerate(over_tcp)) <= 1, over_tcp)


@proves("each customer of a carrier with blocks has 512 ports, one after another's")
def block():
    with laboratory(a="@isp:cgn-block", b="@isp") as lab:
        responder = Responder(lab)
        blocks = [{(port - 1024) // 512 for port in external_ports(responder, host, 30)[0]} for host in (lab.a, lab.b)]
        same("blocks of each", [len(each) for each in blocks], [1, 1])
        differ("blocks", *(min(each) for each in blocks))


@proves("a full block gives no more ports")
def full_block():
    with laboratory(a="@isp:nat,block=4,ports=random", b="@isp") as lab:
        responder = Responder(lab)
        external_ports(responder, lab.a, 4)
        fence = open_socket(lab.b)
        same("the fifth", responder.udp_sees(open_socket(lab.a), patience=0.3), None)
        holds("another customer has some", responder.udp_sees(fence))


@proves("ports come from a range when told, {choice}", [{"choice": choice} for choice in ("preserving", "sequential", "random")])
def port_range(choice):
    with laboratory(a=f"nat,ports={choice},first-port=2000,last-port=2009") as lab:
        ports, _ = external_ports(Responder(lab), lab.a, 10)
        same("external ports", sorted(ports), list(range(2000, 2010)))


# --- Several addresses --------------------------------------------------------------------------------------------------

@proves("with paired pooling each host keeps one external address, for UDP and TCP, and others get others")
def paired():
    with laboratory(a="@isp:nat,addresses=3,pooling=paired,mapping=address-and-port-dependent", b="@isp", c="@isp") as lab:
        responder = Responder(lab)
        addresses = []
        for host in (lab.a, lab.b, lab.c):
            seen = {responder.udp_sees(open_socket(host), place)[0] for place in PLACES} | {responder.tcp_sees(host)[0][0]}
            same(f"addresses of {host.name}", len(seen), 1)
            addresses += seen
        differ("addresses of hosts", *addresses)


@proves("with arbitrary pooling the sockets of one host come from all addresses")
def arbitrary():
    with laboratory(a="nat,addresses=3,pooling=arbitrary") as lab:
        responder = Responder(lab)
        sockets = [open_socket(lab.a) for _ in range(6)]
        seen = [responder.udp_sees(each)[0] for each in sockets]
        same("addresses", {*seen}, {"81.2.70.2", "81.2.70.3", "81.2.70.4"})
        same("each socket keeps its own", [responder.udp_sees(each, (1, 0))[0] for each in sockets], seen)
        same("addresses over TCP", {responder.tcp_sees(lab.a)[0][0] for _ in range(3)}, {*seen})
