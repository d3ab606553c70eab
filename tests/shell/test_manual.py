"""The manual pages that are given out: they say what --help says, render, and their examples are such that the programs take them."""
import re
import subprocess

import pytest

from programs import MAN, help_of, run, verbs_of

PAGES = sorted(MAN.glob("*.[1-8]"))
COMMANDS = [("pshare",)] + [("pshare", verb) for verb in verbs_of("pshare")] + [("pshare-server",)]
OPTION = re.compile(r"^  (?:-\w, )?(-{1,2}[a-z-]+)", re.M)


def page_of(command):
    return MAN / ("-".join(command) + (".8" if command == ("pshare-server",) else ".1"))


def rendered(page):
    """As `man` shows it, without the columns' hyphens."""
    done = subprocess.run(["man", "--nh", "--nj", "-l", str(page)], env={"PATH": "/usr/bin:/bin", "MANWIDTH": "80", "LANG": "C.UTF-8", "GROFF_NO_SGR": "1"}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return re.sub(".\x08", "", done.stdout)   # bold is overstruck


def examples(told):
    """The commands that a help shows."""
    lines = told.splitlines()
    shown = lines[lines.index("Examples:") + 1:] if "Examples:" in lines else []
    return [line.strip() for line in shown[:shown.index("") if "" in shown else len(shown)] if line[2] != " "]


def test_there_is_a_page_for_each_verb():
    assert {page.name for page in PAGES} == {page_of(command).name for command in COMMANDS} | {"pshare.toml.5", "pshare-server.toml.5"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_without_fault(page):
    checked = subprocess.run(["mandoc", "-T", "lint", "-W", "style", str(page)], capture_output=True, text=True, timeout=60)
    # That a page is not installed on this machine is not its fault.
    faults = [line for line in checked.stdout.splitlines() if "referenced manual not found" not in line]
    assert faults == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_renders_within_a_terminal(page):
    text = rendered(page)
    for section in ("NAME", "DESCRIPTION", "SEE ALSO"):
        assert re.search(f"^{section}$", text, re.M), f"{section} is missing"
    assert max(len(line) for line in text.splitlines()) <= 80


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_option_of_the_help_is_in_the_page(command):
    text = rendered(page_of(command))
    told = [help_of(*command)] + [help_of(*command, verb) for verb in (verbs_of(*command) if len(command) > 1 else [])]
    options = {option for each in told for option in OPTION.findall(each)}
    assert "--help" in options or len(command) > 1
    for option in options:
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), option


# That the programs take them is tested where they are parsed: tests/unit/apps/help_test.cpp.
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_examples_of_the_help_are_in_the_page(command):
    text = rendered(page_of(command))
    shown = examples(help_of(*command))
    assert shown
    for each in shown:
        assert re.search(rf"^ +{re.escape(each)}$", text, re.M), each


@pytest.mark.parametrize("page, sample", [("pshare.toml.5", ("pshare", "config", "--sample")), ("pshare-server.toml.5", ("pshare-server", "--config-sample"))], ids=["pshare", "pshare-server"])
def test_every_key_of_the_sample_is_in_the_page(page, sample, tmp_path):
    keys = re.findall(r"^#([a-z-]+) = ", run(*sample, home=tmp_path), re.M)
    assert len(keys) > 5
    text = rendered(MAN / page)
    for key in keys:
        assert re.search(rf"^ +{key}$|^ +{key}  ", text, re.M), key
