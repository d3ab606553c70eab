"""`natlab selftest`: the laboratory proves itself, behaviour by behaviour, with probes of our own and with tools that others wrote."""
from . import (runner, mapping, filtering, ports, hairpinning, lifetimes, tcp_habits, upheavals, stun_clients, port_requests, links,  # noqa: F401
               topology, counters, faults, punching)  # noqa: F401
