"""The grid: which cells there are, what is expected of them, when a program is believed and when not, and the command as a whole."""
import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from lab import grid, grid_expect, grid_reach, grid_table, people
from lab.grid_cell import Manner
from lab.grid_verdict import TALK_AT_MOST, TIERS, judge
from lab.spec import SpecError

NATLAB = Path(__file__).parent / "natlab"
SIZE = 1 << 20


# --- Which cells --------------------------------------------------------------------------------------------------------

def asked(*words):
    parser = argparse.ArgumentParser()
    grid.add_verbs(parser.add_subparsers(dest="verb"))
    return parser.parse_args(["grid", "--seed", "7", *words])


def test_ten_kinds_of_site_make_a_hundred_cells_or_fifty_five():
    assert len(grid.cells(asked())) == 100
    assert len(grid.cells(asked("--one-direction"))) == 55
    assert len({cell.seed for cell in grid.cells(asked("--repeat", "3"))}) > 250


@pytest.mark.parametrize("words", [["--sites", "public,masq,cgnat"], ["--sites", "public  masq\ncgnat"]])
def test_sites_are_separated_by_commas_or_blanks(words):
    assert grid.pairs(asked(*words, "--one-direction")) == [
        ("public", "public"), ("public", "masq"), ("public", "cgnat"), ("masq", "masq"), ("masq", "cgnat"), ("cgnat", "cgnat")]


@pytest.mark.parametrize(("text", "pair"), [
    ("public:masq", ("public", "masq")),
    ("masq,fw=open:upnp,lan=10.0.0 ", ("masq,fw=open", "upnp,lan=10.0.0")),
    ("@home:masq:@home ", ("@home:masq", "@home")),
    ("@home:masq ", None),
    ("masq+@isp:full-cone:full-cone+@isp ", ("masq+@isp:full-cone", "full-cone+@isp")),
    ("public:@home:masq ", ("public", "@home:masq")),
])
def test_the_colon_of_a_pair_is_not_that_of_a_name(text, pair):
    if pair is None:
        with pytest.raises(SpecError, match="no SENDER:RECEIVER"):
            grid.pairs(asked("--pairs", text))
    else:
        assert grid.pairs(asked("--pairs", text)) == [pair]
        assert grid.pairs(asked("--pairs", text, "--both-directions")) == [pair, pair[::-1]]


def test_a_cell_has_the_same_seed_in_every_grid_of_that_seed():
    [alone] = grid.cells(asked("--pairs", "masq:cgnat"))
    assert alone in grid.cells(asked())
    assert alone not in grid.cells(asked("--seed", "8"))


def test_lists_that_are_used_often_have_names():
    assert grid.cells(asked("--sites", "kinds")) == grid.cells(asked())
    assert len(grid.cells(asked("--sites", "routers"))) == 100
    everyday = grid.pairs(asked("--pairs", "everyday"))
    assert {grid_reach.kind_of(*pair) for pair in everyday} == {*grid_reach.KINDS, grid_reach.IMPOSSIBLE}


@pytest.mark.parametrize("words", [["--transport", "tcp"], ["--send-args=--transport tcp"], ["--receive-args=--yes --transport=tcp"]])
def test_a_transport_that_one_of_both_may_not_use_is_none(words):
    assert grid._manner(asked(*words)).transports == ("tcp",)
    assert grid._manner(asked()).transports == ("udp", "tcp")


@pytest.mark.parametrize(("text", "size"), [("1MiB", 1 << 20), ("500k", 500 << 10), ("17", 17), ("2GB", 2 << 30)])
def test_sizes_are_read(text, size):
    assert asked("--size", text).size == size


@pytest.mark.parametrize("words", [
    [], ["--size", "500k", "--timeout", "3", "--patience", "7.5", "--port", "443", "--rootless", "--expect", "direct"],
    ["--server-command", "sh -c 'sleep 5'", "--server-says", "", "--send-args=--verbose", "--receive-args", "--tiers direct"],
])
def test_the_command_that_repeats_a_cell_says_all_that_its_grid_was_told(words):
    chosen = asked("--pairs", "masq,fw=open:upnp ", "--repeat", "2", *words)
    [_, cell] = grid.cells(chosen)
    again = shlex.split(grid._again(chosen, grid._manner(chosen), asdict(cell), lambda *_: chosen.expect).removeprefix("again: "))
    assert again[0] == sys.argv[0]
    repeated = asked(*again[2:])
    assert grid._manner(repeated) == grid._manner(chosen)
    assert grid.cells(repeated)[-1] == cell
    assert (repeated.rootless, repeated.expect) == (chosen.rootless, chosen.expect)


