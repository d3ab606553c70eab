#!/usr/bin/env python3
"""Records docs/images/session.svg anew: alice sends bob a file, each behind a router of their own, in the laboratory of kernels (tests/natlab).

    docs/images/record.py                      needs tmux, a built natlab-internet, pshare and pshare-server (PSHARE_BIN_DIR, else build/release/bin)
    docs/images/record.py --still 6 >now.svg   instead of a film, what is on the screens after six seconds of it

Whatever is in the picture, but for the names of the people and what they type, the programs have said. Two terminals of tmux are looked at twenty times a
second; each line of each is drawn for as long as it was there. Pauses are cut short. Without animation (a printer, `prefers-reduced-motion`) the
last moment is shown.
"""
import argparse
import html
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
NATLAB = FOLDER.parent.parent / "tests" / "natlab" / "natlab"
INSIDE = "--inside"

# Who, like which site of the laboratory (tests/natlab/natlab sites), and in words. A line of 200 Mbit/s, so that there is something to see.
PLACES = {"alice": ("masq,rate=200mbit", "behind a home router"), "bob": ("cgnat,rate=200mbit", "behind a home router and a carrier's NAT")}
FILM = "film.mkv"
FILM_MEBIBYTES = 96
COLUMNS, ROWS = 104, 14
LOOK_EVERY = 0.05     # seconds
TYPE_EVERY = 0.06
LONGEST_PAUSE = 1.4
LAST_MOMENT = 5.0     # for so long the end stays before it begins anew
PATIENCE = 60

# --- the people ------------------------------------------------------------------------------------------------------------------


class Screen:
    """Somebody's terminal, in their host of the laboratory."""

    def __init__(self, tmux, name, host, folder, path):
        self.tmux, self.name = tmux, name
        self.files = folder / name
        self.files.mkdir()
        self.home = folder / f"{name}.home"
        self.environment = {"HOME": str(self.files), "PSHARE_HOME": str(self.home), "PATH": path, "TERM": "screen-256color", "LANG": "C.UTF-8", "PS1": f"{name} $ "}
        words = ["env", "-i", *(f"{key}={value}" for key, value in self.environment.items()), "bash", "--norc", "--noprofile"]
        self.enter = ["nsenter", f"--net=/run/netns/{host}", "--"]
        subprocess.run([*tmux, "new-session", "-d", "-s", name, "-x", str(COLUMNS), "-y", str(ROWS), "-c", self.files, " ".join(map(quoted, [*self.enter, *words]))], check=True)

    def run(self, *command):
        subprocess.run([*self.enter, *command], env=self.environment, cwd=self.files, check=True, capture_output=True)

    def lines(self):
        shown = subprocess.run([*self.tmux, "capture-pane", "-p", "-e", "-t", self.name], check=True, capture_output=True, text=True).stdout.split("\n")
        return [line.rstrip() for line in shown[:ROWS]]

    def press(self, *keys):
        subprocess.run([*self.tmux, "send-keys", "-t", self.name, *keys], check=True)


def quoted(word):
    return "'" + str(word).replace("'", "'\\''") + "'"


