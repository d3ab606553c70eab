"""The packages on bare Debians: installed by apt, run by systemd under the units' own restrictions, with routers in between, upgraded, removed, purged."""
import os
import re
from contextlib import ExitStack

import pytest

from lab import Lab
from machine import DEBS, EARLIER, Machine
from processes import Running

pytestmark = pytest.mark.machines

KEY = "/var/lib/pshare-server/server.key"
STRAIGHT = ("direct", "mapped", "punched")


@pytest.fixture
def machines(tmp_path):
    """`machines(name, host)`: one that ends with the test."""
    with ExitStack() as all_of_them:
        yield lambda name, host: all_of_them.enter_context(Machine(tmp_path, name, host))


def started(machine, *argv, **how):
    return Running(machine.command(*argv, **how), None)


class Person:
    """Somebody with an account on a machine."""

    def __init__(self, machine, name, server):
        self.machine, self.name = machine, name
        machine.run("useradd", "--create-home", name)
        self.run("pshare", "init", "--name", name, "--server", server)
        self.peer_id = re.search(r'"peer_id":"([^"]+)"', self.run("pshare", "--json", "id"))[1]

    @property
    def home(self):
        return self.machine.root / "home" / self.name

    def run(self, *argv):
        uid = self.machine.run("id", "--user", self.name).strip()
        return self.machine.run(*argv, user=self.name, env={"HOME": f"/home/{self.name}", "XDG_RUNTIME_DIR": f"/run/user/{uid}"})

    def knows(self, other):
        self.run("pshare", "contacts", "add", other.name, other.peer_id)

    def sends(self, name, size, other, *options):
        """A file; gives its bytes and what pshare has said of the end."""
        content = os.urandom(size)
        (self.home / name).write_bytes(content)
        sending = started(self.machine, "pshare", "--json", "send", f"/home/{self.name}/{name}", "--to", other.name, *options, user=self.name, env={"HOME": f"/home/{self.name}"})
        sending.ends(0)
        return content, sending.event("done")


def line_of(machine):
    """As the documents say that it is seen again."""
    return re.search(r"Clients use: pshare init --name YOU --server ([^\s\x22]+)", machine.run("systemctl", "status", "--no-pager", "--full", "pshare-server"))[1]


def facts_of(machine, unit):
    """Of the process that runs under the unit, what the kernel says."""
    number = machine.run("systemctl", "show", "--property=MainPID", "--value", unit).strip()
    status = dict(line.split(":\t", 1) for line in machine.run("cat", f"/proc/{number}/status").splitlines() if ":\t" in line)
    return number, status


def assert_restricted(machine, unit):
    _, status = facts_of(machine, unit)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", "a filter of system calls"
    assert "0" not in status["Uid"].split() and status["CapEff"] == f"{1 << 10:016x}", "CAP_NET_BIND_SERVICE, and nothing else"


