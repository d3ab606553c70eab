"""What NATs do to TCP besides mapping and filtering (RFC 5382 sections 4.3 and 5): SYNs that nobody asked for, SYNs that cross, resets."""
import time

from .laboratory import laboratory
from .registry import holds, proves, same, within
from .responder import Responder
from .sockets import (CONNECTED, SILENCE, TCP, accept, begin_connect, connect, gets, listen, open_socket, outcome, port_of, reset, tcp_state, tell)

CROSSING = 7000  # the server's port from which a SYN comes that meets ours


@proves("a SYN to a port without a mapping gets {becomes} from {gateway}", [
    {"gateway": gateway, "becomes": becomes} for gateway, becomes in {
        "nat": SILENCE, "full-cone": SILENCE, "rst-syn": "refused", "icmp-syn": "unreachable", "nat,unsolicited-syn=icmp": "unreachable",
        "masq": SILENCE, "masq,fw=reject": "refused", "masq,fw=open": "refused", "upnp": SILENCE}.items()])
def unsolicited(gateway, becomes):
    with laboratory(a=gateway) as lab:
        same("connecting", connect(open_socket(lab.server, TCP), (lab.a.public_address, 9999), becomes), becomes)


@proves("a SYN that nobody asked for is refused after six seconds by {gateway}",
        [{"gateway": "icmp-late-syn"}, {"gateway": "nat,unsolicited-syn=icmp-after-wait"}], timed=True, takes=7)
def late(gateway):
    with laboratory(a=gateway) as lab:
        stranger, began = open_socket(lab.server, TCP), time.monotonic()
        same("connecting", connect(stranger, (lab.a.public_address, 9999)), "refused")
        within("refused after", time.monotonic() - began, 6.04, 9, " s")


@proves("nobody is refused after six seconds whom the host has called meanwhile", takes=8)
def late_called_off():
    with laboratory(a="icmp-late-syn") as lab:
        responder = Responder(lab)
        mapped, caller, _ = responder.tcp_sees(lab.a)
        early = open_socket(lab.server, TCP, CROSSING, lab.server.address)
        begin_connect(early, mapped)
        same("at first", outcome(early, 0.3), SILENCE)
        calling = begin_connect(open_socket(lab.a, TCP, port_of(caller)), (lab.server.address, CROSSING))
        same("connecting", (outcome(calling), outcome(early)), (CONNECTED, CONNECTED))
        time.sleep(6.3)
        early.sendall(b"still here")
        same("the connection after six seconds", gets(calling, b"still here"), True)
        sent = lab.counters().sent("a", "server")
        same("bytes of ICMP that the server got", sent.bytes - sent.tcp_bytes, 0)


def _crossing(lab):
    """The host's SYN to CROSSING has left its NAT, but the server's kernel has not seen it; a SYN of the server's comes from there. Gives both."""
    responder = Responder(lab)
    mapped, caller, _ = responder.tcp_sees(lab.a)
    lab.server.namespace.rules("table ip deaf {\n chain input {\n type filter hook input priority 0\n"
                               f"tcp dport {CROSSING} tcp flags & (syn | ack) == syn drop\n }}\n}}\n")
    calling = begin_connect(open_socket(lab.a, TCP, port_of(caller)), (lab.server.address, CROSSING))
    fence = open_socket(lab.a)
    known = responder.udp_sees(fence)  # by now the SYN is out
    meeting = begin_connect(open_socket(lab.server, TCP, CROSSING, lab.server.address), mapped)
    same("fence", tell(responder.udp[0, 0], known, fence), responder.at())
    return calling, meeting


@proves("SYNs may cross in {gateway}",
        [{"gateway": gateway} for gateway in ("nat", "full-cone", "rst-syn", "masq", "masq,fw=reject", "masq,fw=open", "upnp", "cgnat")])
def simultaneous(gateway):
    with laboratory(a=gateway) as lab:
        calling, meeting = _crossing(lab)
        holds("the SYN has reached the host", tcp_state(calling) != "SYN-SENT", tcp_state(calling))
        same("connecting", (outcome(calling), outcome(meeting)), (CONNECTED, CONNECTED))
        meeting.sendall(b"met")
        same("what the host hears", calling.recv(10), b"met")


@proves("SYNs may not cross in {gateway}: the server's gets {becomes}", [
    {"gateway": gateway, "becomes": becomes} for gateway, becomes in {
        "no-simopen": SILENCE, "no-simopen-rst": "refused", "full-cone,simultaneous-open=no": SILENCE,
        "nat,simultaneous-open=no,unsolicited-syn=icmp": "unreachable"}.items()])
def not_simultaneous(gateway, becomes):
    with laboratory(a=gateway) as lab:
        calling, meeting = _crossing(lab)
        same("state of the host", tcp_state(calling), "SYN-SENT")
        same("the server's SYN", outcome(meeting, 0.3 if becomes == SILENCE else 10), becomes)


@proves("without simultaneous open, a SYN after the host's own is still answered as any call", takes=2)
def answered_call():
    with laboratory(a="no-simopen") as lab:
        mapped, caller, _ = Responder(lab).tcp_sees(lab.a)
        listener = listen(lab.server, CROSSING, lab.server.address)
        same("connecting", connect(open_socket(lab.a, TCP, port_of(caller)), listener.getsockname()), CONNECTED)
        same("as seen", accept(listener)[1], mapped)


@proves("a reset from {side} {does} the mapping of {gateway}", [
    {"gateway": gateway, "side": side, "does": does}
    for gateway, does in {"rst-kills,ports=sequential": "ends", "rst-kills-rst,ports=sequential": "ends", "nat,ports=sequential": "leaves",
                          "full-cone,ports=sequential": "leaves"}.items()
    for side in ("inside", "outside")])
def resets(gateway, side, does):
    with laboratory(a=gateway) as lab:
        responder = Responder(lab)
        seen, here, there = responder.tcp_sees(lab.a, 5000)
        resetting, other = (here, there) if side == "inside" else (there, here)
        reset(resetting)
        try:
            other.recv(1)
            holds("the other end is told of it", False)
        except ConnectionResetError:
            pass
        other.close()
        again = responder.tcp_sees(lab.a, 5000, (0, 1))[0]
        holds("another mapping" if does == "ends" else "the same mapping", (again != seen) == (does == "ends"), (seen, again))


@proves("a reset ends one connection of a mapping, not the others")
def reset_of_one():
    with laboratory(a="rst-kills,ports=sequential") as lab:
        responder = Responder(lab)
        seen, _, first = responder.tcp_sees(lab.a, 5000)
        _, here, there = responder.tcp_sees(lab.a, 5000, (0, 1))
        reset(first)
        there.sendall(b"still here")
        same("the other connection", gets(here, b"still here"), True)
        same("mapping", responder.tcp_sees(lab.a, 5000, (1, 0))[0], seen)


@proves("only the ports told are let out over TCP through {gateway}",
        [{"gateway": gateway} for gateway in ("only-443", "masq,udp=blocked,tcp-out=443")])
def ports_out(gateway):
    with laboratory(a=gateway) as lab:
        https, other = (listen(lab.server, port, lab.server.address) for port in (443, 444))
        same("443", connect(open_socket(lab.a, TCP), https.getsockname()), CONNECTED)
        same("444", connect(open_socket(lab.a, TCP), other.getsockname(), SILENCE), SILENCE)
        same("UDP", Responder(lab).udp_sees(open_socket(lab.a), patience=0.3), None)
