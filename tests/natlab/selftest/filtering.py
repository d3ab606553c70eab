"""Filtering (RFC 4787 section 5, RFC 5382 section 4.3): who may come in by a mapping, and what a stranger is told."""
from .laboratory import laboratory
from .mapping import AD, APD, EI
from .registry import proves, same
from .responder import Responder
from .sockets import CONNECTED, SILENCE, TCP, accept, connect, listen, open_socket, tells

UDP_KINDS = {
    "public": EI,
    **{f"nat,filtering={kind}": kind for kind in (EI, AD, APD)},
    "full-cone": EI, "address-restricted": AD, "port-restricted": APD, "sym-seq": APD, "sym-rnd": APD, "cgn-block": APD,
    f"nat,mapping={APD},filtering={EI}": EI,
    "masq": APD, "masq,fw=reject": APD, "masq,fw=open": APD, "masq-random": APD, "masq-rnd": APD, "upnp": APD,
    "dmz": EI, "nat,dmz": EI,
    "cgnat": APD, "full-cone+full-cone": EI, "full-cone+address-restricted": AD, "address-restricted+full-cone": AD,
}
# What strangers get: from another port of an address that was written to, and from another address.
TCP_KINDS = {
    "public": (CONNECTED, CONNECTED),
    f"nat,filtering={EI}": (CONNECTED, CONNECTED), f"nat,filtering={AD}": (CONNECTED, SILENCE), f"nat,filtering={APD}": (SILENCE, SILENCE),
    f"nat,tcp-filtering={EI}": (CONNECTED, CONNECTED), f"nat,filtering={EI},tcp-filtering={AD}": (CONNECTED, SILENCE),
    f"nat,filtering={EI},tcp-filtering={APD}": (SILENCE, SILENCE),
    f"nat,filtering={AD},unsolicited-syn=reset": (CONNECTED, "refused"),
    f"nat,filtering={AD},unsolicited-syn=icmp": (CONNECTED, "unreachable"),
    "full-cone": (CONNECTED, CONNECTED), "address-restricted": (CONNECTED, SILENCE), "port-restricted": (SILENCE, SILENCE),
    "sym-seq": (SILENCE, SILENCE), "sym-rnd": (SILENCE, SILENCE), "cgn-block": (SILENCE, SILENCE), "udp-blocked": (SILENCE, SILENCE),
    "rst-syn": ("refused", "refused"), "icmp-syn": ("unreachable", "unreachable"), "no-simopen-rst": ("refused", "refused"),
    "rst-kills-rst": ("refused", "refused"), "no-simopen": (SILENCE, SILENCE), "rst-kills": (SILENCE, SILENCE),
    "masq": (SILENCE, SILENCE), "masq,fw=reject": ("refused", "refused"), "masq,fw=open": ("refused", "refused"),
    "masq-random": (SILENCE, SILENCE), "masq-rnd": (SILENCE, SILENCE), "masq-rnd,fw=open": ("refused", "refused"), "upnp": (SILENCE, SILENCE),
    "dmz": (CONNECTED, CONNECTED), "nat,dmz": (CONNECTED, CONNECTED), "cgnat": (SILENCE, SILENCE),
    "full-cone+rst-syn": ("refused", "refused"), "rst-syn+full-cone": ("refused", "refused"),
}


def filtering_of(same_address_comes, other_address_comes):
    return {(True, True): EI, (True, False): AD, (False, False): APD}.get((same_address_comes, other_address_comes), "only other addresses come in")


@proves("UDP through {gateway} is filtered {kind}", [{"gateway": gateway, "kind": kind} for gateway, kind in UDP_KINDS.items()])
def udp(gateway, kind):
    with laboratory(a=gateway) as lab:
        responder, host = Responder(lab), open_socket(lab.a)
        mapped = responder.udp_sees(host)
        fence = responder.udp[0, 0], mapped
        comes = {place: tells(responder.udp[place], mapped, host, fence) for place in ((0, 1), (1, 0), (1, 1))}
        same("filtering", filtering_of(comes[0, 1] is not None, comes[1, 0] is not None), kind)
        same("both ports of the other address", comes[1, 0] is None, comes[1, 1] is None)
        same("who came in comes from", {place: source for place, source in comes.items() if source},
             {place: responder.at(*place) for place, source in comes.items() if source})
        # Who is written to may answer, whatever the filter.
        mapped = responder.udp_sees(host, (1, 1))
        same("who was written to", tells(responder.udp[1, 1], mapped, host, (responder.udp[1, 1], mapped)), responder.at(1, 1))


@proves("a stranger's SYN through {gateway}: {near} from a known address, {far} from another",
        [{"gateway": gateway, "near": near, "far": far} for gateway, (near, far) in TCP_KINDS.items()])
def tcp(gateway, near, far):
    with laboratory(a=gateway) as lab:
        responder = Responder(lab)
        mapped, caller, _ = responder.tcp_sees(lab.a)
        listener = listen(lab.a, caller.getsockname()[1])
        strangers = [open_socket(lab.server, TCP, 6000, address) for address in lab.server.addresses[:2]]
        became = tuple(connect(stranger, mapped, expected) for expected, stranger in zip((near, far), strangers))
        same("what they get", became, (near, far))
        accepted = {accept(listener)[1] for _ in range(became.count(CONNECTED))}
        same("and whom the host has accepted", accepted, {each.getsockname() for each, what in zip(strangers, became) if what == CONNECTED})
