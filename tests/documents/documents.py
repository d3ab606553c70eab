"""What stands in the documents that is meant to be typed.

Documents are README.md and docs/*.md. A command is

- in a fenced block marked `sh`: each line but blank ones and comments;
- in an unmarked or `console` one, or an indented one: each line behind a prompt ("$ ", "alice $ "), and, where the block has no prompts, each that
  begins with one of PROGRAMS;
- in running text: a code span of two words or more that begins with one of PROGRAMS.

Blocks marked otherwise (toml, json, text, ...) hold none.
"""
import re
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").glob("*.md"))]

# First words by which a command is known where nothing else says that it is one.
PROGRAMS = {
    "pshare", "pshare-server", "adduser", "apt", "apt-get", "build", "cat", "certbot", "chmod", "chown", "cmake", "cp", "ctest", "curl", "dig", "dpkg", "editor", "git", "install",
    "certutil", "journalctl", "loginctl", "man", "mkdir", "msiexec", "mv", "netsh", "nft", "ninja", "python3", "rm", "rsync", "runuser", "scp", "setcap", "sha256sum", "sqlite3", "ss", "ssh", "sudo", "systemctl",
    "tar", "tmux", "ufw", "ulimit", "useradd", "wine",
}
# Or a program of the tree.
OF_THE_TREE = ("packaging/", "tests/", "docs/images/", "build/")

COMMANDS_IN = {"", "sh", "console"}
NO_COMMANDS_IN = {"toml", "json", "text", "ini", "nft"}
PROMPT = re.compile(r"^(?:(?P<who>alice|bob|carol|server)\s+)?\$ +(?P<command>.*)$")
COMMENT = re.compile(r"(^|\s+)# .*$|\s+#$")


@dataclass(frozen=True)
class Command:
    text: str
    who: str | None      # who types it, where the prompt says so
    place: str           # "README.md:17"
    fenced: bool

    def __str__(self):
        return f"{self.place}: {self.text}"


def commands_of(text, name):
    """All commands of one document, in their order."""
    found, prose, block, fence, begun = [], [], [], None, 0
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        mark = re.match(r"^\s*```\s*(\S*)\s*$", line)
        if mark and fence is None:
            fence, block, begun = mark.group(1), [], number
            assert fence in COMMANDS_IN | NO_COMMANDS_IN, f"{name}:{number}: nobody knows whether a block of {fence!r} holds commands"
        elif mark:
            found += _of_block(block, fence, f"{name}", begun + 1)
            fence = None
        elif fence is not None:
            block.append(line)
        elif line.startswith("    ") and _is_program(line.split()):
            found += _of_block([line.strip()], "", name, number)
        else:
            prose.append((number, line))
            continue
        prose.append((number, ""))
    assert fence is None, f"{name}:{begun}: this block has no end"
    return sorted(found + _of_prose(prose, name), key=lambda command: int(command.place.rsplit(":", 1)[1]))


def _is_program(words):
    words = [word for word in words if not re.fullmatch(r"[A-Z_]+=\S*", word)]
    return bool(words) and (words[0] in PROGRAMS or words[0].startswith(OF_THE_TREE))


def _of_block(lines, language, name, first):
    if language not in COMMANDS_IN:
        return []
    prompts = any(PROMPT.match(line) for line in lines)
    found, number = [], 0
    while number < len(lines):
        line, begun = lines[number], number
        while line.endswith("\\") and number + 1 < len(lines):
            number += 1
            line = line[:-1].rstrip() + " " + lines[number].strip()
        number += 1
        who = None
        if prompts:
            typed = PROMPT.match(line)
            if not typed:
                continue
            who, line = typed.group("who"), typed.group("command")
        line = COMMENT.sub("", line).strip()
        if line and (prompts or language == "sh" or _is_program(line.split())):
            found.append(Command(line, who, f"{name}:{first + begun}", True))
    return found


def _of_prose(lines, name):
    text = "\n".join(line for _, line in lines)
    numbers = [number for number, line in lines for _ in range(len(line) + 1)]
    found = []
    for span in re.finditer(r"(?<!`)(`+)(?!`)((?:(?!\n\n).)+?)(?<!`)\1(?!`)", text, re.S):
        words = " ".join(span.group(2).split()).replace("\\|", "|")
        if len(words.split()) > 1 and _is_program(words.split()):
            found.append(Command(words, None, f"{name}:{numbers[span.start()]}", False))
    return found


def every_command():
    return [command for document in DOCUMENTS for command in commands_of(document.read_text(encoding="utf-8"), str(document.relative_to(TOP)))]


def without_code(text):
    """Prose alone: for links and the like."""
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", re.sub(r"^\s*```.*?^\s*```\s*$", "", text, flags=re.S | re.M), flags=re.S)


def code_spans(text):
    """What stands between backticks in running text."""
    prose = re.sub(r"^\s*```.*?^\s*```\s*$", "", text, flags=re.S | re.M)
    return [" ".join(span.group(2).split()).replace("\\|", "|") for span in re.finditer(r"(?<!`)(`+)(?!`)((?:(?!\n\n).)+?)(?<!`)\1(?!`)", prose, re.S)]
