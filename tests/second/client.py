"""The least that works (docs/protocol.md): a client of the server, a sender and a receiver over one direct TCP lane. No UDP, no punching, no relays, no resuming."""
import collections
import hashlib
import os
import secrets
import socket
import stat
import time
from pathlib import Path

import cbor
import codes
import control
import lanes
import signals
from cbor import Malformed
from identity import id_from_text, peer_id
from tls import CutOff, TlsStream

PATIENCE = 30
CHUNK = lanes.MiB
WINDOW = 16 * lanes.MiB


class Trouble(Exception):
    """What somebody said no to, in their words."""


def later(seconds=PATIENCE):
    return time.monotonic() + seconds


# --- The server -----------------------------------------------------------------------------------------------------------------------------------------------


class Server:
    """A control connection. `spec` is HOST:PORT#ID, as pshare-server prints it."""

    def __init__(self, us, spec, features=(), ordinary=False):
        """`ordinary`: what others see of it is ordinary TLS, as on port 443 and through proxies."""
        address, _, pin = spec.partition("#")
        host, _, port = address.rpartition(":")
        self.us, self.requests = us, 0
        self.deliveries, self.news = collections.deque(), collections.deque()
        self.pin, self.port = id_from_text(pin), int(port)
        self.host = host.strip("[]")
        self.stream = self.dial("pshare-control/1", ordinary)
        self.say({"t": "hello", "v": 1, "agent": "second 1.0", "features": list(features)})
        self.welcome = self.hear(later())
        if self.welcome["t"] != "welcome":
            raise Trouble(self.welcome.get("words"))

    def dial(self, role, ordinary=False, port=None):
        """TLS with the server, in that role."""
        sock = socket.create_connection((self.host, port or self.port), PATIENCE)
        stream = TlsStream(sock, self.us, lambda peer: peer == self.pin, "http/1.1" if ordinary else role)
        if ordinary:
            stream.write(cbor.frame(cbor.encode({"role": role})))
        return stream

    def reflection(self, port=None):
        """Where the server sees a new connection of ours come from, and from where it came."""
        stream = self.dial("pshare-reflect/1", port=port)
        length = int.from_bytes(stream.read_exactly(4, later()), "big")
        seen = cbor.read(control.REFLECTION, cbor.decode(stream.read_exactly(length, later())))
        ours = stream.sock.getsockname()
        stream.close()
        return seen, ours

    def say(self, message):
        self.stream.write(cbor.frame(control.encode(message)))

    def hear(self, until):
        """The next message. Pings while it waits."""
        while True:
            try:
                length = int.from_bytes(self.stream.read_exactly(4, min(until, later(15))), "big")
                break
            except TimeoutError:
                if time.monotonic() >= until:
                    raise
                self.say({"t": "ping"})
        if length > cbor.FRAME:
            raise Malformed("too long a frame")
        return control.decode(control.SERVER, self.stream.read_exactly(length, later()))

    def _sort(self, message):
        if message["t"] == "delivery":
            self.deliveries.append(message)
        elif message["t"] == "code-news":
            self.news.append(message)
        elif message["t"] == "trouble" and "req" not in message:
            raise Trouble(message["words"])

    def ask(self, verb, **keys):
        """The answer to a request; what else comes meanwhile is kept."""
        self.requests += 1
        number = self.requests
        self.say({"t": verb, "req": number, **keys})
        until = later()
        while True:
            message = self.hear(until)
            if message.get("req") != number:
                self._sort(message)
            elif message["t"] == "trouble":
                raise Trouble(message["words"])
            else:
                return message

    def _next(self, kept, until):
        while not kept:
            self._sort(self.hear(until))
        return kept.popleft()

    def next_news(self, until):
        return self._next(self.news, until)

    def key_of(self, name):
        """Of a name, or of a peer ID: then the answer is compared with it."""
        try:
            wanted = id_from_text(name)
        except ValueError:
            return self.ask("resolve", name=name)["key"]
        key = self.ask("resolve", id=wanted)["key"]
        if peer_id(key) != wanted:
            raise Trouble("the server gave another key")
        return key

    def signal(self, key, signal, device=0, wait=False):
        sealed = signals.envelope(self.us, key, int(time.time()), secrets.token_bytes(16), secrets.token_bytes(32), signals.encode(signal))
        shown = signal["t"] in ("offer", "accept", "more-candidates")
        return self.ask("signal", to=peer_id(key), device=device, body=sealed, wait=wait, session=signal["session"], show=shown)["fate"]

    def next_signal(self, until):
        """Gives the signal, the key that signed it, and the device to answer. What is not to be believed, or not known here, is dropped."""
        while True:
            delivery = self._next(self.deliveries, until)
            try:
                key, _, body = signals.open_envelope(self.us, delivery["body"], int(time.time()))
                if peer_id(key) == delivery["from"]:
                    return signals.decode(body), key, delivery["device"]
            except (signals.Refused, Malformed):
                continue

    def close(self):
        self.say({"t": "bye"})
        self.stream.close()


