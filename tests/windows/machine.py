"""A machine with Windows, as far as Wine is one: programs run on it, and what is installed on it is looked at from outside."""
import os
import re
import shutil
import subprocess
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
WINE = HERE / "wine"
PREFIX = Path(os.environ.get("WINEPREFIX", TOP / "build/windows/wine"))
DRIVE = PREFIX / "drive_c"
PROGRAMS = DRIVE / "Program Files/pshare"
PATIENCE = 300  # a machine that does much else

UNINSTALL = r"HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall"
ENVIRONMENT = r"HKLM\System\CurrentControlSet\Control\Session Manager\Environment"


def package(kind):
    """The .msi or .zip that was built last."""
    folder = Path(os.environ.get("PSHARE_PACKAGES", TOP / "build/msi"))
    found = sorted(folder.glob(f"pshare-*-x64.{kind}"), key=lambda path: path.stat().st_mtime)
    assert found, f"there is no .{kind} in {folder}: packaging/msi/build.sh makes it"
    return found[-1]


def run(*argv, status=0, **more):
    """Gives what it said; `status` None: whatever it ends with."""
    ended = subprocess.run([WINE, *map(os.fspath, argv)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, **more)
    said = ended.stdout.decode(errors="replace").replace("\r\n", "\n")
    assert status is None or ended.returncode == status, f"{argv} ended with {ended.returncode}\n{said}"
    return said if status is not None else ended.returncode


def stop():
    """Ends what still runs on it."""
    subprocess.run(["/usr/lib/wine/wineserver64", "--kill"], env={**os.environ, "WINEPREFIX": str(PREFIX)}, timeout=PATIENCE)


def windows_path(path):
    """As programs there see a file of this machine."""
    path = Path(path)
    if path.is_relative_to(DRIVE):
        return "C:\\" + str(path.relative_to(DRIVE)).replace("/", "\\")
    return "Z:" + str(path).replace("/", "\\")


# --- what is installed -----------------------------------------------------------------------------------------------------

def install(msi):
    return run("msiexec", "/i", windows_path(msi), "/qn", status=None)


def uninstall(code):
    return run("msiexec", "/x", code, "/qn", status=None)


def registered():
    """Product codes and versions of pshare that Windows lists among the programs which can be removed."""
    found = {}
    for key in run("reg", "query", UNINSTALL, status=0).split():
        code = key.rpartition("\\")[2]
        if not code.startswith("{"):
            continue
        values = run("reg", "query", key)
        if re.search(r"DisplayName\s+REG_SZ\s+pshare\s*$", values, re.MULTILINE):
            found[code] = re.search(r"DisplayVersion\s+REG_SZ\s+(\S+)", values).group(1)
    return found


def search_path():
    """The folders in the machine's PATH."""
    value = re.search(r"PATH\s+REG_\w+\s+(.*)", run("reg", "query", ENVIRONMENT, "/v", "PATH")).group(1)
    return [folder.rstrip("\\") for folder in value.split(";") if folder]


def nothing_installed():
    """Removes what an earlier test, or one that failed, has left."""
    for code in registered():
        uninstall(code)
    shutil.rmtree(PROGRAMS, ignore_errors=True)


# --- an .msi, looked into and altered ------------------------------------------------------------------------------------------

def table(msi, name):
    """Its rows, each a dictionary."""
    lines = subprocess.run(["msiinfo", "export", msi, name], check=True, stdout=subprocess.PIPE, text=True).stdout.replace("\r", "").splitlines()
    columns = lines[0].split("\t")
    return [dict(zip(columns, line.split("\t"))) for line in lines[3:]]


def properties(msi):
    return {row["Property"]: row["Value"] for row in table(msi, "Property")}


def of_version(msi, version, folder):
    """A copy that is another product of the same family: the one of `version`."""
    copy = folder / f"pshare-{version}.msi"
    shutil.copyfile(msi, copy)
    edits = {
        "Property": [(r"^ProductVersion\t.*", f"ProductVersion\t{version}"), (r"^ProductCode\t.*", f"ProductCode\t{{{str(uuid.uuid4()).upper()}}}")],
        "Upgrade": [(re.escape(properties(msi)["ProductVersion"]), version)],
        "_SummaryInformation": [(r"^9\t.*", f"9\t{{{str(uuid.uuid4()).upper()}}}")],
    }
    for name, replacements in edits.items():
        text = subprocess.run(["msiinfo", "export", msi, name], check=True, stdout=subprocess.PIPE, text=True).stdout.replace("\r", "")
        for pattern, replacement in replacements:
            text, times = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            assert times, f"{pattern} is not in {name}"
        exported = folder / "table.idt"
        exported.write_bytes(text.replace("\n", "\r\n").encode())
        subprocess.run(["msibuild", copy, "-i", exported], check=True)
    return copy
