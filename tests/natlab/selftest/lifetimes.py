"""How long mappings live and what keeps them alive (RFC 4787 section 4.3, RFC 5382 section 5). Life-times are shortened to seconds here."""
import time
from pathlib import Path

from .laboratory import laboratory
from .registry import holds, proves, same
from .responder import Responder
from .sockets import gets, open_socket


class Held:
    """A UDP mapping that the host has just made; it lives as long as the server gets in by it."""

    def __init__(self, lab, responder):
        self.host, self._fence, self._responder = open_socket(lab.a), open_socket(lab.a), responder
        self.mapped = responder.udp_sees(self.host)
        self.made_at = time.monotonic()

    def gets_in(self, after=0.0):
        """What the server sends so long after the beginning. A packet by a new mapping of the same host follows it."""
        time.sleep(max(0.0, self.made_at + after - time.monotonic()))
        fence = self._responder.udp_sees(self._fence)
        server = self._responder.udp[0, 0]
        server.sendto(b"in", self.mapped)
        server.sendto(b"fence", fence)
        same("fence", self._fence.recv(100), b"fence")
        self.host.setblocking(False)
        try:
            return self.host.recv(100) == b"in"
        except BlockingIOError:
            return False


@proves("a UDP mapping of {gateway} lives for its life-time after the last packet from inside", timed=True, takes=4,
        each=[{"gateway": f"{kind},udp-lifetime=2s"} for kind in ("nat", "full-cone", "sym-rnd", "sym-seq")])
def udp(gateway):
    with laboratory(a=gateway) as lab:
        held = Held(lab, Responder(lab))
        same("alive after 1 s", held.gets_in(1.0), True)
        same("alive after 2.4 s", held.gets_in(2.4), False)


@proves("packets from outside {do} a UDP mapping where refresh={refresh}", timed=True, takes=4,
        each=[{"refresh": "both", "do": "prolong"}, {"refresh": "outbound", "do": "do not prolong"}])
def refresh(refresh, do):
    with laboratory(a=f"nat,udp-lifetime=2s,refresh={refresh}") as lab:
        held = Held(lab, Responder(lab))
        same("alive after 1.2 s", held.gets_in(1.2), True)
        same("alive after 2.4 s", held.gets_in(2.4), do == "prolong")


@proves("packets from inside prolong a UDP mapping", timed=True, takes=4)
def refreshed_from_inside():
    with laboratory(a="nat,udp-lifetime=2s") as lab:
        responder = Responder(lab)
        held = Held(lab, responder)
        time.sleep(1.2)
        same("mapping", responder.udp_sees(held.host), held.mapped)
        same("alive after 2.4 s", held.gets_in(2.4), True)


@proves("packets that the filter drops do not prolong a UDP mapping", timed=True, takes=4)
def not_refreshed_by_strangers():
    with laboratory(a="nat,udp-lifetime=2s,refresh=both") as lab:
        responder = Responder(lab)
        held = Held(lab, responder)
        time.sleep(1.2)
        responder.udp[1, 1].sendto(b"stranger", held.mapped)
        same("alive after 2.4 s", held.gets_in(2.4), False)


@proves("a UDP mapping that was not answered lives shorter where told", timed=True, takes=4)
def unanswered():
    with laboratory(a="nat,udp-lifetime=4s,udp-unanswered-lifetime=1s,refresh=both") as lab:
        responder = Responder(lab)
        unanswered, answered = Held(lab, responder), Held(lab, responder)
        same("answered at once", answered.gets_in(), True)
        same("the unanswered, after 1.5 s", unanswered.gets_in(1.5), False)
        same("the answered, after 2 s", answered.gets_in(2.0), True)


@proves("an expired mapping of {gateway} is made anew with another port", timed=True, takes=3,
        each=[{"gateway": gateway} for gateway in (
            "nat,ports=random,udp-lifetime=1s", "nat,ports=sequential,udp-lifetime=1s", "sym-rnd,udp-lifetime=1s",
            "masq-rnd,udp-unanswered-lifetime=1s")])
def anew(gateway):
    with laboratory(a=gateway) as lab:
        responder, host = Responder(lab), open_socket(lab.a)
        before = responder.udp_sees(host)
        same("at once", responder.udp_sees(host), before)
        time.sleep(2.1)
        holds("another port after its life-time", responder.udp_sees(host) != before, before)


# --- Linux --------------------------------------------------------------------------------------------------------------

@proves("Linux keeps a UDP flow for its shorter time, and for the longer once it is answered and over 2 s old", timed=True, takes=9)
def linux():
    with laboratory(a="masq,udp-unanswered-lifetime=3s,udp-lifetime=6s") as lab:
        responder = Responder(lab)
        young, old = Held(lab, responder), Held(lab, responder)
        same("answered at once", (young.gets_in(), old.gets_in()), (True, True))
        same("answered when 2.3 s old", old.gets_in(2.3), True)
        refreshed = time.monotonic() - old.made_at
        same("young, after 4 s", young.gets_in(4.0), False)
        same("old, 4 s after its last packet", old.gets_in(refreshed + 4.0), True)


@proves("Linux's own UDP times are 30 s and 120 s")
def linux_defaults():
    with laboratory(a="masq") as lab:
        with lab.gateways["a.gw1"].namespace.entered():
            times = [int(Path("/proc/sys/net/netfilter", f"nf_conntrack_udp_timeout{which}").read_text()) for which in ("", "_stream")]
        same("seconds", times, [30, 120])


# --- TCP ----------------------------------------------------------------------------------------------------------------

@proves("an idle connection through {gateway} ends after its life-time, and lives before", timed=True, takes=4,
        each=[{"gateway": f"{kind},tcp-established-lifetime=2s"} for kind in ("nat", "sym-rnd", "masq")])
def tcp_established(gateway):
    with laboratory(a=gateway) as lab:
        _, here, there = Responder(lab).tcp_sees(lab.a)
        time.sleep(1)
        there.sendall(b"alive")
        same("after 1 s of silence", gets(here, b"alive"), True)
        time.sleep(2.5)
        there.sendall(b"alive?")
        same("after 2.5 s of silence", gets(here, b"alive?", 0.5), False)


@proves("a cut off connection is picked up again by {gateway} when the host speaks: {picked_up}", timed=True, takes=4,
        each=[{"gateway": "masq,tcp-established-lifetime=1s", "picked_up": True}, {"gateway": "nat,tcp-established-lifetime=1s", "picked_up": False}])
def picked_up_again(gateway, picked_up):
    with laboratory(a=gateway) as lab:
        _, here, there = Responder(lab).tcp_sees(lab.a)
        time.sleep(2.2)
        here.sendall(b"still there?")
        same("whether the server hears it", gets(there, b"still there?", 10 if picked_up else 0.6), picked_up)


@proves("the mapping of a connection that was closed lives for the transitory life-time", timed=True, takes=4)
def tcp_transitory():
    with laboratory(a="nat,ports=sequential,tcp-transitory-lifetime=2s,tcp-established-lifetime=1h") as lab:
        responder = Responder(lab)
        seen, here, there = responder.tcp_sees(lab.a, 5000)
        there.close()
        same("its end", here.recv(1), b"")
        here.close()
        again, here, there = responder.tcp_sees(lab.a, 5000, (0, 1))
        same("mapping at once", again, seen)
        there.close(), here.recv(1), here.close()
        time.sleep(2.4)
        holds("another mapping after 2.4 s", responder.tcp_sees(lab.a, 5000, (1, 0))[0] != seen, seen)


