"""One cell of the grid: a laboratory of two sites, a server, a receiver and a sender in it, and everything that can be known of what came
of it. It judges nothing: that is grid_verdict's.

The defaults run pshare. Other programs are run through templates, in which {placeholders} stand for what a laboratory has.
"""
import json
import re
import shlex
import shutil
import string
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from processes import Running
from trees import digest, write_random
from world import environment

from . import Lab, people
from .grid_reach import TRANSPORTS
from .grid_verdict import TIERS
from .spec import SpecError

VERB = "grid"
SENDER, RECEIVER, SUPERNODE = "a", "b", "c"
PLACEHOLDERS = {"bin", "file", "dir", "data", "server", "server2", "server_v6", "port", "sender_address", "receiver_address", "timeout", "fingerprint",
                "home", "peer", "peer_address"}
FILE_NAME = "film.mkv"
LOOK_EVERY = 0.01          # at the counters, in seconds: how exactly the first file byte is timed
MORE_THAN_TALK = 4096      # bytes after the path came up: a manifest and its like are less, a file is more
SERVER_ENDS_WITHIN = 10.0
SETUP_AT_MOST = 60.0       # seconds that a cell may take besides its patience


@dataclass(frozen=True)
class Manner:
    """How every cell of a grid is run."""
    size: int = 1 << 20
    timeout: int = 10            # seconds, {timeout}: what the programs are told to bear
    patience: float = 60         # seconds after which a program that has not ended hangs
    port: int = people.PORT
    server_command: str = "{bin}/pshare-server --listen :{port} --data {data}"
    receive_command: str = "{bin}/pshare --json --home {home} receive --dir {dir} --yes --once --timeout {timeout}s"
    send_command: str = "{bin}/pshare --json --home {home} send {file} --to {peer} --timeout {timeout}s"
    server_args: str = ""
    receive_args: str = ""
    send_args: str = ""
    supernode: str = ""          # the site where one is; none if empty
    supernode_command: str = "{bin}/pshare --json --home {home} supernode"
    supernode_says: str = r'"state": ?"listed"'
    server_says: str = r"--server \S+#(\S+)"   # when it is ready; a group becomes {fingerprint}
    receiver_says: str = "Waiting for offers"

    @property
    def whole_commands(self):
        return {"server": f"{self.server_command} {self.server_args}", "receive": f"{self.receive_command} {self.receive_args}",
                "send": f"{self.send_command} {self.send_args}"}

    def check(self):
        """What nobody could run is said before anything is made."""
        for name, command in self.whole_commands.items():
            try:
                words = shlex.split(command)
                used = {field for word in words for _, field, _, _ in string.Formatter().parse(word) if field is not None}
            except ValueError as wrong:
                raise SpecError(f"--{name}-command: {wrong} in {command.strip()!r}") from None
            if not words:
                raise SpecError(f"--{name}-command: there is none")
            if unknown := used - PLACEHOLDERS:
                raise SpecError(f"--{name}-command: there is no placeholder {{{min(unknown)}}}; a brace itself is written twice")
        for pattern in (self.server_says, self.receiver_says):
            try:
                re.compile(pattern)
            except re.error as wrong:
                raise SpecError(f"{pattern!r} is no pattern: {wrong}") from None

    def why_not(self):
        """Why these commands cannot be run; None if they can."""
        return people.why_not() if any("{bin}" in command for command in self.whole_commands.values()) else None

    def tiers(self, name):
        """Those that this program is asked to try."""
        options = {word: listed.split(",") for word, listed in re.findall(r"--(tiers|no-tiers)[= ]+([a-z,]+)", self.whole_commands[name])}
        return [tier for tier in TIERS if tier in options.get("tiers", TIERS) and tier not in options.get("no-tiers", ())]

    @property
    def transports(self):
        """Those that both programs may use."""
        chosen = [re.findall(r"--transport[= ]+(tcp|udp)", self.whole_commands[name]) for name in ("send", "receive")]
        return tuple(transport for transport in TRANSPORTS if all(not words or words[-1] == transport for words in chosen))

    @property
    def of_pshare(self):
        """Whether identities and contacts are to be made first."""
        usual = Manner()
        return (self.server_command, self.receive_command, self.send_command) == (usual.server_command, usual.receive_command, usual.send_command) or \
            any("{home}" in command for command in self.whole_commands.values())


@dataclass(frozen=True)
class Cell:
    sender: str    # sites
    receiver: str
    run: int       # 1, 2, ... with --repeat
    seed: int

    @property
    def title(self):
        return f"{self.sender} -> {self.receiver}" + (f" ({self.run})" if self.run > 1 else "")


class Timed(Running):
    """Knows when it said what; what is no JSON is text, whatever the command line says."""

    def _heard_out(self, line):
        self.out += line
        with suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and "event" in event:
                self.events.append(event | {"at": time.monotonic()})


class _NoServer(Exception):
    """A site does not reach the server, so nothing can begin."""


class _SetupFailed(Exception):
    pass


