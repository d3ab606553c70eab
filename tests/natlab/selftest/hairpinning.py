"""Hairpinning (RFC 4787 section 6, RFC 5382 section 7.2): two hosts behind one NAT that talk by its external address."""
from .laboratory import laboratory
from .registry import proves, same
from .responder import Responder
from .sockets import CONNECTED, SILENCE, TCP, accept, begin_connect, connect, listen, open_socket, outcome, tell, tells

FULL_CONE = "@home:full-cone"


def each(*kinds):
    return [{"kind": kind} for kind in kinds]


def _pair(lab):
    """A socket of each host, and what the server sees them as."""
    responder = Responder(lab)
    sockets = [open_socket(host, port=5000) for host in (lab.a, lab.b)]
    return *sockets, *(responder.udp_sees(each) for each in sockets), responder


@proves("with {kind} hairpinning the receiver sees the sender's {kind} endpoint over UDP", each("external-source", "internal-source"))
def udp(kind):
    with laboratory(a=f"{FULL_CONE},hairpinning={kind}", b="@home") as lab:
        one, other, one_seen, other_seen, _ = _pair(lab)
        same("source", tell(one, other_seen, other), one_seen if kind == "external-source" else (lab.a.address, 5000))


@proves("without hairpinning nothing comes by the external address over UDP")
def udp_none():
    with laboratory(a=f"{FULL_CONE},hairpinning=none", b="@home") as lab:
        one, other, _, other_seen, _ = _pair(lab)
        same("source", tells(one, other_seen, other, (one, (lab.b.address, 5000))), None)


@proves("hairpinned packets are filtered as others are")
def filtered():
    with laboratory(a="@home:port-restricted,hairpinning=external-source", b="@home") as lab:
        one, other, one_seen, other_seen, responder = _pair(lab)
        fence = responder.udp[0, 0], other_seen
        one.sendto(b"knock", other_seen)  # reaches the NAT long before the server's fence
        same("before the other has written", tells(one, other_seen, other, fence), None)
        same("and after it", tell(other, one_seen, one), other_seen)
        same("both ways", tell(one, other_seen, other), one_seen)


@proves("with {kind} hairpinning TCP connects by the external address", each("external-source"))
def tcp(kind):
    with laboratory(a=f"{FULL_CONE},hairpinning={kind}", b="@home") as lab:
        mapped, caller, _ = Responder(lab).tcp_sees(lab.b)
        listener = listen(lab.b, caller.getsockname()[1])
        same("connecting", connect(open_socket(lab.a, TCP, 5000), mapped), CONNECTED)
        same("the caller, as seen", accept(listener)[1], (lab.a.public_address, 5000))


@proves("with internal-source hairpinning a SYN comes from the inner endpoint, and the answer goes astray")
def tcp_internal():
    with laboratory(a=f"{FULL_CONE},hairpinning=internal-source", b="@home") as lab:
        mapped, caller, _ = Responder(lab).tcp_sees(lab.b)
        listener = listen(lab.b, caller.getsockname()[1])
        calling = begin_connect(open_socket(lab.a, TCP, 5000), mapped)
        # The SYN-ACK goes straight to the caller on the LAN, from an address that it did not call: it refuses that.
        same("connecting", outcome(calling, 0.6), SILENCE)
        listener.settimeout(0.1)
        try:
            same("accepted", accept(listener, 0.1)[1], None)
        except TimeoutError:
            pass


@proves("a Linux gateway keeps for itself what is sent to its external address from inside ({kind})",
        each("masq", "masq,fw=reject", "upnp", "dmz"))
def kernel(kind):
    with laboratory(a=f"@home:{kind}", b="@home") as lab:
        one, other, _, other_seen, responder = _pair(lab)
        same("source", tells(one, other_seen, other, (one, (lab.b.address, 5000))), None)
        mapped, caller, _ = responder.tcp_sees(lab.b)
        listening = listen(lab.b, caller.getsockname()[1])
        same("connecting", connect(open_socket(lab.a, TCP), mapped), "refused")
        listening.close()
