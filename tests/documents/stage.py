"""Where the documents' commands are really run: a server, alice and bob who are contacts of each other, a film and a folder of photos.

Each command gets people of its own, with homes that were prepared once, types it at a shell on a terminal, and is held to what the documents say comes
of it: the exit status, and what has arrived where. What stands for something else in a document (example.org, ID, a code) is replaced by what it stands
for here.
"""
import os
import re
import shlex
import shutil
from pathlib import Path

from processes import Running, program
from terminal import Typed
from trees import assert_same, write_random
from world import MiB, Peer, Server, environment

FILM = "film.mkv"
PHOTOS = "photos"
RECEIVED = "received"
# Where machines have what is nobody's own; here each command has it to itself.
PLACES_OF_THE_MACHINE = ("/srv", "/var/lib", "/etc", "/tmp")
YES = (r"\[y/n\]", "y")


class Stage:
    """The server and the two homes that every command begins with."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.server = Server(folder / "server")
        self.first = self._people(folder / "first", server=self.server)
        alice, bob = self.first
        alice.knows(bob)
        bob.knows(alice)
        receiving = bob.receives()
        alice.sends(FILM, "--receipt", to=bob).ends(0)
        receiving.ends(0)
        self.receipt = alice.run("receipts").event("receipt")["number"]
        self._scenes = 0

    @staticmethod
    def _people(folder, server=None):
        people = [Peer(folder, name, server) for name in ("alice", "bob")]
        for person in people:
            write_random(person.files / FILM, MiB, seed=len(person.name))
            (person.files / PHOTOS / "2026").mkdir(parents=True)
            for number in range(3):
                write_random(person.files / PHOTOS / "2026" / f"{number}.jpg", 20_000, seed=number)
            for place in ("Downloads", "in/alice", RECEIVED):
                (person.files / place).mkdir(parents=True)
        return people

    def scene(self):
        """alice and bob as they were in the beginning, in folders of their own."""
        self._scenes += 1
        folder = self.folder / f"scene-{self._scenes}"
        people = self._people(folder)
        for place in PLACES_OF_THE_MACHINE:
            (folder / place[1:]).mkdir(parents=True)
        for person, before in zip(people, self.first):
            shutil.copytree(before.home, person.home)
            person.peer_id, person.words = before.peer_id, before.words
        return Scene(self, folder, *people)


class Scene:
    """One command, and who is there meanwhile."""

    def __init__(self, stage, folder, alice, bob):
        self.stage, self.folder, self.alice, self.bob = stage, folder, alice, bob
        self.server = stage.server

    def other(self, person):
        return self.bob if person is self.alice else self.alice

    # --- typing ---------------------------------------------------------------------------------------------------------------

    def filled(self, text, person, server=None, **more):
        """The command with what its words stand for. Servers become `server`, the stage's own if there is none."""
        other = self.other(person)
        for place in PLACES_OF_THE_MACHINE:
            text = re.sub(rf"(?<![\w/.]){place}(?=/|\s|$)", f"{self.folder}{place}", text)
        words = {"NAME": other.name, "YOU": other.name, "ID": other.peer_id, "NUMBER": str(self.stage.receipt), "PATH": FILM, "DURATION": "10s", "DIR": str(self.folder / "folder"), "P": "46321",
                 "HOST:PORT#FINGERPRINT": server or self.server.spec, **more}
        text = re.sub(r"(?<![\w.:-])[\w.-]+(:\d+)?#[A-Z0-9-]+(\.\.\.)?(?![\w#])", lambda found: found.group() if found.group() in words else words["HOST:PORT#FINGERPRINT"], text)
        for word in sorted(words, key=len, reverse=True):
            text = re.sub(rf"(?<![\w#-]){re.escape(word)}(?![\w:#-])", lambda _, word=word: words[word], text)
        text = re.sub(r"(?<= --home )\S+", str(person.home), text)
        text = re.sub(r"\b203\.0\.113\.(\d+)\b", r"127.0.0.\1", text)
        return text

    def folder_of(self, person, text):
        """What `--dir` names; where they are, without one."""
        named = re.search(r"--dir (\S+)", self.filled(text, person))
        folder = Path(named.group(1).replace("~", str(person.files))) if named else person.files
        folder.mkdir(parents=True, exist_ok=True)   # the disk is mounted
        return folder

    def types(self, person, text, **more):
        """Somebody types it at a shell, in the folder where their files are."""
        env = environment(PSHARE_HOME=person.home, HOME=person.files, TERM="xterm", PATH=f"{Path(program('pshare')).parent}:/usr/sbin:/usr/bin:/sbin:/bin")
        return Typed(["bash", "-o", "pipefail", "-c", self.filled(text, person, **more)], env, person.files, text)

    @staticmethod
    def sits_at(running, *answers, until=None):
        """Answers questions, each once for each time that it is asked, until `until` is read, or the end."""
        given = {question: 0 for question, _ in answers}

        def fact():
            for question, answer in answers:
                asked = len(re.findall(question, running.text))
                if asked > given[question]:
                    given[question] = asked
                    running.types(answer + "\n")
            return re.search(until, running.text) if until else running._open_streams == 0
        return running.wait_until(fact, f"the words {until!r}" if until else "its end")

    # --- what comes of each verb ------------------------------------------------------------------------------------------------

    def init(self, person, text):
        """By somebody new, at servers that nobody knows yet."""
        servers = [Server(self.folder / f"server-{number}") for number in range(text.count("#") or 1)]
        specs = ",".join(server.spec for server in servers)
        newcomer = Peer(self.folder, "newcomer")
        if "--server" in text:
            text = re.sub(r"(?<=--server )\S+", "HOST:PORT#FINGERPRINT", text)
        else:   # the server is known already
            newcomer.run("init", "--server", specs)
        name = re.search(r"--name (\S+)", text)
        running = self.types(newcomer, text, server=specs, YOU="erin", OTHER="frank")
        running.ends(0)
        shown = newcomer.run("id").event("identity")
        if name:
            assert shown["name"] == {"YOU": "erin", "OTHER": "frank"}.get(name.group(1), name.group(1)), running.story()

    def send(self, person, text):
        other = self.other(person)
        if "--to" in text:
            receiving = other.start("receive", "--dir", other.files / RECEIVED, "--yes", "--once")
            sending = self.types(person, text)
        else:
            sending = self.types(person, text)
            code = sending.wait_until(lambda: re.search(r"\b\d+(-[a-z]+){2,}", sending.text), "a code").group()
            if words := re.search(r"--code-words (\d+)", text):
                assert len(code.split("-")) == 1 + int(words.group(1)), code
            receiving = other.start("receive", code, "--dir", other.files / RECEIVED, "--yes")
        typed = re.fullmatch(r"[^|]* -( .*)?", text)
        if typed:
            sending.types("call me\n\x04")
        sending.ends(0)
        receiving.ends(0)
        if typed:
            assert receiving.event("done")["bytes"] == len("call me\n")
        elif "--text" in text:
            assert receiving.event("text")["text"] in text
        elif " - " in text:
            assert receiving.event("done")["bytes"] > 3 * 20_000
        self._has_what_was_named(other.files / RECEIVED, person, text)

    @staticmethod
    def _has_what_was_named(folder, sender, text):
        sent = [word.rstrip("/") for word in re.split(r"\||--exclude \S+", text)[-1].split() if word.rstrip("/") in (FILM, PHOTOS)]
        for name in sent:
            assert_same(sender.files / name, folder / name)
        return sent

    def receive(self, person, text):
        """A code in it, or nobody named: by a code. Otherwise a contact's offer."""
        other = self.other(person)
        by_code = re.search(r"\bCODE|\bLINK|\d{4}-[a-z]+-[a-z]+|receive$|receive -(\s|$)", text)
        sent = PHOTOS if "tar x" in text else FILM
        self.folder_of(person, text)
        code = {}
        if by_code:
            sending = other.start("send", sent, "--code-words", "2")
            shown = sending.event("code")
            code = {"CODE": shown["code"], "LINK": shown["link"]}
            text = re.sub(r"\b\d{4}-[a-z]+-[a-z]+\b", shown["code"], text)
            receiving = self.types(person, text, **code)
            if "-" in text.split()[-1:]:
                receiving.types(shown["code"] + "\n")
        elif "tar x" in text:
            sending = self.types(other, f"tar c {sent} | pshare --json send - --to {person.name}")
            receiving = self.types(person, f"mkdir there && cd there && {text}")
        else:
            sending = other.start("send", sent, "--to", person.name)
            receiving = self.types(person, text)
        if code and text.endswith("receive"):   # it asks for the code
            receiving.says("Code: ")
            receiving.types(code["CODE"] + "\n")
        # By a code it ends behind that one transfer, unless the code was typed while it waited.
        ends_by_itself = re.search(r"--once|--stdout", text) or (by_code and not text.endswith("receive"))
        if ends_by_itself:
            self.sits_at(receiving, YES)
        else:
            self.sits_at(receiving, YES, until="Received 1 file")
            receiving.presses_control_c()
        receiving.ends(0)
        sending.ends(0)
        into = person.files / "there" if "tar x" in text else self.folder_of(person, text)
        if into == person.files:   # the film that lies there already is not touched
            assert (into / "film (1).mkv").exists() or "--on-conflict" in text, receiving.story()
        elif sent == FILM:
            assert_same(other.files / FILM, into / FILM)
        else:
            assert sorted(path.name for path in (into / PHOTOS / "2026").iterdir()) == ["0.jpg", "1.jpg", "2.jpg"]

    def pair(self, person, text):
        other = self.other(person)
        self.types(person, f"pshare contacts remove {other.name}").ends(0)
        self.types(other, f"pshare contacts remove {person.name}").ends(0)
        named = re.search(r"--as (\S+)", text)
        if re.search(r"CODE|\d{4}-", text):
            showing = other.start("pair")
            code = showing.event("code")["code"]
            pairing = self.types(person, re.sub(r"\d{4}-[a-z]+-[a-z]+", code, text), CODE=code)
            joined = showing
        else:
            pairing = self.types(person, text)
            code = pairing.wait_until(lambda: re.search(r"\b\d+(-[a-z]+){2,}", pairing.text), "a code").group()
            joined = other.start("pair", code)
        self.sits_at(pairing, YES)
        pairing.ends(0)
        joined.ends(0)
        known = person.run("contacts").event("contact")
        assert (known["name"], known["peer_id"]) == (self.filled(named.group(1), person) if named else other.name, other.peer_id)

    def contacts(self, person, text):
        if " add " in text:
            self.types(person, f"pshare contacts remove {self.other(person).name}").ends(0)
        self.folder_of(person, text)
        running = self.types(person, text)
        self.sits_at(running, YES)
        running.ends(0)
        if " rule " in text:
            assert person.start("receive", "--timeout", "1s", "--once").ends() == 4, "the rule can be followed"

    def doctor(self, person, text):
        if "--with" in text:
            self.other(person).start("receive", "--yes").says("aiting")
        diagnosis = self.types(person, text)
        diagnosis.ends(0)
        assert "what to expect" in diagnosis.text.lower() or "expect" in diagnosis.text, diagnosis.story()

    def supernode(self, person, text):
        carrying = self.types(person, text)
        carrying.wait_until(lambda: "Listed: others reach you" in carrying.text, "being listed")
        carrying.presses_control_c()
        carrying.ends(0)

    def look(self, person, text):
        """id, peers, receipts: what only shows something."""
        if "receipts check" in text:
            text = text.replace("PATH", FILM)
        running = self.types(person, text)
        running.ends(0)
        assert running.text.strip(), "it shows something"

    def serve(self, person, text):
        if settings := re.search(r"--config (\S+)|> (\S+)", self.filled(text, person)):
            file = Path(settings.group(1) or settings.group(2))
            file.parent.mkdir(parents=True)
            if settings.group(1):
                self.types(person, "pshare-server --config-sample > FILE", FILE=str(file)).ends(0)
        if "--config-sample" in text:
            self.types(person, text).ends(0)
            assert not settings or "listen" in file.read_text(encoding="utf-8")
            return
        listening = self.types(person, text)
        listening.wait_until(lambda: "Clients use" in listening.text, "the line that clients need")
        os.killpg(listening.process.pid, 15)
        listening.ends()
        assert "server.stopped" in listening.text, listening.story()

    # --- which is it? -------------------------------------------------------------------------------------------------------------

    def play(self, command):
        words = shlex.split(command.text.replace("#", "\\#"))
        if re.search(r"--(help|version)$", command.text):
            return self.look(self.alice, command.text)
        if words[0] == "pshare-server":
            return self.serve(self.alice, command.text)
        if words[0] == "mkdir":
            return self.types(self.alice, command.text).ends(0)
        assert "pshare " in command.text, "it is neither pshare's, so that it could be run here, nor listed in NOT_RUN"
        verb = re.sub(r" --home \S+", "", command.text.split("pshare", 1)[1]).split()[0]
        person = {"alice": self.alice, "bob": self.bob}.get(command.who) or self._who_would_type(verb, command.text)
        {"init": self.init, "send": self.send, "receive": self.receive, "pair": self.pair, "contacts": self.contacts, "doctor": self.doctor,
         "supernode": self.supernode}.get(verb, self.look)(person, command.text)

    def _who_would_type(self, verb, text):
        if verb == "receive" or re.search(r"\balice\b|\bYOU\b|--home \S*bob\b", text):
            return self.bob
        return self.alice