def test_a_server_and_two_people_from_installation_to_purge(machines):
    with Lab(a="masq", b="masq") as lab:
        server, left, right = machines("server", lab.server).boot(), machines("left", lab.a), machines("right", lab.b).boot()
        untouched = {machine: machine.files() for machine in (server, left, right)}

        said = server.install(EARLIER, "pshare-server")
        line = re.search(r"pshare init --name YOU --server (\S+)", said)[1]
        assert line.startswith(f"{lab.server.address}:4700#") and line == line_of(server)
        assert_restricted(server, "pshare-server")
        assert "listening-too ports=443" in server.run("journalctl", "--no-pager", "--unit=pshare-server")
        key = server.run("cat", KEY)

        for machine in (left, right):
            machine.install(EARLIER, "pshare")
        alice, bob = Person(left, "alice", line), Person(right, "bob", line)
        alice.knows(bob)
        bob.knows(alice)
        bob.run("pshare", "contacts", "rule", "alice", "--accept", "always")
        right.run("loginctl", "enable-linger", "bob")
        right.wait_until(lambda: right.try_to("systemctl", "is-active", "user@*.service").stdout.strip() == "active", "ready for bob")
        bob.run("systemctl", "--user", "enable", "--now", "pshare-receive")
        receiver = bob.run("systemctl", "--user", "show", "--property=MainPID", "--value", "pshare-receive")

        content, done = alice.sends("before.bin", 3_000_000, bob)
        assert done["tier"] in STRAIGHT
        assert (bob.home / "Downloads/before.bin").read_bytes() == content

        said = server.install(DEBS, "pshare-server")
        assert line in said and line == line_of(server), "another version, and the same server"
        assert server.run("cat", KEY) == key
        # Bob's program has not been started again: it has come back by itself. His name is still his, and the relay works under the restrictions.
        content, done = alice.sends("after.bin", 3_000_000, bob, "--tiers", "relay", "--timeout", "3m")
        assert done["tier"] == "relay"
        assert (bob.home / "Downloads/after.bin").read_bytes() == content
        assert receiver == bob.run("systemctl", "--user", "show", "--property=MainPID", "--value", "pshare-receive")
        taken = left.try_to("pshare", "--home", "/root/other", "init", "--name", "bob", "--server", line)
        assert taken.returncode != 0 and "bob" in taken.stderr
        left.run("rm", "-r", "/root/other")
        assert_restricted(server, "pshare-server")

        server.remove("pshare-server")
        assert server.try_to("systemctl", "is-active", "pshare-server").stdout.strip() != "active"
        assert server.run("cat", KEY) == key, "kept for when it is installed again"
        assert line in server.install(DEBS, "pshare-server")

        bob.run("systemctl", "--user", "disable", "--now", "pshare-receive")
        right.run("loginctl", "disable-linger", "bob")
        for machine in (left, right):
            machine.run("userdel", "--remove", "alice" if machine is left else "bob")
        for machine in (server, left, right):
            machine.purge("pshare", "pshare-server")
            assert sorted(machine.files() - untouched[machine] - ALLOWED_TO_STAY) == []
            assert sorted(untouched[machine] - machine.files() - ALLOWED_TO_STAY) == []
            assert "pshare" not in machine.run("dpkg-query", "--show")


# What useradd and userdel leave of their own, and the machine's name for itself.
ALLOWED_TO_STAY = {f"etc/{name}-" for name in ("passwd", "shadow", "group", "gshadow", "subuid", "subgid")}


def test_a_supernode_has_a_user_of_its_own_and_serves_once_it_knows_a_server(machines):
    with Lab(a="public") as lab:
        server, volunteer = machines("server", lab.server).boot(), machines("volunteer", lab.a).boot()
        untouched = volunteer.files()
        server.install(DEBS, "pshare-server")
        volunteer.install(DEBS, "pshare", "pshare-supernode")
        assert volunteer.try_to("systemctl", "is-active", "pshare-supernode").stdout.strip() == "inactive"
        assert volunteer.try_to("systemctl", "is-enabled", "pshare-supernode").stdout.strip() == "disabled"

        with (volunteer.root / "etc/default/pshare-supernode").open("a") as file:
            file.write(f'PSHARE_SERVER="{line_of(server)}"\nOPTIONS="--port 4702 --for anyone"\n')
        volunteer.run("systemctl", "enable", "--now", "pshare-supernode")
        volunteer.wait_until(lambda: f"{lab.a.address}:4702" in volunteer.run("journalctl", "--no-pager", "--unit=pshare-supernode", "--output=cat"), "told where it serves")
        assert_restricted(volunteer, "pshare-supernode")
        # Its contacts are kept as the file in /etc/default says.
        assert "peer ID" in volunteer.run("runuser", "-u", "pshare-supernode", "--", "pshare", "--home", "/var/lib/pshare-supernode", "id")

        volunteer.purge("pshare", "pshare-supernode")
        assert sorted(volunteer.files() - untouched - ALLOWED_TO_STAY) == []
        assert "pshare" not in volunteer.run("getent", "passwd") + volunteer.run("getent", "group")


def test_where_systemd_does_not_run_all_is_installed_and_nothing_fails(machines):
    with Lab(a="public") as lab:
        container = machines("container", lab.a)
        untouched = container.files()
        said = container.install(DEBS, "pshare", "pshare-server", "pshare-supernode")
        assert "pshare-server was not started" in said and "systemctl status pshare-server" in said
        for program in ("pshare", "pshare-server"):
            assert container.run(program, "--version").startswith(f"{program} ")
        container.purge("pshare", "pshare-server", "pshare-supernode")
        assert sorted(container.files() - untouched - ALLOWED_TO_STAY) == []
        assert "pshare" not in container.run("getent", "passwd") + container.run("getent", "group")
