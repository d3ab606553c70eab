#!/usr/bin/env python3
"""Tells which tests failed, from the JUnit report of a ctest run.

    tests/failures.py REPORT             names and last lines
    tests/failures.py --again REPORT     the names of those that deserve to be run once more, alone (tests/README.md, "When a test fails")
"""
import re
import sys
import xml.etree.ElementTree

LINES_OF_EACH = 60
# These share the cores with each other, and a machine that stands still for seconds breaks what is true. The others have no clock but their own.
WITH_A_REAL_CLOCK = ("e2e.", "natlab.")
# No slow machine makes a program crash.
A_CRASH = re.compile(r"Sanitizer|runtime error:|SIGSEGV|SIGABRT|SIGBUS|SIGILL|Segmentation fault|core dumped|terminate called|(exit -|ended by signal )(4|6|7|8|11)\b")


def main() -> None:
    for case in xml.etree.ElementTree.parse(sys.argv[-1]).iter("testcase"):
        if case.get("status") != "fail":
            continue
        name = case.get("name", "")
        output = case.findtext("system-out") or "it printed nothing"
        if sys.argv[1] == "--again":
            if name.startswith(WITH_A_REAL_CLOCK) and not A_CRASH.search(output):
                print(name)
        else:
            print(f"--- {name} ({case.get('time')} s)", *output.splitlines()[-LINES_OF_EACH:], sep="\n")


if __name__ == "__main__":
    main()
