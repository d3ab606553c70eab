"""Tests that need namespaces get them: pytest runs itself again inside, once, when it has seen that there are such tests."""
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))

from lab import enter, internet  # noqa: E402
from processes import Running  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--rootless", action="store_true", help="through a user namespace, even as root")


def pytest_collection_modifyitems(config, items):
    inside = [item for item in items if item.get_closest_marker("namespaces") or item.get_closest_marker("internet")]
    if not inside or config.option.collectonly:
        return
    if enter.inside():
        enter.enter()
    elif trouble := enter.why_not(config.option.rootless):
        for item in inside:
            item.add_marker(pytest.mark.skip(reason=trouble))
    else:
        config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
        enter.enter(config.option.rootless)
    if trouble := enter.why_no_devices() or internet.why_not():
        for item in items:
            if item.get_closest_marker("internet"):
                item.add_marker(pytest.mark.skip(reason=trouble))


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    Running.end_all()