# --- What is expected ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("sender", "receiver", "word"), [
    ("public", "public", "direct"),
    ("public", "masq", "direct"),
    ("sym-rnd", "public", "direct"),
    ("udp-blocked", "public", "direct"),
    ("full-cone", "full-cone", "no path"),
    ("masq", "cgnat", "no path"),
    ("only-443", "public", "no server"),
    ("@home:masq", "@home", "direct"),
    ("@home:masq,isolated", "@home", "no path"),
    ("masq+@isp:port-restricted", "full-cone+@isp", "no path"),
    ("masq+@isp:port-restricted", "@isp", "direct"),
    ("@isp:port-restricted", "masq+@isp", "direct"),
    ("masq,ipv6", "masq,ipv6", "no path"),
    ("masq,ipv6", "masq,fw=open,ipv6", "direct"),
    ("masq", "masq,fw=open", "no path"),
])
def test_what_dialling_alone_reaches_is_worked_out(sender, receiver, word):
    assert grid_expect.direct_word(sender, receiver, 4700) == word


@pytest.mark.parametrize(("transports", "plain", "predicted", "searched"), [(("udp", "tcp"), 37, 5, 8), (("tcp",), 37, 5, 8), (("udp",), 30, 4, 6)])
def test_of_fifty_five_pairs_fifty_can_be_straight_and_forty_without_tcp(transports, plain, predicted, searched):
    kinds = [grid_reach.kind_of(*pair, transports) for pair in grid.pairs(asked("--one-direction"))]
    assert [kinds.count(kind) for kind in grid_reach.KINDS] == [plain, predicted, searched]


@pytest.mark.parametrize(("a", "b", "transports", "kind"), [
    ("sym-rnd", "sym-rnd", ("udp", "tcp"), grid_reach.IMPOSSIBLE),
    ("sym-rnd", "address-restricted", ("udp",), grid_reach.PLAIN),
    ("sym-rnd", "masq+full-cone", ("udp",), grid_reach.SEARCHED),       # the stricter of both filters
    ("masq+sym-seq", "masq", ("udp",), grid_reach.PREDICTED),
    ("sym-rnd", "upnp", ("tcp",), grid_reach.PLAIN),
    ("sym-rnd", "upnp+sym-seq", ("tcp",), grid_reach.IMPOSSIBLE),       # its own router's ports lead nowhere
    ("sym-rnd", "sym-rnd,forward=udp:4700", ("udp",), grid_reach.PLAIN),
    ("cgn-block", "cgn-block", ("udp",), grid_reach.SEARCHED),
    ("cgn-block", "sym-rnd", ("udp",), grid_reach.IMPOSSIBLE),
    ("no-simopen", "no-simopen-rst", ("tcp",), grid_reach.IMPOSSIBLE),
    ("no-simopen", "no-simopen-rst", ("udp", "tcp"), grid_reach.PLAIN),
    ("no-simopen", "rst-kills", ("tcp",), grid_reach.PLAIN),
    ("udp-blocked", "masq", ("udp",), grid_reach.IMPOSSIBLE),
    ("udp-blocked", "sym-rnd", ("udp", "tcp"), grid_reach.SEARCHED),
    ("sym-rnd,ipv6", "masq-rnd,ipv6", ("tcp",), grid_reach.PLAIN),
    ("nat,tcp-mapping=address-dependent,ports=random", "masq", ("tcp",), grid_reach.SEARCHED),
    ("nat,tcp-mapping=address-dependent,ports=random", "masq", ("udp", "tcp"), grid_reach.PLAIN),
])
def test_what_a_pair_takes_follows_from_its_gateways(a, b, transports, kind):
    assert grid_reach.kind_of(a, b, transports) == grid_reach.kind_of(b, a, transports) == kind


