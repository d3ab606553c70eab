"""The built programs, and what was written beside them."""
import os
import subprocess
from pathlib import Path

BUILD = Path(os.environ.get("PSHARE_BUILD_DIR") or Path(os.environ["PSHARE_BIN_DIR"]).parent)
BIN = Path(os.environ.get("PSHARE_BIN_DIR", BUILD / "bin"))
MAN = BUILD / "man"
COMPLETIONS = BUILD / "completions"


def environment(home, **more):
    """Of somebody with this home folder, who has the programs in PATH."""
    return {"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(home), "TERM": "xterm", "LANG": "C.UTF-8", **more}


def run(*argv, home, stdin="", status=0, **more):
    """What a program says on standard output; on standard error nothing, if it ends well."""
    done = subprocess.run(argv, env=environment(home, **more), input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}"
    assert status or not done.stderr, done.stderr
    return done.stdout


def help_of(program, *verbs, home="/nonexistent"):
    return run(program, *verbs, "--help", home=home)


def verbs_of(program, *verbs):
    """The verbs that its help lists."""
    lines = help_of(program, *verbs).splitlines()
    if "Verbs:" not in lines:
        return []
    listed = []
    for line in lines[lines.index("Verbs:") + 1:]:
        if not line:
            break
        if line[2] != " ":
            listed.append(line.split()[0])
    return listed
