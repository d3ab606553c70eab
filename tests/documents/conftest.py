"""The documents' commands run in a network of the tests' own, as the end-to-end tests do, with the same people."""
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent / "e2e")]

import own_network  # noqa: E402
from processes import Running  # noqa: E402

_no_network = None


def pytest_configure():
    global _no_network
    _no_network = own_network.enter()
    if not _no_network:
        Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")   # documents name port 443


def pytest_report_header():
    return f"not in a network of their own ({_no_network})" if _no_network else "in a network of their own"


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    Running.end_all()
