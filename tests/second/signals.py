"""What two peers say to each other through the server, and the envelope that it travels in: docs/protocol.md, "Signals"."""
import hashlib

import cbor
from cbor import Key, Malformed, array_of, flag, map_of, number, raw, raw_up_to, text, word
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from identity import peer_id, x25519_public
from nacl import bindings
from nacl.exceptions import CryptoError

LABEL = b"pshare signal v1"
TOO_OLD, TOO_EARLY = 25 * 3600, 3600


class Refused(ValueError):
    """An envelope that is not to be believed."""


def content(sender, recipient_id, now, nonce, signal):
    """All that is in the sealed box."""
    signed = b"\1" + sender.public_key + recipient_id + now.to_bytes(8, "big") + nonce + signal
    return signed + sender.sign(LABEL + signed)


def seal(public_key, message, ephemeral):
    """crypto_box_seal, with the ephemeral secret key given: libsodium draws it at random."""
    theirs, ours = x25519_public(public_key), bindings.crypto_scalarmult_base(ephemeral)
    nonce = hashlib.blake2b(ours + theirs, digest_size=24).digest()
    return ours + bindings.crypto_box(message, nonce, theirs, ephemeral)


def envelope(sender, recipient_key, now, nonce, ephemeral, signal):
    return seal(recipient_key, content(sender, peer_id(recipient_key), now, nonce, signal), ephemeral)


def open_envelope(recipient, sealed, now):
    """Gives the sender's key, the nonce (which must be new) and the signal."""
    secret, public = recipient.x25519
    try:
        inside = bindings.crypto_box_seal_open(sealed, public, secret)
    except CryptoError as trouble:
        raise Refused("not sealed to us, or altered") from trouble
    if len(inside) < 89 + 64:
        raise Refused("too short")
    signed, signature = inside[:-64], inside[-64:]
    if signed[0] != 1:
        raise Refused("another version")
    key, to, at, nonce = signed[1:33], signed[33:65], int.from_bytes(signed[65:73], "big"), signed[73:89]
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, LABEL + signed)
    except InvalidSignature as trouble:
        raise Refused("the signature does not hold") from trouble
    if to != recipient.id:
        raise Refused("written to somebody else")
    if not now - TOO_OLD <= at <= now + TOO_EARLY:
        raise Refused("too old, or from the future")
    return key, nonce, signed[89:]


# --- The signals --------------------------------------------------------------------------------------------------------------------------------------------

ANY_MAP = map_of([])
MAPS = array_of(ANY_MAP)
CANDIDATES = Key("candidates", MAPS, [])
NAT = [Key("udp", ANY_MAP, {}), Key("tcp", ANY_MAP, {}), Key("server-rtt", number(), 0)]

SIGNALS = {
    "offer": [Key("transfer", raw(16)), Key("summary", ANY_MAP), Key("from", text(64), ""), CANDIDATES, Key("lanes", number(), 1), Key("check-secret", raw(32), bytes(32)),
              Key("receipt", number(), 0), *NAT],
    "accept": [CANDIDATES, *NAT, Key("receipt", flag, False)],
    "reject": [Key("why", word("declined", "not-a-contact", "no-terminal", "no-space", "unfit", "busy", "local-trouble"), "declined"), Key("words", text(), "")],
    "cancel": [Key("why", word("user", "taken-by-other-device", "timed-out", "superseded", "no-path"), "user")],
    "text-shown": [],
    "punch": [Key("round", number(1)), Key("transport", word("udp", "tcp")), Key("forecast", ANY_MAP)],
    "more-candidates": [CANDIDATES, *NAT],
    "relays-near": [Key("relays", MAPS, [])],
    "meet-at-relay": [Key("relay", raw(32)), Key("ticket", raw_up_to(1024)), Key("at", MAPS, [])],
    "try-again": [],
    "inquiry": [],
    "findings": [Key("network", ANY_MAP, {})],
}
SUMMARY = [Key("files", number()), Key("entries", number()), Key("bytes", number(), None), Key("names", MAPS, []), Key("text", lambda value: isinstance(value, bytes), None)]
CANDIDATE = [Key("type", word("host", "manual", "server-reflexive", "mapped", "relayed")), Key("transport", word("tcp", "udp")), Key("address", raw(4, 16)),
             Key("port", number(1, 65535))]