def test_what_can_be_straight_is_expected_to_be_and_nothing_else():
    expected = grid_expect.read("straight", 4700, HOME_TO_PUBLIC)
    assert expected("masq", "sym-rnd") == "straight"
    assert expected("sym-seq", "sym-rnd") == "no path"
    assert expected("only-443", "public") == "no server"
    assert grid_expect.read("straight", 443, HOME_TO_PUBLIC)("only-443", "public") == "no path"
    assert grid_expect.read("straight", 4700, HOME_TO_PUBLIC, ("udp",))("udp-blocked", "masq") == "no path"


def test_whoever_is_to_be_connected_and_cannot_go_straight_is_relayed():
    expected = grid_expect.read("connected", 4700, HOME_TO_PUBLIC)
    assert expected("masq", "sym-rnd") == "straight"
    assert expected("sym-seq", "sym-rnd") == "supernode|relay"
    assert expected("only-443", "public") == "supernode|relay"  # the server is on that port as well
    assert expected("masq+@isp:full-cone", "masq+@isp") is None and expected.beyond(HOME_TO_PUBLIC) == []


def test_a_server_on_443_is_reached_where_only_that_is_allowed():
    assert grid_expect.direct_word("only-443", "public", 443) == "no path"  # the peer's port is another


@pytest.mark.parametrize(("expected", "word", "fits"), [
    ("direct", "direct", True), ("direct", "punched", False), ("straight", "mapped", True), ("straight", "relay", False),
    ("no path|relay", "relay", True), ("no path", "HANG", False), ("straight", "LIE", False),
])
def test_a_word_fits_what_was_expected_or_not(expected, word, fits):
    assert grid_expect.fits(expected, grid_table.verdict_of({"word": word, "note": ""})) is fits


HOME_TO_PUBLIC = [("masq", "public")]


def test_expectations_come_from_a_file_or_from_an_earlier_grid(tmp_path):
    (tmp_path / "table").write_text('{"masq": {"public": "straight"}}')
    assert grid_expect.read(str(tmp_path / "table"), 4700, HOME_TO_PUBLIC)("masq", "public") == "straight"
    assert grid_expect.read(str(tmp_path / "table"), 4700, HOME_TO_PUBLIC)("public", "masq") is None
    (tmp_path / "result").write_text(json.dumps({"cells": [{"sender": "a", "receiver": "b", "word": word} for word in ("relay", "direct")]}))
    assert grid_expect.read(str(tmp_path / "result"), 4700, [("a", "b")])("a", "b") == "direct|relay"


@pytest.mark.parametrize(("text", "words"), [
    (None, "neither"), ('{"masq": "direct"}', "neither"), ('{"masq": {"public": 1}}', "neither"), ('{"cells": [{}]}', "neither"), ("[]", "neither"),
    ('{"masq": {"public": "drect"}}', "masq -> public: 'drect' is no word"),
    ('{"maks": {"public": "direct"}}', "says nothing about any cell"), ("{}", "says nothing about any cell"),
])
def test_a_file_that_expects_nothing_of_the_grid_is_refused(tmp_path, text, words):
    if text:
        (tmp_path / "expected").write_text(text)
    with pytest.raises(SpecError, match="--expect") as refused:
        grid_expect.read(str(tmp_path / "expected"), 4700, HOME_TO_PUBLIC)
    assert words in str(refused.value)


def test_what_a_file_expects_of_other_cells_is_listed(tmp_path):
    (tmp_path / "expected").write_text('{"masq": {"public": "direct", "pulbic": "direct"}, "maks": {"public": "direct"}}')
    assert grid_expect.read(str(tmp_path / "expected"), 4700, HOME_TO_PUBLIC).beyond(HOME_TO_PUBLIC) == [("masq", "pulbic"), ("maks", "public")]
    assert grid_expect.read("direct", 4700, HOME_TO_PUBLIC).beyond(HOME_TO_PUBLIC) == []


# --- When a program is believed -----------------------------------------------------------------------------------------

def program(status, *events, words=""):
    return {"exit": status, "events": list(events), "words": words}


def path(tier):
    return {"event": "path", "tier": tier, "transport": "tcp"}


def done(count=SIZE):
    return {"event": "done", "bytes": count}


def failed(tier, reason):
    return {"event": "attempt", "tier": tier, "outcome": "failed", "reason": reason}


NO_PATH_ERROR = {"event": "error", "code": "no-path", "message": "no path to the peer"}
EVERY_REASON = tuple(failed(tier, reason) for tier, reason in (
    ("direct", "timeout"), ("mapped", "no-igd"), ("punched", "timeout"), ("supernode", "refused"), ("relay", "refused")))
