"""One transfer to which one thing happens in the middle: a laboratory of two homes on lines of limited rate, pshare in it, and everything that can be
known of what came of it.

How much was sent again is counted at the interfaces of the sender's host: all that left it, less the least that headers take, less the file. So it is
never less than what pshare has sent again, and includes what TCP and QUIC have repeated because a line was full.
"""
import json
import random
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from processes import Running
from trees import digest, leftovers, write_random

from . import Lab, people
from .survive_faults import FAULTS, PATHS

VERB = "survive"
MiB = 1 << 20
SENT_AGAIN_AT_MOST = 32 * MiB
FILE = "film.mkv"
LOOK_EVERY = 0.1           # seconds
HEADERS_AT_LEAST = 52      # bytes of a packet over TCP: IP 20, TCP 20, time stamps 12. Over UDP, with QUIC's, it is more
MOVES = 256 * 1024         # so many bytes on the way to the receiver's host, and the transfer has moved
EARLIEST, LATEST = 0.02, 0.9  # of the file, when the fault happens
FAULT_AT_MOST, SETUP_AT_MOST = 60, 60  # seconds
SPARE = {"a": "d", "b": "e"}  # the places where a laptop goes from home


@dataclass(frozen=True)
class Manner:
    """How every run is made."""
    size: int = 256 * MiB
    rate: str = "200mbit"
    sender: str = "port-restricted"    # sites
    receiver: str = "masq"
    patience: float = 180              # seconds from the last step of the fault to the end: then it hangs
    send_args: tuple = ()
    receive_args: tuple = ()


@dataclass(frozen=True)
class Cell:
    path: str
    fault: str
    moment: int    # 1, 2, ...
    seed: int

    @property
    def title(self):
        return f"{self.path}, {self.fault} ({self.moment})"


class Scene:
    """What a fault can be done to."""

    def __init__(self, lab, town, chance, commands):
        self.lab, self.town, self._chance = lab, town, chance
        self._commands = commands
        self.programs, self.ever = {}, []  # those that run now, by role; (role, Running) of all there have been
        self.told = []

    def start(self, role):
        """By the same command each time."""
        self.programs[role] = self._commands[role]()
        self.ever.append((role, self.programs[role]))
        return self.programs[role]

    def kill(self, role):
        self.tell(f"the {role} killed")
        self.programs[role].kill()

    def either_side(self):
        side = self._chance.choice("ab")
        self.tell({"a": "the sender's side", "b": "the receiver's side"}[side])
        return side

    def up_to(self, seconds):
        chosen = round(self._chance.uniform(0, seconds), 1)
        self.tell(f"{chosen} s")
        return chosen

    def move(self, side):
        self.lab.move(side, SPARE[side])

    def tell(self, words):
        self.told.append(words)

    # --- what the wires say ---------------------------------------------------------------------------------------------

    def carried(self):
        """(bytes to the receiver's host, bytes from the sender's, packets from it)"""
        wires = self.lab.counters().wires
        links = {side: [wires[f"{place}.link"] for place in (side, SPARE[side]) if f"{place}.link" in wires] for side in SPARE}
        return (sum(each["back"].bytes for each in links["b"]), sum(each["there"].bytes for each in links["a"]),
                sum(each["there"].packets for each in links["a"]))


class _Watch:
    """How long nothing moved, from the first bytes on."""

    def __init__(self):
        self.longest, self._moved = 0.0, None

    def look(self, now, towards):
        if self._moved is None:
            if towards > MOVES:
                self._moved = (now, towards)
        elif towards - self._moved[1] > MOVES:
            self.longest = max(self.longest, now - self._moved[0])
            self._moved = (now, towards)


def run(cell, manner, folder: Path):
    """Facts, ready for JSON. `folder` is made, and keeps the programs' words."""
    folder.mkdir(parents=True)
    facts = {**asdict(cell), "folder": str(folder), "trouble": None, "troubles": [], "told": [], "at": None, "standstill": None, "sent_again": None, "wire_bytes": None,
             "paths": [], "seconds": None}
    chance = random.Random(cell.seed)
    sites = {"a": f"{manner.sender},rate={manner.rate}", "b": f"{manner.receiver},rate={manner.rate}"}
    if cell.fault == "interface-switched":
        sites |= {SPARE[side]: site for side, site in sites.items()}
    if cell.path == "supernode":
        sites["c"] = "public"
    scene = None
    with Lab(**sites, seed=cell.seed) as lab, people.Town(lab) as town:
        try:
            scene = Scene(lab, town, chance, _commands(cell, manner, town))
            _play(scene, cell, manner, facts, chance)
        except AssertionError as trouble:
            facts["troubles"].append(str(trouble).splitlines()[0])
            (folder / "trouble.txt").write_text(str(trouble))
        finally:
            if scene:
                facts["told"] = scene.told
                _keep(scene, folder)
    (folder / "result.json").write_text(json.dumps(facts, indent=1))
    return facts


