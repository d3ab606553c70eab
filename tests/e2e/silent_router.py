"""A network of a test's own with a router that never answers: a namespace whose default route leads to nobody."""
import os
import subprocess

import pytest

from processes import Running
from world import environment

SET_UP = """
ip link set lo up && ip link add wan type veth peer name router && ip address add 10.77.0.2/24 dev wan && ip link set wan addrgenmode none && ip link set wan up && ip link set router up &&
ip neighbour add 10.77.0.1 lladdr 02:00:00:00:00:01 nud permanent dev wan && ip route add default via 10.77.0.1 && echo plugged in && exec sleep infinity
"""


class SilentRouter:
    """In this network is what is started with `launcher`."""

    def __init__(self):
        as_user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        unshare = ["unshare", *as_user, "--net"]
        probe = subprocess.run([*unshare, "ip", "link", "add", "wan", "type", "veth", "peer", "name", "router"], capture_output=True, check=False)
        if probe.returncode != 0:
            pytest.skip(f"no network may be made here: {probe.stderr.decode().strip()}")
        self.holder = Running(["sh", "-c", SET_UP], environment(), launcher=unshare)
        self.holder.says("plugged in")
        self._pid = str(self.holder.process.pid)
        self.launcher = ["nsenter", "--target", self._pid, *(["--user", "--preserve-credentials"] if as_user else []), "--net"]

    def packets(self):
        """How many it has been sent, IPv4 alone: without a link-local address nobody looks for IPv6 routers."""
        for line in open(f"/proc/{self._pid}/net/dev"):
            if line.strip().startswith("wan:"):
                return int(line.split(":")[1].split()[9])
        return 0
