"""A plan as a small picture, for people."""
from .plan import Plan


def picture(plan: Plan):
    wires = {wire["name"]: wire for wire in plan.configuration(0)["wires"]}
    rows = []
    for host in plan.hosts.values():
        typed = plan.sites[host.name].text if host.name in plan.sites else ""
        rows.append((host.name, typed, " ".join(host.addresses + host.addresses_v6), "" if host.chain else _line(wires[host.access])))
        for depth, name in enumerate(host.chain, 1):
            box = plan.boxes[name]
            inside = " ".join(filter(None, (box.inside, box.inside_v6)))
            rows.append(("  " * depth + "└ " + name, _kind(box.spec), f"{inside} | {' '.join(box.outside)}",
                         _line(wires[box.uplink or host.access])))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]).rstrip() for row in rows)


def _kind(spec):
    said = [spec.kind]
    if spec.in_kernel:
        said.append(f"fw={spec.firewall}")
    if spec.protocols:
        said.append("/".join(sorted(spec.protocols)))
    said += [f"{key.replace('_', '-')}={value}" for key, value in spec.behaviour.items()]
    said += [f"{key.replace('_', '-')}={value}" for key, value in spec.habits.items()]
    if spec.forwards:
        said.append("forwards " + "/".join(f"{protocol}:{port}" for protocol, port in spec.forwards))
    if spec.udp_blocked:
        said.append("no UDP")
    if spec.tcp_out is not None:
        said.append(f"TCP to {'/'.join(map(str, spec.tcp_out))} alone")
    said += [flag for flag in ("dmz", "isolated") if getattr(spec, flag)]
    return " ".join(said)


_UNITS = {"delay_ms": "{:g} ms", "jitter_ms": "jitter {:g} ms", "hops": "hops {}", "loss": "loss {:.2%}", "rate_mbit": "{:g} Mbit/s", "mtu": "MTU {}"}


def _line(wire):
    said = [_setting(key, value) for key, value in wire.items() if key not in ("name", "between", "back")]
    back = [f"back {_setting(key, value)}" for key, value in wire.get("back", {}).items()]
    return f"{wire['name']}: {', '.join(said + back)}"


def _setting(key, value):
    return _UNITS[key].format(value) if key in _UNITS else f"{key.replace('_', '-')}={value}"
