"""Several laboratories side by side: each worker is this program again (`natlab grid --worker`, `natlab survive --worker`), inside of namespaces of its own,
and runs one cell after the other. A question is a line of JSON on its standard input, the facts a line on its standard output.

What a cell is, its trade says: a module with VERB, Cell, Manner, longest(manner) in seconds, and run(cell, manner, folder) and broken(cell, folder, words), which
both give facts, among them "trouble" when the laboratory itself did not work.
"""
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path

from . import enter

OPTION = "--worker"
_libc = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def serve(rootless, trade):
    """The worker. Comes back when its standard input ends."""
    enter.enter(rootless)
    for line in sys.stdin:
        asked = json.loads(line)
        cell, manner = trade.Cell(**asked["cell"]), trade.Manner(**asked["manner"])
        try:
            facts = trade.run(cell, manner, Path(asked["folder"]))
        except Exception as trouble:  # of the laboratory: the next cell gets a new one
            facts = trade.broken(cell, asked["folder"], str(trouble) or repr(trouble))
            Path(asked["folder"], "trouble.txt").write_text(traceback.format_exc())
        print(json.dumps(facts), flush=True)


def _die_with_us():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class _Worker:
    def __init__(self, rootless, trade):
        self._trade = trade
        argv = [sys.executable, "-B", sys.argv[0], trade.VERB, OPTION, *(["--rootless"] if rootless else [])]
        # A session of its own: Ctrl-C is for us alone, and we end our workers.
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, preexec_fn=_die_with_us)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.cell = None

    def ask(self, cell, manner, folder):
        self.cell, self.folder, self._heard = cell, folder, b""
        self.until = time.monotonic() + self._trade.longest(manner)
        self.process.stdin.write(json.dumps({"cell": asdict(cell), "manner": asdict(manner), "folder": str(folder)}).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self):
        """The facts, once they are all there; broken ones when it has ended instead."""
        heard = self.process.stdout.read()
        if heard == b"":
            return self._trade.broken(self.cell, self.folder, f"the laboratory's own process ended with status {self.process.wait()}")
        self._heard += heard or b""
        return json.loads(self._heard) if self._heard.endswith(b"\n") else None

    def end(self):
        """With all that is in its namespaces."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def run(work, manner, jobs, rootless, trade):
    """Yields the facts of each (cell, folder) of `work` as they come, in any order. Whoever stops listening ends all workers."""
    left = list(reversed(work))
    selector = selectors.DefaultSelector()
    workers = set()

    def hire():
        worker = _Worker(rootless, trade)
        workers.add(worker)
        selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
        worker.ask(left[-1][0], manner, left.pop()[1])

    def dismiss(worker):
        workers.remove(worker)
        selector.unregister(worker.process.stdout)
        worker.end()

    try:
        while left or workers:
            while left and len(workers) < jobs:
                hire()
            ready = [key.data for key, _ in selector.select(timeout=1)]
            for worker in list(workers):
                facts = worker.hear() if worker in ready else None
                if facts is None and time.monotonic() >= worker.until:
                    facts = trade.broken(worker.cell, worker.folder, "the laboratory did not come to an end in time")
                if facts is None:
                    continue
                if left and worker.process.poll() is None and not facts["trouble"]:
                    worker.ask(left[-1][0], manner, left.pop()[1])
                else:
                    dismiss(worker)
                yield facts
    finally:
        for worker in list(workers):
            dismiss(worker)
