"""What counts as a command in a document, so that none of them slips by."""
import pytest

from documents import code_spans, commands_of


def texts(document):
    return [command.text for command in commands_of(document, "a.md")]


def test_lines_behind_a_prompt_are_commands_and_the_rest_is_what_was_said():
    block = "```\nalice $ pshare send film.mkv     # shows a code\nCode: 4821-comet-walnut\nbob   $ pshare receive\npshare is not typed here\n```\n"
    assert [(command.who, command.text) for command in commands_of(block, "a.md")] == [("alice", "pshare send film.mkv"), ("bob", "pshare receive")]


def test_where_nobody_is_prompted_known_programs_are_commands():
    assert texts("```\npshare peers\nsome picture --- of boxes\nsudo ufw allow 4700\nX=1 tests/run.sh   # all of them\n```\n") == ["pshare peers", "sudo ufw allow 4700", "X=1 tests/run.sh"]


def test_in_a_block_of_shell_each_line_is_a_command():
    assert texts("```sh\n# first\nnobody-knows-this --at-all\n\npshare send film.mkv \\\n  --to bob\n```\n") == ["nobody-knows-this --at-all", "pshare send film.mkv --to bob"]


def test_blocks_of_something_else_hold_none_and_must_say_what_they_are():
    assert texts("```toml\npshare = 1\n```\n") == []
    with pytest.raises(AssertionError, match="nobody knows"):
        texts("```klingon\npshare send\n```\n")


def test_code_in_running_text_counts_from_two_words_on_across_lines_and_in_tables():
    assert texts("Run `pshare\nsend film.mkv` or ``pshare peers``, see `pshare`.\n\n| a | `tar c . \\| pshare send -` |\n") == ["pshare send film.mkv", "pshare peers", "tar c . | pshare send -"]


def test_indented_lines_count_where_they_begin_with_a_program():
    assert texts("Like this:\n\n    tests/natlab/natlab grid --seed 1\n\n- a list\n    that goes on\n") == ["tests/natlab/natlab grid --seed 1"]


def test_it_is_said_where_a_command_stands():
    assert [command.place for command in commands_of("one\n\n```\npshare id\npshare peers\n```\n`pshare receive --yes`\n", "a.md")] == ["a.md:4", "a.md:5", "a.md:7"]


def test_a_fingerprint_is_no_comment():
    assert texts("```\n$ pshare init --server example.org:4700#F3KQZLA-...\n```\n") == ["pshare init --server example.org:4700#F3KQZLA-..."]


def test_spans_are_read_over_ends_of_lines_and_not_over_paragraphs():
    assert code_spans("`a\nb` and a lonely ` here\n\nand ` there") == ["a b"]
