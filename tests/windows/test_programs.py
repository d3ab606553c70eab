"""The programs for Windows, looked at from outside: what they need, how they are hardened, what is built into them."""
import re
import subprocess

import machine
import pytest

# What every Windows 10 has.
OF_WINDOWS = {"advapi32.dll", "bcrypt.dll", "crypt32.dll", "iphlpapi.dll", "kernel32.dll", "mswsock.dll", "msvcrt.dll", "ntdll.dll", "ole32.dll", "shell32.dll",
              "user32.dll", "ws2_32.dll"}


@pytest.fixture(scope="module")
def files(msi, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extracted")
    subprocess.run(["msiextract", "-C", folder, msi], check=True, stdout=subprocess.DEVNULL)
    return folder / "pshare"


@pytest.fixture(params=["pshare.exe", "pshare-server.exe"])
def exe(request, files):
    return files / request.param


def headers(exe):
    return subprocess.run(["x86_64-w64-mingw32-objdump", "-p", exe], check=True, stdout=subprocess.PIPE, text=True).stdout


def test_a_program_needs_nothing_but_windows(exe):
    needed = {name.lower() for name in re.findall(r"DLL Name: (\S+)", headers(exe))}
    assert "kernel32.dll" in needed
    assert needed <= OF_WINDOWS


def test_a_program_is_hardened(exe):
    found = headers(exe)
    for flag in ("HIGH_ENTROPY_VA", "DYNAMIC_BASE", "NX_COMPAT"):
        assert re.search(rf"^\s*{flag}\s*$", found, re.MULTILINE), flag
    assert re.search(r"\.reloc", subprocess.run(["x86_64-w64-mingw32-objdump", "-h", exe], check=True, stdout=subprocess.PIPE, text=True).stdout)


def test_a_program_does_not_say_where_and_when_it_was_built(exe):
    assert re.search(r"^Time/Date\s+(Thu Jan  1 00:00:00 1970|0+\s)", headers(exe), re.MULTILINE)
    assert str(machine.TOP).encode() not in exe.read_bytes()


def test_a_program_tells_windows_what_it_can(exe):
    content = exe.read_bytes()
    assert b'<activeCodePage xmlns="http://schemas.microsoft.com/SMI/2019/WindowsSettings">UTF-8</activeCodePage>' in content
    assert b">true</longPathAware>" in content
    assert b'level="asInvoker"' in content


def test_a_programs_properties_show_its_version(exe, msi):
    content = exe.read_bytes()
    version = msi.name.removeprefix("pshare-").removesuffix("-x64.msi")
    for key, value in {"ProductName": "pshare", "ProductVersion": version, "OriginalFilename": exe.name}.items():
        assert re.search(re.escape(f"{key}\0".encode("utf-16-le")) + rb"(?:\0\0)?" + re.escape(f"{value}\0".encode("utf-16-le")), content), key


def test_what_others_wrote_is_named_with_its_licence(files):
    words = (files / "THIRD-PARTY.txt").read_text()
    for library in ("openssl", "ngtcp2", "libsodium", "libzstd", "sqlite3", "miniupnpc", "xxhash", "qrencode", "libasio", "mingw-w64-x86-64"):
        assert f"\n=== {library}\n" in words
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in words


def test_texts_have_the_line_ends_of_windows(files):
    for text in files.glob("*.txt"):
        content = text.read_bytes()
        assert content.count(b"\r\n") == content.count(b"\n") > 10, text.name
