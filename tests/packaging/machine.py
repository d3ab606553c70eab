"""A Debian of its own, from tests/packaging/prepare.sh's root: booted, with systemd as its first process and with a host of the laboratory for its network, or just
unpacked, as in a container where systemd does not run. What is written there goes to a folder of the test's."""
import os
import subprocess
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PLACE = TOP / "build/packaging"
ROOT = PLACE / "root"
DEBS, EARLIER = PLACE / "debs", PLACE / "earlier"

_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"}
_PATIENCE = 180
# What any use of a machine changes, and what only says what was there once.
_NOT_COUNTED = ("proc", "sys", "dev", "run", "tmp", "var/tmp", "var/log", "var/cache", "var/lib/apt", "var/lib/dpkg", "root/debs", "var/lib/systemd")


class Failed(AssertionError):
    pass


class Machine:
    """`with Machine(folder, "server", host) as machine`: unpacked. `boot()` starts it."""

    def __init__(self, folder, name, host):
        self._folder, self._name, self._host = folder / name, name, host
        self.root = self._folder / "root"
        self._manager = self._first = None
        self._groups = []

    def __enter__(self):
        for each in ("root", "upper", "work"):
            (self._folder / each).mkdir(parents=True)
        # An overlay on tmpfs: upper may be on none that is an overlay itself.
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={ROOT},upperdir={self._folder}/upper,workdir={self._folder}/work", str(self.root)], check=True)
        (self.root / "root/debs").mkdir()
        return self

    def __exit__(self, *_):
        if self._manager:
            self._manager.kill()  # and with it, as the kernel does it, all that it started
            self._manager.wait()
            self._remove_groups()
        subprocess.run(["umount", "--recursive", "--lazy", str(self.root)], check=True)

    # --- booting --------------------------------------------------------------------------------------------------------

    def boot(self):
        """Until all of its services are up."""
        self._groups = _groups_for(self._name)
        log = (self._folder / "console").open("wb")
        self._manager = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--keep-unit", "--register=no", f"--directory={self.root}", f"--network-namespace-path=/run/netns/{self._host.name}",
             "--resolv-conf=off", "--timezone=off", "--link-journal=no", f"--machine={self._name}", "--boot"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self._enter_groups)
        self.wait_until(lambda: self.try_to("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), "booted")
        self._first = self._first_process()
        return self

    def _enter_groups(self):
        for each in self._groups:
            (each / "cgroup.procs").write_text(str(os.getpid()))

    def _remove_groups(self):
        for group in self._groups:
            for folder, _, _ in os.walk(group, topdown=False):
                self.wait_until(lambda at=folder: _removed(at), f"rid of {folder}", patience=10)

    def _first_process(self):
        """The manager's child, which is the machine's init; before that there are others for a moment."""
        if self._first:
            return self._first
        children = Path(f"/proc/{self._manager.pid}/task/{self._manager.pid}/children").read_text().split()
        return children[0] if children else None

    @property
    def console(self):
        return (self._folder / "console").read_text(errors="replace") if self._manager else ""

    # --- doing something there --------------------------------------------------------------------------------------------

    def command(self, *argv, user=None, env=None):
        """The words that have it done here, for whoever starts it by other means."""
        settings = [f"{name}={value}" for name, value in {**_ENVIRONMENT, **(env or {})}.items()]
        there = ["runuser", "-u", user, "--", *argv] if user else list(argv)
        if self._manager:
            first = self._first_process()
            into = ["nsenter", f"--target={first}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]
        else:
            into = ["nsenter", f"--net=/run/netns/{self._host.name}", "chroot", str(self.root)]
        return [*into, "env", "-i", *settings, *map(str, there)]

    def try_to(self, *argv, **how):
        if self._manager and not self._first_process():
            return subprocess.CompletedProcess(argv, 1, "", "it is not up yet")
        return subprocess.run(self.command(*argv, **how), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE, check=False)

    def run(self, *argv, **how):
        """Its standard output; both, in a failure, if it fails."""
        done = self.try_to(*argv, **how)
        if done.returncode != 0:
            raise Failed(f"{self._name}: {' '.join(map(str, argv))} ended with {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def wait_until(self, true, what, patience=_PATIENCE):
        """Asks again and again, since a machine has nobody who calls us."""
        end = time.monotonic() + patience
        while not (value := true()):
            if time.monotonic() > end or (self._manager and self._manager.poll() is not None and what == "booted"):
                raise Failed(f"{self._name} was not {what}\n{self.console[-2000:]}")
            time.sleep(0.1)
        return value

    # --- packages ---------------------------------------------------------------------------------------------------------

    def install(self, folder, *names):
        """As one types it. There is no internet, so nothing comes but what the root has in its cache. Gives what apt has said."""
        files = []
        for name in names:
            package = next(folder.glob(f"{name}_*.deb"))
            (self.root / "root/debs" / package.name).write_bytes(package.read_bytes())
            files.append(f"/root/debs/{package.name}")
        return self.run("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", *files)

    def remove(self, *names):
        return self.run("apt-get", "remove", "--quiet", "--yes", *names)

    def purge(self, *names):
        """With what came along. apt would keep of that what some other package merely suggests (systemd: libqrencode4)."""
        return self.run("apt-get", "purge", "--quiet", "--yes", "--autoremove", "--option=APT::AutoRemove::SuggestsImportant=false", *names)

    def files(self):
        """All that is there, but for what any use of a machine changes."""
        found = set()
        for folder, folders, names in os.walk(self.root):
            here = os.path.relpath(folder, self.root)
            folders[:] = [each for each in folders if os.path.normpath(f"{here}/{each}") not in _NOT_COUNTED]
            found |= {os.path.normpath(f"{here}/{each}") for each in (*folders, *names)}
        return found


def _removed(folder):
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _groups_for(name):
    """A control group of its own in each hierarchy in which systemd looks for one: two machines in one would end each other's services."""
    groups = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, hierarchy, path = line.split(":", 2)
        for mounted in {"": ("/sys/fs/cgroup/unified", "/sys/fs/cgroup"), "name=systemd": ("/sys/fs/cgroup/systemd",)}.get(hierarchy, ()):
            if Path(mounted, "cgroup.procs").exists():
                group = Path(mounted + path.rstrip("/"), f"pshare-{name}-{os.getpid()}-{time.monotonic_ns()}")
                group.mkdir()
                groups.append(group)
                break
    return groups