STRAIGHT = {"straight": SIZE + 50_000, "towards_receiver": SIZE + 40_000, "server": 9000, "from_sender_to_server": 3000, "from_server_to_receiver": 1500}
THROUGH_SERVER = {"straight": 0, "towards_receiver": 0, "server": 2 * SIZE + 90_000, "from_sender_to_server": SIZE + 40_000,
                  "from_server_to_receiver": SIZE + 40_000}
THROUGH_SUPERNODE = {"straight": 0, "towards_receiver": 0, "server": 40_000, "from_sender_to_server": 15_000, "from_server_to_receiver": 15_000,
                     "from_sender_to_supernode": SIZE + 40_000, "from_supernode_to_receiver": SIZE + 40_000}
NOTHING = {"straight": 0, "towards_receiver": 0, "server": 9000, "from_sender_to_server": 3000, "from_server_to_receiver": 1500}


def facts(send, receive, counted, file="same", **more):
    return {"pshare": True, "size": SIZE, "tiers": {"send": TIERS, "receive": TIERS}, "trouble": None, "no_server": None, "hung": [],
            "stopped": [], "file": file, "bytes": counted, "programs": {"server": program(0), "send": send, "receive": receive}, **more}


def delivered(tier, counted, **more):
    return facts(program(0, path(tier), done()), program(0, path(tier), done()), counted, **more)


def pathless(send_status=5, receive_status=5, events=(*EVERY_REASON, NO_PATH_ERROR), receiver=(NO_PATH_ERROR,), counted=None, file="missing", **more):
    return facts(program(send_status, *events), program(receive_status, *receiver), counted or NOTHING, file, **more)


def tried(*tiers):
    return {"tiers": {"send": tiers, "receive": tiers}}


@pytest.mark.parametrize(("cell", "word"), [
    (delivered("direct", STRAIGHT), "direct"),
    (delivered("punched", STRAIGHT), "punched"),
    (delivered("relay", THROUGH_SERVER), "relay"),
    (delivered("supernode", THROUGH_SUPERNODE), "supernode"),
    (pathless(), "no path"),
    (pathless(events=(failed("direct", "timeout"), NO_PATH_ERROR), **tried("direct")), "no path"),
    (pathless(receiver=(failed("direct", "timeout"), NO_PATH_ERROR)), "no path"),
    # what it says and what the counters say are two things
    (delivered("direct", THROUGH_SERVER), "LIE"),
    (delivered("punched", {**STRAIGHT, "server": TALK_AT_MOST}), "LIE"),
    (delivered("relay", STRAIGHT), "LIE"),
    (delivered("supernode", STRAIGHT), "LIE"),
    (delivered("supernode", NOTHING), "LIE"),
    (delivered("supernode", {**THROUGH_SUPERNODE, "server": TALK_AT_MOST}), "LIE"),
    (delivered("teleported", STRAIGHT), "LIE"),
    (facts(program(0, path("direct"), done()), program(0, path("punched"), done()), STRAIGHT), "LIE"),
    (facts(program(0, done()), program(0, path("direct"), done()), STRAIGHT), "LIE"),
    (facts(program(0, path("direct"), done(SIZE - 1)), program(0, path("direct"), done()), STRAIGHT), "LIE"),
    (pathless(counted=STRAIGHT), "LIE"),
    (pathless(counted=THROUGH_SERVER), "LIE"),
    (pathless(counted={**NOTHING, "server": TALK_AT_MOST}), "LIE"),
    (pathless(events=(NO_PATH_ERROR,)), "LIE"),
    (pathless(events=(failed("direct", "timeout"), NO_PATH_ERROR)), "LIE"),
    *((pathless(events=(*EVERY_REASON[:at], *EVERY_REASON[at + 1:], NO_PATH_ERROR)), "LIE") for at in range(len(EVERY_REASON))),
    (pathless(events=(*EVERY_REASON[1:], failed("direct", ""), NO_PATH_ERROR)), "LIE"),
    (pathless(events=EVERY_REASON), "LIE"),
    (pathless(events=(path("direct"), *EVERY_REASON, NO_PATH_ERROR)), "LIE"),
    (pathless(receiver=()), "LIE"),
    (pathless(receiver=(failed("relay", ""), NO_PATH_ERROR)), "LIE"),
    (pathless(receiver=(path("direct"), NO_PATH_ERROR)), "LIE"),
    (pathless(events=(failed("direct", "timeout"), NO_PATH_ERROR), receiver=(failed("relay", "timeout"), NO_PATH_ERROR), **tried("direct")), "LIE"),
    # the file
    (delivered("direct", STRAIGHT, file="different"), "WRONG FILE"),
    (delivered("direct", STRAIGHT, file="missing"), "WRONG FILE"),
    # exit statuses
    (facts(program(0, path("direct"), done()), program(1), STRAIGHT), "WRONG EXIT"),
    (pathless(5, 0), "WRONG EXIT"),
    (pathless(5, 4), "WRONG EXIT"),
    (pathless(4, 5), "WRONG EXIT"),
    (facts(program(4, {"event": "error", "code": "offline", "message": "bob is not online"}), program(0), NOTHING, "missing"), "FAILED"),
    # ends that are none
    (facts(program(-11), program(5), NOTHING, "missing"), "CRASH"),
    (facts(program(0), program(1, words="==7==ERROR: AddressSanitizer: heap-use-after-free"), STRAIGHT), "CRASH"),
    (delivered("direct", STRAIGHT, server_ended_by_itself=True), "CRASH"),
    (facts(program(-9), program(5), NOTHING, "missing", hung=["send"]), "HANG"),
    (delivered("direct", STRAIGHT, hung=["server"]), "HANG"),
    ({**delivered("direct", STRAIGHT), "programs": {"server": program(1), "send": program(0), "receive": program(0)}}, "WRONG EXIT"),
    ({**pathless(), "trouble": "natlab-internet ended"}, "BROKEN"),
    ({**pathless(), "programs": {"server": program(-9)}, "no_server": "alice: timeout", "stopped": ["server"]}, "no server"),
])
def test_a_word_is_believed_only_when_everybody_agrees(cell, word):
    verdict = judge(cell)
    assert verdict.word == word, verdict.note
    assert verdict.good is not word.isupper()


