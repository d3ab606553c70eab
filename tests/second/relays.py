"""Tickets, and what is said at a relay: docs/protocol.md, "Relays"."""
import cbor
from cbor import Key, Malformed, number, raw, raw_up_to, text, word
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LABEL = b"pshare ticket v1"
TICKET = [Key("id", raw(16)), Key("session", raw(16)), Key("one", raw(32)), Key("other", raw(32)), Key("relay", raw(32)), Key("expires", number()), Key("quota", number(), None)]
HELLO = [Key("t", word("hello")), Key("v", number()), Key("ticket", raw_up_to(1024))]
ANSWERS = {"joined": [Key("left", number(), None), Key("rate", number(), None)], "refused": [Key("code", text(32), "failed"), Key("words", text(), "")]}
REFUSALS = ("refused", "limit", "busy", "timeout", "closed", "malformed", "version", "identity-mismatch")


def signed_ticket(server, ticket):
    body = cbor.encode(ticket)
    return b"\1" + server.sign(LABEL + body) + body


def open_ticket(signed, server_key):
    if not 65 < len(signed) <= 1024 or signed[0] != 1:
        raise Malformed("no ticket of this version")
    try:
        Ed25519PublicKey.from_public_bytes(server_key).verify(signed[1:65], LABEL + signed[65:])
    except InvalidSignature as trouble:
        raise Malformed("not signed by the server") from trouble
    ticket = cbor.read(TICKET, cbor.decode(signed[65:]))
    if ticket["one"] == ticket["other"]:
        raise Malformed("for one peer alone")
    return ticket


def decode_hello(body):
    return cbor.read(HELLO, cbor.decode(body))


def decode_answer(body):
    found = cbor.decode(body)
    if found.get("t") not in ANSWERS:
        raise Malformed("no answer")
    said = {"t": found["t"], **cbor.read(ANSWERS[found["t"]], found)}
    if said["t"] == "refused" and said["code"] not in REFUSALS:
        said["code"] = "failed"
    return said
