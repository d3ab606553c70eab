"""A small file system of a test's own: a tmpfs in a mount namespace that lives as long as one process of the test."""
import os
import subprocess

import pytest

from processes import Running
from world import environment


class SmallDisk:
    """Mounted at `folder`, seen only by what is started with `launcher`; we look at it from outside through `root`."""

    def __init__(self, folder, options):
        folder.mkdir(exist_ok=True)
        as_user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
        unshare = ["unshare", *as_user, "--mount"]
        probe = subprocess.run([*unshare, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, check=False)
        if probe.returncode != 0:
            pytest.skip(f"no file system may be mounted here: {probe.stderr.decode().strip()}")
        script = 'mount -t tmpfs -o "$1" tmpfs "$2" && echo mounted && exec sleep infinity'
        self.holder = Running(["sh", "-c", script, "sh", options, str(folder)], environment(), launcher=unshare)
        self.holder.says("mounted")
        pid = str(self.holder.process.pid)
        self.launcher = ["nsenter", "--target", pid, *(["--user", "--preserve-credentials"] if as_user else []), "--mount"]
        self.root = f"/proc/{pid}/root{folder}"
        self.folder = folder

    def remount(self, options):
        # Not with the options that the kernel tells it has: among them is its owner, by a number that means nothing in a user namespace.
        remount = ["mount", "--options-mode", "ignore", "--types", "tmpfs", "--options", f"remount,{options}", "tmpfs", str(self.folder)]
        subprocess.run([*self.launcher, *remount], check=True, env=environment(), cwd="/")
