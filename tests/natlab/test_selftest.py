"""The command `natlab selftest`: what it proves is its own affair; here is how it is told, and how it ends."""
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

NATLAB = Path(__file__).parent / "natlab"


def start(*words):
    return subprocess.Popen([sys.executable, "-B", NATLAB, "selftest", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)


def finished(*words):
    process = start(*words)
    said, trouble = process.communicate(timeout=60)
    return process.returncode, said, trouble


@pytest.mark.parametrize("jobs", ["0", "-1"])
def test_fewer_than_one_side_by_side_is_a_mistake(jobs):
    status, _, trouble = finished("-j", jobs, "mapping")
    assert status == 2 and "at least 1" in trouble


@pytest.mark.internet
def test_the_last_line_has_the_seed_and_the_same_seed_draws_the_same():
    def seeds(seed):
        status, said, trouble = finished("-v", "--seed", seed, "punching: public x full-cone", "punching: public x port-restricted")
        assert status == 0, said + trouble
        assert said.endswith(f"seed {seed})\n") and said.count("ok ") == 2
        return set(re.findall(r"; seed (\d+)$", said, re.MULTILINE))

    first = seeds("5")
    assert len(first) == 2
    assert seeds("5") == first and not seeds("6") & first


@pytest.mark.internet
def test_ctrl_c_ends_it_with_what_was_done_so_far():
    process = start("-j", "1", "mapping")
    first = process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert first.startswith("ok ") and re.search(r"^Interrupted: \d+ of \d+ proofs were done. \d+ passed, 0 failed", rest, re.MULTILINE)
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
