#!/usr/bin/env python3
"""The test vectors (tests/vectors), made by this implementation of what docs/protocol.md says.

  vectors.py           are the files what this implementation makes, and does it read them as they say? (test_vectors.py asks the same)
  vectors.py --write   writes them anew

A file is an object of lists; what is in an element stands in tests/vectors/README.md. Bytes are written {"hex": "..."}, long runs of one byte in it 00*65537."""
import hashlib
import json
import re
import sys
from pathlib import Path

import cbor
import checks
import codes
import control
import identity
import lanes
import relays
import signals
from identity import Identity
from lanes import DIRECTORY, FILE, LINK, MiB

FOLDER = Path(__file__).parent.parent / "vectors"
NOW = 1_800_000_000


def draw(what, count):
    """Bytes that look random, the same every time."""
    return hashlib.shake_256(b"pshare test vector " + what.encode()).digest(count)


ALICE, BOB, SERVER, SUPERNODE = (Identity(draw(f"seed of {who}", 32)) for who in ("alice", "bob", "the server", "the supernode"))
SESSION, TRANSFER = draw("session", 16), draw("transfer", 16)
V4, V6 = bytes([203, 0, 113, 7]), bytes.fromhex("20010db8000000000000000000000007")


# --- JSON -----------------------------------------------------------------------------------------------------------------------------------------------------


def hex_of(data):
    parts, at = [], 0
    for run in re.finditer(rb"(.)\1{63,}", data, re.DOTALL):
        parts += [data[at:run.start()].hex(), f"{run[1].hex()}*{len(run[0])}"]
        at = run.end()
    return " ".join(part for part in (*parts, data[at:].hex()) if part)


def from_hex(text):
    runs = (part.partition("*") for part in text.split())
    return b"".join(bytes.fromhex(digits) * int(times or 1) for digits, _, times in runs)


