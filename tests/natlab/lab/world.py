"""Lab: brings a plan up, lets programs run in its hosts, does harm on command, counts, and takes everything down.

    with Lab(a="masq", b="port-restricted+@isp:full-cone") as lab:
        server = lab.server.start([...])
        lab.a.run([...], timeout=20)
        lab.cut("a.access")
        assert lab.counters().between("a", "server").bytes < 20_000

Only inside of the namespaces that enter.py makes; one Lab at a time.
"""
import itertools
import random
import time
from pathlib import Path

from . import enter, kernel_gateway, namespaces
from .counters import Counters
from .hosts import Host
from .internet import Internet, InternetError
from .kernel_gateway import KernelGateway
from .plan import BACKBONE, Plan

LabError = InternetError

# The kernel's usual choice, which most people's machines have; a namespace may not set it when the machine has chosen otherwise, a route may.
CONGESTION_CONTROL = "cubic"
_numbers = itertools.count(1)


class Lab:
    def __init__(self, a=None, b=None, c=None, d=None, e=None, seed=None):
        self.plan = Plan(a=a, b=b, c=c, d=d, e=e)
        self.seed = seed if seed is not None else random.SystemRandom().randrange(1_000_000)
        self.hosts = {}
        self.gateways = {}  # those with a kernel of their own
        self._internet = None
        self._namespaces = {}
        self._forwards = {}  # of each gateway: (protocol, port outside, address, port)
        self._spare = itertools.cycle([*range(150, 255), *range(2, 150)])  # last numbers of addresses that a provider gives later

    # --- up and down --------------------------------------------------------------------------------------------------

    def __enter__(self):
        if not Path("/run/natlab").is_dir():
            raise LabError("a laboratory needs namespaces of its own: enter.enter() first")
        if trouble := enter.why_no_devices():
            raise LabError(trouble)
        try:
            self._bring_up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, trouble, *_):
        death = self._internet.death()
        self.close()
        if death and trouble is None:
            raise LabError(death)

    def wait_for_death(self):
        """Until natlab-internet has ended, which it does by itself only when something is wrong; gives words for it."""
        return self._internet.wait_for_death()

    def _bring_up(self):
        began = time.monotonic()
        self.folder = Path("/run/natlab", str(next(_numbers)))
        self.folder.mkdir()
        self._namespaces = namespaces.make(self.plan.namespaces())
        for name, namespace in self._namespaces.items():
            namespace.set(_before_devices())
            if name in self.plan.boxes:
                box = self.plan.boxes[name]
                self.gateways[name] = KernelGateway(box, namespace, self.folder)
                namespace.set(kernel_gateway.settings(box))
            else:
                self.hosts[name] = Host(self.plan, name, namespace)
        self._internet = Internet(self.plan.configuration(self.seed, str(namespaces.FOLDER)), self.folder)
        namespaces.finish([gateway.namespace.begin_rules(kernel_gateway.ruleset(gateway.box)) for gateway in self.gateways.values()])
        self._internet.wait()
        for box in self.plan.boxes.values():
            self._forwards[box.name] = kernel_gateway.forwards_of(box)
            self._make_forwards(box)
        namespaces.finish([
            *(each.namespace.begin_link(*kernel_gateway.addresses(each.box, self._v6_behind(each.box))) for each in self.gateways.values()),
            *(each.namespace.begin_link(*self._host_addresses(name)) for name, each in self.hosts.items()),
        ])
        for gateway in self.gateways.values():
            gateway.start_daemon()
        for gateway in self.gateways.values():
            gateway.wait_for_daemon()
        self.bring_up_seconds = time.monotonic() - began

    def _v6_behind(self, box):
        """Addresses that it reaches through gateways on its LAN."""
        return [address for host in self.plan.hosts_behind(box) if host.name not in box.hosts for address in host.addresses_v6]

    def _host_addresses(self, name):
        host = self.plan.hosts[name]
        lines = ["link set lo up", f"link set eth0 up txqueuelen {kernel_gateway.QUEUE_PACKETS}"]
        how = f"congctl {CONGESTION_CONTROL}"
        if host.chain:
            home = self.plan.home(name)
            lines += [f"address add {host.addresses[0]}/24 dev eth0 noprefixroute",
                      f"route add {home.network} dev eth0 src {host.addresses[0]} {how}",
                      f"route add default via {home.inside} {how}"]
        else:
            lines += [*(f"address add {address}/32 dev eth0" for address in host.addresses),
                      f"route add default dev eth0 src {host.addresses[0]} {how}"]
        if host.addresses_v6:
            lines += [*(f"address add {address}/64 dev eth0 nodad noprefixroute" for address in host.addresses_v6)]
            if host.chain:
                lines += [f"route add {home.network_v6} dev eth0 {how}", f"route add ::/0 via {home.inside_v6} {how}"]
            else:
                lines += [f"route add ::/0 dev eth0 src {host.addresses_v6[0]} {how}"]
        return lines

    def close(self):
        # All at once, and children that have left their parents too: those would keep what we listen to open.
        namespaces.end_processes({each.inode() for each in self._namespaces.values()})
        for host in self.hosts.values():
            host.end_programs()
        for gateway in self.gateways.values():
            gateway.stop_daemon()
        if self._internet:
            self._internet.end()
        if self._namespaces:
            namespaces.remove(self._namespaces.values())
        self.hosts, self.gateways, self._internet, self._namespaces = {}, {}, None, {}

    # --- who is there -------------------------------------------------------------------------------------------------

    def __getattr__(self, name):
        """lab.server, lab.a, lab.b, lab.c"""
        if hosts := self.__dict__.get("hosts"):
            if name in hosts:
                return hosts[name]
        raise AttributeError(f"there is no host {name!r} in this laboratory")

    def _box(self, name, outermost):
        """A gateway by its name, or by that of a host behind it."""
        if name in self.plan.boxes:
            return self.plan.boxes[name]
        if name not in self.plan.hosts:
            raise LabError(f"there is neither a host nor a gateway {name!r}")
        box = self.plan.outermost(name) if outermost else self.plan.home(name)
        if box is None:
            raise LabError(f"{name} is behind no gateway")
        return box

    def _wire(self, name):
        """"a.access" is the access of whatever gateway a is behind last."""
        host, dot, what = name.rpartition(".")
        return self.plan.hosts[host].access if what == "access" and host in self.plan.hosts else name

    # --- harm ---------------------------------------------------------------------------------------------------------

    def cut(self, wire):
        """Nothing gets through: "a.access", "a.link" (from the host to its LAN), "a.gw1.uplink" (from a home to its carrier)."""
        self._internet.ask("wire", name=self._wire(wire), cut=True)

    def mend(self, wire):
        self._internet.ask("wire", name=self._wire(wire), cut=False)

    def wire(self, name, **settings):
        """From now on: loss=0.01, delay_ms=50, mtu=1280 ... as in natlab-internet's configuration."""
        self._internet.ask("wire", name=self._wire(name), **settings)

    def reboot(self, name):
        """A gateway, or the home gateway of a host, forgets all it knew."""
        box = self._box(name, outermost=False)
        if box.spec.in_kernel:
            self.gateways[box.name].reboot()
        else:
            self._internet.ask("reboot", nat=box.name)
            self._make_forwards(box)

    def forward(self, name, protocol, external, to=None):
        """A port that somebody has opened by hand on a gateway, or the home gateway of a host, for `to` ("192.168.11.10:4700"; None: the
        same port of that host, else of the first one on the LAN). It stays over a reboot."""
        box = self._box(name, outermost=False)
        host = self.plan.hosts.get(name)
        address, _, port = (to or f"{host.addresses[0] if host else box.dmz_host}:{external}").rpartition(":")
        what = (protocol, external, address, int(port))
        if box.spec.in_kernel:
            self.gateways[box.name].forward(*what)
        else:
            self._make_forward(box, *what)
            self._forwards[box.name].append(what)

    def _make_forwards(self, box):
        if not box.spec.in_kernel:
            for what in self._forwards[box.name]:
                self._make_forward(box, *what)

    def _make_forward(self, box, protocol, external, address, port):
        self._internet.ask("rule", nat=box.name, protocol=protocol, external=external, to=f"{address}:{port}")

    def change_address(self, name):
        """The provider gives the outermost gateway of a host (or a public host) other addresses; gives the first of the new ones."""
        host = self.plan.hosts.get(name)
        if name == "server":
            raise LabError("the server keeps its addresses")
        if host and not host.chain:
            return self._change_host_address(host)
        box = self._box(name, outermost=True)
        if box.outer:
            raise LabError(f"{box.name} has its address from {box.outer}: only what touches the internet can change")
        port = self.plan.hosts_behind(box)[0].port
        new = self._new_addresses(box.outside)
        if box.spec.in_kernel:
            for address in new:
                self._route(address, port)
            self.gateways[box.name].change_addresses(new)
        else:
            self._internet.ask("change-external", nat=box.name, external=new, router=BACKBONE, port=port)
            box.outside = new
        return new[0]

    def _change_host_address(self, host):
        [old], [new] = host.addresses, self._new_addresses(host.addresses)
        self._route(new, host.port)
        self._namespaces[host.name].link(
            f"address add {new}/32 dev eth0", f"route replace default dev eth0 src {new} congctl {CONGESTION_CONTROL}",
            f"address delete {old}/32 dev eth0")
        host.addresses = [new]
        return new

    def move(self, name, to):
        """A laptop that leaves its network and joins another, once: the host `name` loses its interface and gets that of the host `to`, address, gateways
        and all, by the name eth1. Whatever runs at `to` is left without a network. Wires and counters go by places: its traffic is that of `to` from now on."""
        self._namespaces[to].link(f"link set eth0 netns {name} name eth1")
        self._namespaces[name].link("address flush dev eth0", "link set eth0 down", *(line.replace(" eth0", " eth1") for line in self._host_addresses(to)))

    def _new_addresses(self, old):
        """In the same /24; long after, those that it used to have again."""
        network = old[0].rpartition(".")[0]
        free = (address for address in (f"{network}.{number}" for number in self._spare) if address not in old)
        return list(itertools.islice(free, len(old)))

    def _route(self, address, port):
        self._internet.ask("route", router=BACKBONE, to=f"{address}/32", port=port)

    def block_udp(self, name):
        """The home gateway of a host, or a gateway, lets no UDP through any more, not after a reboot either."""
        box = self._box(name, outermost=False)
        if box.spec.in_kernel:
            self.gateways[box.name].block_udp()
        else:
            self._internet.ask("behaviour", nat=box.name, udp=False)

    def allow_udp(self, name):
        """Also where its site says udp=blocked."""
        box = self._box(name, outermost=False)
        if box.spec.in_kernel:
            self.gateways[box.name].allow_udp()
        else:
            self._internet.ask("behaviour", nat=box.name, udp=True)

    def behaviour(self, name, **axes):
        """Of a gateway in user space, from now on."""
        box = self._box(name, outermost=False)
        if box.spec.in_kernel:
            raise LabError(f"{box.name} is a Linux kernel, whose behaviour is its own")
        self._internet.ask("behaviour", nat=box.name, **axes)

    # --- counting -----------------------------------------------------------------------------------------------------

    def counters(self):
        return Counters.read(self.plan, self._internet.ask("counters"))

    def reset_counters(self):
        self._internet.ask("reset-counters")

    @property
    def log(self):
        """What natlab-internet has said."""
        return self._internet.log


def _before_devices():
    """Nothing is sent on a device but what programs send: no router solicitations, no multicast listener reports."""
    return {
        "ipv6.conf.default.accept_ra": 0,
        "ipv6.conf.default.router_solicitations": 0,
        "ipv6.conf.default.addr_gen_mode": 1,
        "ipv6.conf.default.dad_transmits": 0,
        "ipv4.conf.all.rp_filter": 0,
        "ipv4.conf.default.rp_filter": 0,
    }