@pytest.mark.parametrize(("arguments", "tiers"), [
    ("", TIERS), ("--tiers direct,relay", ("direct", "relay")), ("--no-tiers=relay", ("direct", "mapped", "punched", "supernode")),
    ("--tiers direct,relay --no-tiers relay", ("direct",)),
])
def test_which_tiers_a_program_was_asked_for_is_read_from_its_command(arguments, tiers):
    assert tuple(Manner(send_args=arguments).tiers("send")) == tiers
    assert tuple(Manner(send_args=arguments).tiers("receive")) == TIERS


@pytest.mark.parametrize(("counted", "word"), [(STRAIGHT, "straight"), (THROUGH_SERVER, "relay"), (NOTHING, "mixed")])
def test_of_a_program_that_says_nothing_the_counters_tell(counted, word):
    assert judge(facts(program(0), program(0), counted, pshare=False)).word == word


# --- The table ----------------------------------------------------------------------------------------------------------

def cell_of(sender, receiver, word, seconds=None, run=1):
    return {"sender": sender, "receiver": receiver, "run": run, "seed": 1, "word": word, "note": "", "folder": "/nowhere",
            "seconds": {"path": seconds, "first_byte": seconds + 0.1} if seconds else {}, "bytes": STRAIGHT if seconds else NOTHING}


CELLS = [cell_of("masq", "public", "direct", 0.25), cell_of("masq", "public", "direct", 0.35, run=2), cell_of("masq", "masq", "no path"),
         cell_of("public", "masq", "direct", 0.5), cell_of("public", "public", "HANG")]


def test_the_table_has_a_row_for_each_sender_and_a_column_for_each_receiver():
    rows = grid_table.plain(CELLS).splitlines()
    assert rows[0].split()[-2:] == ["masq", "public"]
    assert rows[2].startswith("masq") and "no path" in rows[2] and "direct 2/2 0.30 s" in rows[2]
    assert "1.1 MB | 9.0 kB" in rows[3]
    assert rows[4].startswith("public") and "direct 0.50 s" in rows[4] and "HANG" in rows[4]


