"""Every command that a document tells people to type is run, or stands in a table here with the reason why not; a new one that is neither fails."""
import re
import subprocess

import pytest

import documents
from documents import TOP
from processes import Running, program
from stage import Stage

# What is not run here: a pattern for the whole command, and why. A line that fits nothing any more fails.
NOT_RUN = {
    r"(packaging/\S+\.sh|cmake\b).*": "installs and builds; CI does so on a bare machine",
    r"tests/run\.sh.*": "this is what it runs",
    r"tests/(natlab/natlab|windows/wine) .*": "minutes in a laboratory; its short forms run in tests/natlab",
    r"tests/bench/\S+.*": "a benchmark of minutes",
    r"PSHARE_CAMPAIGN_PAIRS=\d+ build/release/bin/sim_campaign": "hours; with fewer pairs it is sim_campaign of tests/sim",
    r"(sudo )?((apt|dpkg|msiexec|netsh|certutil) .*)": "installing, upgrading and removing is tried on systems made for it, by the packages' tests",
    r"(sudo )?((systemctl|systemd-\S+|journalctl|loginctl|runuser|chown|editor) .*)": "there is no systemd here; what its units may do is tried by the packages' tests",
    r"ufw .*": "test_self_hosting compares its ports; the machine's own firewall is left alone",
    r"(nft|ss|tar --(create|extract)) .*": "run by test_self_hosting, in its order and place",
    r"chmod \S+|ulimit -[nf]": "names a tool; what to do with it stands beside it",
}
# Spans of code that begin with "pshare" and are nothing that anybody types.
NO_COMMANDS = {
    r"pshare (code|signal|receipt) v1.*|pshare (guest|host)|pshare \d+\..*": "labels of the protocol, a version",
}
# Verbs that are spoken of without what they need. Looked at: there is such a verb, and such an option.
MENTIONS = r"pshare (contacts (add|remove|verify|rule)|doctor --with|receipts check|send)"
# How a command may be written, not one of them.
SYNOPSES = r"pshare(-server)? .*\[.*|.* \.\.\."


def kind(command):
    for table in (NOT_RUN, NO_COMMANDS):
        if any(re.fullmatch(pattern, command.text) for pattern in table):
            return None
    if re.fullmatch(MENTIONS, command.text) or re.fullmatch(SYNOPSES, command.text) or command.text == "pshare VERB --help":
        return "named"
    return "run"


def distinct(wanted):
    """Each once, however many documents say it; one that a prompt gives to somebody counts as that person's."""
    found = {}
    for command in documents.every_command():
        if kind(command) == wanted:
            found.setdefault((command.text, command.who), command)
    spoken = {text for text, who in found if who}
    return [command for (text, who), command in found.items() if who or text not in spoken]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture(autouse=True)
def nothing_left_running(request):
    """But for the server of the stage, which all of them share."""
    yield
    kept = request.getfixturevalue("stage").server.running if "stage" in request.fixturenames else None
    if kept in Running._alive:
        Running._alive.remove(kept)
    Running.end_all()
    if kept:
        Running._alive.append(kept)


@pytest.mark.parametrize("command", distinct("run"), ids=str)
def test_every_command_does_what_its_document_says(stage, command):
    stage.scene().play(command)


def help_of(*words):
    shown = subprocess.run([program(words[0]), *words[1:], "--help"], capture_output=True, text=True)
    assert shown.returncode == 0, f"there is no {' '.join(words)}"
    return shown.stdout


@pytest.mark.parametrize("command", distinct("named"), ids=str)
def test_every_verb_that_is_named_exists_with_its_options(command):
    words = [word for word in command.text.split() if re.fullmatch(r"[a-z-]+", word) and not word.startswith("--")]
    if command.text == "pshare VERB --help":
        verbs = re.findall(r"(?m)^  ([a-z]+) ", help_of("pshare"))
        assert len(verbs) > 5
        for verb in verbs:
            help_of("pshare", verb)
        return
    known = help_of(*words) + help_of("pshare")
    for option in re.findall(r"--[a-z-]+", command.text):
        assert re.search(rf"{option}\b", known), f"{option} is unknown to {' '.join(words)}"


def test_what_is_not_run_is_still_in_the_documents():
    commands = [command.text for command in documents.every_command()]
    for pattern in [*NOT_RUN, *NO_COMMANDS, MENTIONS, SYNOPSES]:
        assert any(re.fullmatch(pattern, text) for text in commands), f"no document says {pattern!r} any more"


def test_programs_of_the_tree_that_are_not_run_exist():
    for command in documents.every_command():
        for word in command.text.split():
            if word.startswith(("packaging/", "tests/", "docs/")) and kind(command) is None:
                assert (TOP / word).exists(), f"{command}: there is no {word}"
