"""What needs machines runs as root, in a laboratory of tests/natlab; pytest runs itself again inside of it. What all begin with: prepare.sh."""
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True
HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "natlab")]

import machine  # noqa: E402
from lab import enter  # noqa: E402
from processes import Running  # noqa: E402


def why_no_machines():
    if os.getuid() != 0:
        return "installing packages and booting a machine needs root"
    if missing := [tool for tool in ("debootstrap", "systemd-nspawn", "dpkg-buildpackage") if not shutil.which(tool)]:
        return f"not installed: {', '.join(missing)} (packaging/setup.sh --tests installs them)"
    if not os.access("/sys/fs/cgroup", os.W_OK):
        return "systemd needs control groups, and /sys/fs/cgroup may not be written to here"
    if not (machine.DEBS / "SHA256SUMS").exists() or not machine.ROOT.exists():
        return "tests/packaging/prepare.sh has not been run"
    return enter.why_not() or enter.why_no_devices()


def pytest_collection_modifyitems(config, items):
    inside = [item for item in items if item.get_closest_marker("machines")]
    if not inside or config.option.collectonly:
        return
    if not enter.inside():
        if trouble := why_no_machines():
            for item in inside:
                item.add_marker(pytest.mark.skip(reason=trouble))
            return
        config.pluginmanager.getplugin("capturemanager").stop_global_capturing()
    enter.enter()


@pytest.fixture(autouse=True)
def nothing_left_running():
    yield
    Running.end_all()
