"""Namespaces: what is done inside stays inside, and ends with them."""
from pathlib import Path

import pytest

from lab import namespaces

pytestmark = pytest.mark.namespaces


@pytest.fixture
def two():
    made = namespaces.make(["one", "two"])
    yield made["one"], made["two"]
    namespaces.remove(each for each in made.values() if each.path.exists())


def test_settings_are_those_of_one_namespace(two):
    one, other = two
    one.set({"ipv4.ip_forward": 1})
    assert [read(each, "ipv4/ip_forward") for each in (one, other)] == ["1", "0"]


def read(namespace, setting):
    with namespace.entered():
        return Path("/proc/sys/net", setting).read_text().strip()


def test_a_socket_lives_where_it_was_made(two):
    for each in two:
        each.link("link set lo up")
    here, there = (each.socket(address=("127.0.0.1", 5000)) for each in two)
    caller = two[1].socket()
    caller.sendto(b"hello", ("127.0.0.1", 5000))
    assert there.recv(100) == b"hello"
    here.setblocking(False)
    with pytest.raises(BlockingIOError):
        here.recv(100)


def test_a_command_that_fails_says_why(two):
    with pytest.raises(namespaces.CommandFailed, match="ip -batch - in one: .*no-such-device"):
        two[0].link("link set no-such-device up")


def test_where_one_cannot_be_made_none_is_and_others_can_be_later():
    with pytest.raises(namespaces.CommandFailed):
        namespaces.make(["one", "x" * 300, "two"])
    assert not {"one", "two"} & {each.name for each in namespaces.FOLDER.iterdir()}
    namespaces.remove(namespaces.make(["one", "two"]).values())


def test_programs_that_left_their_session_end_with_the_namespace(two):
    process, _ = two[0].begin(["setsid", "--fork", "sleep", "1000"], "")
    process.wait()
    inode = two[0].inode()
    assert namespaces.processes_in({inode})
    namespaces.remove(two)
    assert process.stderr.read() == ""  # which ends when nobody holds it any more
    assert not namespaces.processes_in({inode})


def test_removing_gives_the_names_back(two):
    namespaces.remove(two)
    again = namespaces.make(["one", "two"])
    assert [each.name for each in again.values()] == ["one", "two"]
