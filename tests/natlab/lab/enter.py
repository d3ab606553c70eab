"""Gets this very program into namespaces of its own, where it may do as it likes and from which nothing escapes.

    the program            waits, ends when the inner one does; SIGTERM or SIGHUP ends everything at once
      unshare              dies with the program (PR_SET_PDEATHSIG)
        the program again  the first process of a PID namespace; dies with unshare (--kill-child)
          everything else  which the kernel ends together with the first process

So even SIGKILL of any of the three takes every process and every namespace with it. `unshare` itself blocks SIGTERM, so somebody else has to
hear it. Rootless means through a user namespace, in which we are root and may make networks.
"""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_MARK = "NATLAB_INSIDE"
_PR_SET_PDEATHSIG = 1
_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000
_TUN = "/dev/net/tun"
_TOOLS = ("unshare", "nsenter", "ip", "nft", "miniupnpd")
_libc = ctypes.CDLL(None, use_errno=True)


def _unshare(rootless):
    as_user = ["--user", "--map-root-user"] if rootless or os.getuid() != 0 else []
    return ["unshare", *as_user, "--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc"]


def inside():
    return os.environ.get(_MARK) == "1" and os.getpid() == 1


def why_not(rootless=False):
    """Why this machine has no laboratory, in words; None if it has."""
    _look_where_administrators_do()
    if missing := [tool for tool in _TOOLS if not shutil.which(tool)]:
        return f"not installed: {', '.join(missing)} (packaging/setup.sh --tests installs them)"
    probe = subprocess.run([*_unshare(rootless), "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True, text=True, check=False)
    if probe.returncode == 0:
        return None
    hint = ""
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text().strip() == "1":
        hint = " (sysctl kernel.apparmor_restrict_unprivileged_userns=0 would allow it)"
    return f"no namespaces may be made here: {probe.stderr.strip()}{hint}"


def why_no_devices():
    """Why there can be no TUN device; None if there can."""
    if not os.path.exists(_TUN):
        return f"there is no {_TUN}: modprobe tun"
    if not os.access(_TUN, os.R_OK | os.W_OK):
        return f"{_TUN} may not be opened by this user: it has mode {os.stat(_TUN).st_mode & 0o777:04o}, usually it is 0666"
    return None


def enter(rootless=False):
    """Returns inside. Outside it runs this program again inside, with the same command line, and ends as that does."""
    _look_where_administrators_do()
    if inside():
        _prepare()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        return
    sys.stdout.flush()
    sys.stderr.flush()
    process = subprocess.Popen([*_unshare(rootless), sys.executable, *sys.orig_argv[1:]], env={**os.environ, _MARK: "1"}, preexec_fn=_begin)

    ended_by = []

    def end_all(number, _):
        ended_by.append(number)
        os.kill(process.pid, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end_all)
    signal.signal(signal.SIGHUP, end_all)
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the inner one by itself, which ends in good order
    status = process.wait()
    os._exit(128 + ended_by[0] if ended_by else status if status >= 0 else 128 - status)


def _look_where_administrators_do():
    """nft and miniupnpd are where PATH does not lead everybody."""
    path = os.environ.get("PATH", "").split(":")
    os.environ["PATH"] = ":".join([*path, *(folder for folder in ("/usr/sbin", "/sbin") if folder not in path)])


def _begin():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a Ctrl-C waits until the inner one is ready for it
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prepare():
    """A /run of our own, for namespaces' names; once in each PID namespace, also when one laboratory is started from within another."""
    mine = str(os.stat("/proc/self/ns/pid").st_ino)
    done = Path("/run/natlab/prepared-in")
    if done.exists() and done.read_text() == mine:
        return
    _take_run()
    done.write_text(mine)


def apart():
    """For a process that another one inside has forked: a network and a /run of its own, so that it can have a laboratory beside others."""
    if _libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "leaving the namespaces of others")
    _take_run()


def _take_run():
    if _libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, None) != 0:
        raise OSError(ctypes.get_errno(), "mounting /run")
    Path("/run/natlab").mkdir()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