# --- Codes ----------------------------------------------------------------------------------------------------------------------------------------------------


def invite(server, name, show, words=None):
    """Shows a code, and gives the Introduction of whoever knew it."""
    words = words or "-".join(secrets.choice(codes.WORDS) for _ in range(2))
    number = server.ask("code-open", wish=0)["number"]
    show(f"{number}-{words}")
    host = codes.Host(number, words, {"key": server.us.public_key, "name": name, "for": "send"}, secrets.token_bytes)
    until = later(600)
    joined = server.next_news(until)
    server.ask("code-message", number=number, body=host.joined(joined["body"]))
    third = server.next_news(later())
    if third["what"] != "message":
        raise Trouble("they broke off")
    guest, welcome = host.confirmed(third["body"])
    server.ask("code-message", number=number, body=welcome)
    return guest


def join(server, name, code, purpose="send"):
    """Gives the Introduction of the host, whose offers come here from then on."""
    number, words, _ = codes.parse(code)
    guest = codes.Guest(number, words, {"key": server.us.public_key, "name": name, "for": purpose}, secrets.token_bytes)
    server.ask("code-join", number=number, body=guest.share)
    host, third = guest.answered(_message(server))
    if host["for"] != purpose:
        raise Trouble("this code is for something else")
    if purpose == "send":
        server.ask("take-offers", **{"from": peer_id(host["key"])})
    server.ask("code-message", number=number, body=third)
    guest.welcomed(_message(server))
    server.ask("code-close", number=number)
    return host


def _message(server):
    news = server.next_news(later())
    if news["what"] != "message":
        raise Trouble("they broke off")
    return news["body"]


# --- A lane ---------------------------------------------------------------------------------------------------------------------------------------------------


class Lane:
    def __init__(self, stream):
        self.stream, self.heard_at, self.said_at = stream, time.monotonic(), time.monotonic()

    def say(self, **message):
        self.write(lanes.encode(message))

    def write(self, data):
        self.stream.write(data)
        self.said_at = time.monotonic()

    def hear(self):
        """The next message that is no Beat. A Chunk comes with its payload, under "payload"."""
        while True:
            number, length = lanes.decode_header(self._read(4))
            message = lanes.decode(bytes([number]) + length.to_bytes(3, "big") + self._read(length))
            if message["is"] == "Chunk":
                message["payload"] = self._read(message["wire length"])
            if message["is"] == "Stop":
                raise Trouble(f"{message['code']}: {message['words']}")
            if message["is"] != "Beat":
                return message

    def expect(self, *names):
        message = self.hear()
        if message["is"] not in names:
            self.say(**{"is": "Stop", "code": "malformed", "words": f"{message['is']} is out of place"})
            raise Malformed(message["is"])
        return message

    def _read(self, count):
        """Says a Beat where it is due, and takes 15 s of silence for the end."""
        data = b""
        while len(data) < count:
            try:
                data += self.stream.read(count - len(data), min(self.said_at + 5, self.heard_at + 15))
                self.heard_at = time.monotonic()
            except TimeoutError:
                if time.monotonic() >= self.heard_at + 15:
                    raise CutOff("15 s of silence") from None
                self.say(**{"is": "Beat"})
        return data


def local_address(server):
    return socket.inet_aton(server.stream.sock.getsockname()[0])


def text_of(address):
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


class Door:
    """A listener, and the candidate that names it."""

    def __init__(self, server):
        address = server.stream.sock.getsockname()[0]
        self.sock = socket.create_server((address, 0))
        self.candidate = {"type": "host", "transport": "tcp", "address": local_address(server), "port": self.sock.getsockname()[1]}

    def next(self, until):
        self.sock.settimeout(max(0.01, until - time.monotonic()))
        return self.sock.accept()[0]


# --- Sending --------------------------------------------------------------------------------------------------------------------------------------------------


