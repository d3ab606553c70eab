"""Mapping (RFC 4787 section 4.1, RFC 5382 section 4.1): whether packets to other addresses and ports come from the same external endpoint."""
from .laboratory import laboratory
from .registry import proves, same
from .responder import Responder
from .sockets import open_socket

EI, AD, APD = "endpoint-independent", "address-dependent", "address-and-port-dependent"

UDP_KINDS = {
    "public": EI,
    **{f"nat,mapping={kind}": kind for kind in (EI, AD, APD)},
    **{f"nat,mapping={kind},ports=random": kind for kind in (EI, AD, APD)},
    "full-cone": EI, "address-restricted": EI, "port-restricted": EI, "sym-seq": APD, "sym-rnd": APD, "cgn-block": APD,
    "masq": EI, "masq,fw=reject": EI, "masq,fw=open": EI, "masq-random": APD, "masq-rnd": APD, "upnp": EI, "dmz": EI,
    "cgnat": EI, "masq+masq": EI, "masq-rnd+full-cone": APD, "full-cone+sym-rnd": APD,
}
TCP_KINDS = {
    **UDP_KINDS,
    f"nat,tcp-mapping={AD}": AD, f"nat,mapping={APD},tcp-mapping={EI}": EI,
    "udp-blocked": EI,
}


def cases(kinds):
    return [{"gateway": gateway, "kind": kind} for gateway, kind in kinds.items()]


def mapping_of(first, same_address, other_address):
    if first == same_address == other_address:
        return EI
    if first == same_address:
        return AD
    return APD if len({first, same_address, other_address}) == 3 else f"{first}, {same_address} and {other_address}"


@proves("UDP through {gateway} is mapped {kind}", cases(UDP_KINDS))
def udp(gateway, kind):
    with laboratory(a=gateway) as lab:
        responder, caller = Responder(lab), open_socket(lab.a)
        seen = [responder.udp_sees(caller, place) for place in ((0, 0), (0, 1), (1, 0))]
        same("mapping", mapping_of(*seen), kind)
        same("the first one, asked again", responder.udp_sees(caller), seen[0])
        same("address", {address for address, _ in seen}, {lab.a.public_address})


@proves("TCP through {gateway} is mapped {kind}", cases(TCP_KINDS))
def tcp(gateway, kind):
    with laboratory(a=gateway) as lab:
        responder = Responder(lab)
        made = [responder.tcp_sees(lab.a, 5000, place) for place in ((0, 0), (0, 1), (1, 0))]
        seen = [endpoint for endpoint, _, _ in made]
        same("mapping", mapping_of(*seen), kind)
        same("address", {address for address, _ in seen}, {lab.a.public_address})
