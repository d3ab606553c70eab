"""From sites to a network: who has which address, which boxes and wires there are, where bytes between two hosts are counted.
Pure: it opens nothing, so that tests can look at it and `natlab show` can draw it.

    server 81.2.69.10, .11  2001:db8:69::10, ::11
    site a 81.2.70.2 ...    2001:db8:70::/48          home LAN 192.168.11.0/24, carrier's inside 100.64.12.0/24; b to e likewise

Public-looking IPv4 addresses, since miniupnpd maps nothing when its outer address is private or one for documentation.
"""
from dataclasses import dataclass, field

from .spec import Gateway, Line, Reference, Site, SpecError, parse

SITES = ("a", "b", "c", "d", "e")
BACKBONE = "backbone"
BACKBONE_ADDRESS = "81.2.64.9"
SERVER_ADDRESSES = ("81.2.69.10", "81.2.69.11")
SERVER_ADDRESSES_V6 = ("2001:db8:69::10", "2001:db8:69::11")
MTU = 1500

ACCESS = Line(delay_ms=20, hops=3)   # between a site and the backbone
UPLINK = Line(delay_ms=2, hops=1)    # between a home and its carrier
SERVER_LINE = Line(delay_ms=5, hops=3)
LAN_DELAY_MS = 0.1


@dataclass
class Host:
    name: str
    addresses: list            # IPv4
    addresses_v6: list
    chain: tuple = ()          # names of gateways, from the home outwards
    port: str = ""             # the backbone's, through which the internet reaches it
    router: str | None = None  # the home gateway's inner address, which it may ask for ports
    router_v6: str | None = None

    @property
    def access(self):
        """The wire between its site and the internet."""
        return f"{self.port}.access"


@dataclass
class Box:
    """A gateway in its place."""
    name: str
    spec: Gateway
    site: str                        # that described it
    depth: int                       # 1: a home's own
    inside: str                      # its address on the LAN
    inside_v6: str | None = None
    outside: list = field(default_factory=list)
    outer: str | None = None         # the gateway that this one is behind
    hosts: list = field(default_factory=list)  # on its LAN
    inner: list = field(default_factory=list)  # gateways on its LAN

    @property
    def lan(self):
        """The switch inside."""
        return f"{self.name}.lan"

    @property
    def network(self):
        return self.inside.rpartition(".")[0] + ".0/24"

    @property
    def network_v6(self):
        return self.inside_v6.removesuffix("1") + "/64" if self.inside_v6 else None

    def end(self, side):
        """What a wire at its "inside" or "outside" is tied to."""
        return f"{self.name}.{side}" if self.spec.in_kernel else f"{self.name}:{side}"

    @property
    def dmz_host(self):
        """Who gets what comes in uninvited, and what is forwarded by hand: the first on its LAN."""
        return self.inside.rpartition(".")[0] + (".10" if self.hosts else ".2")

    @property
    def uplink(self):
        """The wire on its outer side."""
        return f"{self.name}.uplink" if self.outer else None


