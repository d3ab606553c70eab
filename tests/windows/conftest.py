"""A Windows of the tests' own under Wine, in a network of the tests' own with nothing in it but loopback, and the people of the end-to-end tests."""
import shutil
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]

import machine  # noqa: E402
import own_network  # noqa: E402
from people import WindowsPeer  # noqa: E402
from processes import Running  # noqa: E402
from world import Peer, Server  # noqa: E402

_no_network = None


def pytest_configure():
    global _no_network
    machine.stop()  # sockets of Windows programs belong to Wine's server: it has to be started in there
    _no_network = own_network.enter()


def pytest_unconfigure():
    machine.stop()


def pytest_report_header():
    return f"not in a network of their own ({_no_network})" if _no_network else "in a network of their own"


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    Running.end_all()


@pytest.fixture(scope="session")
def msi():
    return machine.package("msi")


@pytest.fixture
def clean(msi):
    """A machine without pshare, before and after."""
    machine.nothing_installed()
    yield
    machine.nothing_installed()


@pytest.fixture(scope="module")
def installed(msi):
    machine.nothing_installed()
    assert machine.install(msi) == 0
    yield
    machine.nothing_installed()


@pytest.fixture
def drive(installed):
    """A folder on drive C:, gone afterwards."""
    folder = machine.DRIVE / "test"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    yield folder
    Running.end_all()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path / "server")


@pytest.fixture
def people(tmp_path, drive, server):
    """linus on this machine and wilma on Windows, registered, who have not met."""
    return Peer(tmp_path, "linus", server), WindowsPeer(drive, "wilma", server)


@pytest.fixture
def friends(people):
    linus, wilma = people
    linus.knows(wilma)
    wilma.knows(linus)
    return linus, wilma