def test_the_same_table_as_markdown():
    rows = grid_table.markdown(CELLS).splitlines()
    assert rows[0] == "| sender \\ receiver | masq | public |"
    assert rows[2] == "| **masq** | no path<br>0 B / 9.0 kB | direct 2/2 0.30 s<br>1.1 MB / 9.0 kB |"
    assert all(row.count("|") == 4 for row in rows)


def test_the_summary_counts_cells_and_pairs():
    words = "\n".join(grid_table.summary(CELLS))
    assert "5 cells: 3 direct, 1 no path, 1 HANG." in words
    assert "1 of 3 pairs of sites" in words
    assert "to the path: median 0.35, fastest 0.25, slowest 0.50" in words


def test_times_are_told_apart_by_what_a_pair_takes():
    cells = [cell_of("masq", "public", "direct", 0.25), cell_of("public", "masq", "direct", 0.75), cell_of("masq", "sym-rnd", "punched", 2.0),
             cell_of("sym-rnd", "sym-rnd", "no path"), cell_of("masq", "sym-seq", "HANG", 9.0)]
    heading, plain, searched = grid_table.times(cells, grid_reach.kind_of)
    assert heading[0] == "what the pair takes"
    assert plain == ("no search", "2", "0.50 s (0.75 s)", "0.60 s (0.85 s)") and searched == ("random search", "1", "2.00 s (2.00 s)", "2.10 s (2.10 s)")
    assert grid_table.markdown_rows([heading, plain]).splitlines()[1:] == ["|---|---|---|---|", f"| {' | '.join(plain)} |"]
    assert grid_table.times(cells[3:], grid_reach.kind_of) == []


def test_pairs_that_can_be_straight_are_counted_in_both_directions():
    cells = [cell_of("masq", "public", "direct", 0.25), cell_of("public", "masq", "no path"), cell_of("masq", "masq", "punched", 0.3),
             cell_of("sym-rnd", "sym-rnd", "no path"), cell_of("sym-rnd", "masq-rnd", "HANG")]
    said = grid_table.reached(cells, grid_expect.read("straight", 4700, []))
    assert said == 'Of the 2 pairs that can be straight at all, 1 are, in every direction and run. Of the 2 others, 1 say "no path" and why.'


# --- The command --------------------------------------------------------------------------------------------------------

