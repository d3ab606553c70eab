"""Every option that a document names is one that some program knows."""
import re
import subprocess

import documents
from documents import TOP
from processes import program

# Of programs that are not ours.
OF_OTHERS = {"--help", "--as-needed", "--store", "--verify"}   # linker, croc, magic-wormhole


def help_of(*words):
    return subprocess.run([program(words[0]), *words[1:], "--help"], capture_output=True, text=True, check=True).stdout


def of_another_program(span):
    first = re.split(r"\s|/", span)[0]
    return first in documents.PROGRAMS - {"pshare", "pshare-server", "build"}


def test_every_option_that_a_document_names_exists():
    verbs = re.findall(r"(?m)^  ([a-z]+) ", help_of("pshare"))
    known = help_of("pshare") + help_of("pshare-server") + "".join(help_of("pshare", verb) for verb in verbs)
    known += "".join(help_of("pshare", verb, below) for verb in ("contacts", "receipts") for below in re.findall(r"(?m)^  ([a-z]+) ", help_of("pshare", verb)))
    ours = set(re.findall(r"--[a-z][a-z-]+", known))
    assert {"--to", "--on-conflict", "--relay-quota", "--max-size"} <= ours
    scripts = [*TOP.glob("tests/natlab/natlab"), *TOP.glob("tests/natlab/lab/*.py"), *TOP.glob("tests/**/*.sh"), *TOP.glob("packaging/**/*.sh"), *TOP.glob("docs/images/*.py")]
    of_the_tree = set(re.findall(r"--[a-z][a-z-]+", "".join(path.read_text(encoding="utf-8") for path in scripts)))
    unknown = []
    for document in documents.DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        typed = [span for span in documents.code_spans(text) + [command.text for command in documents.commands_of(text, document.name)] if not of_another_program(span)]
        for option in {option for span in typed for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span)}:
            if option not in ours | of_the_tree | OF_OTHERS:
                unknown.append(f"{document.name}: {option}")
    assert not unknown, "\n".join(sorted(unknown))