class Plan:
    def __init__(self, **sites):
        """sites: a="masq", b=... as text or as Site."""
        self.sites = {name: site if isinstance(site, Site) else parse(site) for name, site in sites.items() if site is not None}
        unknown = set(self.sites) - set(SITES)
        if unknown:
            raise SpecError(f"there is no site {min(unknown)!r}: sites are {', '.join(SITES)}")
        self.hosts = {"server": Host("server", list(SERVER_ADDRESSES), list(SERVER_ADDRESSES_V6), port="server")}
        self.boxes = {}
        self._lines = {}  # of the public sites' access
        for name in SITES:
            if name in self.sites:
                self._place_gateways(name, self.sites[name])
        for name in SITES:
            if name in self.sites:
                self._place_host(name, self.sites[name])
        self._give_outer_addresses()
        self._give_ipv6()

    # --- placing ------------------------------------------------------------------------------------------------------

    def _place_gateways(self, site, spec):
        """The gateways that this site describes."""
        number = SITES.index(site) + 1
        for depth, gateway in enumerate(spec.chain, 1):
            if isinstance(gateway, Reference):
                continue
            name = gateway.name or f"{site}.gw{depth}"
            if name in self.boxes:
                raise SpecError(f"@{name} is described twice")
            prefix = gateway.lan or (f"192.168.1{number}" if depth == 1 else f"100.64.{number}{depth}")
            self.boxes[name] = Box(name, gateway, site, depth, inside=f"{prefix}.1")

    def _chain_of(self, site, spec, followed=()):
        """Names of its gateways outwards; `followed` are the references that led here."""
        chain = [each.name or f"{site}.gw{depth}" for depth, each in enumerate(spec.chain, 1)]
        if chain and isinstance(spec.chain[-1], Reference):
            shared = self.boxes.get(chain[-1])
            if shared is None:
                raise SpecError(f"site {site} is behind @{chain[-1]}, which no site describes")
            if shared.name in followed or shared.site == site:
                raise SpecError(f"@{shared.name} cannot be behind itself")
            whole = self._chain_of(shared.site, self.sites[shared.site], (*followed, shared.name))
            chain += whole[whole.index(shared.name) + 1:]
        return tuple(chain)

    def _place_host(self, name, spec):
        chain = self._chain_of(name, spec)
        number = SITES.index(name)
        if not chain:
            self.hosts[name] = Host(name, [f"81.2.7{number}.2"], [f"2001:db8:7{number}::10"] if spec.ipv6 else [], port=name)
            self._lines[name] = spec.line
            return
        self._refuse_same_lan_twice(name, chain)
        for inner, outer in zip(chain, chain[1:]):
            if self.boxes[inner].outer is None:
                self.boxes[inner].outer = outer
                self.boxes[outer].inner.append(inner)
        home, outermost = self.boxes[chain[0]], self.boxes[chain[-1]]
        address = home.inside.rpartition(".")[0] + f".{10 + len(home.hosts)}"
        home.hosts.append(name)
        port = outermost.name if outermost.spec.name else outermost.site
        self.hosts[name] = Host(name, [address], [], chain, port, router=home.inside)

    def _refuse_same_lan_twice(self, site, chain):
        """A router with the same network on both sides would find neither."""
        seen = {}
        for box in map(self.boxes.get, chain):
            if other := seen.get(box.network):
                raise SpecError(f"site {site}: {other} and {box.name}, one behind the other, both have the LAN {box.network}")
            seen[box.network] = box.name

    def _give_outer_addresses(self):
        for box in self.boxes.values():
            if box.outer is None:
                public = f"81.2.7{SITES.index(box.site)}"
                box.outside = [f"{public}.{2 + count}" for count in range(box.spec.addresses)]
        for box in self.boxes.values():
            inside, taken = box.inside.rpartition(".")[0], 2
            for inner in map(self.boxes.get, box.inner):
                inner.outside = [f"{inside}.{taken + count}" for count in range(inner.spec.addresses)]
                taken += inner.spec.addresses
                while 10 <= taken < 20:  # hosts have these
                    taken = 20
                if set(inner.outside) & {f"{inside}.{count}" for count in range(10, 20)}:
                    raise SpecError(f"{inner.name} has too many addresses for the LAN of {box.name}")

    def _give_ipv6(self):
        for host in self.hosts.values():
            if not any(self.boxes[name].spec.ipv6 for name in host.chain):
                continue
            for name in host.chain:
                box = self.boxes[name]
                box.inside_v6 = f"2001:db8:7{SITES.index(box.site)}:{box.depth}::1"
            home = self.boxes[host.chain[0]]
            host.router_v6 = home.inside_v6
            host.addresses_v6 = [home.inside_v6.removesuffix("1") + f"{10 + home.hosts.index(host.name)}"]

    # --- asking -------------------------------------------------------------------------------------------------------

    def home(self, host):
        """The gateway on whose LAN the host is; None for a public one."""
        chain = self.hosts[host].chain
        return self.boxes[chain[0]] if chain else None

    def outermost(self, host):
        chain = self.hosts[host].chain
        return self.boxes[chain[-1]] if chain else None

    def public_addresses(self, host):
        """What the internet sees of it."""
        return self.outermost(host).outside if self.hosts[host].chain else self.hosts[host].addresses

    def _places(self, host):
        """(switch or router, port there) from the host outwards."""
        on_the_way, port = [], host
        for name in self.hosts[host].chain:
            on_the_way.append((self.boxes[name].lan, port))
            port = name
        return [*on_the_way, (BACKBONE, self.hosts[host].port)]

    def meeting(self, one, other):
        """Where what they say to each other straight is counted: (node, the one's port, the other's)."""
        others = dict(self._places(other))
        for node, port in self._places(one):
            if node in others:
                return node, port, others[node]
        raise AssertionError("everybody meets at the backbone")

    def hosts_behind(self, box):
        return [host for host in self.hosts.values() if box.name in host.chain]

    def namespaces(self):
        """One for each host and each gateway with a kernel of its own."""
        return [*self.hosts, *(box.name for box in self.boxes.values() if box.spec.in_kernel)]

    # --- what natlab-internet is told ---------------------------------------------------------------------------------

    def configuration(self, seed, folder="/run/netns"):
        return {
            "seed": seed,
            "edges": self._edges(folder),
            "switches": [self._switch(box) for box in self.boxes.values()],
            "nats": [_nat(box) for box in self.boxes.values() if not box.spec.in_kernel],
            "routers": [{"name": BACKBONE, "address": BACKBONE_ADDRESS, "routes": self._routes()}],
            "wires": self._wires(),
        }

    def _edges(self, folder):
        edges = [{"name": host, "namespace": f"{folder}/{host}", "device": "eth0", "mtu": MTU} for host in self.hosts]
        for box in self.boxes.values():
            if box.spec.in_kernel:
                edges += [{"name": box.end(side), "namespace": f"{folder}/{box.name}", "device": device, "mtu": MTU}
                          for side, device in (("inside", "lan"), ("outside", "wan"))]
        return edges

    def _switch(self, box):
        ports = [{"port": name, "addresses": self.hosts[name].addresses + self.hosts[name].addresses_v6} for name in box.hosts]
        for inner in map(self.boxes.get, box.inner):
            behind = [address for host in self.hosts_behind(inner) for address in host.addresses_v6]
            ports.append({"port": inner.name, "addresses": inner.outside + behind})
        return {"name": box.lan, "isolates": box.spec.isolated, "ports": [*ports, {"port": "up", "default": True}]}

    def _routes(self):
        routes = [{"to": "81.2.69.0/24", "port": "server"}, {"to": "2001:db8:69::/64", "port": "server"}]
        for host in self.hosts.values():
            if host.name != "server" and not host.chain:
                routes += [{"to": f"{address}/32", "port": host.port} for address in host.addresses]
                routes += [{"to": f"{address}/128", "port": host.port} for address in host.addresses_v6]
        for box in self.boxes.values():
            port = self._port_of(box)
            if box.outer is None:
                routes += [{"to": f"{address}/32", "port": port} for address in box.outside]
            if box.network_v6 and box.hosts:
                routes.append({"to": box.network_v6, "port": port})
        return routes

    def _port_of(self, box):
        return self.hosts_behind(box)[0].port

    def _wires(self):
        wires = [_wire("server.access", "server", f"{BACKBONE}:server", SERVER_LINE, Line())]
        for host in self.hosts.values():
            if host.chain:
                wires.append(_wire(f"{host.name}.link", host.name, f"{self.home(host.name).lan}:{host.name}", Line(delay_ms=LAN_DELAY_MS), Line()))
            elif host.name != "server":
                wires.append(_wire(host.access, host.name, f"{BACKBONE}:{host.port}", ACCESS, self._lines[host.name]))
        for box in self.boxes.values():
            wires.append(_wire(f"{box.name}.link", f"{box.lan}:up", box.end("inside"), Line(), Line()))
            if box.outer:
                wires.append(_wire(box.uplink, box.end("outside"), f"{self.boxes[box.outer].lan}:{box.name}", UPLINK, box.spec.line))
            else:
                port = self._port_of(box)
                wires.append(_wire(f"{port}.access", box.end("outside"), f"{BACKBONE}:{port}", ACCESS, box.spec.line))
        return wires