def run(cell, manner, folder: Path):
    """Facts, ready for JSON. `folder` is made, and keeps the programs' words."""
    folder.mkdir(parents=True)
    work = folder / "work"
    work.mkdir()
    facts = {**asdict(cell), "folder": str(folder), "pshare": manner.of_pshare, "size": manner.size,
             "tiers": {name: manner.tiers(name) for name in ("send", "receive")}, "trouble": None, "no_server": None,
             "programs": {}, "hung": [], "stopped": [], "file": "missing", "seconds": {}, "bytes": {}}
    started = {}
    third = {"c": manner.supernode} if manner.supernode else {}
    with Lab(a=cell.sender, b=cell.receiver, **third, seed=cell.seed) as lab:
        try:
            _play(lab, manner, work, started, facts, cell.seed)
        except _NoServer as why:
            facts["no_server"] = str(why)
        except (_SetupFailed, AssertionError) as why:
            facts["trouble"] = str(why)
        finally:
            for name, running in started.items():
                if running.running():
                    facts["stopped"].append(name)
                    running.kill()
            _keep(lab, started, folder)
    facts["programs"] = {name: _told_of(running) for name, running in started.items()}
    (folder / "result.json").write_text(json.dumps(facts, indent=1))
    return facts


def longest(manner):
    return manner.patience + SETUP_AT_MOST


def broken(cell, folder, words):
    """The facts where there was no cell to run, in these words."""
    return {**asdict(cell), "folder": str(folder), "pshare": False, "size": 0, "trouble": words, "no_server": None,
            "programs": {}, "hung": [], "stopped": [], "file": "missing", "seconds": {}, "bytes": {}}


def discard_work(facts):
    """What a cell that came to a good end does not need any more."""
    shutil.rmtree(Path(facts["folder"], "work"), ignore_errors=True)


def _play(lab, manner, work, started, facts, seed):
    places = _places(lab, manner, work)
    write_random(places["file"], manner.size, seed)

    def start(name, host, **more):
        argv = [word.format_map(places | more) for word in shlex.split(manner.whole_commands[name])]
        started[name] = Timed(argv, environment(HOME=work), cwd=work, launcher=host.launcher)
        return started[name]

    server = start("server", lab.server)
    if manner.server_says:
        found = _ready("server", server, manner.server_says, manner.patience)
        places["fingerprint"] = found[1] if found.re.groups else ""
    names = _acquaint(lab, manner, work, places, server) if manner.of_pshare else {SENDER: "", RECEIVER: ""}
    homes = {site: str(work / f"{name}.home") for site, name in names.items()}
    if manner.supernode:
        argv = [word.format_map(places | {"home": homes[SUPERNODE]}) for word in shlex.split(manner.supernode_command)]
        started["supernode"] = Timed(argv, environment(HOME=work), cwd=work, launcher=lab.c.launcher)
        _ready("supernode", started["supernode"], manner.supernode_says, manner.patience)
    receive = start("receive", lab.b, home=homes[RECEIVER], peer=names[SENDER], peer_address=lab.a.address)
    if manner.receiver_says:
        _ready("receiver", receive, manner.receiver_says, manner.patience)
    lab.reset_counters()
    began = time.monotonic()
    send = start("send", lab.a, home=homes[SENDER], peer=names[RECEIVER], peer_address=lab.b.address)
    samples = _watch(lab, (send, receive), began + manner.patience)
    for name in ("send", "receive"):
        if started[name].running():
            facts["hung"].append(name)
            started[name].kill()
        started[name].ends()
    facts["seconds"] = _times(began, send, receive, samples)
    facts["bytes"] = _bytes(lab)
    facts["file"] = _what_arrived(Path(places["file"]), Path(places["dir"]))
    if supernode := started.get("supernode"):
        supernode.terminate()
        supernode.ends(patience=SERVER_ENDS_WITHIN)
    _end_server(server, manner, facts)


def _places(lab, manner, work):
    folders = {"dir": work / "received", "data": work / "server"}
    for each in folders.values():
        each.mkdir()
    return {
        "bin": str(people.programs()), "file": str(work / FILE_NAME), **{name: str(path) for name, path in folders.items()},
        "server": lab.server.address, "server2": lab.server.addresses[1], "server_v6": lab.server.address_v6, "port": str(manner.port),
        "sender_address": lab.a.address, "receiver_address": lab.b.address, "timeout": str(manner.timeout), "fingerprint": "",
        "home": str(work), "peer": "", "peer_address": "",
    }


def _ready(role, running, pattern, patience):
    """What the pattern has found in all that it has said."""
    try:
        return running.wait_until(lambda: re.search(pattern, running.text + running.words), "being ready", patience)
    except AssertionError:
        if running.running():
            raise _SetupFailed(f"the {role} did not say {pattern!r} in {patience:g} s\n{running.story()}") from None
        raise _SetupFailed(f"{_its_end(role, running)}\n{running.story()}") from None


def _its_end(role, running):
    """Of one that was to go on."""
    status = running.ends()
    said = [line for line in (running.text + running.words).splitlines() if line.strip()]
    return f"the {role} ended with status {status} before it was ready: {said[-1].strip() if said else 'it said nothing'}"