class Source:
    """Files and folders, as a manifest and as one run of bytes."""

    def __init__(self, paths):
        self.entries, self.files = [], []
        for path in map(Path, paths):
            self._add(path.resolve(), None)
        self.size = sum(entry.get("size", 0) for entry in self.entries)
        self.chunks = lanes.chunk_count(self.size, CHUNK)

    def _add(self, path, parent):
        facts = path.lstat()
        kind = lanes.DIRECTORY if stat.S_ISDIR(facts.st_mode) else lanes.LINK if stat.S_ISLNK(facts.st_mode) else lanes.FILE
        entry = {"type": kind, "mode": stat.S_IMODE(facts.st_mode) & 0o777, "mtime": facts.st_mtime_ns, "name": os.fsencode(path.name)}
        if parent is not None:
            entry["parent"] = parent
        if kind == lanes.FILE:
            entry.update(size=facts.st_size, version=facts.st_mtime_ns & 2**64 - 1)
            self.files.append((path, facts.st_size))
        if kind == lanes.LINK:
            entry["target"] = os.fsencode(os.readlink(path))
        index = len(self.entries)
        self.entries.append(entry)
        if kind == lanes.DIRECTORY:
            for child in sorted(path.iterdir()):
                self._add(child, index)

    def read(self, chunk):
        begin, end, at, out = chunk * CHUNK, min((chunk + 1) * CHUNK, self.size), 0, b""
        for path, size in self.files:
            if at < end and at + size > begin:
                with path.open("rb") as file:
                    file.seek(max(0, begin - at))
                    out += file.read(min(end, at + size) - max(begin, at))
            at += size
        assert len(out) == end - begin, "a file has changed"
        return out

    def parts(self):
        part = b""
        for entry in self.entries:
            encoded = lanes.encode_entry(entry)
            if len(part) + len(encoded) > lanes.BODY:
                yield part
                part = b""
            part += encoded
        if part:
            yield part


def offer_for(source, name, transfer, candidates):
    tops = [entry["name"] for entry in source.entries if "parent" not in entry]
    summary = {"files": len(source.files), "entries": len(source.entries), "bytes": source.size, "names": [{"name": each} for each in tops[:8]]}
    return {"t": "offer", "v": 1, "session": secrets.token_bytes(16), "transfer": transfer, "from": name, "summary": summary, "candidates": candidates, "lanes": 1}


def send(server, key, name, paths, receipt=0):
    """Gives the final names that the receiver tells, and its receipt, if one was wished for and given."""
    source = Source(paths)
    door = Door(server)
    absolute = [os.fsencode(Path(path).resolve()) for path in paths]
    transfer = lanes.transfer_id(server.us.id, peer_id(key), 0, [os.path.basename(path) for path in absolute], absolute)
    offer = {**offer_for(source, name, transfer, [door.candidate]), "receipt": receipt}
    server.signal(key, offer, wait=True)
    accept = _answer(server, key, offer["session"])
    lane = _lane_of_sender(server, key, offer["session"], accept, door)
    names = _send_all(lane, source, transfer)
    signed = lane.expect("Receipt")["receipt"] if accept["receipt"] else b""
    lane.say(**{"is": "Farewell"})
    lane.stream.close()
    return names, signed and lanes.open_receipt(signed)


def _answer(server, key, session):
    until = later(120)
    while True:
        signal, signer, _ = server.next_signal(until)
        if signer != key or signal["session"] != session:
            continue
        if signal["t"] == "accept":
            return signal
        if signal["t"] in ("reject", "cancel"):
            raise Trouble(f"{signal['why']}: {signal.get('words', '')}")


def _lane_of_sender(server, key, session, accept, door):
    """Dials their addresses, one after the other, then waits to be dialled. TLS client in either case."""
    hello = {"is": "LaneHello", "session": session, "ordinal": 0, "tier": 0}

    def greet(sock):
        lane = Lane(TlsStream(sock, server.us, lambda peer: peer == peer_id(key), "pshare-lane/1"))
        lane.say(**hello)
        lane.expect("LaneReady")
        return lane
    for candidate in accept["candidates"]:
        if candidate["transport"] == "tcp" and candidate["type"] in ("host", "manual", "mapped"):
            try:
                return greet(socket.create_connection((text_of(candidate["address"]), candidate["port"]), 3))
            except OSError:
                continue
    return greet(door.next(later()))


