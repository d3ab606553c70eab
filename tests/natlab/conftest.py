"""Tests that need namespaces get them: pytest runs itself again inside, once, when it has seen that there are such tests."""
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

from lab import enter, internet, people  # noqa: E402
from processes import Running  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--rootless", action="store_true", help="through a user namespace, even as root")


def pytest_collection_modifyitems(config, items):
    """A machine that allows no laboratory skips; what was only not built fails, once and before anything is made."""
    inside = marked(items, "namespaces", "internet")
    if not inside or config.option.collectonly:
        return
    if enter.inside():
        enter.enter()
    elif trouble := enter.why_not(config.option.rootless):
        return skip(inside, trouble)
    elif not enter.why_no_devices():
        if trouble := (internet.why_not() if marked(inside, "internet") else None) or (people.why_not() if marked(inside, "pshare") else None):
            raise pytest.UsageError(trouble)
    if not enter.inside():
        config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
        enter.enter(config.option.rootless)
    if trouble := enter.why_no_devices():
        skip(marked(items, "internet"), trouble)


def marked(items, *marks):
    return [item for item in items if any(item.get_closest_marker(mark) for mark in marks)]


def skip(items, trouble):
    for item in items:
        item.add_marker(pytest.mark.skip(reason=trouble))


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    Running.end_all()
