"""The built programs are hardened as docs/architecture.md says ("Hardening"), and tell nothing of where they were built. What checksec looks at, and a little more,
with readelf and objdump alone."""
import os
import platform
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BUILT = [Path(os.environ["PSHARE_BIN_DIR"]) / name for name in os.environ.get("PSHARE_HARDENED", "pshare pshare-server").split()]
ON_X86 = platform.machine() in ("x86_64", "AMD64", "i686", "i386")

pytestmark = [
    pytest.mark.skipif(not shutil.which("readelf") or not shutil.which("objdump"), reason="there is no binutils"),
    pytest.mark.parametrize("program", BUILT, ids=lambda program: program.name),
]


def shown(tool, *arguments):
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"}).stdout


def segments(program):
    """From type to flags, such as {"GNU_STACK": ["RW"]}."""
    found = {}
    for line in shown("readelf", "-lW", program).splitlines():
        if match := re.match(r"\s+([A-Z_]+)\s+(?:0x[0-9a-f]+\s+){5}([RWE ]{3})", line):
            found.setdefault(match[1], []).append(match[2].replace(" ", ""))
    return found


def dynamic(program):
    """From tag to values, such as {"FLAGS": ["BIND_NOW"]}."""
    found = {}
    for tag, value in re.findall(r"^ 0x[0-9a-f]+ \((\w+)\)\s+(.*)$", shown("readelf", "-dW", program), re.MULTILINE):
        found.setdefault(tag, []).append(value)
    return found


def wanted_from_libc(program):
    return set(re.findall(r" UND (\w+)", shown("readelf", "--dyn-syms", "-W", program)))


def test_it_lies_at_another_address_each_time(program):
    assert re.search(r"Type:\s+DYN", shown("readelf", "-hW", program))
    assert "INTERP" in segments(program), "a shared library and no program"
    assert any("PIE" in value for value in dynamic(program).get("FLAGS_1", []))


def test_its_table_of_functions_is_read_only_once_it_runs(program):
    assert "GNU_RELRO" in segments(program)
    assert any("BIND_NOW" in value for value in dynamic(program).get("FLAGS", [])) or "BIND_NOW" in dynamic(program)


def test_nothing_can_be_both_written_and_run(program):
    assert segments(program)["GNU_STACK"] == ["RW"]
    assert not [flags for each in segments(program).values() for flags in each if "W" in flags and "E" in flags]
    assert "TEXTREL" not in dynamic(program) and not any("TEXTREL" in value for value in dynamic(program).get("FLAGS", []))


def test_code_shares_no_page_with_data(program):
    assert "RE" in segments(program)["LOAD"] and "R" in segments(program)["LOAD"], "-z separate-code"


def test_its_stack_has_canaries(program):
    assert "__stack_chk_fail" in wanted_from_libc(program)


def test_copies_know_how_much_they_may_write(program):
    assert [name for name in wanted_from_libc(program) if re.fullmatch(r"__\w+_chk", name)], "-D_FORTIFY_SOURCE"


def test_the_standard_library_checks_what_it_is_given(program):
    checks = re.findall(rb"__n < this->size\(\)|this->_M_is_engaged\(\)|!this->empty\(\)", program.read_bytes())
    assert checks, "-D_GLIBCXX_ASSERTIONS"


def test_it_takes_libraries_from_where_the_system_keeps_them(program):
    assert not {"RPATH", "RUNPATH"} & dynamic(program).keys()


def test_it_runs_with_nobodys_rights_but_the_users(program):
    assert not program.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH)


def functions_of_ours(program):
    """The first instruction of each function of pshare's that others may call by its address: global ones, and what resumes a coroutine."""
    table = shown("readelf", "-sW", program)
    names = {match[2] for match in re.finditer(r" FUNC\s+(GLOBAL|WEAK|LOCAL)\s+\w+\s+\d+ (\S+)$", table, re.MULTILINE)
             if "6pshare" in match[2] and (match[2].endswith(".actor") or match[1] != "LOCAL" and "." not in match[2])}
    first = re.findall(r"^[0-9a-f]+ <(\S+)>:\n\s+[0-9a-f]+:\s+(\w+)", shown("objdump", "-d", "--no-show-raw-insn", program), re.MULTILINE)
    return {name: instruction for name, instruction in first if name in names}


@pytest.mark.skipif(not ON_X86, reason="Intel's and AMD's processors have it")
def test_jumps_land_only_where_functions_begin(program):
    """CET, of all that we compile. The mark that would switch it on (.note.gnu.property) is another matter: the linker sets it only where every object has it, and
    those of Debian 12's C library (Scrt1.o, crti.o, crtn.o) and of its ngtcp2 do not."""
    functions = functions_of_ours(program)
    if not functions:
        pytest.skip("the names are stripped")
    unmarked = sorted((name for name, instruction in functions.items() if instruction not in ("endbr64", "endbr32")), key=len)
    assert not unmarked, f"{len(unmarked)} of {len(functions)}, such as {unmarked[0]}: -fcf-protection=full"


@pytest.mark.skipif(not ON_X86, reason="written for the instructions of one processor")
def test_a_large_frame_touches_each_of_its_pages(program):
    """-fstack-clash-protection: a stack that grows by more than a page writes to every one, so that it cannot jump over the guard page."""
    touches = re.findall(r"\bor[qlb]\s+\$0x0,(?:0x0)?[^\n]*\(%[re]sp\)", shown("objdump", "-d", "--no-show-raw-insn", program))
    assert touches, "-fstack-clash-protection"


def test_it_does_not_say_where_it_was_built(program):
    places = {str(TOP), str(program.parent), os.environ.get("PSHARE_BUILD_DIR", str(program.parent)), str(Path.home())} - {"/"}
    told = [place for place in places if place.encode() + b"/" in program.read_bytes()]
    assert not told
    assert not re.search(rb"/(?:home|Users)/[a-z]\w*/", program.read_bytes())


def test_it_carries_no_debugging_information(program):
    if not re.search(r"CMAKE_BUILD_TYPE:\w+=Release", (Path(os.environ.get("PSHARE_BUILD_DIR", program.parents[1])) / "CMakeCache.txt").read_text()):
        pytest.skip("it was asked for")
    assert not re.search(r"\.z?debug_", shown("readelf", "-SW", program))
