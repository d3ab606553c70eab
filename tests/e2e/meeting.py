"""Two peers who meet at a relay, without a transfer: `relay_peer` (tests/e2e/relaying) speaks the real protocol."""
import subprocess

from processes import Running, program
from world import environment


def _peer(person, *arguments, **how):
    return Running([program("relay_peer"), *map(str, arguments), "--json"], environment(), launcher=getattr(person, "launcher", ()), **how)


class Meeting:
    """`one` asks the server for a ticket to `relay`'s supernode, and sends to `other`; the lane is held until end()."""

    def __init__(self, server, relay, one, other, count=100_000):
        self.relay, self.other, self.count = relay, other, count
        self.asking = _peer(one, "ask", one.home, server.spec, relay.peer_id, other.peer_id, count, stdin=subprocess.PIPE)
        self.joining = None

    def join(self):
        ticket = self.asking.event("ticket")
        self.joining = _peer(self.other, "join", self.other.home, ticket["endpoint"], self.relay.peer_id, ticket["ticket"], self.count)
        return self

    def begin(self):
        """Gives what both are told of the relay's limits."""
        self.join()
        return self.asking.event("joined"), self.joining.event("joined")

    def end(self, status=0):
        self.asking.process.stdin.close()
        self.asking.ends(status)
        self.joining.ends(status)