def _wire(name, inner, outer, usual, said):
    settings = {key: value for key, value in (vars(usual) | {k: v for k, v in vars(said).items() if v is not None}).items() if value is not None}
    up = settings.pop("up_mbit", None)
    wire = {"name": name, "between": [inner, outer], **settings}
    if up is not None:  # "there" is outwards, "back" the other way
        wire["back"] = {"rate_mbit": settings.get("rate_mbit", 0)}
        wire["rate_mbit"] = up
    return wire


def _nat(box):
    behaviour = dict(box.spec.behaviour)
    if box.spec.udp_blocked:
        behaviour["udp"] = False
    if box.spec.tcp_out is not None:
        behaviour["tcp_ports_out"] = list(box.spec.tcp_out)
    if box.spec.dmz:
        behaviour["dmz"] = box.dmz_host
    nat = {"name": box.name, "inside_address": box.inside, "preset": box.spec.kind, "behaviour": behaviour, "external": box.outside}
    if box.inside_v6:
        nat["inside_address_v6"] = box.inside_v6
    if box.spec.habits:
        nat["habits"] = dict(box.spec.habits)
    services = {"natpmp": "nat-pmp", "pcp": "pcp"}
    nat["services"] = [services[protocol] for protocol in sorted(box.spec.protocols)]
    return nat