def _acquaint(lab, manner, work, places, server):
    """Identities for both, who become contacts of each other."""
    spec = f"{places['server']}:{places['port']}" + (f"#{places['fingerprint']}" if places["fingerprint"] else "")
    everybody = [people.Resident(work, name, host, None, {}) for name, host in zip(("alice", "bob", "carol"), (lab.hosts[site] for site in "abc" if site in lab.hosts))]
    for each in everybody:
        initialising = each.start("--timeout", f"{manner.timeout}s", "init", "--name", each.name, "--server", spec)
        status = initialising.ends(patience=manner.timeout + 20)
        if status != 0 and not server.running():
            raise _SetupFailed(f"{_its_end('server', server)}\n{server.story()}")
        error = initialising.find("error")
        if status == 1 and error and error["code"] in ("timeout", "unreachable", "refused", "closed"):
            raise _NoServer(f"{each.name}: {error['message']}")
        if status != 0:
            raise _SetupFailed(f"pshare init ended with {status}: {error['message'] if error else 'it does not say why'}\n{initialising.story()}")
        each.peer_id = initialising.event("identity")["peer_id"]
    for each in everybody:
        each.knows(*(other for other in everybody if other is not each))
    return dict(zip((SENDER, RECEIVER, SUPERNODE), (each.name for each in everybody)))


def _watch(lab, programs, deadline):
    """Until both have ended: (time, bytes that have gone towards the receiver, straight or from the server)."""
    samples = []
    while any(each.running() for each in programs) and time.monotonic() < deadline:
        counters = lab.counters()
        samples.append((time.monotonic(), counters.sent(SENDER, RECEIVER).bytes + counters.sent("server", RECEIVER).bytes))
        time.sleep(LOOK_EVERY)
    return samples


def _times(began, send, receive, samples):
    """Seconds since both programs run."""
    seconds = {}
    if path := send.find("path"):
        seconds["path"] = path["at"] - began
        before = max((count for at, count in samples if at <= path["at"]), default=0)
        first = next((at for at, count in samples if at > path["at"] and count > before + MORE_THAN_TALK), None)
        if first is not None:
            seconds["first_byte"] = first - began
    if path := receive.find("path"):
        seconds["path_receiver"] = path["at"] - began
    if done := send.find("done"):
        seconds["done"] = done["at"] - began
    return {name: round(value, 3) for name, value in seconds.items()}


def _bytes(lab):
    """Of whole packets. Sites with one way to the internet are one for the server."""
    counters = lab.counters()
    straight = counters.between(SENDER, RECEIVER)
    server = counters.between(SENDER, "server")
    if lab.plan.meeting(SENDER, "server") != lab.plan.meeting(RECEIVER, "server"):
        server += counters.between(RECEIVER, "server")
    through_supernode = {}
    if SUPERNODE in lab.hosts:
        through_supernode = {"from_sender_to_supernode": counters.sent(SENDER, SUPERNODE).bytes, "from_supernode_to_receiver": counters.sent(SUPERNODE, RECEIVER).bytes}
    return {**through_supernode, "straight": straight.bytes, "straight_tcp": straight.tcp_bytes, "straight_udp": straight.udp_bytes,
            "towards_receiver": counters.sent(SENDER, RECEIVER).bytes,
            "server": server.bytes, "from_sender_to_server": counters.sent(SENDER, "server").bytes,
            "from_server_to_receiver": counters.sent("server", RECEIVER).bytes}


def _what_arrived(sent: Path, folder: Path):
    """ "same", "missing", or "different": under the name it was sent by, or (other programs choose) under any."""
    files = [path for path in folder.rglob("*") if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)]
    if any(path.stat().st_size == sent.stat().st_size and digest(path) == digest(sent) for path in files):
        return "same"
    return "different" if any(path.name == sent.name for path in files) else "missing"


def _end_server(server, manner, facts):
    """It is there to the end, and ends when it is told to; pshare's in good order."""
    if not server.running():
        facts["server_ended_by_itself"] = True
        return
    server.terminate()
    try:
        server.ends(patience=SERVER_ENDS_WITHIN)
    except AssertionError:
        facts["hung"].append("server")
    if not manner.of_pshare:
        facts["stopped"].append("server")


def _told_of(running):
    kept = [{key: value for key, value in event.items() if key != "at"} for event in running.events if event["event"] != "progress"]
    return {"exit": running.process.returncode, "events": kept, "words": running.words[-2000:]}


def _keep(lab, started, folder):
    for name, running in started.items():
        (folder / f"{name}.out").write_bytes(running.out)
        (folder / f"{name}.err").write_bytes(running.err)
        (folder / f"{name}.argv").write_text(shlex.join(running.argv) + "\n")
    (folder / "internet.log").write_text(lab.log)
    shutil.copy(lab.folder / "internet.json", folder)
    with suppress(Exception):  # natlab-internet itself may be what is gone; its log says so
        (folder / "counters.txt").write_text(lab.counters().table() + "\n")
