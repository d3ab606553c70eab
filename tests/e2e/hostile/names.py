"""Reads names.txt."""
import re
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r'(lands|ours|refused) (same|mapped|-) (.+)')
_PIECE = re.compile(r'"((?:[^"\\]|\\.)*)"(?:\*(\d+))?\s*')
_ESCAPE = re.compile(r'\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([nrte0\\"]))')
_SHORT = {"n": b"\n", "r": b"\r", "t": b"\t", "e": b"\x1b", "0": b"\0", "\\": b"\\", '"': b'"'}


@dataclass(frozen=True)
class Hostile:
    verdict: str
    name: bytes
    group: str


def _bytes(text):
    out, at = b"", 0
    for found in _ESCAPE.finditer(text):
        out += text[at:found.start()].encode()
        byte, short, long, letter = found.groups()
        out += bytes.fromhex(byte) if byte else _SHORT[letter] if letter else chr(int(short or long, 16)).encode()
        at = found.end()
    return out + text[at:].encode()


def read():
    group, all_of_them = None, []
    for line in (Path(__file__).parent / "names.txt").read_text().splitlines():
        if line.startswith("["):
            group = line.strip("[]")
        elif line and not line.startswith("#"):
            verdict, _, pieces = _LINE.fullmatch(line).groups()
            assert _PIECE.sub("", pieces) == "", line
            name = b"".join(_bytes(text) * int(times or 1) for text, times in _PIECE.findall(pieces))
            all_of_them.append(Hostile(verdict, name, group))
    return all_of_them
