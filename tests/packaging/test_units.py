"""The units, as systemd itself judges them."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(os.environ.get("PSHARE_BUILD_DIR", Path(os.environ["PSHARE_BIN_DIR"]).parent)) / "systemd"
MOST_EXPOSED = 2.0  # of 10

pytestmark = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


@pytest.fixture
def installed(tmp_path):
    """The units where their programs are there: systemd asks for these."""
    for unit in UNITS.glob("*.service"):
        text = re.sub(r"(?<==)/\S*/bin/(pshare\S*)", r"/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    return tmp_path


@pytest.mark.parametrize("unit,manager", [("pshare-server", "--system"), ("pshare-supernode", "--system"), ("pshare-receive", "--user")])
def test_systemd_understands_every_line(installed, unit, manager, tmp_path_factory):
    runtime = tmp_path_factory.mktemp("run")
    looked = subprocess.run(["systemd-analyze", manager, "--man=no", "verify", installed / f"{unit}.service"], capture_output=True, text=True,
                            env={**os.environ, "XDG_RUNTIME_DIR": str(runtime), "LC_ALL": "C"})
    about_ours = [line for line in (looked.stdout + looked.stderr).splitlines() if "pshare" in line]
    assert not about_ours and looked.returncode == 0, looked.stderr


@pytest.mark.parametrize("unit", ["pshare-server", "pshare-supernode"])
def test_little_of_the_machine_is_exposed_to_it(unit):
    looked = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={round(MOST_EXPOSED * 10)}", UNITS / f"{unit}.service"], capture_output=True, text=True)
    assert looked.returncode == 0, looked.stdout


@pytest.mark.parametrize("unit", ["pshare-server", "pshare-supernode"])
def test_nobody_can_raise_what_it_may_do(unit):
    lines = (UNITS / f"{unit}.service").read_text().splitlines()
    for wanted in ("NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes", "PrivateDevices=yes", "MemoryDenyWriteExecute=yes", "LockPersonality=yes", "UMask=0077",
                   "RestrictNamespaces=yes", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", f"StateDirectory={unit}", "SystemCallFilter=@system-service"):
        assert wanted in lines
    assert "DynamicUser=yes" in lines or f"User={unit}" in lines
