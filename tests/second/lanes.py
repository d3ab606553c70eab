"""What travels on lanes: frames, manifests, chunks, receipts. docs/protocol.md, "Lanes" and what stands under it."""
import hashlib

import xxhash
import zstandard
from cbor import Malformed
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

BODY = 64 * 1024
KiB, MiB = 1024, 1024 * 1024
SMALLEST_CHUNK, LARGEST_CHUNK = 64 * KiB, 4 * MiB
TIERS = ("direct", "mapped", "punched", "supernode", "relay")
STORED, ZSTD, ZEROS = 0, 1, 2


def xxh3(data):
    return xxhash.xxh3_128_digest(data)


# --- Frames. Each message a dictionary: "is" names it ---------------------------------------------------------------------------------------------------------


class Body:
    """Takes fields off the front."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        if count > len(self.data):
            raise Malformed("too short")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def rest(self):
        return self.take(len(self.data))


def _u(size, number):
    return number.to_bytes(size, "big")


def _write_chunks(key, size=8):
    return lambda said: b"".join(_u(size, each) for each in said[key])


def _read_chunks(key, most):
    def read(body):
        chunks = []
        while body.data:
            chunks.append(body.number(8))
        if len(chunks) > most:
            raise Malformed("too many chunks")
        return {key: chunks}
    return read


def _read_hello(body):
    said = {"session": body.take(16), "ordinal": body.number(4), "tier": body.number(1)}
    if said["tier"] >= len(TIERS):
        raise Malformed("an unknown tier")
    return said


def _read_begin(body):
    said = {"transfer": body.take(16), "entries": body.number(8), "bytes": body.number(8), "chunk size": body.number(8), "stream": body.number(1)}
    if said["stream"] > 1 or not SMALLEST_CHUNK <= said["chunk size"] <= LARGEST_CHUNK:
        raise Malformed("no such manifest")
    return said


def _read_have_part(body):
    said = {"first": body.number(8), "bits": body.rest()}
    if said["first"] % 8:
        raise Malformed("begins within a byte")
    return said


def _read_have_check(body):
    items = []
    while body.data:
        items.append({"chunk": body.number(8), "hash": body.take(16)})
    if len(items) > 1024:
        raise Malformed("too many checks")
    return {"items": items}


def _read_chunk(body):
    said = {"chunk": body.number(8), "raw length": body.number(4), "wire length": body.number(4), "codec": body.number(1), "hash": body.take(16)}
    length, wire, codec = said["raw length"], said["wire length"], said["codec"]
    if not 1 <= length <= LARGEST_CHUNK or wire > LARGEST_CHUNK or codec > ZEROS or (codec == ZEROS) != (wire == 0) or codec == STORED and wire != length:
        raise Malformed("no such chunk")
    return said


def _read_verified(body):
    names = []
    while body.data:
        names.append(body.take(body.number(2)))
        if len(names[-1]) > 1024:
            raise Malformed("too long a name")
    return {"names": names}


def _read_stop(body):
    code = body.take(body.number(1)).decode("utf-8", "replace")
    said = {"code": code, "words": body.rest().decode("utf-8", "replace")}
    if len(said["words"].encode()) > 1024:
        raise Malformed("too many words")
    return said


def _read_receipt(body):
    said = {"receipt": body.rest()}
    if len(said["receipt"]) not in (0, 270):
        raise Malformed("no receipt")
    return said


def _nothing(_):
    return b""


def _read_nothing(_):
    return {}


# In the order of their types.
MESSAGES = [
    ("LaneHello", lambda m: m["session"] + _u(4, m["ordinal"]) + _u(1, m["tier"]), _read_hello),
    ("LaneReady", _nothing, _read_nothing),
    ("ManifestBegin", lambda m: m["transfer"] + _u(8, m["entries"]) + _u(8, m["bytes"]) + _u(8, m["chunk size"]) + _u(1, m["stream"]), _read_begin),
    ("ManifestPart", lambda m: m["entries"], lambda body: {"entries": body.rest()}),
    ("ManifestEnd", lambda m: m["digest"], lambda body: {"digest": body.take(16)}),
    ("HaveBegin", lambda m: _u(8, m["chunks"]), lambda body: {"chunks": body.number(8)}),
    ("HavePart", lambda m: _u(8, m["first"]) + m["bits"], _read_have_part),
    ("HaveCheck", lambda m: b"".join(_u(8, each["chunk"]) + each["hash"] for each in m["items"]), _read_have_check),
    ("HaveEnd", _nothing, _read_nothing),
    ("CheckResult", _write_chunks("same"), _read_chunks("same", 4096)),
    ("Chunk", lambda m: _u(8, m["chunk"]) + _u(4, m["raw length"]) + _u(4, m["wire length"]) + _u(1, m["codec"]) + m["hash"], _read_chunk),
    ("Stored", _write_chunks("chunks"), _read_chunks("chunks", 4096)),
    ("Durable", _write_chunks("chunks"), _read_chunks("chunks", 4096)),
    ("Again", _write_chunks("chunks"), _read_chunks("chunks", 4096)),
    ("End", lambda m: _u(8, m["bytes"]), lambda body: {"bytes": body.number(8)}),
    ("Verified", lambda m: b"".join(_u(2, len(name)) + name for name in m["names"]), _read_verified),
    ("Farewell", _nothing, _read_nothing),
    ("Beat", _nothing, _read_nothing),
    ("Stop", lambda m: _u(1, len(m["code"].encode())) + m["code"].encode() + m["words"].encode(), _read_stop),
    ("Receipt", lambda m: m["receipt"], _read_receipt),
]
TYPES = {name: number for number, (name, _, _) in enumerate(MESSAGES)}


def encode(message):
    """The whole frame; of a Chunk without the payload."""
    number = TYPES[message["is"]]
    body = MESSAGES[number][1](message)
    assert len(body) <= BODY
    return _u(1, number) + _u(3, len(body)) + body


def decode_header(four):
    number, length = four[0], int.from_bytes(four[1:4], "big")
    if number >= len(MESSAGES) or length > BODY:
        raise Malformed("no frame")
    return number, length


def decode(frame):
    number, length = decode_header(frame[:4])
    if len(frame) != 4 + length:
        raise Malformed("not one frame")
    body = Body(frame[4:])
    name, _, read = MESSAGES[number]
    said = {"is": name, **read(body)}
    if body.data:
        raise Malformed("bytes left over")
    return said


# --- Chunks ---------------------------------------------------------------------------------------------------------------------------------------------------


def payload_of(header, payload):
    """The raw bytes. Raises Malformed if they are not what the header says."""
    length = header["raw length"]
    if header["codec"] == ZEROS:
        raw = bytes(length)
    elif header["codec"] == STORED:
        raw = payload
    else:
        try:
            raw = zstandard.ZstdDecompressor().decompress(payload, max_output_size=length)
        except zstandard.ZstdError as trouble:
            raise Malformed("does not decompress") from trouble
    if len(raw) != length or xxh3(raw) != header["hash"]:
        raise Malformed("does not have its hash")
    return raw


# --- Manifests ------------------------------------------------------------------------------------------------------------------------------------------------

FILE, DIRECTORY, LINK = 0, 1, 2


def encode_entry(entry):
    """`entry`: type, name, mode, mtime, and as the type has them parent, sparse, size, version, target."""
    first = entry["type"] | (4 if entry.get("sparse") else 0) | (8 if "parent" in entry else 0)
    out = _u(1, first) + (_u(4, entry["parent"]) if "parent" in entry else b"")
    out += _u(2, entry["mode"]) + entry["mtime"].to_bytes(8, "big", signed=True) + _u(2, len(entry["name"])) + entry["name"]
    if entry["type"] == FILE:
        out += _u(8, entry["size"]) + _u(8, entry["version"])
    if entry["type"] == LINK:
        out += _u(2, len(entry["target"])) + entry["target"]
    return out


def decode_entries(part):
    body, entries = Body(part), []
    if not part:
        raise Malformed("an empty part")
    while body.data:
        first = body.number(1)
        entry = {"type": first & 3}
        if first > 15 or entry["type"] > LINK:
            raise Malformed("an unknown type")
        if first & 8:
            entry["parent"] = body.number(4)
        entry["mode"], entry["mtime"] = body.number(2), int.from_bytes(body.take(8), "big", signed=True)
        entry["name"] = body.take(body.number(2))
        if entry["mode"] > 0o777:
            raise Malformed("more than permission bits")
        if entry["type"] == FILE:
            entry["size"], entry["version"] = body.number(8), body.number(8)
        if first & 4:
            if entry["type"] != FILE:
                raise Malformed("holes in what is no file")
            entry["sparse"] = True
        if entry["type"] == LINK:
            entry["target"] = body.take(body.number(2))
        entries.append(entry)
    return entries


def _check_target(target, depth):
    if not target or len(target) > 4095 or b"\0" in target or target.startswith(b"/") or depth == 0:
        raise Malformed("no such link")
    climbed, descended = 0, False
    for component in target.split(b"/"):
        if component in (b"", b"."):
            continue
        if component != b"..":
            descended = True
            continue
        climbed += 1
        if descended or climbed >= depth:
            raise Malformed("a link that might lead outside")


def check_manifest(entries):
    """What a receiver must refuse. `depth` of an entry: how many directories are above it."""
    depths, seen = [], set()
    for index, entry in enumerate(entries):
        name, parent = entry["name"], entry.get("parent")
        if not name or name in (b".", b"..") or b"/" in name or b"\0" in name or len(name) > 255:
            raise Malformed("no name")
        if parent is None:
            if name.lower().startswith(b".pshare-partial"):
                raise Malformed("the name of a partial folder")
            depth = 0
        else:
            if parent >= index or entries[parent]["type"] != DIRECTORY:
                raise Malformed("a parent that is no earlier directory")
            depth = depths[parent] + 1
        if depth > 1024 or (parent, name) in seen:
            raise Malformed("too deep, or twice")
        if entry["type"] == LINK:
            _check_target(entry["target"], depth)
        seen.add((parent, name))
        depths.append(depth)
    return entries


def chunk_count(size, chunk_size):
    return -(-size // chunk_size)


def transfer_id(sender, receiver, stream, names, paths):
    def listed(texts):
        return _u(8, len(texts)) + b"".join(_u(8, len(each)) + each for each in sorted(texts))
    return xxh3(b"pshare-transfer/1" + sender + receiver + _u(1, stream) + listed(names) + listed(paths))


# --- Receipts -------------------------------------------------------------------------------------------------------------------------------------------------

RECEIPT = (("version", 1), ("kind", 1), ("transfer", 16), ("sender", 32), ("receiver key", 32), ("time", 8), ("files", 8), ("bytes", 8), ("chunk size", 4), ("manifest", 32),
           ("names", 32), ("contents", 32))
DIGESTS = ("transfer", "sender", "receiver key", "manifest", "names", "contents")


def names_digest(entries):
    out = b""
    for entry in entries:
        out += _u(1, entry["type"]) + _u(4, entry.get("parent", 0xFFFFFFFF)) + _u(2, len(entry["name"])) + entry["name"]
        if entry["type"] == FILE:
            out += _u(8, entry["size"])
        if entry["type"] == LINK:
            out += _u(2, len(entry["target"])) + entry["target"]
    return hashlib.sha256(out).digest()


def contents_digest(chunks):
    """RFC 6962 section 2.1."""
    if not chunks:
        return hashlib.sha256().digest()
    if len(chunks) == 1:
        return hashlib.sha256(b"\0" + chunks[0]).digest()
    left = 1 << (len(chunks) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + contents_digest(chunks[:left]) + contents_digest(chunks[left:])).digest()


def signed_receipt(receiver, statement):
    body = b"".join(statement[name] if name in DIGESTS else _u(size, statement[name]) for name, size in RECEIPT)
    return body + receiver.sign(b"pshare receipt v1" + body)


def open_receipt(signed):
    if len(signed) != 270 or signed[0] != 1:
        raise Malformed("no receipt of this version")
    body = Body(signed[:206])
    statement = {name: body.take(size) if name in DIGESTS else body.number(size) for name, size in RECEIPT}
    if statement["kind"] > 1 or not SMALLEST_CHUNK <= statement["chunk size"] <= LARGEST_CHUNK:
        raise Malformed("no receipt")
    try:
        Ed25519PublicKey.from_public_bytes(statement["receiver key"]).verify(signed[206:], b"pshare receipt v1" + signed[:206])
    except InvalidSignature as trouble:
        raise Malformed("the signature does not hold") from trouble
    return statement
