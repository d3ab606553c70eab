"""docs/troubleshooting.md goes by what people see: words that it quotes are words that the programs say."""
import os
import re

from documents import TOP

# Where the program puts a message together: a number, a cause, what differs from case to case.
JOINTS = re.compile(r"\.\.\.|: |(?<![A-Za-z])\d[\d.]*(?: ?[kMGT]?B\b)?|[()]")
OF_THE_SYSTEM = {os.strerror(number) for number in range(1, 134)}
FOLDERS = ("apps", "wire", "secure", "io", "traversal", "transfer", "relay")


def said_by_programs():
    """All string literals, those side by side as one."""
    said = []
    for folder in FOLDERS:
        for path in sorted((TOP / folder).rglob("*.[ch]pp")):
            text = re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
            said += re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)
    return "\n".join(word.replace('\\"', '"').replace("\\n", " ") for word in said)


def quoted(text):
    """(line, words) for what stands in quotation marks within bold or italic type. "..." is what differs from case to case."""
    for mark in re.finditer(r"(?s)(\*\*|(?<!\*)\*(?!\*))(?=\S)((?:(?!\n\n).)+?)(?<=\S)\1", text):
        for words in re.findall(r'"([^"]+)"', mark.group(2)):
            yield text.count("\n", 0, mark.start()) + 1, " ".join(words.split())


def test_the_words_in_troubleshooting_are_the_programs_own():
    said, missing, seen = said_by_programs(), [], 0
    for line, words in quoted((TOP / "docs/troubleshooting.md").read_text(encoding="utf-8")):
        for piece in JOINTS.split(words):
            piece = piece.strip(" ,.;")
            if len(piece) < 6 or piece in OF_THE_SYSTEM:
                continue
            seen += 1
            if piece not in said:
                missing.append(f"{line}: \"{words}\" ({piece!r})")
    assert seen > 60 and not missing, "\n".join(missing)
