"""A person at a keyboard: a real pseudo-terminal, 120 columns wide."""
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading

from processes import Running, program
from world import environment


class Typed(Running):
    """A program on a terminal of its own. What it prints, on either stream, ends up in `text`, as it would on a screen."""

    def __init__(self, argv, env, cwd, name=None):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))

        def take_the_terminal():
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.argv = list(argv)
        self.name = name or " ".join(map(str, argv[:4]))
        self.events, self.out, self.err = [], bytearray(), bytearray()
        self._changed = threading.Condition()
        self._open_streams = 1
        self._master = master
        self.process = subprocess.Popen(self.argv, env=env, cwd=cwd, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=take_the_terminal)
        os.close(slave)
        Running._alive.append(self)
        self._readers = [threading.Thread(target=self._watch, daemon=True)]
        self._readers[0].start()

    def _watch(self):
        while True:
            try:
                seen = os.read(self._master, 4096)
            except OSError:  # the other end is closed: how a pseudo-terminal says end of file
                seen = b""
            with self._changed:
                self.out += seen
                if not seen:
                    self._open_streams = 0
                self._changed.notify_all()
            if not seen:
                return

    def types(self, text):
        os.write(self._master, text.encode())

    def presses_control_c(self):
        os.write(self._master, b"\x03")


class OnTerminal(Typed):
    """pshare itself, as one of the people."""

    def __init__(self, peer, *arguments):
        super().__init__([program("pshare"), *map(os.fspath, arguments)], environment(PSHARE_HOME=peer.home, HOME=peer.home, TERM="xterm"), peer.files,
                         " ".join(["pshare", *map(str, arguments[:3])]))