def start_natlab(*words):
    environment = {**os.environ, "PSHARE_BIN_DIR": str(people.programs())}
    return subprocess.Popen([sys.executable, "-B", NATLAB, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            start_new_session=True)


class Grid:
    """One that has come to its end."""

    def __init__(self, out, *words):
        process = start_natlab("grid", "--seed", "7", "--out", str(out), *words)
        self.table, self.words = process.communicate(timeout=120)
        self.status = process.returncode
        result = out / "result.json"
        self.cells = json.loads(result.read_text())["cells"] if result.exists() else []

    def only(self):
        [cell] = self.cells
        return cell


@pytest.mark.internet
@pytest.mark.pshare
def test_pshare_does_in_a_small_grid_what_is_expected_of_it(tmp_path):
    seen = Grid(tmp_path / "out", "--pairs", "everyday", "--timeout", "20", "--expect", "straight")
    assert seen.status == 0, seen.words
    assert "As expected (straight): 13 of 13 cells." in seen.words
    assert 'Of the 12 pairs that can be straight at all, 12 are, in every direction and run. Of the 1 others, 1 say "no path" and why.' in seen.table
    assert {"direct", "mapped", "punched", "no path"} == {cell["word"] for cell in seen.cells}
    for cell in seen.cells:
        kept = {path.name for path in Path(cell["folder"]).iterdir()}
        assert {"send.out", "receive.out", "server.out", "internet.log", "internet.json", "counters.txt", "result.json"} <= kept
        assert "work" not in kept
        if cell["word"] != "no path":
            assert 0 < cell["seconds"]["path"] <= cell["seconds"]["first_byte"]


@pytest.mark.internet
@pytest.mark.pshare
def test_where_a_network_swallows_all_but_443_both_sides_end_and_say_why(tmp_path):
    seen = Grid(tmp_path / "out", "--pairs", "only-443:masq,masq:only-443", "--port", "443", "--timeout", "8", "--expect", "straight")
    assert seen.status == 0, seen.words
    assert [cell["word"] for cell in seen.cells] == ["no path"] * 2


@pytest.mark.internet
@pytest.mark.pshare
def test_what_is_not_as_expected_fails_with_a_list(tmp_path):
    (tmp_path / "expected").write_text('{"public": {"public": "relay", "masq": "straight"}, "maks": {"public": "direct"}}')
    seen = Grid(tmp_path / "out", "--pairs", "public:public,public:masq", "--expect", str(tmp_path / "expected"))
    assert seen.status == 1
    assert "public -> public: direct instead of relay" in seen.words
    assert f"again: {NATLAB} grid --pairs public:public --seed=7 --expect={tmp_path / 'expected'}\n" in seen.words
    assert "instead of straight" not in seen.words
    assert "cells that are not in this grid: maks -> public" in seen.words


PSHARE_SEND = "{bin}/pshare --json --home {home} send {file} --to {peer}"
PSHARE_RECEIVE = "{bin}/pshare --json --home {home} receive --dir {dir} --yes --once"


@pytest.mark.internet
@pytest.mark.parametrize(("options", "words"), [
    (["--server-command", "false", "--server-says", "ready"], "the server ended with status 1 before it was ready: it said nothing"),
    (["--server-command", "false"], "the server ended with status 1 before it was ready: it said nothing"),
    (["--server-args=--bogus"], "the server ended with status 2 before it was ready: "),
    (["--receive-args=--bogus"], "the receiver ended with status 2 before it was ready: "),
    (["--server-command", "sleep 100", "--server-says", "ready", "--patience", "1"], "the server did not say 'ready' in 1 s"),
])
@pytest.mark.pshare
def test_of_a_program_that_does_not_begin_it_is_said_which_and_what_it_said(tmp_path, options, words):
    seen = Grid(tmp_path / "out", "--pairs", "public:public", *options)
    assert (seen.status, seen.only()["word"]) == (1, "BROKEN"), seen.words
    assert seen.only()["note"].startswith(words)


@pytest.mark.internet
@pytest.mark.pshare
@pytest.mark.parametrize(("word", "options"), [
    ("CRASH", ["--send-command", "sh -c 'kill -SEGV $$'"]),
    ("HANG", ["--send-command", "sleep 1000", "--patience", "8"]),
    ("WRONG EXIT", ["--send-command", f"sh -c '{PSHARE_SEND}; exit 3'"]),
    ("WRONG FILE", ["--receive-command", f"sh -c '{PSHARE_RECEIVE}; echo more >> {{dir}}/film.mkv'", "--receiver-says", "Waiting for offers"]),
    ("BROKEN", ["--server-command", "false"]),
])
def test_trouble_of_every_kind_has_its_name(tmp_path, word, options):
    seen = Grid(tmp_path / "out", "--pairs", "public:public", "--timeout", "5", *options)
    assert (seen.status, seen.only()["word"]) == (1, word), seen.words
    assert word in seen.table and f"{word}  public -> public" in seen.words
    assert Path(seen.only()["folder"], "work").is_dir()


# Sends a file through the server, and says of it what it is told to say.
OTHER_PROGRAM = """
import json, shutil, signal, socket, sys
role, says, address, port, path = sys.argv[1:]
def say(**event):
    if says != "nothing":
        print(json.dumps(event), flush=True)
if role == "server":
    with socket.create_server(("", int(port))) as listener:
        print("ready", flush=True)
        receiver, sender = listener.accept()[0], listener.accept()[0]
        with receiver.makefile("wb") as out, sender.makefile("rb") as file:
            shutil.copyfileobj(file, out)
        receiver.close()
        signal.pause()
connection = socket.create_connection((address, int(port)))
print("connected", flush=True)
say(event="path", tier=says)
if role == "send":
    with open(path, "rb") as file, connection.makefile("wb") as out:
        shutil.copyfileobj(file, out)
        size = file.tell()
else:
    with open(path, "wb") as out, connection.makefile("rb") as file:
        shutil.copyfileobj(file, out)
        size = out.tell()
say(event="done", bytes=size)
"""


@pytest.mark.internet
@pytest.mark.parametrize(("says", "word"), [("nothing", "relay"), ("relay", "relay"), ("direct", "LIE"), ("punched", "LIE")])
def test_other_programs_are_run_through_it_and_judged_by_the_counters(tmp_path, says, word):
    (tmp_path / "other.py").write_text(OTHER_PROGRAM)

    def command(role, where):
        return shlex.join([sys.executable, "-B", str(tmp_path / "other.py"), role, says, "{server}", "{port}", where])

    seen = Grid(tmp_path / "out", "--pairs", "masq:sym-rnd", "--server-command", command("server", "-"), "--server-says", "ready",
                "--receive-command", command("receive", "{dir}/copy"), "--receiver-says", "connected", "--send-command", command("send", "{file}"))
    assert seen.only()["word"] == word, seen.words
    assert seen.status == (0 if word == "relay" else 1)


@pytest.mark.internet
@pytest.mark.pshare
def test_ctrl_c_ends_it_with_what_was_done_so_far(tmp_path):
    process = start_natlab("grid", "--sites", "public,sym-rnd", "--jobs", "1", "--size", "1k", "--timeout", "10", "--out", str(tmp_path / "out"))
    said = [process.stderr.readline() for _ in range(3)]  # what is to be done, and two cells of four: the last takes ten seconds
    os.killpg(process.pid, signal.SIGINT)
    table, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "[2/4]" in said[-1] and "Interrupted: " in table and "of 4 cells were completed" in table
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert not result["complete"] and 2 <= len(result["cells"]) <= 3
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.parametrize(("options", "words"), [
    (["--send-command", "x {foo}"], "--send-command: there is no placeholder {foo}"),
    (["--receive-args", "{file.name}"], "--receive-command: there is no placeholder {file.name}"),
    (["--server-command", "sh -c 'x"], "--server-command: No closing quotation"),
    (["--send-command", "x {"], "--send-command: "), (["--send-command", ""], "--send-command: there is none"),
    (["--server-says", "("], "'(' is no pattern"),
])
def test_a_mistake_in_a_command_is_said_before_anything_is_made(tmp_path, options, words):
    seen = Grid(tmp_path / "out", "--pairs", "public:public", *options)
    assert (seen.status, seen.table) == (2, "") and not (tmp_path / "out").exists()
    assert seen.words.startswith("natlab: ") and words in seen.words and len(seen.words.splitlines()) == 1


@pytest.mark.internet
@pytest.mark.pshare
@pytest.mark.parametrize("place", ["/proc/x", "/proc/version"])
def test_a_folder_that_cannot_be_made_is_said_in_one_line(place):
    seen = Grid(Path(place), "--pairs", "public:public")
    assert seen.status == 1 and seen.words.startswith(f"natlab: --out {place}: ") and len(seen.words.splitlines()) == 1


def test_a_mistake_in_a_site_is_said_before_anything_is_made(tmp_path):
    seen = Grid(tmp_path / "out", "--sites", "public,no-such-site")
    assert (seen.status, seen.table) == (2, "")
    assert "no site or gateway 'no-such-site'" in seen.words and not (tmp_path / "out").exists()


def test_a_machine_that_allows_no_laboratory_is_told_by_the_exit_status(tmp_path):
    done = subprocess.run([sys.executable, "-B", NATLAB, "grid", "--out", tmp_path / "out"], env={"PATH": str(tmp_path)}, capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 77 and "not installed" in done.stderr and not (tmp_path / "out").exists()


@pytest.mark.internet
@pytest.mark.parametrize(("built", "argv", "status", "words"), [
    ([], [NATLAB, "selftest", "mapping masq"], 1, "natlab-internet is not built in"),
    ([], [NATLAB, "grid", "--sites", "public"], 1, "natlab-internet is not built in"),
    ([], ["-m", "pytest", NATLAB.parent / "test_world.py"], 4, "natlab-internet is not built in"),
    (["natlab-internet"], [NATLAB, "grid", "--sites", "public"], 1, "pshare and pshare-server not built in"),
    (["natlab-internet", "pshare"], ["-m", "pytest", NATLAB.parent / "test_pshare.py"], 4, "pshare-server not built in"),
])
def test_what_is_not_built_is_a_failure_with_one_line_and_not_a_skip(tmp_path, built, argv, status, words):
    for name in built:
        (tmp_path / name).symlink_to(people.programs() / name)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NATLAB_")}
    done = subprocess.run([sys.executable, "-B", *argv], env={**environment, "PSHARE_BIN_DIR": str(tmp_path)}, capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    [said] = (line for line in (done.stdout + done.stderr).splitlines() if line and not line.startswith("no tests ran in "))
    assert f"{words} {tmp_path}: cmake" in said
