#!/usr/bin/env python3
"""Prints the names and the last lines of the tests that failed, from the JUnit report of a ctest run.

    tests/failures.py build/release/results-release.xml
"""
import sys
import xml.etree.ElementTree

LINES_OF_EACH = 60


def main() -> None:
    for case in xml.etree.ElementTree.parse(sys.argv[1]).iter("testcase"):
        if case.get("status") != "fail":
            continue
        print(f"--- {case.get('name')} ({case.get('time')} s)")
        print("\n".join((case.findtext("system-out") or "it printed nothing").splitlines()[-LINES_OF_EACH:]))


if __name__ == "__main__":
    main()
