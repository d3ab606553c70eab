#!/usr/bin/env python3
"""Runs clang-tidy, with the checks of `.clang-tidy`, over all that pshare is made of. Ends with "N files, M findings".

    tests/analysis/tidy.py [--jobs N] [FOLDER or FILE ...]     without any: all sources but those of the tests

`cmake --preset analysis` comes first: it says how each file is compiled. What had no finding is remembered in build/analysis/clean and not looked at again
before it changes, or a header of ours that it sees, or the checks, or clang-tidy.
"""
import argparse
import concurrent.futures
import functools
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build" / "analysis"
HOUSE = ("wire", "io", "secure", "traversal", "transfer", "relay", "apps")
LONGEST = 900  # seconds for one file
# Clang 14 knows the coroutines of C++20 and does not say so. Told to libstdc++ and Asio by hand, it reads them as they are meant. (Good enough to be
# looked at; whether what it compiles them to also runs, nobody has tried.)
SPEAKING_OF_COROUTINES = ("-D__cpp_impl_coroutine=201902L", "-DASIO_HAS_CO_AWAIT=1")
FINDING = re.compile(r"^(\S+:\d+:\d+): (?:warning|error): .* \[[\w.,-]+\]$")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def arguments_for_clang(command: str) -> list[str]:
    """What of GCC's command says how the file is to be read. Warnings and precompiled headers are GCC's own."""
    found, words = [], iter(shlex.split(command))
    for word in words:
        if word in ("-isystem", "-I", "-D"):
            found += [word, next(words)]
        elif word.startswith(("-I", "-D", "-std=", "-isystem")):
            found.append(word)
    return [*found, *SPEAKING_OF_COROUTINES]


@functools.lru_cache(maxsize=None)
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def seen_by(source: Path) -> list[Path]:
    """The file and the headers of ours that it includes, by whatever way."""
    seen, waiting = set(), [source]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in INCLUDE.findall(text_of(path)):
            waiting += [found for found in (path.parent / name, TOP / name) if found.is_file()][:1]
    return sorted(seen)


def declared_in(source: Path) -> set[str]:
    """Names that clash when another file has them, too: roughly, what an anonymous namespace holds."""
    inside = "\n".join(re.findall(r"^namespace \{$(.*?)^\}  // namespace$", text_of(source), re.MULTILINE | re.DOTALL))
    return {match[1] for line in inside.splitlines() if (match := re.match(r"(?!template|static_assert)[A-Za-z\[].*?(?<![:\w~])(\w+)\s*(?=[({=;\[])", line))}


class Tidy:
    def __init__(self) -> None:
        database = BUILD / "compile_commands.json"
        if not database.exists():
            sys.exit(f"{database} is not there. Run first: cmake --preset analysis")
        self.arguments = {Path(each["file"]): arguments_for_clang(each["command"]) for each in json.loads(database.read_text())}
        self.version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
        self.clean = BUILD / "clean"
        self.clean.mkdir(exist_ok=True)

    def sources(self, wanted: list[str]) -> list[Path]:
        roots = [(Path.cwd() / each).resolve() if wanted else TOP / each for each in wanted or HOUSE]
        return sorted(path for path in self.arguments if any(path == root or root in path.parents for root in roots) and BUILD not in path.parents)

    def read_together(self, sources: list[Path]) -> list[list[Path]]:
        """Files that are compiled alike and do not clash, so that clang-tidy goes through what they all include (most of its work) once."""
        together: dict[tuple[str, ...], list[tuple[list[Path], set[str]]]] = {}
        for source in sources:
            names, batches = declared_in(source), together.setdefault(tuple(self.arguments[source]), [])
            for batch, taken in batches:
                if not taken & names:
                    batch.append(source)
                    taken |= names
                    break
            else:
                batches.append(([source], set(names)))
        return sorted((batch for batches in together.values() for batch, _ in batches), key=len, reverse=True)

    def known_to_be_clean(self, batch: list[Path]) -> Path:
        """Exists if just this was looked at before, and had no finding."""
        what = hashlib.sha256("\0".join([self.version, text_of(TOP / ".clang-tidy"), *self.arguments[batch[0]]]).encode())
        for path in sorted({path for source in batch for path in seen_by(source)}):
            what.update(f"\0{path.relative_to(TOP)}\0{text_of(path)}".encode())
        return self.clean / what.hexdigest()

    def findings(self, batch: list[Path]) -> dict[str, str]:
        """From place and check to all that clang-tidy says of it."""
        mark = self.known_to_be_clean(batch)
        if mark.exists():
            return {}
        source = batch[0]
        if len(batch) > 1:
            source = self.clean / f"{mark.name}.cpp"
            source.write_text("".join(f'#include "{each}"  // NOLINT\n' for each in batch))
        try:
            said = subprocess.run(["clang-tidy", "--quiet", str(source), "--", *self.arguments[batch[0]]], capture_output=True, text=True, timeout=LONGEST, check=False)
        except subprocess.TimeoutExpired:
            return {f"{source}": f"{source}: clang-tidy took longer than {LONGEST} s"}
        finally:
            if len(batch) > 1:
                source.unlink()
        if len(batch) > 1 and "[clang-diagnostic-error]" in said.stdout:  # they clash all the same
            return {what: words for each in batch for what, words in self.findings([each]).items()}
        found, last = {}, None
        for line in said.stdout.splitlines():
            line = re.sub(r"^\S*/views/\w+/", f"{TOP}/", line)  # one header has one name, by whatever view it was seen
            if FINDING.match(line):
                last = line
            if last:
                found.setdefault(last, []).append(line)
        if said.returncode != 0 and not found:
            return {f"{source}": f"{source}: clang-tidy failed: {said.stderr.strip()[-2000:]}"}
        if not found:
            mark.touch()
        return {what: "\n".join(lines) for what, lines in found.items()}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--jobs", type=int, default=os.cpu_count())
    options.add_argument("wanted", nargs="*")
    given = options.parse_args()
    tidy = Tidy()
    sources = tidy.sources(given.wanted)
    found: dict[str, str] = {}
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        for findings in pool.map(tidy.findings, tidy.read_together(sources)):
            for what, words in findings.items():
                if what not in found:  # a header's is seen from many files
                    found[what] = words
                    print(words, flush=True)
    print(f"{len(sources)} files, {len(found)} findings")
    return 1 if found or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