class Film:
    """What was on the screens, and when: a list of (seconds, {name: lines})."""

    def __init__(self, screens):
        self.screens, self.frames, self.begun = screens, [], time.monotonic()

    def look(self):
        now = {screen.name: screen.lines() for screen in self.screens}
        if not self.frames or self.frames[-1][1] != now:
            self.frames.append((time.monotonic() - self.begun, now))
        return now

    def wait(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.look()
            time.sleep(LOOK_EVERY)

    def wait_for(self, screen, pattern):
        """Until it stands there; gives what was found."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if found := re.search(pattern, "\n".join(self.look()[screen.name])):
                return found
            time.sleep(LOOK_EVERY)
        sys.exit(f"record: {screen.name} never saw {pattern!r}, but\n" + "\n".join(screen.lines()))

    def type(self, screen, text):
        for letter in text:
            screen.press("-l", letter)
            self.wait(TYPE_EVERY)
        self.wait(0.3)
        screen.press("Enter")

    def without_pauses(self):
        """The same with no wait longer than LONGEST_PAUSE."""
        frames, now, before = [], 0.0, 0.0
        for seconds, screens in self.frames:
            now += min(seconds - before, LONGEST_PAUSE)
            before = seconds
            frames.append((now, screens))
        return frames


def play(folder, binaries):
    path = f"{binaries}:/usr/bin:/bin"
    tmux = ["tmux", "-f", "/dev/null", "-S", folder / "tmux"]
    address = os.environ["NATLAB_SERVER"]
    server = subprocess.Popen(["nsenter", "--net=/run/netns/server", "--", binaries / "pshare-server", "--listen", f"{address}:4700", "--data", folder / "server"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        spec = next(found.group(1) for line in server.stdout if (found := re.search(r"--server (\S+)", line)))
        alice, bob = Screen(tmux, "alice", "a", folder, path), Screen(tmux, "bob", "b", folder, path)
        (alice.files / FILM).write_bytes(os.urandom(FILM_MEBIBYTES << 20))
        for who in (alice, bob):
            who.run("pshare", "init", "--name", who.name, "--server", spec)
        film = Film((alice, bob))
        film.wait(0.5)
        film.type(alice, f"pshare send {FILM}")
        code = film.wait_for(alice, r"\b\d+-[a-z]+-[a-z]+\b").group()
        film.wait(1.5)
        film.type(bob, "pshare receive")
        film.wait_for(bob, r"(?i)code")
        film.wait(0.8)
        film.type(bob, code)
        film.wait_for(bob, r"\[y/")
        film.wait(1)
        film.type(bob, "y")
        for who in (alice, bob):
            film.wait_for(who, rf"\n{who.name} \$\s*$")
        assert (bob.files / FILM).read_bytes() == (alice.files / FILM).read_bytes()
        return film.without_pauses()
    finally:
        subprocess.run([*tmux, "kill-server"], capture_output=True)
        server.kill()
        server.wait()


# --- the picture -----------------------------------------------------------------------------------------------------------------

CELL, LINE, MARGIN, TITLE = 8.4, 19, 14, 30    # of a letter at 14 px, in px
WIDTH = round(COLUMNS * CELL + 2 * MARGIN)
WINDOW = TITLE + ROWS * LINE + MARGIN
GAP = 12

STYLE = f"""text{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d7dde4;white-space:pre}}
.title{{font-size:13px;fill:#8b98a7}}.typed{{fill:#7ee0a8}}"""


def drawn(line, x, y, names):
    """One line of a screen. What is typed behind a prompt has a colour of its own; other colours pshare does not use."""
    line = re.sub(r"\x1b\[[0-9;]*m|\x0f|\x0e", "", line)
    prompt = re.match(rf"(?:{'|'.join(names)}) \$ ", line)
    begin = prompt.end() if prompt else 0
    words = html.escape(line[:begin], quote=False) + (f'<tspan class="typed">{html.escape(line[begin:], quote=False)}</tspan>' if prompt else html.escape(line, quote=False))
    return f'<text x="{x}" y="{y}" textLength="{len(line) * CELL:.1f}" xml:space="preserve">{words}</text>'


def windows(names):
    for index, name in enumerate(names):
        top = index * (WINDOW + GAP)
        yield (f'<rect x="0.5" y="{top + 0.5}" width="{WIDTH - 1}" height="{WINDOW - 1}" rx="8" fill="#1b2129" stroke="#6b7684"/>'
               f'<text class="title" x="{MARGIN}" y="{top + 20}">{name}, {PLACES[name][1]}</text>')


def picture(frames, names, still=None):
    """An SVG: each line of each screen for as long as it was there, again and again; or what is there at the moment `still`."""
    whole = frames[-1][0] + LAST_MOMENT
    still = still if still is None else min(still, frames[-1][0])
    drawings, rules = [], []
    for index, name in enumerate(names):
        for row in range(ROWS):
            y = index * (WINDOW + GAP) + TITLE + (row + 1) * LINE
            spans = []   # [begin, end, line]
            for seconds, screens in frames:
                line = screens[name][row]
                if spans and spans[-1][2] == line:
                    continue
                if spans:
                    spans[-1][1] = seconds
                spans.append([seconds, whole, line])
            for begin, end, line in spans:
                if not line:
                    continue
                drawing = drawn(line, MARGIN, y, names)
                if still is not None:
                    drawings += [drawing] if begin <= still < end else []
                    continue
                number = len(rules)
                shown, hidden = 100 * begin / whole, 100 * end / whole
                steps = ("" if begin == 0 else "0%{visibility:hidden}") + f"{shown:.2f}%{{visibility:visible}}" + ("" if end == whole else f"{hidden:.2f}%{{visibility:hidden}}")
                rules.append(f"@keyframes k{number}{{{steps}}}.k{number}{{animation-name:k{number}}}")
                drawings.append(f'<g class="a k{number}"{"" if end == whole else " visibility=" + chr(34) + "hidden" + chr(34)}>{drawing}</g>')
    height = len(names) * (WINDOW + GAP) - GAP
    animation = "" if still is not None else f"@media (prefers-reduced-motion:no-preference){{.a{{animation:{whole:.2f}s step-end infinite}}{''.join(rules)}}}"
    return "\n".join((f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="title">',
                      '<title id="title">alice sends bob a film by a one-time code, each behind a router; recorded by docs/images/record.py</title>',
                      f"<style>{STYLE}\n{animation}</style>", *windows(names), *drawings, "</svg>", ""))


def main():
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--still", type=float, metavar="SECONDS", help="print what is on the screens at that moment")
    asked.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    options = asked.parse_args()
    if not options.inside:   # once more, between two homes
        binaries = Path(os.environ.get("PSHARE_BIN_DIR", FOLDER.parent.parent / "build/release/bin")).resolve()
        os.environ["PSHARE_BIN_DIR"] = str(binaries)
        os.execv(NATLAB, [NATLAB, "run", "--a", PLACES["alice"][0], "--b", PLACES["bob"][0], "--", sys.executable, "-B", os.path.abspath(__file__), INSIDE, *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="pshare-record.") as folder:
        frames = play(Path(folder), Path(os.environ["PSHARE_BIN_DIR"]))
    if options.still is not None:
        print(picture(frames, ("alice", "bob"), options.still), end="")
    else:
        (FOLDER / "session.svg").write_text(picture(frames, ("alice", "bob")), encoding="utf-8")


main()
