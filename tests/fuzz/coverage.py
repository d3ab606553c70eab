#!/usr/bin/env python3
"""How much of each parser its fuzz target reaches when it runs over its corpus, by clang's source-based coverage.

    tests/fuzz/coverage.py [--unreached] [TARGET...]

Builds the targets in build/fuzz-coverage, runs each over its corpus (tests/fuzz/corpus, and build/fuzz/found if that is there), and prints for each of the
sources that it PARSES (tests/fuzz/CMakeLists.txt) how many of its regions and lines were reached. --unreached: and the lines that were not. Needs Debian's
package llvm beside clang.
"""
import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build/fuzz-coverage"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, cwd=TOP, **options)


def build(wanted):
    # Sanitizers would only add what cannot be reached.
    run("cmake", "--preset", "fuzz", "-B", BUILD, "-DPSHARE_SANITIZE=", "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -fprofile-instr-generate -fcoverage-mapping",
        stdout=subprocess.DEVNULL)
    run("cmake", "--build", BUILD, "-j", os.cpu_count(), "--target", *(wanted or ["fuzzers"]), stdout=sys.stderr)
    lines = (BUILD / "fuzz_targets.txt").read_text().splitlines()
    known = {name: sources for name, *sources in map(str.split, lines)}
    return {name: known[name] for name in wanted or known}


def profile_of(name):
    """Runs the target over its corpus; gives the profile's file, and how many inputs there were."""
    raw, merged = BUILD / f"{name}.profraw", BUILD / f"{name}.profdata"
    corpus = [folder for folder in (TOP / "tests/fuzz/corpus" / name, TOP / "build/fuzz/found" / name) if folder.is_dir()]
    inputs = [file for folder in corpus for file in folder.iterdir() if not file.name.startswith("bad-")]
    run(BUILD / "bin" / name, "-runs=0", *corpus, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "LLVM_PROFILE_FILE": str(raw)})
    run("llvm-profdata", "merge", "-sparse", raw, "-o", merged)
    return merged, len(inputs)


def unreached_lines(name, profile, source):
    shown = run("llvm-cov", "show", BUILD / "bin" / name, f"-instr-profile={profile}", stdout=subprocess.PIPE, text=True).stdout
    # Each file's lines stand below its path and a colon.
    here = False
    for line in shown.splitlines():
        if line.startswith("/") and line.endswith(":"):
            here = os.path.relpath(os.path.realpath(line[:-1]), TOP) == source
            continue
        number, _, rest = line.partition("|")
        count, _, code = rest.partition("|")
        if here and count.strip() == "0":
            yield f"    {number.strip():>5} {code}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unreached", action="store_true", help="show the lines that were not reached")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    given = parser.parse_args()
    for name, sources in build(given.targets).items():
        profile, inputs = profile_of(name)
        exported = run("llvm-cov", "export", "-summary-only", BUILD / "bin" / name, f"-instr-profile={profile}", stdout=subprocess.PIPE)
        for file in json.loads(exported.stdout)["data"][0]["files"]:
            source = os.path.relpath(os.path.realpath(file["filename"]), TOP)
            if source not in sources:
                continue
            regions, lines = file["summary"]["regions"], file["summary"]["lines"]
            print(f"{name:22} {source:42} {regions['percent']:5.1f} % of {regions['count']:4} regions, {lines['percent']:5.1f} % of lines, from {inputs:3} inputs",
                  flush=True)
            if given.unreached:
                print("\n".join(unreached_lines(name, profile, source)))


if __name__ == "__main__":
    main()