def longest(manner):
    """Patience is for the time before the fault, and for that after it."""
    return 2 * manner.patience + FAULT_AT_MOST + SETUP_AT_MOST


def broken(cell, folder, words):
    return {**asdict(cell), "folder": str(folder), "trouble": words, "troubles": [words], "told": [], "at": None, "standstill": None, "sent_again": None, "wire_bytes": None,
            "paths": [], "seconds": None}


def _commands(cell, manner, town):
    tiers = PATHS[cell.path]
    return {
        "supernode": lambda: town.people["c"].start("supernode"),
        "receiver": lambda: town.bob.receives("-vv", *tiers, *manner.receive_args),
        "sender": lambda: town.alice.sends(FILE, "-vv", *tiers, *manner.send_args, to=town.bob),
    }


def _play(scene, cell, manner, facts, chance):
    town = scene.town
    write_random(town.alice.files / FILE, manner.size, cell.seed)
    if cell.path == "supernode":
        scene.start("supernode").says("listed")
    scene.start("receiver").says("aiting")
    scene.lab.reset_counters()
    scene.start("sender")
    facts["at"] = round(chance.uniform(EARLIEST, LATEST), 3)
    _until_over(scene, cell, facts, manner)
    _judge(scene, facts, manner)


def _until_over(scene, cell, facts, manner):
    """Looks at the transfer, does what the fault does when it is due, until both programs have ended or hang."""
    watch, fault, began = _Watch(), FAULTS[cell.fault](scene), time.monotonic()
    due, hangs_at = None, began + manner.patience  # the fault's next step; before it has begun, and once it is over, there is none
    begun = False
    while True:
        now = time.monotonic()
        towards, _, _ = scene.carried()
        watch.look(now, towards)
        if not begun and towards >= facts["at"] * manner.size:
            begun, due = True, now
        if due is not None and now >= due:
            pause = next(fault, None)
            due = None if pause is None else now + pause
            hangs_at = time.monotonic() + manner.patience
        if cell.path != "punched" and scene.programs["sender"].find("attempt", tier=cell.path, reason="unsupported"):
            raise AssertionError(f"this pshare has no {cell.path} tier yet")
        over = not any(scene.programs[role].running() for role in ("sender", "receiver"))
        if due is None and over:
            break
        if due is None and now >= hangs_at:
            facts["troubles"].append(f"not over {manner.patience:g} s after the fault: " + ", ".join(_hung(scene)))
            break
        time.sleep(LOOK_EVERY)
    if not begun:
        facts["troubles"].append("over before the fault was due")
    facts["standstill"], facts["seconds"] = round(watch.longest, 1), round(time.monotonic() - began, 1)


def _hung(scene):
    return [f"the {role} hangs" for role in ("sender", "receiver") if scene.programs[role].running()]


def _judge(scene, facts, manner):
    troubles = facts["troubles"]
    for role in ("sender", "receiver"):
        running = scene.programs[role]
        if running.running():
            continue
        status = running.ends()
        if status != 0:
            error = running.find("error")
            troubles.append(f"the {role} ended with {status}" + (f" ({error['message']})" if error else ""))
    sent, arrived = scene.town.alice.files / FILE, scene.town.bob.files / FILE
    if not arrived.exists():
        troubles.append("there is no file")
    elif digest(arrived) != digest(sent):
        troubles.append("the file is WRONG")
    elif left := leftovers(arrived.parent):
        troubles.append(f"left lying there: {', '.join(map(str, left))}")
    _, out, packets = scene.carried()
    facts["sent_again"] = max(0, out - HEADERS_AT_LEAST * packets - manner.size)
    if facts["sent_again"] > SENT_AGAIN_AT_MOST:
        troubles.append(f"{facts['sent_again'] / MiB:.0f} MiB were sent again")
    senders = [running for role, running in scene.ever if role == "sender"]
    facts["paths"] = [f"{event['tier']}/{event['transport']}" for running in senders for event in running.events if event["event"] == "path"]
    if done := senders[-1].find("done"):
        facts["wire_bytes"] = done["wire_bytes"]


def _keep(scene, folder):
    """Once more than enough: what every program has said."""
    for number, (role, running) in enumerate(scene.ever, 1):
        if running.running():
            running.kill()
        said = b"".join(line for line in bytes(running.out).splitlines(keepends=True) if b'"event":"progress"' not in line)
        (folder / f"{number}-{role}.out").write_bytes(said)
        (folder / f"{number}-{role}.err").write_bytes(bytes(running.err))
    (folder / "counters.txt").write_text(scene.lab.counters().everything() + "\n")
    (folder / "internet.log").write_text(scene.lab.log)


def discard(facts):
    """The logs of a run that came to a good end."""
    shutil.rmtree(facts["folder"], ignore_errors=True)
