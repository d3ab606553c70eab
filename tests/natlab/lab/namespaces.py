"""Network namespaces with names, as `ip netns` knows them, and what is done inside of them: settings, commands, an end to all processes."""
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class CommandFailed(RuntimeError):
    pass


def _enter(descriptor):
    if _libc.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    def __init__(self, name):
        self.name = name
        self.path = FOLDER / name

    @property
    def launcher(self):
        """What a command line begins with that is to run here."""
        return ("nsenter", f"--net={self.path}")

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside, and so is every process that it starts."""
        home, there = os.open("/proc/thread-self/ns/net", os.O_RDONLY), os.open(self.path, os.O_RDONLY)
        try:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)
        finally:
            os.close(home)
            os.close(there)

    def socket(self, kind=socket.SOCK_DGRAM, address=("", 0), family=socket.AF_INET):
        """A socket of ours that lives inside, bound to `address`; so a test can be a host without starting a program."""
        with self.entered():
            made = socket.socket(family, kind)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.settimeout(5)
        made.bind(address)
        return made

    def set(self, settings):
        """sysctls of the network, "ipv4.ip_forward": 1."""
        with self.entered():
            for key, value in settings.items():
                Path("/proc/sys/net", *key.split(".")).write_text(str(value))

    def begin(self, argv, said):
        """A command inside that reads `said`; `finish` waits for it."""
        with self.entered():
            process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        with contextlib.suppress(BrokenPipeError):  # it has ended early, and says why
            process.stdin.write(said)
            process.stdin.flush()
        return process, f"{' '.join(argv)} in {self.name}"

    def inode(self):
        return self.path.stat().st_ino

    def link(self, *lines):
        """Several commands of `ip`, at once."""
        finish([self.begin_link(*lines)])

    def begin_link(self, *lines):
        return self.begin(["ip", "-batch", "-"], "".join(f"{line}\n" for line in lines))

    def begin_rules(self, ruleset):
        return self.begin(["nft", "-f", "-"], ruleset)

    def rules(self, ruleset):
        finish([self.begin_rules(ruleset)])


def finish(begun):
    """Waits for commands that run side by side; raises with the words of the first that failed."""
    ended = []
    for process, what in begun:
        _, words = process.communicate()
        ended.append((process.returncode, what, words.strip()))
    for status, what, words in ended:
        if status != 0:
            raise CommandFailed(f"{what}: {words or f'exit {status}'}")


def _ip(lines):
    done = subprocess.run(["ip", "-batch", "-"], input="".join(f"{line}\n" for line in lines), text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise CommandFailed(f"ip: {done.stderr.strip()}")


def make(names):
    """All of them at once, or none."""
    before = _there()
    try:
        _ip([f"netns add {name}" for name in names])
    except CommandFailed:
        _ip([f"netns delete {name}" for name in _there() - before])
        raise
    return {name: Namespace(name) for name in names}


def _there():
    return {each.name for each in FOLDER.iterdir()} if FOLDER.is_dir() else set()


def remove(namespaces):
    """With all processes inside."""
    namespaces = list(namespaces)
    end_processes({each.inode() for each in namespaces})
    _ip([f"netns delete {each.name}" for each in namespaces])


def end_processes(inodes):
    """Kills whatever runs in network namespaces with these inodes, children of children included; returns when all have ended."""
    while alive := processes_in(inodes):
        for pid in alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.001)


def processes_in(inodes):
    """But for ourselves."""
    return [int(process.name) for process in Path("/proc").iterdir()
            if process.name.isdecimal() and int(process.name) != os.getpid() and _network_of(process) in inodes]


def _network_of(process):
    try:
        return (process / "ns/net").stat().st_ino
    except OSError:  # it has just ended
        return None
