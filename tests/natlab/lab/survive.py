"""natlab survive: transfers to which something happens at a random moment. Each must come to its end by itself, with the right bytes, and at most 32 MiB
sent again; a program that was killed is started again by the same command.

Leaves a folder: result.json, and for each run that failed the words of all programs, and the counters.
"""
import argparse
import json
import random
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from processes import program

from . import grid_workers, internet, people, survive_run
from .grid import at_least_one, folder_for, say, size
from .survive_faults import FAULTS, PATHS, fits
from .survive_run import MiB, Cell, Manner
from .world import LabError

_ENDED_BY_CTRL_C = 130


def add_verbs(verbs):
    survive = verbs.add_parser("survive", help="run pshare, and let something happen in the middle", description=__doc__,
                               epilog="Faults:\n" + "\n".join(f"  {name:<20} {fault.__doc__}" for name, fault in FAULTS.items()),
                               formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = Manner()
    survive.add_argument("--paths", default="punched", metavar="LIST", help=f"of {','.join(PATHS)} (usual: punched)")
    survive.add_argument("--faults", metavar="LIST", help="of those below (usual: all but nothing)")
    survive.add_argument("--moments", type=at_least_one, default=10, metavar="N", help="random moments of each (usual: 10)")
    survive.add_argument("--moment", type=at_least_one, metavar="N", help="only this one of them, to repeat a run")
    survive.add_argument("--seed", type=int, help="repeats the moments and what else is left to chance")
    survive.add_argument("--size", type=size, default=usual.size, metavar="SIZE", help="of the file, which does not compress (usual: 256MiB)")
    survive.add_argument("--rate", default=usual.rate, help=f"of both homes' lines, in the words of a site (usual: {usual.rate})")
    survive.add_argument("--sites", default=f"{usual.sender}:{usual.receiver}", metavar="SENDER:RECEIVER", help=f"(usual: {usual.sender}:{usual.receiver})")
    survive.add_argument("--transport", choices=("tcp", "udp"), help="pshare's, on both sides")
    survive.add_argument("--patience", type=float, default=usual.patience, metavar="SECONDS", help=f"after the fault; then it hangs (usual: {usual.patience:g})")
    survive.add_argument("--jobs", type=at_least_one, default=1, metavar="N", help="laboratories side by side (usual: 1)")
    survive.add_argument("--out", type=Path, metavar="FOLDER", help="new or empty (usual: a new one in the temporary folder)")
    survive.add_argument("--keep", action="store_true", help="the logs of good runs too")
    survive.add_argument("--rootless", action="store_true", help="through a user namespace, even as root")
    survive.add_argument(grid_workers.OPTION, dest="is_worker", action="store_true", help=argparse.SUPPRESS)


def _chosen_of(listed, known, what):
    chosen = listed.split(",")
    if unknown := [each for each in chosen if each not in known]:
        raise LabError(f"there is no {what} {unknown[0]!r}: {', '.join(known)}")
    return chosen


def cells(chosen):
    """The seed of a run depends on the whole's, on the path, the fault and the moment, and on nothing else."""
    paths = _chosen_of(chosen.paths, PATHS, "path")
    faults = _chosen_of(chosen.faults, FAULTS, "fault") if chosen.faults else [name for name in FAULTS if name != "nothing"]
    moments = [chosen.moment] if chosen.moment else range(1, chosen.moments + 1)
    return [Cell(path, fault, moment, random.Random(f"{chosen.seed} {path} {fault} {moment}").randrange(1_000_000))
            for path in paths for fault in faults if fits(path, fault) for moment in moments]


def why_not(path):
    """Why the built programs have no such path; None if they have."""
    knows = {"supernode": (["pshare", "supernode", "--help"], "supernode"), "relay": (["pshare-server", "--help"], "--no-relay")}
    if path not in knows:
        return None
    [name, *rest], word = knows[path]
    asked = subprocess.run([program(name), *rest], capture_output=True, text=True, check=False)
    if asked.returncode == 0 and word in asked.stdout:
        return None
    return f"this pshare has no {path} tier yet ({name} {' '.join(rest)} does not tell of it): leave {path} out of --paths"


def _manner(chosen):
    sender, _, receiver = chosen.sites.partition(":")
    transport = ("--transport", chosen.transport) if chosen.transport else ()
    return replace(Manner(), size=chosen.size, rate=chosen.rate, sender=sender, receiver=receiver, patience=chosen.patience,
                   send_args=transport, receive_args=transport)


def main(chosen, must_be_allowed):
    """The exit status: 0 when every run came to a good end."""
    if chosen.is_worker:
        return grid_workers.serve(chosen.rootless, survive_run)
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(1_000_000)
    manner, wanted = _manner(chosen), cells(chosen)
    must_be_allowed(chosen.rootless)
    if trouble := internet.why_not() or people.why_not():
        raise LabError(trouble)
    people.programs()
    for path in dict.fromkeys(cell.path for cell in wanted):
        if trouble := why_not(path):
            raise LabError(trouble)
    out = folder_for(chosen.out, survive_run.VERB)
    say(f"{len(wanted)} runs, {chosen.jobs} side by side, seed {chosen.seed}; logs in {out}")
    done, began, interrupted = [], time.monotonic(), False
    work = [(cell, out / f"{at:03}-{cell.path}-{cell.fault}-{cell.moment}") for at, cell in enumerate(wanted, 1)]
    running = grid_workers.run(work, manner, chosen.jobs, chosen.rootless, survive_run)
    try:
        for facts in running:
            done.append(facts)
            if not facts["troubles"] and not chosen.keep:
                survive_run.discard(facts)
            print(f"[{len(done):>{len(str(len(wanted)))}}/{len(wanted)}] {line(facts)}", flush=True)
    except KeyboardInterrupt:
        interrupted = True
    finally:
        running.close()
    print("\n" + "\n".join(summary(done)) + f"\nSeed {chosen.seed}; took {time.monotonic() - began:.0f} s.", flush=True)
    result = {"seed": chosen.seed, "complete": len(done) == len(wanted), "manner": asdict(manner), "runs": done}
    (out / "result.json").write_text(json.dumps(result, indent=1))
    failed = [facts for facts in done if facts["troubles"]]
    for facts in failed:
        say(f"\n{Cell(facts['path'], facts['fault'], facts['moment'], facts['seed']).title}: {'; '.join(facts['troubles'])}\n    {facts['folder']}\n"
            f"    again: {_again(chosen, facts)}")
    return _ENDED_BY_CTRL_C if interrupted else 1 if failed else 0


def _again(chosen, facts):
    words = [sys.argv[0], "survive", "--paths", facts["path"], "--faults", facts["fault"], "--seed", str(chosen.seed), "--moment", str(facts["moment"]),
             "--size", str(chosen.size), "--rate", chosen.rate, "--sites", chosen.sites]
    return " ".join(words + (["--transport", chosen.transport] if chosen.transport else []) + ["--rootless"] * chosen.rootless)


# --- For people ---------------------------------------------------------------------------------------------------------

def _figures(standstill, sent_again):
    parts = [] if standstill is None else [f"standstill {standstill:.1f} s"]
    return parts + ([] if sent_again is None else [f"sent again {sent_again / MiB:.1f} MiB"])


def line(facts):
    """One run."""
    what = f"{facts['path']}, {facts['fault']} ({facts['moment']})"
    when = f"at {facts['at']:.0%}" if facts["at"] is not None else ""
    told = ", ".join(facts["told"])
    ways = " > ".join(facts["paths"])
    came = "FAILED: " + "; ".join(facts["troubles"]) if facts["troubles"] else "ok"
    return "  ".join(filter(None, [f"{what:<34}", f"{came:<6}", when, *_figures(facts["standstill"], facts["sent_again"]), ways, told and f"({told})"]))


def summary(done):
    """A line for each path and fault."""
    lines = []
    for path, fault in dict.fromkeys((facts["path"], facts["fault"]) for facts in done):
        runs = [facts for facts in done if (facts["path"], facts["fault"]) == (path, fault)]
        good = sum(not facts["troubles"] for facts in runs)
        worst = [max((facts[what] for facts in runs if facts[what] is not None), default=None) for what in ("standstill", "sent_again")]
        figures = [f"longest {words}" if words.startswith("standstill") else f"most {words}" for words in _figures(*worst)]
        lines.append(f"{path:<10} {fault:<20} {f'{good} of {len(runs)}':<9} {', '.join(figures)}")
    return lines