FORECAST = {
    "stepping": [Key("step", number(), 1), Key("down", flag, False), Key("strangers", number(), 0)],
    "random": [Key("lowest", number(1, 65535), 1024), Key("highest", number(1, 65535), 65535)],
    "stable": [],
}
NEAR = [Key("id", raw(32)), Key("rtt", number())]
HABIT = [Key("ports", word("blocked", "stable", "stepping", "random"), "unknown"), Key("small-block", flag, False)]
NETWORK = [Key("udp", ANY_MAP, {}), Key("tcp", ANY_MAP, {}), *(Key(name, flag, False) for name in ("reachable", "mapped", "ipv6", "ipv6-reachable"))]


def usable(address):
    if len(address) == 16 and address[:12] == bytes(10) + b"\xff\xff":
        address = address[12:]
    if len(address) == 4:
        return address[0] != 0 and address[0] < 224
    return address[0] != 0xFF and any(address)


def candidates(maps):
    """Those of the first 32 that make sense."""
    found = []
    for each in maps[:32]:
        try:
            candidate = cbor.read(CANDIDATE, each)
        except Malformed:
            continue
        if usable(candidate["address"]):
            found.append(candidate)
    return found


def relay_addresses(maps):
    return [each for each in candidates(maps) if each["type"] == "relayed" and each["transport"] == "tcp"][:4]


def forecast(found):
    """None for one that makes no sense."""
    kind = found.get("kind")
    if kind not in FORECAST:
        return {"kind": "blocked" if kind == "blocked" else "unknown"}
    try:
        said = cbor.read([Key("address", raw(4, 16)), Key("port", number(1, 65535)), *FORECAST[kind]], found)
    except Malformed:
        return None
    if not usable(said["address"]) or kind == "stepping" and not 1 <= said["step"] <= 64 or kind == "random" and said["lowest"] > said["highest"]:
        return None
    if kind == "stepping":
        said["strangers"] = min(said["strangers"], 10_000)
    return {"kind": kind, **said}


def encode(signal):
    return cbor.encode(signal)


def decode(body):
    found = cbor.decode(body)
    head = cbor.read([Key("t", text()), Key("v", number()), Key("session", raw(16))], found)
    if head["v"] != 1:
        raise Malformed("another version")
    if head["t"] not in SIGNALS:
        raise Malformed("an unknown kind")
    said = {**head, **cbor.read(SIGNALS[head["t"]], found)}
    for key in ("udp", "tcp"):
        if key in said:
            said[key] = forecast(said[key]) or {"kind": "unknown"}
    if "server-rtt" in said:
        said["server-rtt"] = min(said["server-rtt"], 2_000_000)
    if "candidates" in said:
        said["candidates"] = candidates(said["candidates"])
    if said["t"] == "offer":
        said["summary"] = summary(said["summary"])
        said["receipt"] = said["receipt"] if said["receipt"] in (1, 2) else 0
    if said["t"] == "punch":
        said["forecast"] = forecast(said["forecast"])
        if said["forecast"] is None:
            raise Malformed("a forecast that makes no sense")
    if said["t"] == "relays-near":
        if len(said["relays"]) > 8:
            raise Malformed("too many relays")
        said["relays"] = [cbor.read(NEAR, each) for each in said["relays"]]
        for each in said["relays"]:
            each["rtt"] = min(each["rtt"], 10_000_000)
    if said["t"] == "meet-at-relay":
        said["at"] = relay_addresses(said["at"])
    if said["t"] == "findings":
        said["network"] = network(said["network"])
    return said


def summary(found):
    said = cbor.read(SUMMARY, found)
    if said["files"] > said["entries"]:
        raise Malformed("more files than entries")
    said["names"] = [cbor.read([Key("name", raw_up_to(255))], each) for each in said["names"]]
    if len(said["names"]) > 8 or len(said.get("text", b"")) > 16384:
        raise Malformed("too many names, or too long a text")
    return said


def network(found):
    said = cbor.read(NETWORK, found)
    for key in ("udp", "tcp"):
        said[key] = cbor.read(HABIT, said[key])
        said[key]["small-block"] &= said[key]["ports"] == "random"
    said["ipv6-reachable"] &= said["ipv6"]
    return said