def _send_all(lane, source, transfer):
    lane.say(**{"is": "ManifestBegin", "transfer": transfer, "entries": len(source.entries), "bytes": source.size, "chunk size": CHUNK, "stream": 0})
    whole = b""
    for part in source.parts():
        lane.say(**{"is": "ManifestPart", "entries": part})
        whole += part
    lane.say(**{"is": "ManifestEnd", "digest": lanes.xxh3(whole)})

    durable, there = set(), set()
    assert lane.expect("HaveBegin")["chunks"] == source.chunks
    while (have := lane.expect("HavePart", "HaveCheck", "HaveEnd"))["is"] != "HaveEnd":
        if have["is"] == "HaveCheck":
            same = [each["chunk"] for each in have["items"] if lanes.xxh3(source.read(each["chunk"])) == each["hash"]]
            lane.say(**{"is": "CheckResult", "same": same})
            there.update(same)
        else:
            durable.update(have["first"] + i for i in range(8 * len(have["bits"])) if have["bits"][i // 8] >> i % 8 & 1)

    wanted, on_the_way = [chunk for chunk in range(source.chunks) if chunk not in durable | there], set()
    while len(durable) < source.chunks:
        while wanted and len(on_the_way) < WINDOW // CHUNK:
            chunk = wanted.pop(0)
            _send_chunk(lane, chunk, source.read(chunk))
            on_the_way.add(chunk)
        report = lane.expect("Stored", "Durable", "Again")
        if report["is"] == "Again":
            wanted += report["chunks"]
        on_the_way.difference_update(report["chunks"])
        if report["is"] == "Durable":
            durable.update(report["chunks"])
    lane.say(**{"is": "End", "bytes": source.size})
    return lane.expect("Verified")["names"]


def facts(entries, run, chunk_size, transfer, sender, receiver_key):
    """What a receipt for these has to say, but for the time."""
    encoded = b"".join(lanes.encode_entry(entry) for entry in entries)
    chunks = [run[at:at + chunk_size] for at in range(0, len(run), chunk_size)]
    return {"version": 1, "kind": 0, "transfer": transfer, "sender": sender, "receiver key": receiver_key, "files": sum(entry["type"] == lanes.FILE for entry in entries),
            "bytes": len(run), "chunk size": chunk_size, "manifest": hashlib.sha256(encoded).digest(), "names": lanes.names_digest(entries), "contents": lanes.contents_digest(chunks)}


def _send_chunk(lane, chunk, raw):
    zeros = not any(raw)
    payload = b"" if zeros else raw
    header = {"is": "Chunk", "chunk": chunk, "raw length": len(raw), "wire length": len(payload), "codec": lanes.ZEROS if zeros else lanes.STORED, "hash": lanes.xxh3(raw)}
    lane.write(lanes.encode(header) + payload)


# --- Receiving ------------------------------------------------------------------------------------------------------------------------------------------------


def receive(server, sender, folder, agree=lambda offer: True, meet=None):
    """Takes the next offer of that peer (an ID), and gives the final names. `meet` finds the lane in another way than by a listener of ours."""
    until = later(120)
    while True:
        offer, key, device = server.next_signal(until)
        if offer["t"] == "offer" and peer_id(key) == sender:
            break
    head = {"v": 1, "session": offer["session"]}
    if "text" in offer["summary"]:
        server.signal(key, {"t": "text-shown", **head}, device)
        return [offer["summary"]["text"]]
    if not agree(offer):
        server.signal(key, {"t": "reject", **head, "why": "declined", "words": "Not today."}, device)
        return []
    door = None if meet else Door(server)
    server.signal(key, {"t": "accept", **head, "candidates": [door.candidate] if door else [], "receipt": offer["receipt"] == 2}, device)
    lane = meet(server, key, device, offer) if meet else _lane_of_receiver(server, sender, offer["session"], door)
    names = _receive_all(lane, offer, Path(folder), server.us, sender)
    lane.stream.close()
    return names


def _lane_of_receiver(server, sender, session, door):
    """The first that calls, proves the key and names the session."""
    until = later()
    while True:
        sock = door.next(until)
        try:
            return greeted(server.us, sock, sender, session)
        except (OSError, Malformed, Trouble):
            continue


def dial_sender(server, key, _, offer):
    """Instead of a listener. It is the sender who speaks first on this connection as well."""
    for candidate in offer["candidates"]:
        if candidate["transport"] == "tcp" and candidate["type"] in ("host", "manual", "mapped"):
            try:
                return greeted(server.us, socket.create_connection((text_of(candidate["address"]), candidate["port"]), 3), peer_id(key), offer["session"])
            except (OSError, Malformed):
                continue
    raise Trouble("nothing to dial")


def greeted(us, sock, sender, session):
    """A receiver's part of the greeting: the sender is the TLS client, whoever dialled."""
    lane = Lane(TlsStream(sock, us, lambda peer: peer == sender, "pshare-lane/1", server=True))
    if lane.expect("LaneHello")["session"] != session:
        lane.stream.close()
        raise Trouble("they named another session")
    lane.say(**{"is": "LaneReady"})
    return lane


def _receive_all(lane, offer, folder, us, sender):
    begin = lane.expect("ManifestBegin")
    summary = offer["summary"]
    if begin["transfer"] != offer["transfer"] or begin["entries"] > summary["entries"] or begin["bytes"] > summary.get("bytes", 0) or (begin["stream"] == 1) == ("bytes" in summary):
        raise Malformed("another transfer than was agreed on")
    whole = b""
    while (part := lane.expect("ManifestPart", "ManifestEnd"))["is"] == "ManifestPart":
        whole += part["entries"]
    entries = lanes.check_manifest(lanes.decode_entries(whole) if whole else [])
    size = sum(entry.get("size", 0) for entry in entries)
    if part["digest"] != lanes.xxh3(whole) or (len(entries), size) != (begin["entries"], begin["bytes"]):
        raise Malformed("another manifest than was announced")
    chunk_size, count = begin["chunk size"], lanes.chunk_count(size, begin["chunk size"])
    lane.say(**{"is": "HaveBegin", "chunks": count})
    lane.say(**{"is": "HaveEnd"})

    run = _take_stream(lane, chunk_size) if begin["stream"] else _take_chunks(lane, size, chunk_size)
    if begin["stream"]:
        entries[0]["size"] = len(run)
    names = _write(entries, run, folder)
    if count:
        lane.say(**{"is": "Durable", "chunks": [count - 1]})
    lane.say(**{"is": "Verified", "names": names[:8]})
    if offer["receipt"] == 2:
        statement = {**facts(entries, run, chunk_size, offer["transfer"], sender, us.public_key), "time": int(time.time())}
        lane.say(**{"is": "Receipt", "receipt": lanes.signed_receipt(us, statement)})
    if lane.expect("End", "Farewell")["is"] == "End":      # of a stream it came before
        lane.expect("Farewell")
    return names


# All of it in memory: this is for reading, not for films.


def _take_chunks(lane, size, chunk_size):
    """Says all but the last one durable: that one when it is true of all."""
    run, count = bytearray(size), lanes.chunk_count(size, chunk_size)
    missing = set(range(count))
    while missing:
        chunk = lane.expect("Chunk")
        index = chunk["chunk"]
        if index >= count or chunk["raw length"] != min(chunk_size, size - index * chunk_size):
            raise Malformed("no such chunk")
        run[index * chunk_size:index * chunk_size + chunk["raw length"]] = lanes.payload_of(chunk, chunk["payload"])
        missing.discard(index)
        lane.say(**{"is": "Stored", "chunks": [index]})
        if index != count - 1:
            lane.say(**{"is": "Durable", "chunks": [index]})
    return bytes(run)


def _take_stream(lane, chunk_size):
    """How long it is End says, which comes when all is durable."""
    chunks = {}
    while (message := lane.expect("Chunk", "End"))["is"] == "Chunk":
        chunks[message["chunk"]] = lanes.payload_of(message, message["payload"])
        lane.say(**{"is": "Durable", "chunks": [message["chunk"]]})
    run = b"".join(chunks[index] for index in sorted(chunks))
    if sorted(chunks) != list(range(len(chunks))) or len(run) != message["bytes"] or any(len(chunks[index]) != chunk_size for index in range(len(chunks) - 1)):
        raise Malformed("a stream with a gap")
    return run


def _write(entries, run, folder):
    """Never over what is there."""
    paths, at, tops = [], 0, []
    for entry in entries:
        path = (paths[entry["parent"]] if "parent" in entry else folder) / os.fsdecode(entry["name"])
        paths.append(path)
        if "parent" not in entry:
            tops.append(entry["name"])
        if entry["type"] == lanes.DIRECTORY:
            path.mkdir()
        elif entry["type"] == lanes.LINK:
            path.symlink_to(os.fsdecode(entry["target"]))
        else:
            with path.open("xb") as file:
                file.write(run[at:at + entry["size"]])
                file.flush()
                os.fsync(file.fileno())
            at += entry["size"]
    for path, entry in reversed(list(zip(paths, entries))):      # a folder's time, last: what is made in it changes it
        if entry["type"] != lanes.LINK:
            path.chmod(entry["mode"])
            os.utime(path, ns=(entry["mtime"], entry["mtime"]))
    return tops
