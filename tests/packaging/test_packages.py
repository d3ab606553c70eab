"""What is in the packages, before anybody installs them. How they behave: test_machines.py."""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import machine

pytestmark = pytest.mark.packages

PACKAGES = {"pshare": "/usr/bin/pshare", "pshare-server": "/usr/bin/pshare-server", "pshare-supernode": "/lib/systemd/system/pshare-supernode.service"}


def package(name):
    return next(machine.DEBS.glob(f"{name}_*.deb"))


def field(name, wanted):
    return subprocess.run(["dpkg-deb", "--field", package(name), wanted], check=True, capture_output=True, text=True).stdout.strip()


def contents(name):
    return subprocess.run(["dpkg-deb", "--contents", package(name)], check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.parametrize("name", PACKAGES)
def test_files_belong_to_root_and_come_from_the_commits_time(name):
    files = contents(name)
    assert any(line.endswith(f" .{PACKAGES[name]}") for line in files)
    assert all(line.split()[1] == "root/root" for line in files)
    times = {" ".join(line.split()[3:5]) for line in files}
    assert len(times) == 1, "whenever it was built"


def test_the_version_is_that_of_the_tree_and_of_the_program(tmp_path):
    version = subprocess.run([machine.TOP / "packaging/version.sh"], check=True, capture_output=True, text=True).stdout.strip()
    for name in PACKAGES:
        assert field(name, "Version") == version
    for name in ("pshare", "pshare-server"):
        subprocess.run(["dpkg-deb", "--extract", package(name), tmp_path], check=True)
        assert subprocess.run([tmp_path / "usr/bin" / name, "--version"], check=True, capture_output=True, text=True).stdout.splitlines()[0] == f"{name} {version}"


def test_the_sums_are_those_of_the_packages():
    checked = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=machine.DEBS, capture_output=True, text=True)
    assert checked.returncode == 0 and len(checked.stdout.splitlines()) == len(PACKAGES), checked.stderr


def test_what_they_depend_on_is_in_the_main_archive():
    """prepare.sh has asked apt, which knows of nothing but main, for all of it; here, that none of it is a library of our own."""
    for name in ("pshare", "pshare-server"):
        assert not re.search(r"ngtcp2|asio|cli11", field(name, "Depends"))


def test_the_programs_in_them_are_hardened(tmp_path):
    for name in ("pshare", "pshare-server"):
        subprocess.run(["dpkg-deb", "--extract", package(name), tmp_path], check=True)
    build = machine.TOP / "build/packages/tree/build/release"
    looked = subprocess.run([sys.executable, "-B", "-m", "pytest", machine.TOP / "tests/release/test_hardening.py"], capture_output=True, text=True,
                            env={**os.environ, "PSHARE_BIN_DIR": str(tmp_path / "usr/bin"), "PSHARE_BUILD_DIR": str(build)})
    assert looked.returncode == 0, looked.stdout


def test_two_builds_in_two_folders_give_the_same_bits(tmp_path):
    """With ccache, so that it takes no quarter of an hour: that the compiler gives the same twice is what `build.sh --check-reproducible` looks at as well."""
    here = subprocess.run([machine.TOP / "packaging/deb/build.sh", "--work", tmp_path / "some/where/else", "--out", tmp_path / "out"], capture_output=True, text=True)
    assert here.returncode == 0, here.stderr
    assert (tmp_path / "out/SHA256SUMS").read_text() == (machine.DEBS / "SHA256SUMS").read_text()
