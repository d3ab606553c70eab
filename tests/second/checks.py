"""Connectivity checks (STUN, RFC 8489): docs/protocol.md, "Checks"."""
import hmac
import zlib

from cbor import Malformed

COOKIE = bytes.fromhex("2112a442")
USERNAME, MESSAGE_INTEGRITY_SHA256, XOR_MAPPED_ADDRESS, USE_CANDIDATE, FINGERPRINT, ICE_CONTROLLED, ICE_CONTROLLING = 0x0006, 0x001C, 0x0020, 0x0025, 0x8028, 0x8029, 0x802A
KNOWN = (USERNAME, XOR_MAPPED_ADDRESS, USE_CANDIDATE, 0x0024)
REQUEST, SUCCESS = 0x0001, 0x0101


def _attribute(kind, value):
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def _message(kind, transaction, attributes, more=0):
    """With a length as if `more` bytes followed."""
    return kind.to_bytes(2, "big") + (len(attributes) + more).to_bytes(2, "big") + COOKIE + transaction + attributes


def _sealed(kind, transaction, attributes, secret):
    mac = hmac.digest(secret, _message(kind, transaction, attributes, 4 + 32), "sha256")
    attributes += _attribute(MESSAGE_INTEGRITY_SHA256, mac)
    crc = zlib.crc32(_message(kind, transaction, attributes, 4 + 4)) ^ 0x5354554E
    return _message(kind, transaction, attributes + _attribute(FINGERPRINT, crc.to_bytes(4, "big")))


def check(secret, session, transaction, side, nominates):
    attributes = _attribute(USE_CANDIDATE, b"") if nominates else b""
    attributes += _attribute(ICE_CONTROLLING if side == "sender" else ICE_CONTROLLED, bytes(8))
    attributes += _attribute(USERNAME, b"pshare:" + session.hex().encode())
    return _sealed(REQUEST, transaction, attributes, secret)


def _masked(address, transaction):
    return bytes(one ^ other for one, other in zip(address, COOKIE + transaction))


def answer(secret, transaction, address, port):
    value = bytes([0, 1 if len(address) == 4 else 2]) + (port ^ 0x2112).to_bytes(2, "big") + _masked(address, transaction)
    return _sealed(SUCCESS, transaction, _attribute(XOR_MAPPED_ADDRESS, value), secret)


def _read(datagram, kind, secret):
    """Gives the transaction and the attributes in front of the proof."""
    if len(datagram) < 20 or int.from_bytes(datagram[:2], "big") != kind or datagram[4:8] != COOKIE or len(datagram) - 20 != int.from_bytes(datagram[2:4], "big"):
        raise Malformed("no such STUN message")
    transaction, found, at = datagram[8:20], {}, 20
    while at + 4 <= len(datagram):
        name, length = int.from_bytes(datagram[at:at + 2], "big"), int.from_bytes(datagram[at + 2:at + 4], "big")
        value = datagram[at + 4:at + 4 + length]
        if name == MESSAGE_INTEGRITY_SHA256:
            covered = _message(kind, transaction, datagram[20:at], 4 + length)
            if not hmac.compare_digest(value, hmac.digest(secret, covered, "sha256")):
                raise Malformed("not proven")
            return transaction, found
        if name < 0x8000 and name not in KNOWN:
            raise Malformed("an attribute that must be understood")
        found.setdefault(name, value)
        at += 4 + length + -length % 4
    raise Malformed("no proof")


def read_check(secret, datagram):
    transaction, found = _read(datagram, REQUEST, secret)
    username = found.get(USERNAME, b"").decode("ascii", "replace")
    roles = [side for name, side in ((ICE_CONTROLLING, "sender"), (ICE_CONTROLLED, "receiver")) if name in found]
    if not username.startswith("pshare:") or len(username) != 39 or not roles:
        raise Malformed("no check")
    return {"transaction": transaction, "session": bytes.fromhex(username[7:]), "side": roles[0], "nominates": USE_CANDIDATE in found}


def read_answer(secret, datagram):
    transaction, found = _read(datagram, SUCCESS, secret)
    value = found.get(XOR_MAPPED_ADDRESS)
    if value is None:
        raise Malformed("no answer")
    return {"transaction": transaction, "address": _masked(value[4:], transaction), "port": int.from_bytes(value[2:4], "big") ^ 0x2112}
