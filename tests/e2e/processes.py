"""The built programs as real processes: started, listened to, killed, and never left behind.

Nothing here sleeps and hopes. Whoever waits, waits for an event or a fact, until a deadline; when that passes, the failure shows
everything the program has said.
"""
import ctypes
import json
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

# Sanitizers and busy machines need longer; waiting for what never comes is all that this prolongs.
PATIENCE = 90.0 * float(os.environ.get("PSHARE_E2E_SLOWNESS", "1"))

_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _die_with_the_test():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def program(name):
    folder = os.environ.get("PSHARE_BIN_DIR")
    assert folder, "PSHARE_BIN_DIR must name the folder that holds pshare and pshare-server"
    path = Path(folder).resolve() / name
    assert path.exists(), f"{path} is not built"
    return str(path)


class Running:
    """One process. With `--json` its standard output is read as events, otherwise as text."""

    _alive = []

    def __init__(self, argv, env, cwd=None, stdin=subprocess.DEVNULL, stdout=None, launcher=()):
        self.argv = [*launcher, *argv]
        self.name = f"{Path(argv[0]).name} {' '.join(map(str, argv[1:4]))}"
        self.events = []
        self.out = bytearray()
        self.err = bytearray()
        self._changed = threading.Condition()
        self._open_streams = 2 if stdout is None else 1
        self.process = subprocess.Popen(
            self.argv, env=env, cwd=cwd, stdin=stdin, stdout=stdout if stdout is not None else subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True, preexec_fn=_die_with_the_test)
        Running._alive.append(self)
        self._readers = []
        if stdout is None:
            self._listen(self.process.stdout, self._heard_out)
        self._listen(self.process.stderr, self._heard_err)

    # --- what it says ---------------------------------------------------------------------------------------------

    def _listen(self, stream, heard):
        def loop():
            for line in iter(stream.readline, b""):
                with self._changed:
                    heard(line)
                    self._changed.notify_all()
            stream.close()
            with self._changed:
                self._open_streams -= 1
                self._changed.notify_all()
        reader = threading.Thread(target=loop, daemon=True)
        reader.start()
        self._readers.append(reader)

    def _heard_out(self, line):
        self.out += line
        if "--json" in self.argv:
            self.events.append(json.loads(line))

    def _heard_err(self, line):
        self.err += line

    @property
    def words(self):
        return self.err.decode(errors="replace")

    @property
    def text(self):
        return self.out.decode(errors="replace")

    def story(self):
        """All it has said, but for progress."""
        said = b"".join(line for line in self.out.splitlines(keepends=True) if b'"event":"progress"' not in line)
        return f"--- {self.name} (exit {self.process.poll()})\n{said[-4000:].decode(errors='replace')}\n{self.words[-4000:]}---"

    # --- waiting --------------------------------------------------------------------------------------------------

    def wait_until(self, fact, what, patience=None):
        """Until `fact()` gives something true, which is looked at again whenever the program has said something."""
        deadline = time.monotonic() + (patience or PATIENCE)
        with self._changed:
            while True:
                found = fact()
                if found:
                    return found
                if self._open_streams == 0:
                    with suppress(subprocess.TimeoutExpired):  # its streams close a moment before it is gone
                        self.process.wait(PATIENCE)
                    raise AssertionError(f"{self.name} ended without {what}\n{self.story()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{self.name} did not come to {what} in time\n{self.story()}")
                self._changed.wait(min(left, 0.5))

    def event(self, kind, patience=None, **facts):
        """The first event of this kind (that has these facts)."""
        return self.wait_until(lambda: self.find(kind, **facts), f"the event {kind!r} {facts or ''}", patience)

    def find(self, kind, **facts):
        for event in self.events:
            if event["event"] == kind and all(event.get(key) == value for key, value in facts.items()):
                return event
        return None

    def progress_beyond(self, count, patience=None):
        """An event that shows more than `count` bytes done."""
        def beyond():
            return next((e for e in self.events if e["event"] == "progress" and e["bytes"] > count), None)
        return self.wait_until(beyond, f"more than {count} bytes", patience)

    def last_progress(self):
        """The last that it has told of its progress. Other events may have followed."""
        return next(e for e in reversed(self.events) if e["event"] == "progress")

    def says(self, words, patience=None):
        return self.wait_until(lambda: words in self.words or words in self.text, f"the words {words!r}", patience)

    def ends(self, status=None, patience=None):
        """Waits for its end; gives the exit status, which must be `status` if that is given."""
        try:
            self.process.wait(patience or PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end in time\n{self.story()}") from None
        for reader in self._readers:
            reader.join(PATIENCE)
        if self in Running._alive:
            Running._alive.remove(self)
        if status is not None:
            assert self.process.returncode == status, f"exit {self.process.returncode} instead of {status}\n{self.story()}"
        return self.process.returncode

    # --- ending it ------------------------------------------------------------------------------------------------

    def running(self):
        return self.process.poll() is None

    def kill(self):
        """SIGKILL: no last words."""
        self.process.kill()
        self.ends()

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    @classmethod
    def end_all(cls):
        for each in list(cls._alive):
            try:
                os.killpg(each.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            each.ends()
