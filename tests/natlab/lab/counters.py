"""What travelled between whom, as the boxes in between have counted it: proof that does not depend on what a program says of itself."""
from dataclasses import dataclass


@dataclass(frozen=True)
class Traffic:
    packets: int = 0
    bytes: int = 0
    udp_bytes: int = 0
    tcp_bytes: int = 0

    def __add__(self, other):
        return Traffic(*(mine + others for mine, others in zip(vars(self).values(), vars(other).values())))

    def __sub__(self, other):
        return Traffic(*(mine - others for mine, others in zip(vars(self).values(), vars(other).values())))


class Counters:
    """One reading; the difference of two is what travelled in between."""

    def __init__(self, plan, pairs, wires, nats):
        self._plan = plan
        self._pairs = pairs  # (node, from, to) -> Traffic
        self.wires = wires   # name -> {"there": Traffic, "back": Traffic, "dropped": packets}
        self.mappings = nats  # name -> how many live now

    @classmethod
    def read(cls, plan, answer):
        pairs = {(each["node"], each["from"], each["to"]): _traffic(each) for each in answer["pairs"]}
        wires = {each["name"]: {"there": _traffic(each["there"]), "back": _traffic(each["back"]), "dropped": each["dropped"]}
                 for each in answer["wires"]}
        return cls(plan, pairs, wires, {each["name"]: each["mappings"] for each in answer["nats"]})

    def sent(self, sender, receiver):
        """Straight from host to host, at the innermost switch or router that both are connected to: on a common LAN there, else at their
        common carrier, else on the public internet. There a site is all who share its outermost gateway."""
        node, from_port, to_port = self._plan.meeting(sender, receiver)
        return self._pairs.get((node, from_port, to_port), Traffic())

    def between(self, one, other):
        return self.sent(one, other) + self.sent(other, one)

    def at(self, node, from_port, to_port):
        """One way through a switch ("a.gw1.lan", whose gateway is "up") or the backbone."""
        return self._pairs.get((node, from_port, to_port), Traffic())

    def __sub__(self, earlier):
        pairs = {key: traffic - earlier._pairs.get(key, Traffic()) for key, traffic in self._pairs.items()}
        wires = {name: {"there": wire["there"] - earlier.wires[name]["there"], "back": wire["back"] - earlier.wires[name]["back"],
                        "dropped": wire["dropped"] - earlier.wires[name]["dropped"]} for name, wire in self.wires.items()}
        return Counters(self._plan, pairs, wires, self.mappings)

    def table(self):
        rows = [(f"{node}: {sender} -> {receiver}", traffic) for (node, sender, receiver), traffic in sorted(self._pairs.items()) if traffic.packets]
        return "\n".join(f"{what:<44} {traffic.packets:>9} packets {traffic.bytes:>13} bytes" for what, traffic in rows)

    def everything(self):
        """The table, what each wire has carried and dropped, and how many mappings there are."""
        wires = [f"{name:<44} {wire['there'].packets:>9} packets there {wire['back'].packets:>9} back {wire['dropped']:>9} dropped"
                 for name, wire in self.wires.items()]
        mappings = [f"{name:<44} {count:>9} mappings" for name, count in self.mappings.items()]
        return "\n".join(filter(None, [self.table(), *wires, *mappings]))


def _traffic(counted):
    return Traffic(*(counted.get(key, 0) for key in ("packets", "bytes", "udp_bytes", "tcp_bytes")))
