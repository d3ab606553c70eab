#!/usr/bin/python3
"""What moving from the server's relay to a straight path costs, in the laboratory of kernels (tests/natlab): one transfer over the relay alone, one over the
straight path alone, and one whose straight path becomes possible in the middle. The last should take as long as its two parts.

    tests/bench/moving_up.py [--size MIB] [--rate RATE] [--at SHARE]          usual: 1024, 100mbit, 0.3

Programs: PSHARE_BIN_DIR, else build/release/bin. Needs root, or a user namespace: see tests/natlab/README.md.
"""
import argparse
import os
import sys
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
os.environ.setdefault("PSHARE_BIN_DIR", str(TESTS.parent / "build/release/bin"))
sys.path[:0] = [str(TESTS / "natlab"), str(TESTS / "e2e")]

from lab import Lab, enter  # noqa: E402
from lab.people import Town  # noqa: E402
from trees import assert_same, write_random  # noqa: E402
from world import MiB  # noqa: E402

NO_WAY = "no-simopen"  # over TCP, between two of them
PATIENCE = 1200


class Moved:
    """One transfer. `share`: of the file, when UDP is let through; 0: from the beginning; nothing: never."""

    def __init__(self, size, rate, share):
        with Lab(a=f"{NO_WAY},udp=blocked,rate={rate}", b=NO_WAY) as lab, Town(lab) as town:
            write_random(town.alice.files / "film.mkv", size)
            if share == 0:
                lab.allow_udp("a")
            tiers = ("--tiers", "direct,mapped,punched") if share == 0 else ("--tiers", "relay") if share is None else ()
            receiving = town.bob.receives(*tiers)
            receiving.says("aiting")
            sending = town.alice.sends("film.mkv", *tiers, to=town.bob)
            self.after = None
            if share:
                sending.progress_beyond(share * size, PATIENCE)
                self.at = sending.events[-1].get("bytes", share * size) / size
                lab.allow_udp("a")
                allowed = time.monotonic()
                sending.wait_until(lambda: sending.find("path") and [e for e in sending.events if e["event"] == "path"][-1]["tier"] == "punched", "the better path", PATIENCE)
                self.after = time.monotonic() - allowed
            for each in (sending, receiving):
                each.ends(0, PATIENCE)
            assert_same(town.alice.files / "film.mkv", town.bob.files / "film.mkv")
            done = sending.event("done")
            self.seconds, self.wire = done["seconds"], done["wire_bytes"] / size
            self.tiers = [event["tier"] for event in sending.events if event["event"] == "path"]
            counted = lab.counters()
            self.relayed, self.straight = (counted.sent("a", to).bytes / size for to in ("server", "b"))

    def __str__(self):
        return f"{' > '.join(self.tiers):18} {self.seconds:7.1f} s   bytes of files on lanes / size {self.wire:.4f}   sent to the server {self.relayed:.3f}, to the peer {self.straight:.3f} of it"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1024, help="MiB")
    parser.add_argument("--rate", default="100mbit", help="of the sender's line, in the words of a site")
    parser.add_argument("--at", type=float, default=0.3, help="share of the file, in (0, 1)")
    given = parser.parse_args()
    enter.enter()
    size = given.size * MiB
    relay, straight, moved = (Moved(size, given.rate, share) for share in (None, 0, given.at))
    for each in (relay, straight, moved):
        print(each)
    parts = moved.at * relay.seconds + (1 - moved.at) * straight.seconds
    print(f"moved {moved.after:.2f} s after UDP was let through, at {100 * moved.at:.0f} %; {moved.seconds:.1f} s are {moved.seconds / parts:.3f} of its parts' {parts:.1f} s")


if __name__ == "__main__":
    main()
