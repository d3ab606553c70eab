"""natlab-internet, the one process that is everything between the hosts: started with a configuration, then asked over a socket."""
import json
import os
import socket
import threading
from pathlib import Path

from processes import Running
from world import environment

_TOP = Path(__file__).resolve().parents[3]


class InternetError(RuntimeError):
    pass


def program():
    """The built natlab-internet: from PSHARE_BIN_DIR, else the newest of the usual build folders."""
    if folder := os.environ.get("PSHARE_BIN_DIR"):
        places = [Path(folder).resolve()]
    else:
        places = [_TOP / "build" / preset / "bin" for preset in ("release", "debug")]
    built = [place / "natlab-internet" for place in places if (place / "natlab-internet").exists()]
    if not built:
        raise InternetError(f"natlab-internet is not built in {' or '.join(map(str, places))}: "
                            "cmake --build --preset release --target natlab-internet")
    return max(built, key=lambda path: path.stat().st_mtime)


def why_not():
    """Why there is no internet to be had; None if there is."""
    try:
        program()
    except InternetError as error:
        return str(error)
    return None


class Internet:
    def __init__(self, configuration, folder: Path):
        """Begins to start it; `wait` until its devices are there."""
        self._control = folder / "control.sock"
        written = folder / "internet.json"
        written.write_text(json.dumps(configuration, indent=1))
        with written.open("rb") as standard_input:
            self._running = Running([str(program()), "--control", str(self._control)], environment(), stdin=standard_input)
        Running._alive.remove(self._running)  # it ends with the laboratory, and not with a Town's programs, which Running.end_all ends
        self._socket = None
        self._one_at_a_time = threading.Lock()

    def wait(self):
        self._running.wait_until(lambda: '"ready"' in self._running.text, "having its devices", patience=20)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(20)
        self._socket.connect(str(self._control))
        self._lines = self._socket.makefile("r")

    def ask(self, do, **what):
        """One command; gives its answer, or raises with the words of the refusal."""
        question = {"do": do, **what}
        try:
            with self._one_at_a_time:
                self._socket.sendall(json.dumps(question).encode() + b"\n")
                line = self._lines.readline()
        except OSError as error:
            raise InternetError(self.death() or f"asking natlab-internet to {do}: {error}\n{self._running.story()}") from error
        if not line:
            raise InternetError(f"natlab-internet ended instead of answering {question}\n{self._running.story()}")
        answer = json.loads(line)
        if not answer.get("ok"):
            raise InternetError(f"natlab-internet refuses {question}: {answer.get('error')}")
        return answer

    def wait_for_death(self):
        """Gives the words for it. It comes to an end by our hand too."""
        self._running.process.wait()
        return self.death()

    def death(self):
        """How it has come to an end, in words; None while it lives."""
        status = self._running.process.poll()
        if status is None:
            return None
        how = f"exit {status}" if status >= 0 else f"signal {-status}"
        return f"natlab-internet has died ({how}): nothing got through any more\n{self._running.story()}"

    def end(self):
        """At once: it has nothing to lose."""
        if self._socket:
            self._lines.close()
            self._socket.close()
        if self._running.running():
            self._running.kill()

    @property
    def log(self):
        return self._running.words
