"""One-time codes, SPAKE2 and the exchange under one: docs/protocol.md, "Codes". Nothing here runs in constant time: it is for tests and experiments."""
import hashlib
import hmac

import cbor
from cbor import Key, Malformed, raw, text, word
from identity import WORDS
from nacl import bindings
from nacl.exceptions import CryptoError

# --- A code, as people have it ------------------------------------------------------------------------------------------------------------------------------

SEPARATORS = "- \t\r\n_."


def parse(given):
    """Gives the number, the words joined by '-', and the server as HOST:PORT#FINGERPRINT, or None."""
    given = given.strip(" \t\r\n")
    if len(given.encode()) > 512:
        raise ValueError("too long")
    server = None
    if given[:7].lower() == "pshare:":
        given, slash, rest = given[7:].partition("/")
        if slash and rest:
            host, slash, fingerprint = rest.partition("/")
            server = host.lower() + ("#" + fingerprint if slash else "")
    for separator in SEPARATORS:
        given = given.replace(separator, " ")
    number, *words = [part.lower() for part in given.split(" ") if part] or [""]
    if not number.isascii() or not number.isdigit() or not 1000 <= int(number) <= 9_999_999:
        raise ValueError("no number in front, or none of a server's")
    if not 2 <= len(words) <= 8 or any(each not in WORDS for each in words):
        raise ValueError("not the words of a code")
    return int(number), "-".join(words), server


def link(code, host_and_port, fingerprint):
    return f"pshare:{code}/{host_and_port}/{fingerprint.replace('-', '')}"


# --- P-256 (SEC 2 section 2.4.2) ----------------------------------------------------------------------------------------------------------------------------

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def plus(one, other):
    """None is the neutral element."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] ** 2 - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope**2 - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(number, point):
    product = None
    for bit in bin(number)[2:]:
        product = plus(product, product)
        if bit == "1":
            product = plus(product, point)
    return product


def minus(point):
    return point and (point[0], -point[1] % P)


def uncompressed(point):
    return b"\4" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def share_point(share):
    if len(share) != 65 or share[0] != 4:
        raise Malformed("no share")
    x, y = int.from_bytes(share[1:33], "big"), int.from_bytes(share[33:], "big")
    if x >= P or y >= P or (y * y - x**3 + 3 * x - B) % P != 0:
        raise Malformed("not on the curve")
    return x, y


def compressed_point(digits):
    data = bytes.fromhex(digits)
    x = int.from_bytes(data[1:], "big")
    y = pow(x**3 - 3 * x + B, (P + 1) // 4, P)
    return x, y if y % 2 == data[0] % 2 else P - y


M = compressed_point("02886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f")
N = compressed_point("03d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49")


# --- SPAKE2 (RFC 9382) --------------------------------------------------------------------------------------------------------------------------------------


def context(number):
    return f"pshare code v1 {number}".encode()


def scalar(words, number):
    material = hashlib.scrypt(words.encode(), salt=context(number), n=2**14, r=8, p=1, maxmem=64 * 2**20, dklen=40)
    return int.from_bytes(material, "big") % ORDER


def drawn(material):
    """x or y, of 40 random bytes."""
    return int.from_bytes(material, "big") % ORDER


def guest_share(w, x):
    return uncompressed(plus(times(x, G), times(w, M)))


def host_share(w, y):
    return uncompressed(plus(times(y, G), times(w, N)))


class Agreement:
    """What comes of the two shares."""

    def __init__(self, number, w, share_a, share_b, shared):
        if shared is None:
            raise Malformed("a share that leads to the neutral element")
        self.shared = uncompressed(shared)
        parts = (b"pshare guest", b"pshare host", share_a, share_b, self.shared, w.to_bytes(32, "big"))
        self.transcript = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
        digest = hashlib.sha256(self.transcript).digest()
        self.ke, ka = digest[:16], digest[16:]
        # HKDF of 32 bytes is one block.
        extracted = hmac.digest(bytes(32), ka, "sha256")
        keys = hmac.digest(extracted, b"ConfirmationKeys" + context(number) + b"\1", "sha256")
        self.kca, self.kcb = keys[:16], keys[16:]
        self.by_guest = hmac.digest(self.kca, self.transcript, "sha256")
        self.by_host = hmac.digest(self.kcb, self.transcript, "sha256")

    def key(self, side):
        return hmac.digest(self.ke, b"pshare code v1 from " + side, "sha256")

    def seal(self, side, message, nonce):
        return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(message, None, nonce, self.key(side))

    def open(self, side, sealed):
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[24:], None, sealed[:24], self.key(side))
        except (CryptoError, ValueError) as trouble:
            raise WrongCode from trouble


class WrongCode(ValueError):
    """The other side does not know the code."""


INTRODUCTION = [Key("key", raw(32)), Key("name", text(64), ""), Key("for", word("send", "pair"))]


def introduction(said):
    return cbor.encode(said)


def read_introduction(body):
    return cbor.read(INTRODUCTION, cbor.decode(body))


class Guest:
    """Bodies 1 and 3. `draw(count)` gives random bytes."""

    def __init__(self, number, words, us, draw):
        self.number, self.us, self.draw = number, us, draw
        self.w = scalar(words, number)
        self.x = drawn(draw(40))
        self.share = guest_share(self.w, self.x)

    def answered(self, body):
        """Body 2; gives who the host is, and body 3."""
        if len(body) < 97:
            raise Malformed("too short")
        theirs, confirmation = body[:65], body[65:97]
        self.agreement = Agreement(self.number, self.w, self.share, theirs, times(self.x, plus(share_point(theirs), minus(times(self.w, N)))))
        if not hmac.compare_digest(confirmation, self.agreement.by_host):
            raise WrongCode
        host = read_introduction(self.agreement.open(b"host", body[97:]))
        return host, self.agreement.by_guest + self.agreement.seal(b"guest", introduction(self.us), self.draw(24))

    def welcomed(self, body):
        if self.agreement.open(b"host", body) != b"welcome":
            raise Malformed("another last word")


class Host:
    """Bodies 2 and 4."""

    def __init__(self, number, words, us, draw):
        self.number, self.us, self.draw = number, us, draw
        self.w = scalar(words, number)
        self.y = drawn(draw(40))
        self.share = host_share(self.w, self.y)

    def joined(self, theirs):
        shared = times(self.y, plus(share_point(theirs), minus(times(self.w, M))))
        self.agreement = Agreement(self.number, self.w, theirs, self.share, shared)
        return self.share + self.agreement.by_host + self.agreement.seal(b"host", introduction(self.us), self.draw(24))

    def confirmed(self, body):
        if not hmac.compare_digest(body[:32], self.agreement.by_guest):
            raise WrongCode
        guest = read_introduction(self.agreement.open(b"guest", body[32:]))
        return guest, self.agreement.seal(b"host", b"welcome", self.draw(24))