def to_json(value):
    if isinstance(value, bytes):
        return {"hex": hex_of(value)}
    if isinstance(value, dict):
        return {key: to_json(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(each) for each in value]
    return value


def from_json(value):
    if isinstance(value, dict):
        return from_hex(value["hex"]) if set(value) == {"hex"} else {key: from_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [from_json(each) for each in value]
    return value


def written(what):
    text = json.dumps(to_json(what), indent=1, ensure_ascii=True)
    return re.sub(r'\{\s+"hex": "([0-9a-f* ]*)"\s+\}', r'{"hex": "\1"}', text) + "\n"


# --- identities.json ------------------------------------------------------------------------------------------------------------------------------------------


def identities():
    people = {"alice": ALICE, "bob": BOB, "the server": SERVER, "the supernode": SUPERNODE}
    text = identity.id_text(ALICE.id)
    digits_for_letters = text.replace("O", "0").replace("I", "1").replace("B", "8")
    wrong = text[:-1] + ("A" if text[-1] != "A" else "C")
    at = next(i for i in range(20, 50) if text[i] != text[i + 1] and "-" not in text[i:i + 2])
    swapped = text[:at] + text[at + 1] + text[at] + text[at + 2:]
    return {
        "keys": [{"name": name, "seed": who.seed, "public key": who.public_key, "spki": identity.SPKI + who.public_key, "id": who.id, "id text": identity.id_text(who.id),
                  "fingerprint words": identity.spelt(who.id), "x25519 public key": who.x25519[1], "certificate": who.certificate_der} for name, who in people.items()],
        "typed": [{"text": each, "id": ALICE.id} for each in (text, text.lower(), text.replace("-", ""), text.replace("-", " "), digits_for_letters, f" {text} ")],
        "refused": [{"text": each, "why": why} for each, why in (
            ("", "empty"), (text[:-1], "a character is missing"), (text + "A", "a character too many"), (wrong, "a wrong character"), (swapped, "two neighbours swapped"),
            (text.replace(text[0], "9", 1), "a character that there is not"))],
        "comparison words": [{"one": one, "other": other, "words": identity.comparison_words(one, other)} for one, other in (
            (bytes([1]) * 32, bytes([2]) * 32), (ALICE.id, BOB.id), (BOB.id, ALICE.id))],
    }


# --- control.json ---------------------------------------------------------------------------------------------------------------------------------------------


def candidate(kind, transport, address, port):
    return {"type": kind, "transport": transport, "address": address, "port": port}


def client_messages():
    ids = [{"id": ALICE.id}, {"id": BOB.id}]
    body = draw("body", 40)
    return [
        {"t": "hello", "v": 1, "agent": "second 1.0", "features": ["answers-only"]},
        {"t": "hello", "v": 1, "agent": "", "features": []},
        {"t": "register", "req": 1, "name": "alice"},
        {"t": "resolve", "req": 2, "name": "bob"},
        {"t": "resolve", "req": 3, "id": BOB.id},
        {"t": "who", "req": 23, "peers": ids},
        {"t": "who", "req": 24, "peers": []},
        {"t": "signal", "req": 255, "to": BOB.id, "device": 0, "body": body, "wait": True, "session": SESSION, "show": True},
        {"t": "signal", "req": 256, "to": BOB.id, "device": 2**64 - 1, "body": body, "wait": False, "session": SESSION, "show": True, "show2": V6},
        {"t": "signal", "req": 257, "to": BOB.id, "device": 7, "body": b"", "wait": False, "session": SESSION, "show": False},
        {"t": "withdraw", "req": 65535, "to": BOB.id, "session": SESSION},
        {"t": "probe", "req": 65536, "transport": "tcp", "port": 1, "nonce": draw("nonce", 16)},
        {"t": "probe", "req": 2**32 - 1, "transport": "udp", "port": 65535, "nonce": draw("nonce", 16)},
        {"t": "volunteer", "req": 2**32, "port": 4701, "anyone": True, "full": False},
        {"t": "volunteer", "req": 9, "port": 0, "anyone": False, "full": True},
        {"t": "ask-relays", "req": 10, "trusted": ids},
        {"t": "ask-ticket", "req": 11, "session": SESSION, "peer": BOB.id, "relay": SUPERNODE.id},
        {"t": "code-open", "req": 12, "wish": 0},
        {"t": "code-open", "req": 13, "wish": 4821},
        {"t": "code-join", "req": 14, "number": 1000, "body": body},
        {"t": "code-message", "req": 15, "number": 9_999_999, "body": body},
        {"t": "code-close", "req": 16, "number": 4821},
        {"t": "take-offers", "req": 17, "from": ALICE.id},
        {"t": "ping"},
        {"t": "bye"},
    ]


def server_messages():
    relay_listing = {"id": SUPERNODE.id, "at": [candidate("relayed", "tcp", V4, 4701), candidate("relayed", "tcp", V6, 4701)], "anyone": True}
    return [
        {"t": "welcome", "v": 1, "device": 7, "address": V4, "port": 40000, "now": NOW, "agent": "pshare-server 1.0", "notice": "", "wait": 600},
        {"t": "welcome", "v": 1, "device": 2**63, "address": V6, "port": 0, "now": 0, "agent": "", "notice": "Back at noon.", "wait": 0, "stun": 4700, "stun2": 4701, "reflect2": 4701,
         "address2": V4, "tickets": True, "relay": True, "codes": True},
        {"t": "registered", "req": 1, "name": "alice"},
        {"t": "resolved", "req": 2, "name": "bob", "key": BOB.public_key, "online": True},
        {"t": "resolved", "req": 3, "name": "", "key": BOB.public_key, "online": False},
        {"t": "who-reply", "req": 4, "online": [{"id": BOB.id}]},
        *({"t": "signal-fate", "req": 5 + fate, "fate": fate} for fate in range(5)),
        {"t": "delivery", "from": ALICE.id, "device": 7, "body": draw("body", 40)},
        {"t": "delivery", "from": ALICE.id, "device": 0, "body": draw("body", 40), "at": V4, "at2": V6},
        *({"t": "probed", "req": 20, "outcome": outcome} for outcome in ("reached", "refused", "timeout", "unreachable")),
        {"t": "volunteered", "req": 21, "outcome": "reached", "address": V6, "port": 4701},
        {"t": "relays", "req": 22, "relays": [relay_listing]},
        {"t": "relays", "req": 23, "relays": []},
        {"t": "granted", "req": 24, "ticket": draw("ticket", 60)},
        {"t": "code-answer", "req": 25, "number": 4821},
        *({"t": "code-news", "number": 4821, "what": what, "body": body} for what, body in (("joined", draw("share", 65)), ("message", draw("message", 20)), ("gone", b""))),
        {"t": "taking-offers", "req": 26},
        {"t": "pong"},
        {"t": "notice", "words": "Good evening, Grüße."},
        *({"t": "trouble", "req": 27, "code": code, "words": "No."} for code in control.TROUBLE_CODES),
        {"t": "trouble", "code": "failed", "words": ""},
    ]


def vector(name, fields, data):
    return {"name": name, "fields": fields, "bytes": data}


def tolerated_control():
    """Read although it is written in another way."""
    ping = cbor.encode({"t": "ping"})
    long_length = b"\xb8\x01" + ping[1:]
    longer_number = bytes.fromhex("a3617468726567697374657263726571190001646e616d6565616c696365")
    other_order = b"\xa3" + b"".join(cbor.encode(each) for each in ("req", 1, "t", "register", "name", "alice"))
    return [
        {"name": "nested as deep as may be", "from": "client", "bytes": b"\xa2\x61t\x64ping\x61x" + b"\x81" * 6 + b"\x80", "reads as": {"t": "ping"}},
        {"name": "as many values as may be", "from": "client", "bytes": cbor.encode({"t": "ping", "x": [0] * 16_381}), "reads as": {"t": "ping"}},
        {"name": "an unknown key", "from": "client", "bytes": cbor.encode({"t": "ping", "x-later": {"a": [1, "b", b"c", True]}}), "reads as": {"t": "ping"}},
        {"name": "keys in another order", "from": "client", "bytes": other_order, "reads as": {"t": "register", "req": 1, "name": "alice"}},
        {"name": "a length that is not the shortest", "from": "client", "bytes": long_length, "reads as": {"t": "ping"}},
        {"name": "a number that is not the shortest", "from": "client", "bytes": longer_number, "reads as": {"t": "register", "req": 1, "name": "alice"}},
        {"name": "optional keys of a wrong type", "from": "client", "bytes": cbor.encode({"t": "hello", "v": 1, "agent": 5, "features": "answers-only"}),
         "reads as": {"t": "hello", "v": 1, "agent": "", "features": []}},
        {"name": "optional keys that are missing", "from": "client", "bytes": cbor.encode({"t": "signal", "req": 1, "to": BOB.id, "session": SESSION, "body": b"x"}),
         "reads as": {"t": "signal", "req": 1, "to": BOB.id, "session": SESSION, "body": b"x", "device": 0, "wait": False, "show": False}},
        {"name": "a feature that is too long", "from": "client", "bytes": cbor.encode({"t": "hello", "v": 1, "agent": "a" * 129, "features": ["answers-only", "f" * 65]}),
         "reads as": {"t": "hello", "v": 1, "agent": "", "features": []}},
        {"name": "a null", "from": "client", "bytes": bytes.fromhex("a2617464" + b"ping".hex() + "6178f6"), "reads as": {"t": "ping"}},
        {"name": "an unknown code", "from": "server", "bytes": cbor.encode({"t": "trouble", "code": "out-of-paper", "words": "x"}),
         "reads as": {"t": "trouble", "code": "failed", "words": "x"}},
        {"name": "an address of a wrong length", "from": "server", "bytes": cbor.encode({"t": "delivery", "from": ALICE.id, "device": 1, "body": b"", "at": bytes(5)}),
         "reads as": {"t": "delivery", "from": ALICE.id, "device": 1, "body": b""}},
        {"name": "relays of which one makes no sense", "from": "server", "bytes": cbor.encode({"t": "relays", "req": 1, "relays": [
            {"id": SUPERNODE.id, "at": [candidate("relayed", "udp", V4, 1)], "anyone": True}, {"id": SERVER.id, "at": [candidate("relayed", "tcp", V4, 1)]}]}),
         "reads as": {"t": "relays", "req": 1, "relays": [{"id": SERVER.id, "at": [candidate("relayed", "tcp", V4, 1)], "anyone": False}]}},
    ]


def refused_control():
    deep = b"\xa2\x61t\x64ping\x61x" + b"\x81" * 7 + b"\x80"
    many = cbor.encode({"t": "ping", "x": [0] * 16_382})
    return [{"name": name, "from": who, "bytes": data} for name, who, data in (
        ("nothing", "client", b""),
        ("no map", "client", cbor.encode(["ping"])),
        ("a byte behind it", "client", cbor.encode({"t": "ping"}) + b"\0"),
        ("too short", "client", cbor.encode({"t": "ping"})[:-1]),
        ("a key that is no text", "client", bytes.fromhex("a2617464" + b"ping".hex() + "0000")),
        ("nested too deep", "client", deep),
        ("too many values", "client", many),
        ("an unknown verb", "client", cbor.encode({"t": "frobnicate", "req": 1})),
        ("no verb", "client", cbor.encode({"req": 1})),
        ("hello without a version", "client", cbor.encode({"t": "hello", "agent": "x"})),
        ("a request without a number", "client", cbor.encode({"t": "register", "name": "alice"})),
        ("a name that is too long", "client", cbor.encode({"t": "register", "req": 1, "name": "a" * 65})),
        ("an ID that is too short", "client", cbor.encode({"t": "resolve", "req": 1, "id": bytes(31)})),
        ("too many peers", "client", cbor.encode({"t": "who", "req": 1, "peers": [{"id": ALICE.id}] * 257})),
        ("too long a signal", "client", cbor.encode({"t": "signal", "req": 1, "to": BOB.id, "session": SESSION, "body": bytes(49153)})),
        ("a probe of port 0", "client", cbor.encode({"t": "probe", "req": 1, "transport": "tcp", "port": 0, "nonce": bytes(16)})),
        ("a code's number out of range", "client", cbor.encode({"t": "code-close", "req": 1, "number": 999})),
        ("too long a body", "client", cbor.encode({"t": "code-join", "req": 1, "number": 4821, "body": bytes(1025)})),
        ("welcome without an address", "server", cbor.encode({"t": "welcome", "v": 1, "device": 1})),
        ("an unknown fate", "server", cbor.encode({"t": "signal-fate", "req": 1, "fate": 5})),
        ("too long a ticket", "server", cbor.encode({"t": "granted", "req": 1, "ticket": bytes(1025)})),
        ("an unknown verb of a server", "server", cbor.encode({"t": "frobnicate", "req": 1})),
        ("a name that is not UTF-8", "client", bytes.fromhex("a361746872656769737465726372657101646e616d6562c328")),
    )]


def control_vectors():
    ping = cbor.encode({"t": "ping"})
    return {
        "client": [vector(each["t"], each, control.encode(each)) for each in client_messages()],
        "server": [vector(each["t"], each, control.encode(each)) for each in server_messages()],
        "tolerated": tolerated_control(),
        "refused": refused_control(),
        "frames": [{"body": body, "frame": cbor.frame(body)} for body in (ping, b"", bytes(300))],
        "role": [vector(role, {"role": role}, cbor.encode({"role": role})) for role in ("pshare-control/1", "pshare-reflect/1", "pshare-relay/1")],
        "reflection": [vector(name, {"address": address, "port": port}, cbor.encode({"address": address, "port": port}))
                       for name, address, port in (("IPv4", V4, 40000), ("IPv6", V6, 1))],
        "dial-back": [{"nonce": draw("nonce", 16), "bytes": control.dial_back(draw("nonce", 16))}],
    }


# --- codes.json -----------------------------------------------------------------------------------------------------------------------------------------------


class Drawing:
    """What an implementation draws at random, in order."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)

    def __call__(self, count):
        piece = self.pieces.pop(0)
        assert len(piece) == count
        return piece


def code_vectors():
    fingerprint = identity.id_text(SERVER.id)
    plain = fingerprint.replace("-", "")
    parsed = [
        ("4821-comet-walnut", 4821, "comet-walnut", None),
        ("  4821 Comet WALNUT \r\n", 4821, "comet-walnut", None),
        ("1000_orange.tiger", 1000, "orange-tiger", None),
        ("--4821--comet--walnut--", 4821, "comet-walnut", None),
        ("9999999-about-zodiac-zipper-zephyr-yoyo-young-yonder-yoga", 9_999_999, "about-zodiac-zipper-zephyr-yoyo-young-yonder-yoga", None),
        ("pshare:4821-comet-walnut", 4821, "comet-walnut", None),
        ("pshare:4821-comet-walnut/share.example:4700", 4821, "comet-walnut", "share.example:4700"),
        (f"pshare:4821-comet-walnut/share.example:4700/{plain}", 4821, "comet-walnut", f"share.example:4700#{plain}"),
        (f"PSHARE:4821-COMET-WALNUT/[2001:DB8::7]:4700/{plain}", 4821, "comet-walnut", f"[2001:db8::7]:4700#{plain}"),
    ]
    refused = ["", "comet-walnut", "999-comet-walnut", "10000000-comet-walnut", "4821", "4821-comet", "4821-comet-walnutt",
               "4821-" + "-".join(["comet"] * 9), "4821-comet-walnut   4821",
               "4821-comet-" + "walnut-" * 80]
    spake2 = []
    for number, words in ((4821, "comet-walnut"), (9_999_999, "about-zodiac-zipper-zephyr")):
        x_material, y_material = draw(f"x of {number}", 40), draw(f"y of {number}", 40)
        w, x, y = codes.scalar(words, number), codes.drawn(x_material), codes.drawn(y_material)
        share_a, share_b = codes.guest_share(w, x), codes.host_share(w, y)
        agreement = codes.Agreement(number, w, share_a, share_b, codes.times(x * y % codes.ORDER, codes.G))
        big = lambda scalar: scalar.to_bytes(32, "big")
        spake2.append({"number": number, "words": words, "w": big(w), "x material": x_material, "x": big(x), "y material": y_material, "y": big(y), "pA": share_a, "pB": share_b,
                       "K": agreement.shared, "TT": agreement.transcript, "Ke": agreement.ke, "KcA": agreement.kca, "KcB": agreement.kcb,
                       "confirmation of the guest": agreement.by_guest, "confirmation of the host": agreement.by_host,
                       "key of the guest": agreement.key(b"guest"), "key of the host": agreement.key(b"host")})
    exchanges = []
    for number, words, purpose in ((4821, "comet-walnut", "send"), (77_777, "orange-tiger-zodiac", "pair")):
        host = {"key": ALICE.public_key, "name": "alice", "for": purpose}
        guest = {"key": BOB.public_key, "name": "" if purpose == "pair" else "Bøb", "for": purpose}
        draws = {name: draw(f"{name} of {number}", count) for name, count in (
            ("guest's x", 40), ("guest's nonce", 24), ("host's y", 40), ("host's nonce", 24), ("nonce of the welcome", 24))}
        one = codes.Guest(number, words, guest, Drawing(draws["guest's x"], draws["guest's nonce"]))
        other = codes.Host(number, words, host, Drawing(draws["host's y"], draws["host's nonce"], draws["nonce of the welcome"]))
        second = other.joined(one.share)
        heard_host, third = one.answered(second)
        heard_guest, fourth = other.confirmed(third)
        one.welcomed(fourth)
        assert (heard_host, heard_guest) == (host, guest)
        exchanges.append({"number": number, "words": words, "host": host, "guest": guest, "drawn": draws, "introduction of the host": codes.introduction(host),
                          "introduction of the guest": codes.introduction(guest), "bodies": [one.share, second, third, fourth]})
    return {
        "parsed": [{"given": given, "number": number, "words": words, "server": server} for given, number, words, server in parsed],
        "refused": [{"given": given} for given in refused],
        "links": [{"code": "4821-comet-walnut", "server": server, "fingerprint": fingerprint, "link": codes.link("4821-comet-walnut", server, fingerprint)}
                  for server in ("share.example:4700", "[2001:db8::7]:4700")],
        "spake2": spake2,
        "exchanges": exchanges,
    }


# --- relays.json ----------------------------------------------------------------------------------------------------------------------------------------------


def relay_vectors():
    ticket = {"id": draw("ticket id", 16), "session": SESSION, "one": ALICE.id, "other": BOB.id, "relay": SUPERNODE.id, "expires": NOW + 300}
    tickets = [ticket, {**ticket, "relay": SERVER.id, "quota": 10**9}]
    signed = [relays.signed_ticket(SERVER, each) for each in tickets]
    altered = bytearray(signed[0])
    altered[-1] ^= 1
    one_peer = {**ticket, "other": ALICE.id}
    return {
        "signer": "the server",
        "tickets": [{"fields": each, "map": cbor.encode(each), "signed": whole} for each, whole in zip(tickets, signed)],
        "refused tickets": [{"name": name, "signed": data} for name, data in (
            ("altered", bytes(altered)), ("of another version", b"\2" + signed[0][1:]), ("signed by somebody else", relays.signed_ticket(ALICE, ticket)), ("cut short", signed[0][:65]),
            ("for one peer alone", relays.signed_ticket(SERVER, one_peer)))],
        "hello": [vector("hello", {"t": "hello", "v": 1, "ticket": signed[0]}, cbor.encode({"t": "hello", "v": 1, "ticket": signed[0]}))],
        "answers": [vector(each["t"], each, cbor.encode(each)) for each in (
            {"t": "joined"}, {"t": "joined", "left": 10**9, "rate": 5_000_000}, *({"t": "refused", "code": code, "words": "Sorry."} for code in relays.REFUSALS),
            {"t": "refused", "code": "failed", "words": ""})],
    }


# --- signals.json ---------------------------------------------------------------------------------------------------------------------------------------------

SUMMARY = {"files": 2, "entries": 3, "bytes": 3_000_000, "names": [{"name": b"film.mkv"}, {"name": b"\xff\nphotos"}]}
STABLE = {"kind": "stable", "address": V4, "port": 40000}
STEPPING = {"kind": "stepping", "address": V4, "port": 40000, "step": 2, "down": True, "strangers": 30}
RANDOM = {"kind": "random", "address": V6, "port": 2000, "lowest": 1536, "highest": 2047}
UNKNOWN, BLOCKED = {"kind": "unknown"}, {"kind": "blocked"}
CANDIDATES = [candidate("host", "tcp", V4, 4700), candidate("manual", "udp", V6, 4700), candidate("server-reflexive", "tcp", V4, 40000), candidate("mapped", "udp", V4, 40001)]


def signal_messages():
    head = {"v": 1, "session": SESSION}
    nat = {"udp": STABLE, "tcp": STEPPING, "server-rtt": 25_000}
    no_nat = {"udp": UNKNOWN, "tcp": UNKNOWN, "server-rtt": 0}
    offer = {"t": "offer", **head, "transfer": TRANSFER, "from": "alice", "summary": SUMMARY, "candidates": CANDIDATES, "lanes": 4, "check-secret": draw("check secret", 32)}
    return [
        {**offer, **nat, "receipt": 2},
        {**offer, **nat, "receipt": 1},
        {**offer, **no_nat, "summary": {"files": 1, "entries": 1, "names": [{"name": b"stdin"}]}, "candidates": [], "lanes": 1, "check-secret": bytes(32)},
        {**offer, **no_nat, "summary": {"files": 0, "entries": 0, "names": [], "text": "Grüße\n".encode()}, "candidates": [], "lanes": 1, "check-secret": bytes(32), "from": ""},
        {"t": "accept", **head, "candidates": CANDIDATES, "udp": RANDOM, "tcp": BLOCKED, "server-rtt": 1, "receipt": True},
        {"t": "accept", **head, "candidates": [], **no_nat},
        *({"t": "reject", **head, "why": why, "words": "Not today."} for why in ("declined", "not-a-contact", "no-terminal", "no-space", "unfit", "busy", "local-trouble")),
        *({"t": "cancel", **head, "why": why} for why in ("user", "taken-by-other-device", "timed-out", "superseded", "no-path")),
        {"t": "text-shown", **head},
        {"t": "punch", **head, "round": 1, "transport": "udp", "forecast": STEPPING},
        {"t": "punch", **head, "round": 6, "transport": "tcp", "forecast": RANDOM},
        {"t": "more-candidates", **head, "candidates": CANDIDATES[:1], **nat},
        {"t": "relays-near", **head, "relays": [{"id": SUPERNODE.id, "rtt": 12_345}]},
        {"t": "meet-at-relay", **head, "relay": SUPERNODE.id, "at": [candidate("relayed", "tcp", V4, 4701)], "ticket": draw("ticket", 60)},
        {"t": "meet-at-relay", **head, "relay": SERVER.id, "at": [], "ticket": draw("ticket", 60)},
        {"t": "try-again", **head},
        {"t": "inquiry", **head},
        {"t": "findings", **head, "network": {"udp": {"ports": "random", "small-block": True}, "tcp": {"ports": "stable"}, "reachable": False, "mapped": True,
                                              "ipv6": True, "ipv6-reachable": True}},
    ]


def tolerated_signals():
    head = {"v": 1, "session": SESSION}
    plain = {"t": "offer", **head, "transfer": TRANSFER, "summary": {"files": 1, "entries": 1}}
    bare = {**plain, "from": "", "candidates": [], "lanes": 1, "check-secret": bytes(32), "receipt": 0, "udp": UNKNOWN, "tcp": UNKNOWN, "server-rtt": 0,
            "summary": {"files": 1, "entries": 1, "names": []}}
    strange = [candidate("host", "tcp", bytes(4), 1), candidate("host", "tcp", V4, 0), candidate("host", "sctp", V4, 1), candidate("later", "tcp", V4, 1), {}, CANDIDATES[0]]
    return [
        {"name": "an offer with nothing that may be missing", "bytes": cbor.encode(plain), "reads as": bare},
        {"name": "candidates that make no sense", "bytes": cbor.encode({**plain, "candidates": strange}), "reads as": {**bare, "candidates": [CANDIDATES[0]]}},
        {"name": "a thirty-third candidate", "bytes": cbor.encode({**plain, "candidates": [candidate("host", "tcp", V4, port) for port in range(1, 34)]}),
         "reads as": {**bare, "candidates": [candidate("host", "tcp", V4, port) for port in range(1, 33)]}},
        {"name": "forecasts that make no sense, and an unknown kind", "bytes": cbor.encode({**plain, "udp": {**STEPPING, "step": 65}, "tcp": {"kind": "later"}, "server-rtt": 10**9}),
         "reads as": {**bare, "server-rtt": 2_000_000}},
        {"name": "a receipt of a kind to come", "bytes": cbor.encode({**plain, "receipt": 3}), "reads as": bare},
        {"name": "unknown reasons", "bytes": cbor.encode({"t": "reject", **head, "why": "later"}), "reads as": {"t": "reject", **head, "why": "declined", "words": ""}},
        {"name": "an unknown reason to cancel", "bytes": cbor.encode({"t": "cancel", **head, "why": "later"}), "reads as": {"t": "cancel", **head, "why": "user"}},
        {"name": "a forecast with nothing that may be missing",
         "bytes": cbor.encode({"t": "punch", **head, "round": 1, "transport": "udp", "forecast": {"kind": "random", "address": V4, "port": 9}}),
         "reads as": {"t": "punch", **head, "round": 1, "transport": "udp", "forecast": {"kind": "random", "address": V4, "port": 9, "lowest": 1024, "highest": 65535}}},
        {"name": "more strangers than are believed", "bytes": cbor.encode({"t": "punch", **head, "round": 1, "transport": "udp", "forecast": {**STEPPING, "strangers": 10**6}}),
         "reads as": {"t": "punch", **head, "round": 1, "transport": "udp", "forecast": {**STEPPING, "strangers": 10_000}}},
        {"name": "a relay that is too far", "bytes": cbor.encode({"t": "relays-near", **head, "relays": [{"id": SUPERNODE.id, "rtt": 10**9}]}),
         "reads as": {"t": "relays-near", **head, "relays": [{"id": SUPERNODE.id, "rtt": 10_000_000}]}},
        {"name": "a small block of what is stable, and IPv6 that is reachable and not there", "bytes": cbor.encode(
            {"t": "findings", **head, "network": {"udp": {"ports": "stable", "small-block": True}, "ipv6-reachable": True}}),
         "reads as": {"t": "findings", **head, "network": {"udp": {"ports": "stable", "small-block": False}, "tcp": {"ports": "unknown", "small-block": False}, "reachable": False,
                                                          "mapped": False, "ipv6": False, "ipv6-reachable": False}}},
    ]


def refused_signals():
    head = {"v": 1, "session": SESSION}
    offer = {"t": "offer", **head, "transfer": TRANSFER, "summary": {"files": 1, "entries": 1}}
    near = {"id": SUPERNODE.id, "rtt": 1}
    return [{"name": name, "bytes": cbor.encode(said)} for name, said in (
        ("another version", {**offer, "v": 2}),
        ("no version", {key: value for key, value in offer.items() if key != "v"}),
        ("no session", {key: value for key, value in offer.items() if key != "session"}),
        ("an unknown kind", {"t": "later", **head}),
        ("an offer without a transfer", {key: value for key, value in offer.items() if key != "transfer"}),
        ("more files than entries", {**offer, "summary": {"files": 2, "entries": 1}}),
        ("too many names", {**offer, "summary": {"files": 9, "entries": 9, "names": [{"name": b"x"}] * 9}}),
        ("too long a name", {**offer, "summary": {"files": 1, "entries": 1, "names": [{"name": bytes(256)}]}}),
        ("too long a text", {**offer, "summary": {"files": 0, "entries": 0, "text": bytes(16385)}}),
        ("a round 0", {"t": "punch", **head, "round": 0, "transport": "udp", "forecast": STABLE}),
        ("a forecast of step 0", {"t": "punch", **head, "round": 1, "transport": "udp", "forecast": {**STEPPING, "step": 0}}),
        ("a forecast of an empty range", {"t": "punch", **head, "round": 1, "transport": "udp", "forecast": {**RANDOM, "lowest": 3000}}),
        ("a ninth relay", {"t": "relays-near", **head, "relays": [near] * 9}),
        ("a relay without a distance", {"t": "relays-near", **head, "relays": [{"id": SUPERNODE.id}]}),
        ("a meeting without a ticket", {"t": "meet-at-relay", **head, "relay": SERVER.id, "at": []}),
    )]


def signal_vectors():
    offer, nonce, ephemeral = cbor.encode(signal_messages()[0]), draw("nonce", 16), draw("ephemeral key", 32)
    sealed = signals.envelope(ALICE, BOB.public_key, NOW, nonce, ephemeral, offer)
    inside = signals.content(ALICE, BOB.id, NOW, nonce, offer)
    to_alice = signals.seal(BOB.public_key, signals.content(ALICE, ALICE.id, NOW, nonce, offer), ephemeral)
    altered = bytearray(sealed)
    altered[-1] ^= 1
    not_alice = bytearray(inside)
    not_alice[1:33] = SERVER.public_key
    return {
        "signals": [vector(each["t"], each, signals.encode(each)) for each in signal_messages()],
        "tolerated": tolerated_signals(),
        "refused": refused_signals(),
        "envelopes": [{"from": "alice", "to": "bob", "time": NOW, "nonce": nonce, "ephemeral secret key": ephemeral, "signal": offer, "content": inside, "sealed": sealed}],
        "refused envelopes": [{"name": name, "to": "bob", "time": when, "sealed": data} for name, when, data in (
            ("altered", NOW, bytes(altered)), ("too old", NOW + 25 * 3600 + 1, sealed), ("from the future", NOW - 3601, sealed), ("written to somebody else", NOW, to_alice),
            ("with another's key in it", NOW, signals.seal(BOB.public_key, bytes(not_alice), ephemeral)),
            ("of another version", NOW, signals.seal(BOB.public_key, b"\2" + inside[1:], ephemeral)), ("too short", NOW, signals.seal(BOB.public_key, inside[:100], ephemeral)))],
        "accepted at the edge": [{"to": "bob", "time": when, "sealed": sealed} for when in (NOW + 25 * 3600, NOW - 3600)],
    }


# --- checks.json ----------------------------------------------------------------------------------------------------------------------------------------------


def check_vectors():
    secret = draw("check secret", 32)
    asked = [{"secret": secret, "session": SESSION, "transaction": draw(f"transaction {i}", 12), "side": side, "nominates": nominates}
             for i, (side, nominates) in enumerate((("sender", False), ("sender", True), ("receiver", False)))]
    answered = [{"secret": secret, "transaction": draw("transaction 0", 12), "address": address, "port": port} for address, port in ((V4, 40000), (V6, 1))]
    plain = checks.check(secret, SESSION, draw("transaction 0", 12), "sender", False)
    altered = bytearray(plain)
    altered[30] ^= 1
    return {
        "checks": [{**each, "bytes": checks.check(*each.values())} for each in asked],
        "answers": [{**each, "bytes": checks.answer(*each.values())} for each in answered],
        "refused checks": [{"name": name, "secret": key, "bytes": data} for name, key, data in (
            ("another secret", draw("another secret", 32), plain), ("altered", secret, bytes(altered)))],
    }


# --- lanes.json -----------------------------------------------------------------------------------------------------------------------------------------------


def hash_of(raw):
    return lanes.xxh3(raw)


def lane_messages():
    chunk = {"is": "Chunk", "chunk": 5, "raw length": 100_000, "wire length": 100_000, "codec": lanes.STORED, "hash": draw("hash", 16)}
    return [
        *({"is": "LaneHello", "session": SESSION, "ordinal": tier, "tier": tier} for tier in range(5)),
        {"is": "LaneReady"},
        {"is": "ManifestBegin", "transfer": TRANSFER, "entries": 3, "bytes": 3_000_000, "chunk size": MiB, "stream": 0},
        {"is": "ManifestBegin", "transfer": TRANSFER, "entries": 1, "bytes": 0, "chunk size": 4 * MiB, "stream": 1},
        {"is": "ManifestPart", "entries": draw("entries", 50)},
        {"is": "ManifestEnd", "digest": draw("digest", 16)},
        {"is": "HaveBegin", "chunks": 2**26},
        {"is": "HavePart", "first": 64, "bits": bytes([0b00000101, 0x80])},
        {"is": "HaveCheck", "items": [{"chunk": 7, "hash": draw("hash", 16)}, {"chunk": 9, "hash": draw("digest", 16)}]},
        {"is": "HaveEnd"},
        {"is": "CheckResult", "same": [9]},
        {"is": "CheckResult", "same": []},
        chunk,
        {**chunk, "wire length": 4000, "codec": lanes.ZSTD},
        {**chunk, "wire length": 0, "codec": lanes.ZEROS},
        {"is": "Stored", "chunks": [0, 1, 2**26 - 1]},
        {"is": "Durable", "chunks": [0]},
        {"is": "Again", "chunks": [1]},
        {"is": "End", "bytes": 2**60},
        {"is": "Verified", "names": [b"film.mkv", b"\xffphotos (1)"]},
        {"is": "Verified", "names": []},
        {"is": "Farewell"},
        {"is": "Beat"},
        *({"is": "Stop", "code": code, "words": "It is over."} for code in (
            "source-changed", "local-io", "cancelled", "interrupted", "malformed", "limit", "version", "busy", "failed")),
        {"is": "Receipt", "receipt": draw("receipt", 270)},
        {"is": "Receipt", "receipt": b""},
    ]


def refused_lane_messages():
    def frame(kind, body):
        return bytes([kind]) + len(body).to_bytes(3, "big") + body

    def u(size, number):
        return number.to_bytes(size, "big")

    chunk = lambda raw, wire, codec: u(8, 0) + u(4, raw) + u(4, wire) + u(1, codec) + bytes(16)
    begin = lambda size, stream: bytes(16) + u(8, 1) + u(8, 1) + u(8, size) + u(1, stream)
    return [{"name": name, "frame": data} for name, data in (
        ("an unknown type", frame(20, b"")),
        ("too long a body", bytes([3]) + u(3, 65537) + bytes(65537)),
        ("a byte left over", frame(1, b"\0")),
        ("too short a hello", frame(0, bytes(20))),
        ("an unknown tier", frame(0, bytes(20) + b"\5")),
        ("chunks that are too small", frame(2, begin(65535, 0))),
        ("chunks that are too large", frame(2, begin(4 * MiB + 1, 0))),
        ("neither files nor a stream", frame(2, begin(MiB, 2))),
        ("bits that begin within a byte", frame(6, u(8, 1) + b"\1")),
        ("a torn check", frame(7, bytes(23))),
        ("too many checks", frame(7, bytes(24 * 1025))),
        ("too many chunks", frame(11, bytes(8 * 4097))),
        ("half a chunk's number", frame(12, bytes(7))),
        ("an empty chunk", frame(10, chunk(0, 0, 2))),
        ("a chunk that is too long", frame(10, chunk(4 * MiB + 1, 1, 1))),
        ("an unknown codec", frame(10, chunk(5, 5, 3))),
        ("a stored chunk of another length", frame(10, chunk(5, 4, 0))),
        ("zeros with a payload", frame(10, chunk(5, 1, 2))),
        ("a compressed chunk of nothing", frame(10, chunk(5, 0, 1))),
        ("a torn name", frame(15, u(2, 5) + b"film")),
        ("too long a name", frame(15, u(2, 1025) + bytes(1025))),
        ("a torn Stop", frame(18, b"\6fail")),
        ("too many words", frame(18, b"\6failed" + b"x" * 1025)),
        ("a receipt of another length", frame(19, bytes(269))),
    )]


# 1,000 times "pshare ", by zstd 1.5. Given, not made: another release may compress in another way.
COMPRESSED = bytes.fromhex("28b52ffd60581a7d0000387073686172652001004eabbe1801")


def chunk_vectors():
    text = b"pshare " * 1000
    return [{"name": name, "fields": fields, "raw sha256": hashlib.sha256(raw).digest(), "header": lanes.encode(fields), "payload": payload} for name, raw, payload, codec in (
        ("stored", text[:100], text[:100], lanes.STORED), ("compressed", text, COMPRESSED, lanes.ZSTD), ("zeros", bytes(70_000), b"", lanes.ZEROS))
        for fields in [{"is": "Chunk", "chunk": 1, "raw length": len(raw), "wire length": len(payload), "codec": codec, "hash": hash_of(raw)}]]


def lane_vectors():
    return {"messages": [{"fields": each, "frame": lanes.encode(each)} for each in lane_messages()], "refused": refused_lane_messages(), "chunks": chunk_vectors()}


# --- manifests.json, receipts.json ----------------------------------------------------------------------------------------------------------------------------


def entry(kind, name, parent=None, **more):
    base = {"type": kind, **({} if parent is None else {"parent": parent}), "mode": 0o755 if kind == DIRECTORY else 0o644, "mtime": 1_700_000_000_123_456_789, "name": name}
    if kind == FILE:
        base.update(size=0, version=1)
    return {**base, **more}


TREE = [entry(DIRECTORY, b"photos"), entry(FILE, b"a.jpg", 0, size=100_000, version=2**64 - 1), entry(DIRECTORY, b"\xff\n", 0), entry(FILE, b"empty", 2),
        entry(LINK, b"link", 2, mode=0o777, target=b"../a.jpg"), entry(FILE, b"film.mkv", size=50_000, version=7, sparse=True, mtime=-1)]
STREAM = [entry(FILE, b"stdin", mode=0o600)]


def manifest_of(name, entries, chunk_size, stream=0):
    size = sum(each.get("size", 0) for each in entries)
    encoded = b"".join(lanes.encode_entry(each) for each in entries)
    return {"name": name, "entries": entries, "stream": stream, "chunk size": chunk_size, "bytes": size,
            "chunks": lanes.chunk_count(size, chunk_size), "encoded": encoded, "digest": hash_of(encoded)}


def refused_manifests():
    folder = entry(DIRECTORY, b"d")
    inside = lambda target, depth=1: [entry(DIRECTORY, b"d", i - 1 if i else None) for i in range(depth)] + [entry(LINK, b"l", depth - 1, target=target)]
    cases = [
        ("an empty name", [entry(FILE, b"")]), ("a dot", [entry(FILE, b".")]), ("two dots", [entry(FILE, b"..")]), ("a slash", [entry(FILE, b"a/b")]), ("a NUL", [entry(FILE, b"a\0b")]),
        ("too long a name", [entry(FILE, b"a" * 256)]), ("a partial folder's name", [entry(DIRECTORY, b".PShare-Partial-x")]),
        ("a parent that comes later", [entry(FILE, b"f", 1), folder]),
        ("a parent that is no directory", [entry(FILE, b"f"), entry(FILE, b"g", 0)]), ("two of one name", [entry(FILE, b"f"), entry(DIRECTORY, b"f")]),
        ("a link at the top level", [entry(LINK, b"l", target=b"f")]), ("a link without a target", inside(b"")), ("an absolute link", inside(b"/etc/passwd")),
        ("a link out of its directory", inside(b"../x")), ("a link two up and one deep", inside(b"../../x", 2)), ("a link that goes down and up", inside(b"x/../y", 2)),
        ("a link with a NUL", inside(b"a\0b")), ("too long a target", inside(b"a" * 4096)),
    ]
    torn = lanes.encode_entry(entry(FILE, b"f"))
    sparse_folder = bytearray(lanes.encode_entry(folder))
    sparse_folder[0] |= 4
    loud_mode = bytearray(torn)
    loud_mode[1:3] = (0o1644).to_bytes(2, "big")
    raw = [("an unknown type", b"\3" + torn[1:]), ("an unknown flag", bytes([torn[0] | 16]) + torn[1:]), ("cut short", torn[:-1]),
           ("a directory with holes", bytes(sparse_folder)), ("a mode with more", bytes(loud_mode)), ("nothing", b"")]
    return [{"name": name, "encoded": b"".join(lanes.encode_entry(each) for each in entries)} for name, entries in cases] + [{"name": name, "encoded": data} for name, data in raw]


def manifest_vectors():
    ids = [(ALICE.id, BOB.id, 0, [b"film.mkv", b"photos"], [b"/home/alice/photos", b"/home/alice/film.mkv"]), (ALICE.id, BOB.id, 1, [b"stdin"], [b"-"])]
    return {
        "manifests": [manifest_of("a tree", TREE, 65536), manifest_of("a stream", STREAM, MiB, 1), manifest_of("nothing", [], MiB)],
        "accepted": [{"name": name, "encoded": b"".join(lanes.encode_entry(each) for each in entries)} for name, entries in (
            ("a link one up and two deep", [entry(DIRECTORY, b"d"), entry(DIRECTORY, b"e", 0), entry(LINK, b"l", 1, target=b"../x")]),
            ("the same name in two directories", [entry(DIRECTORY, b"d"), entry(DIRECTORY, b"e"), entry(FILE, b"f", 0), entry(FILE, b"f", 1)]),
            ("a partial folder's name further down", [entry(DIRECTORY, b"d"), entry(FILE, b".pshare-partial", 0)]))],
        "refused": refused_manifests(),
        "transfer ids": [{"sender": sender, "receiver": receiver, "stream": stream, "names": names, "paths": paths, "id": lanes.transfer_id(sender, receiver, stream, names, paths)}
                         for sender, receiver, stream, names, paths in ids],
    }


def receipt_vectors():
    chunk_size = 65536
    run = draw("contents", 150_000)
    chunks = [run[at:at + chunk_size] for at in range(0, len(run), chunk_size)]
    encoded = b"".join(lanes.encode_entry(each) for each in TREE)
    statement = {"version": 1, "kind": 0, "transfer": TRANSFER, "sender": ALICE.id, "receiver key": BOB.public_key, "time": NOW, "files": 3, "bytes": len(run), "chunk size": chunk_size,
                 "manifest": hashlib.sha256(encoded).digest(), "names": lanes.names_digest(TREE), "contents": lanes.contents_digest(chunks)}
    signed = lanes.signed_receipt(BOB, statement)
    altered = bytearray(signed)
    altered[100] ^= 1
    kind = lanes.signed_receipt(BOB, {**statement, "kind": 2})
    trees = [[bytes([i]) * (i + 1) for i in range(count)] for count in (0, 1, 2, 3, 4, 5, 7, 8)]
    return {
        "contents": [{"chunks": tree, "digest": lanes.contents_digest(tree)} for tree in trees],
        "names": [{"entries": encoded, "digest": lanes.names_digest(TREE)}],
        "receipts": [{"receiver": "bob", "fields": statement, "signed": signed}],
        "refused": [{"name": name, "signed": data} for name, data in (("altered", bytes(altered)), ("of another version", b"\2" + signed[1:]), ("cut short", signed[:-1]),
                                                                   ("of an unknown kind", kind))],
    }


FILES = {"identities": identities, "control": control_vectors, "codes": code_vectors, "relays": relay_vectors, "signals": signal_vectors, "checks": check_vectors, "lanes": lane_vectors,
         "manifests": manifest_vectors, "receipts": receipt_vectors}


def path_of(name):
    return FOLDER / f"{name}.json"


def kept(name):
    return from_json(json.loads(path_of(name).read_text()))


def differing():
    """The files that are not what is made here."""
    return [name for name, make in FILES.items() if not path_of(name).exists() or path_of(name).read_text() != written(make())]


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        for each, making in FILES.items():
            path_of(each).write_text(written(making()))
    elif wrong := differing():
        sys.exit(f"not as made here: {', '.join(wrong)}")
