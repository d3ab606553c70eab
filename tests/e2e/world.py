"""The people of a test: a server, and peers that have a home each."""
import os
import re
import subprocess
from pathlib import Path

from processes import Running, program

MiB = 1024 * 1024


def environment(**more):
    """Ours, without what would lead a program to somebody's real home, server or proxy."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PSHARE_") and not key.lower().endswith("_proxy")}
    kept.update({key: str(value) for key, value in more.items()})
    return kept


class Server:
    """A pshare-server on a free port of this machine, which it keeps when it is started again."""

    def __init__(self, data: Path, launcher=(), address="127.0.0.1", further=(), options=()):
        """`further`: more ADDR:PORT to listen on."""
        self.data = data
        self.host = address
        self.further = further
        self.options = options
        self.launcher = launcher
        self.port = 0
        self.spec = ""
        self.running = None
        self.start()

    def start(self):
        argv = [program("pshare-server"), "--listen", f"{self.host}:{self.port}", "--data", str(self.data), *(word for each in self.further for word in ("--listen", each)), *self.options]
        self.run_it(argv, environment(HOME=self.data), launcher=self.launcher)

    def run_it(self, argv, env, launcher=()):
        self.running = Running(argv, env, launcher=launcher)
        found = self.running.wait_until(lambda: re.search(r"--server (\S+)", self.running.text), "the line that clients need")
        self.spec = found.group(1)
        self.port = int(self.spec.split("#")[0].rsplit(":", 1)[1])

    @property
    def address(self):
        return self.spec.split("#")[0]

    @property
    def fingerprint(self):
        return self.spec.split("#")[1]

    def kill(self):
        self.running.kill()

    def stop(self):
        self.running.terminate()
        return self.running.ends(0)


class Peer:
    """Somebody with a home of their own, registered at the server under `name`."""

    def __init__(self, folder: Path, name, server=None):
        self.name = name
        self.home = folder / f"{name}.home"
        self.files = folder / f"{name}.files"   # what they send, and where they receive
        self.files.mkdir(parents=True, exist_ok=True)
        self.peer_id = None
        self.words = None
        if server:
            self.init(server.spec)

    def start(self, *arguments, json=True, stdin=subprocess.DEVNULL, stdout=None, launcher=(), env=None):
        argv = [program("pshare"), *(["--json"] if json else []), *map(os.fspath, arguments)]
        return Running(argv, environment(PSHARE_HOME=self.home, HOME=self.home, **(env or {})), cwd=self.files, stdin=stdin,
                       stdout=stdout, launcher=launcher)

    def run(self, *arguments, status=0, **how):
        running = self.start(*arguments, **how)
        running.ends(status)
        return running

    def init(self, spec, **how):
        identity = self.run("init", "--name", self.name, "--server", spec, **how).event("identity")
        self.peer_id, self.words = identity["peer_id"], identity["words"]

    def knows(self, *others):
        for other in others:
            self.run("contacts", "add", other.name, other.peer_id)

    # The two verbs of almost every test.

    def receives(self, *more, **how):
        return self.start("receive", "--dir", self.files, "--yes", "--once", *more, **how)

    def sends(self, *arguments, to, **how):
        return self.start("send", *arguments, "--to", getattr(to, "name", to), **how)


def delivered(sending, receiving):
    """Both sides come to a good end; gives the two `done` events."""
    sending.ends(0)
    receiving.ends(0)
    return sending.event("done"), receiving.event("done")
