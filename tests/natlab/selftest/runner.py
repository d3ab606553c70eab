"""Runs proofs side by side, each worker in namespaces of its own, and says how they went, a line each."""
import contextlib
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from multiprocessing.connection import wait
from pathlib import Path

from lab import LabError, enter, internet

from . import laboratory
from .registry import Disproved, proofs

# What others wrote, by the subject that asks it.
TOOLS = {"stun clients": ("stun", "turnserver", "turnutils_natdiscovery"), "port requests": ("upnpc", "natpmpc")}
TIME_LIMIT = 60        # seconds that a proof may take
WORKERS_PER_CORE = 8   # most of the time they wait
_ENDED_BY_CTRL_C = 130


class _Worker:
    """A process that runs the proofs it is told the number of."""

    def __init__(self, context):
        self.ours, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.number = None

    def begin(self, number):
        self.number, self.began = number, time.monotonic()
        self.ours.send(number)

    def overdue(self):
        return time.monotonic() - self.began > TIME_LIMIT

    def end(self):
        self.process.kill()
        self.process.join()


def _work(told):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one who waits for us ends everything
    enter.apart()
    with contextlib.suppress(EOFError):
        while True:
            told.send(_result(proofs[told.recv()]))


def _result(proof):
    began = time.monotonic()
    figures, words, log = None, None, None
    try:
        figures = proof.run()
    except Exception as trouble:
        words = str(trouble) if isinstance(trouble, Disproved) else "".join(traceback.format_exception_only(trouble)).split("\n")[0]
        log = traceback.format_exc()
    return time.monotonic() - began, figures, words, log


def chosen(filters):
    """Numbers of the proofs whose name has all the words of one of the filters."""
    return [number for number, proof in enumerate(proofs)
            if not filters or any(all(word in proof.name.lower() for word in each.lower().split()) for each in filters)]


def show(numbers):
    for number in numbers:
        print(proofs[number].name)


def why_not(numbers):
    """Why these cannot be proved here; None if they can."""
    needed = sorted({tool for number in numbers for tool in TOOLS.get(proofs[number].subject, ())})
    if missing := [tool for tool in needed if not shutil.which(tool)]:
        return f"not installed: {', '.join(missing)} (packaging/setup.sh --tests installs them)"
    return internet.why_not() if numbers else "no proof has these words in its name"


def run(numbers, verbose=False, workers=None, seed=None):
    """Gives the exit status."""
    if trouble := why_not(numbers):
        raise LabError(trouble)
    began = time.monotonic()
    seed = seed if seed is not None else random.SystemRandom().randrange(1_000_000)
    laboratory.draw_from(seed)
    report = _Report(verbose, len(numbers), seed)
    quiet = [number for number in numbers if proofs[number].quiet]
    others = sorted((number for number in numbers if not proofs[number].quiet), key=lambda number: -proofs[number].takes)
    cores = len(os.sched_getaffinity(0))
    try:
        _run_side_by_side(quiet, 1, report)
        _run_side_by_side(others, workers or WORKERS_PER_CORE * cores, report)
        _run_side_by_side(report.to_repeat(), 1, report)
    except KeyboardInterrupt:
        report.end(time.monotonic() - began)
        return _ENDED_BY_CTRL_C
    return report.end(time.monotonic() - began)


def _run_side_by_side(numbers, count, report):
    context = multiprocessing.get_context("fork")
    waiting, working = list(reversed(numbers)), []
    try:
        while waiting or working:
            while waiting and len(working) < count:
                working.append(_Worker(context))
                working[-1].begin(waiting.pop())
            ready = wait([worker.ours for worker in working], timeout=1)
            for worker in list(working):
                if worker.ours in ready:
                    try:
                        report.says(worker.number, *worker.ours.recv())
                    except EOFError:
                        report.says(worker.number, time.monotonic() - worker.began, None, "its process has died", None)
                        worker.number = None
                elif worker.overdue():
                    report.says(worker.number, time.monotonic() - worker.began, None, f"not done after {TIME_LIMIT} s", None)
                    worker.number = None
                else:
                    continue
                if waiting and worker.number is not None:
                    worker.begin(waiting.pop())
                else:
                    worker.end()
                    working.remove(worker)
    finally:
        for worker in working:
            worker.end()


class _Report:
    def __init__(self, verbose, of, seed):
        self._verbose, self._of, self._seed = verbose, of, seed
        self._passed = self._failed = 0
        self._to_repeat, self._repeated = [], set()
        self._folder = None

    def to_repeat(self):
        """What was disproved by a machine that may just have been busy elsewhere; each once."""
        chosen, self._to_repeat = self._to_repeat, []
        self._repeated.update(chosen)
        return chosen

    def says(self, number, seconds, figures, words, log):
        """`log`: None if the proof did not come to its end."""
        proof = proofs[number]
        if words is None:
            self._passed += 1
            print(f"ok    {seconds:5.1f} s  {proof.name}", flush=True)
            if self._verbose and figures:
                print(f"               {figures}", flush=True)
            return
        if proof.timed and log is not None and number not in self._repeated:
            self._to_repeat.append(number)
            print(f"again {seconds:5.1f} s  {proof.name}\n               {words}", flush=True)
            return
        self._failed += 1
        print(f"FAIL  {seconds:5.1f} s  {proof.name}\n               {words}\n               log: {self._keep(proof, words, log or '')}", flush=True)

    def _keep(self, proof, words, log):
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="natlab-selftest-"))
        name = re.sub(r"[^a-z0-9]+", "-", proof.name.lower()).strip("-")[:120]
        path = self._folder / f"{name}.log"
        path.write_text(f"{proof.name}\n{words}\n\n{log}\n")
        return path

    def end(self, seconds):
        done = self._passed + self._failed
        interrupted = f"Interrupted: {done} of {self._of} proofs were done. " if done < self._of else ""
        print(f"{interrupted}{self._passed} passed, {self._failed} failed ({seconds:.0f} s; seed {self._seed})", flush=True)
        sys.stdout.flush()
        return 0 if self._failed == 0 and self._passed > 0 else 1
