"""What client and server say to each other: docs/protocol.md, "Control", with the frames of the role, of reflect, and the dial-back."""
import cbor
from cbor import Key, Malformed, array_of, flag, map_of, number, raw, raw_up_to, text, word

REQ = Key("req", number())
PEERS = map_of([Key("id", raw(32))])
ADDRESS = raw(4, 16)
CODE = [REQ, Key("number", number(1000, 9_999_999))]
CODE_BODY = Key("body", raw_up_to(1024))
OUTCOME = Key("outcome", word("reached", "refused", "timeout", "unreachable"))
PORT = number(0, 65535)

CLIENT = {
    "hello": [Key("v", number()), Key("agent", text(128), ""), Key("features", array_of(text(64)), [])],
    "register": [REQ, Key("name", text(64))],
    "resolve": [REQ, Key("name", text(64), None), Key("id", raw(32), None)],
    "who": [REQ, Key("peers", array_of(PEERS, 256))],
    "signal": [REQ, Key("to", raw(32)), Key("session", raw(16)), Key("body", raw_up_to(49152)), Key("device", number(), 0), Key("wait", flag, False),
               Key("show", flag, False), Key("show2", ADDRESS, None)],
    "withdraw": [REQ, Key("to", raw(32)), Key("session", raw(16))],
    "probe": [REQ, Key("transport", word("tcp", "udp")), Key("port", number(1, 65535)), Key("nonce", raw(16))],
    "volunteer": [REQ, Key("port", PORT), Key("anyone", flag, False), Key("full", flag, False)],
    "ask-relays": [REQ, Key("trusted", array_of(PEERS, 256))],
    "ask-ticket": [REQ, Key("session", raw(16)), Key("peer", raw(32)), Key("relay", raw(32))],
    "code-open": [REQ, Key("wish", number(), 0)],
    "code-join": [*CODE, CODE_BODY],
    "code-message": [*CODE, CODE_BODY],
    "code-close": CODE,
    "take-offers": [REQ, Key("from", raw(32))],
    "ping": [],
    "bye": [],
}

SERVER = {
    "welcome": [Key("v", number()), Key("device", number()), Key("address", ADDRESS), Key("port", PORT), Key("now", number(), 0), Key("agent", text(128), ""),
                Key("notice", text(), ""), Key("wait", number(), 0), Key("stun", PORT, None), Key("stun2", PORT, None), Key("reflect2", PORT, None),
                Key("address2", ADDRESS, None), Key("tickets", flag, False), Key("relay", flag, False), Key("codes", flag, False)],
    "registered": [REQ, Key("name", text(64), "")],
    "resolved": [REQ, Key("key", raw(32)), Key("name", text(64), ""), Key("online", flag, False)],
    "who-reply": [REQ, Key("online", array_of(PEERS, 256))],
    "signal-fate": [REQ, Key("fate", number(0, 4))],
    "delivery": [Key("from", raw(32)), Key("body", raw_up_to(49152)), Key("device", number(), 0), Key("at", ADDRESS, None), Key("at2", ADDRESS, None)],
    "probed": [REQ, OUTCOME],
    "volunteered": [REQ, OUTCOME, Key("address", ADDRESS), Key("port", PORT)],
    "relays": [REQ, Key("relays", array_of(lambda each: isinstance(each, dict)), [])],
    "granted": [REQ, Key("ticket", raw_up_to(1024))],
    "code-answer": CODE,
    "code-news": [Key("number", number(1000, 9_999_999)), Key("what", word("joined", "message", "gone")), CODE_BODY],
    "taking-offers": [REQ],
    "pong": [],
    "notice": [Key("words", text(), "")],
    "trouble": [Key("req", number(), None), Key("code", text(), "failed"), Key("words", text(), "")],
}

ROLE = [Key("role", text(128))]
REFLECTION = [Key("address", ADDRESS), Key("port", number(1, 65535))]
TROUBLE_CODES = ("unknown-peer", "refused", "limit", "version", "malformed", "busy", "unsupported", "offline")
DIAL_BACK = bytes.fromhex("b57073686261636b")


def encode(message):
    return cbor.encode(message)


def decode(verbs, body):
    found = cbor.decode(body)
    verb = found.get("t")
    if not text(32)(verb) or verb not in verbs:
        raise Malformed("no verb, or an unknown one")
    said = {"t": verb, **cbor.read(verbs[verb], found)}
    if verb == "resolve":
        if "name" in said:
            said.pop("id", None)
        elif "id" not in said:
            raise Malformed("resolve whom?")
    if verb == "trouble" and said["code"] not in TROUBLE_CODES:
        said["code"] = "failed"
    return said


def dial_back(nonce):
    return DIAL_BACK + nonce


def dial_back_nonce(datagram):
    if len(datagram) != 24 or not datagram.startswith(DIAL_BACK):
        raise Malformed("no dial-back")
    return datagram[8:]
