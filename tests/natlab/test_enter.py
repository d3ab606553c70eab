"""A laboratory cannot leave anything behind, however it ends."""
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import enter

HERE = Path(__file__).parent

# Makes namespaces and programs in them, one of which has left its session and its parents; then tells its own PID namespace, waits.
PROGRAM = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from lab import enter, namespaces
enter.enter()
inside = namespaces.make(["one", "two"])
for each in inside.values():
    each.begin(["setsid", "--fork", "sleep", "1000"], "")
    each.begin(["sleep", "1000"], "")
print(os.stat("/proc/self/ns/pid").st_ino, *(each.inode() for each in inside.values()), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def namespaces_may_be_made():
    if trouble := enter.why_not():
        pytest.skip(trouble)


def processes_in(namespaces):
    """pids, as we see them, of what is in one of these PID or network namespaces."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with contextlib.suppress(OSError):  # ended, or not ours to look at
                if {(process / "ns/pid").stat().st_ino, (process / "ns/net").stat().st_ino} & namespaces:
                    found.append(int(process.name))
    return found


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def eventually(fact):
    deadline = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < deadline, "in time"
        time.sleep(0.01)


@pytest.fixture
def laboratory():
    """One that is up: its first process outside, and its namespaces."""
    program = subprocess.Popen([sys.executable, "-B", "-c", PROGRAM, str(HERE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    namespaces = set(map(int, program.stdout.readline().split()))
    assert len(namespaces) == 3
    eventually(lambda: len(processes_in(namespaces)) == 5)  # four times sleep, and the one that made them
    yield program, namespaces
    program.kill()
    program.wait()
    program.stdin.close()
    program.stdout.close()


def test_sigkill_of_the_runner_leaves_no_process_and_no_namespace(laboratory):
    program, namespaces = laboratory
    program.kill()
    eventually(lambda: not processes_in(namespaces))


def test_sigkill_of_unshare_leaves_nothing(laboratory):
    program, namespaces = laboratory
    [unshare] = children_of(program.pid)
    os.kill(unshare, signal.SIGKILL)
    eventually(lambda: not processes_in(namespaces))
    assert program.wait(20) == 128 + signal.SIGKILL


def test_sigkill_of_the_inner_one_leaves_nothing(laboratory):
    program, namespaces = laboratory
    [unshare] = children_of(program.pid)
    [inner] = children_of(unshare)
    os.kill(inner, signal.SIGKILL)
    eventually(lambda: not processes_in(namespaces))
    assert program.wait(20) != 0  # which one is up to unshare


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_end_ends_everything(laboratory, number):
    program, namespaces = laboratory
    program.send_signal(number)
    assert program.wait(20) == 128 + number
    eventually(lambda: not processes_in(namespaces))


def test_an_end_in_good_order_leaves_nothing(laboratory):
    program, namespaces = laboratory
    program.stdin.close()
    assert program.wait(20) == 0
    eventually(lambda: not processes_in(namespaces))


def test_nothing_of_it_is_seen_outside(laboratory):
    listed = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
    assert not {"one", "two"} & set(listed)


def natlab(*arguments):
    return subprocess.run([HERE / "natlab", *arguments], capture_output=True, text=True, check=False)


def test_natlab_draws_a_plan_without_making_it():
    drawn = natlab("show", "--a", "cgnat", "--b", "public")
    assert drawn.returncode == 0
    assert "a.gw2" in drawn.stdout and "81.2.71.2" in drawn.stdout


def test_natlab_says_what_it_cannot_read():
    refused = natlab("run", "--a", "no-such-site")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "no site or gateway 'no-such-site'" in refused.stderr
