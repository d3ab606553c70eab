"""A server that lies (tests/e2e/hostile), and those who have it for a server."""
import re

from processes import Running, program
from trees import write_random
from world import Peer, environment


class Lied:
    """alice and bob, who know each other (or are strangers) and have a liar for a server."""

    def __init__(self, folder, lie, port=0, spec=None, strangers=False):
        self.folder, self.overheard = folder, folder / "overheard"
        self.running = Running([program("lying_server"), str(folder / f"{lie}.key"), lie, str(self.overheard), str(port)], environment())
        self.spec = self.running.wait_until(lambda: re.search(r"--server (\S+)", self.running.text), "the line that clients need").group(1)
        if spec:
            return   # it has taken another server's place
        self.alice, self.bob = Peer(folder, "alice"), Peer(folder, "bob")
        for each in (self.alice, self.bob):
            each.init(self.spec)
        if not strangers:
            self.alice.knows(self.bob)
            self.bob.knows(self.alice)
        write_random(self.alice.files / "secret.bin", 300_000)

    def __iter__(self):
        return iter((self.alice, self.bob))

    def receives(self, *more):
        receiving = self.bob.start("receive", "--dir", self.bob.files, "--yes", *more)
        receiving.says("Waiting for offers")
        return receiving

    def has_heard_nothing(self):
        """Not a piece of the file, as it is or in an offer: neither its bytes nor its name."""
        heard = self.overheard.read_bytes()
        secret = (self.alice.files / "secret.bin").read_bytes()
        assert heard, "so it has kept something"
        assert b"secret.bin" not in heard
        assert not any(secret[at:at + 32] in heard for at in range(0, len(secret) - 32, 4096))
        return heard

    def said(self, verb, by=None):
        """What was said by those who meet by a code: (device, number, body) of each."""
        lines = (line.split() for line in open(f"{self.overheard}.codes"))
        told = [(int(words[0]), int(words[2]), bytes.fromhex(words[3]) if len(words) > 3 else b"") for words in lines if words[1] == verb]
        return [each for each in told if by in (None, each[0])]
