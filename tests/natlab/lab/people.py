"""pshare in a laboratory: its server, and people in hosts, as the end-to-end tests have them on one machine.

    with Lab(a="masq", b="public") as lab, Town(lab) as town:
        receiving = town.bob.receives()
        sending = town.alice.sends("film.mkv", to=town.bob)
"""
import os
import re
import shutil
import tempfile
from pathlib import Path

from processes import Running, program
from world import Peer, environment

from . import internet

PORT = 4700
_NAMES = {"a": "alice", "b": "bob", "c": "carol"}


def programs():
    """The folder of pshare and pshare-server; the one that natlab-internet is taken from unless PSHARE_BIN_DIR says otherwise."""
    return Path(os.environ.setdefault("PSHARE_BIN_DIR", str(internet.program().parent))).resolve()


def why_not():
    """Why pshare cannot be run; None if it can."""
    missing = [name for name in ("pshare", "pshare-server") if not (programs() / name).exists()]
    if not missing:
        return None
    return f"{' and '.join(missing)} not built in {programs()}: cmake --build --preset release --target {' '.join(missing)}"


class Server:
    """pshare-server on every address of `lab.server`; `further`: on these TCP ports as well."""

    def __init__(self, host, data: Path, further=()):
        self._host, self._data = host, data
        self._places = [word for port in (PORT, *further) for word in ("--listen", f":{port}")]
        self.start()

    def start(self):
        """Again, once it was killed: as the same server."""
        argv = [program("pshare-server"), *self._places, "--data", str(self._data)]
        self.running = Running(argv, environment(HOME=self._data), launcher=self._host.launcher)
        fingerprint = self.running.wait_until(lambda: re.search(r"--server \S+#(\S+)", self.running.text), "the line that clients need")[1]
        self.spec = f"{self._host.address}:{PORT}#{fingerprint}"

    def kill(self):
        self.running.kill()


class Resident(Peer):
    """Somebody whose programs run in a host of the laboratory."""

    def __init__(self, folder: Path, name, host, server, variables):
        self.host, self.launcher, self.variables = host, host.launcher, variables
        super().__init__(folder, name, server)

    def start(self, *arguments, env=None, **how):
        return super().start(*arguments, **{"launcher": self.launcher, "env": {**self.variables, **(env or {})}, **how})


class Town:
    """Everybody of a laboratory, acquainted with each other."""

    def __init__(self, lab, server_ports=(), variables=None):
        """`server_ports`: TCP ports on which the server listens beside PORT. `variables`: of whose environment, which: {"a": {"HTTPS_PROXY": ...}}."""
        programs()
        self._server_ports, self._variables = server_ports, variables or {}
        self._folder = Path(tempfile.mkdtemp(prefix="town-", dir=lab.folder))  # in the laboratory's own /run, which ends with it
        try:
            self._settle(lab)
        except BaseException:
            self.__exit__()
            raise

    def _settle(self, lab):
        self.server = Server(lab.server, self._folder / "server", self._server_ports)
        self.people = {name: Resident(self._folder, _NAMES[name], host, self.server, self._variables.get(name, {})) for name, host in lab.hosts.items() if name in _NAMES}
        for each in self.people.values():
            each.knows(*(other for other in self.people.values() if other is not each))

    def name_the_server(self, *addresses):
        """From now on everybody's programs know these addresses by one name, as by an A and an AAAA record. Gives what to say to --server."""
        hosts = self._folder / "hosts"
        hosts.write_text("".join(f"{address} server.example\n" for address in addresses))
        in_place = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts))
        for each in self.people.values():
            each.launcher = (*each.host.launcher, *in_place)
        return f"server.example:{PORT}#{self.server.spec.split('#')[1]}"

    @property
    def alice(self):
        return self.people["a"]

    @property
    def bob(self):
        return self.people["b"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        Running.end_all()
        shutil.rmtree(self._folder)
