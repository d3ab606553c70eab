"""Fixtures: a server and two people who know each other, and the promise that nothing is left running."""
import os
import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import own_network  # noqa: E402
from processes import Running  # noqa: E402
from world import Peer, Server  # noqa: E402

FAR = "198.51.100.7"
_no_network = None


def pytest_configure():
    global _no_network
    _no_network = own_network.enter()


def pytest_report_header():
    return f"not in a network of their own ({_no_network}): this machine's router may be asked for a port" if _no_network else "in a network of their own"


@pytest.fixture
def far_address():
    """An address that is not loopback's, so that proxies are used towards it. Port 443 is free there."""
    if _no_network:
        pytest.skip(f"there is no network of the tests' own: {_no_network}")
    own_network.add_address(FAR)
    yield FAR
    own_network.take_address_back()


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    Running.end_all()


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path / "server")


@pytest.fixture
def strangers(tmp_path, server):
    """alice and bob, registered, who have not met."""
    return Peer(tmp_path, "alice", server), Peer(tmp_path, "bob", server)


@pytest.fixture
def friends(strangers):
    """alice and bob, contacts of each other."""
    alice, bob = strangers
    alice.knows(bob)
    bob.knows(alice)
    return alice, bob


@pytest.fixture
def dice():
    """Randomness that a failure can be repeated with: PSHARE_E2E_SEED."""
    seed = int(os.environ.get("PSHARE_E2E_SEED", random.SystemRandom().randrange(1_000_000)))
    print(f"PSHARE_E2E_SEED={seed}")
    return random.Random(seed)
