"""The .msi, installed by Windows's own installer (Wine's). docs/windows.md says what that cannot show."""
import subprocess
import zipfile

import machine

INSTALLED = ["LICENSE.txt", "README.txt", "THIRD-PARTY.txt", "pshare-server.exe", "pshare.exe"]
FOLDER = r"C:\Program Files\pshare"
OLDER, NEWER = "0.0.1", "99.0.0"


def test_an_msi_says_what_it_will_do(msi):
    names = [row["FileName"].rpartition("|")[2] for row in machine.table(msi, "File")]
    assert sorted(names) == INSTALLED
    assert [(row["Name"], row["Value"]) for row in machine.table(msi, "Environment")] == [("=-*PATH", "[~];[INSTALLDIR]")]
    actions = {row["Action"]: row for row in machine.table(msi, "CustomAction")}
    assert sorted(actions) == ["AllowThroughFirewall", "ForgetFirewallRule"]
    assert '"[System64Folder]netsh.exe" advfirewall firewall add rule name="pshare" dir=in action=allow program="[#pshare.exe]"' in actions["AllowThroughFirewall"]["Target"]
    order = {row["Action"]: int(row["Sequence"]) for row in machine.table(msi, "InstallExecuteSequence")}
    assert order["RemoveExistingProducts"] < order["InstallInitialize"] < order["RemoveEnvironmentStrings"] < order["ForgetFirewallRule"] < order["RemoveFiles"]
    assert order["InstallFiles"] < order["AllowThroughFirewall"] < order["WriteEnvironmentStrings"] < order["InstallFinalize"]
    assert subprocess.run(["msiinfo", "suminfo", msi], check=True, stdout=subprocess.PIPE, text=True).stdout.count("x64;1033") == 1


def test_a_zip_holds_the_same_files(msi, tmp_path):
    subprocess.run(["msiextract", "-C", tmp_path, msi], check=True, stdout=subprocess.DEVNULL)
    with zipfile.ZipFile(machine.package("zip")) as archive:
        inside = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    assert sorted(inside) == INSTALLED
    for name, content in inside.items():
        assert (tmp_path / "pshare" / name).read_bytes() == content


def test_what_is_installed_runs_from_its_folder_and_by_name(msi, clean):
    assert machine.install(msi) == 0
    assert sorted(path.name for path in machine.PROGRAMS.iterdir()) == INSTALLED
    version = msi.name.removeprefix("pshare-").removesuffix("-x64.msi")
    assert machine.run(FOLDER + r"\pshare.exe", "--version").startswith(f"pshare {version}\n")
    assert machine.search_path().count(FOLDER) == 1
    assert machine.run("pshare", "--version").startswith(f"pshare {version}\n")
    assert machine.run("pshare-server", "--version").startswith(f"pshare-server {version}\n")
    assert list(machine.registered().values()) == [machine.properties(msi)["ProductVersion"]]


def test_a_newer_version_takes_the_place_of_an_older_one(msi, clean, tmp_path):
    assert machine.install(machine.of_version(msi, OLDER, tmp_path)) == 0
    assert list(machine.registered().values()) == [OLDER]
    (machine.PROGRAMS / "README.txt").write_text("of the older one\n")
    (machine.PROGRAMS / "pshare-server.exe").unlink()
    assert machine.install(msi) == 0
    assert list(machine.registered().values()) == [machine.properties(msi)["ProductVersion"]]
    assert sorted(path.name for path in machine.PROGRAMS.iterdir()) == INSTALLED
    assert "of the older one" not in (machine.PROGRAMS / "README.txt").read_text()
    assert machine.search_path().count(FOLDER) == 1


def test_another_build_of_the_same_version_takes_its_place(msi, clean, tmp_path):
    version = machine.properties(msi)["ProductVersion"]
    other = machine.of_version(msi, version, tmp_path)
    assert machine.install(msi) == 0
    assert machine.install(other) == 0
    assert list(machine.registered()) == [machine.properties(other)["ProductCode"]]
    assert machine.search_path().count(FOLDER) == 1


def test_an_older_version_does_not_take_the_place_of_a_newer_one(msi, clean, tmp_path):
    assert machine.install(machine.of_version(msi, NEWER, tmp_path)) == 0
    assert machine.install(msi) != 0
    assert list(machine.registered().values()) == [NEWER]
    assert (machine.PROGRAMS / "pshare.exe").exists()


def test_removing_it_leaves_what_is_the_users(msi, clean):
    before = machine.search_path()
    assert machine.install(msi) == 0
    mine = machine.PROGRAMS / "mine.txt"
    mine.write_text("of the user\n")
    [code] = machine.registered()
    assert machine.uninstall(code) == 0
    assert machine.registered() == {}
    assert machine.search_path() == before
    assert [path.name for path in machine.PROGRAMS.iterdir()] == ["mine.txt"]
    mine.unlink()


def test_removing_it_leaves_nothing_else(msi, clean):
    assert machine.install(msi) == 0
    [code] = machine.registered()
    assert machine.uninstall(code) == 0
    assert not machine.PROGRAMS.exists()
