"""People of the end-to-end tests who use Windows: the installed programs, under Wine."""
import os
import subprocess
from pathlib import Path

import machine
from processes import Running
from world import Peer, Server, environment


def program(name):
    return rf"C:\Program Files\pshare\{name}.exe"


def said_to_windows(argument):
    return machine.windows_path(argument) if isinstance(argument, Path) else os.fspath(argument)


class WindowsPeer(Peer):
    """Their home and files lie on drive C:."""

    def start(self, *arguments, json=True, stdin=subprocess.DEVNULL, stdout=None, launcher=(), env=None):
        argv = [program("pshare"), *(["--json"] if json else []), *map(said_to_windows, arguments)]
        return Running(argv, environment(PSHARE_HOME=machine.windows_path(self.home), **(env or {})), cwd=self.files, stdin=stdin, stdout=stdout,
                       launcher=(*launcher, str(machine.WINE)))


class WindowsServer(Server):
    def start(self):
        self.run_it([program("pshare-server"), "--listen", f"{self.host}:{self.port}", "--data", machine.windows_path(self.data), *self.options],
                    environment(), launcher=(str(machine.WINE),))
