"""natlab survive: which runs there are, what is said of them, and a few of them, on short files."""
import argparse

import pytest

from lab import survive, survive_run
from lab.survive_run import MiB, Cell, Manner
from lab.world import LabError

SHORT = Manner(size=16 * MiB, rate="20mbit")


def asked(*words):
    parser = argparse.ArgumentParser()
    survive.add_verbs(parser.add_subparsers(dest="verb"))
    return parser.parse_args(["survive", "--seed", "7", *words])


def facts(**more):
    return {"path": "punched", "fault": "server-killed", "moment": 1, "seed": 5, "at": 0.5, "troubles": [], "told": [], "standstill": 0.2, "sent_again": 3 * MiB,
            "paths": ["punched/tcp"], **more}


# --- Which runs, and what is said ---------------------------------------------------------------------------------------

def test_every_fault_at_ten_moments_but_where_there_is_nothing_to_break():
    runs = survive.cells(asked())
    assert len(runs) == 80
    assert not any(run.fault in ("nothing", "supernode-killed") for run in runs)
    assert len(survive.cells(asked("--paths", "supernode", "--moments", "2"))) == 18
    assert len({run.seed for run in runs}) == 80


def test_a_run_can_be_repeated_alone():
    [alone] = survive.cells(asked("--faults", "asleep", "--moment", "4"))
    assert alone in survive.cells(asked())


@pytest.mark.parametrize("words", [["--faults", "earthquake"], ["--paths", "carrier-pigeon"]])
def test_what_there_is_not_is_refused_in_words(words):
    with pytest.raises(LabError, match=words[1]):
        survive.cells(asked(*words))


def test_a_path_that_the_programs_do_not_know_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PSHARE_BIN_DIR", str(tmp_path))
    helpful = tmp_path / "pshare-server"
    helpful.write_text("#!/bin/sh\necho 'options: --listen --data'\n")
    helpful.chmod(0o755)
    assert "no relay tier yet" in survive.why_not("relay")
    helpful.write_text("#!/bin/sh\necho 'options: --listen --data --no-relay'\n")
    assert survive.why_not("relay") is None
    assert survive.why_not("punched") is None


def test_the_summary_tells_the_worst_of_each_fault_and_how_many_came_through():
    runs = [facts(), facts(standstill=4.0, troubles=["the file is WRONG"]), facts(fault="asleep", standstill=None, sent_again=None)]
    assert survive.summary(runs) == ["punched    server-killed        1 of 2    longest standstill 4.0 s, most sent again 3.0 MiB",
                                     "punched    asleep               1 of 1    "]
    assert "FAILED: the file is WRONG" in survive.line(runs[1])


# --- Runs ---------------------------------------------------------------------------------------------------------------

@pytest.mark.internet
@pytest.mark.pshare
@pytest.mark.parametrize(("fault", "standstill", "more"), [
    ("interface-switched", 60, ()),
    ("address-changed", 15, ("--transport", "tcp")),    # without being told, a lane over TCP waits 15 s
    ("asleep", 60, ("--give-up", "15s")),               # which is over twice while it sleeps
])
def test_a_transfer_survives(tmp_path, fault, standstill, more):
    manner = Manner(size=SHORT.size, rate=SHORT.rate, send_args=more, receive_args=more if more[:1] == ("--transport",) else ())
    cell = Cell("punched", fault, 1, seed={"interface-switched": 3, "address-changed": 3, "asleep": 1}[fault])
    came = survive_run.run(cell, manner, tmp_path / "run")
    assert came["troubles"] == [], [came, *(path.read_text(errors="replace")[-3000:] for path in sorted((tmp_path / "run").glob("*.err")))]
    assert came["standstill"] < standstill
