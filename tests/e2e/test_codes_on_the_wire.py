"""What a server, and whoever listens between, hears of two who meet by a one-time code.

What these tests can show: that the messages are what secure/code_exchange.hpp says, and nothing else; that neither the words nor anything that can be
computed from the words alone is in what is heard; and that the obvious ways to try guesses at a recorded exchange tell nothing. What they cannot show: that there is no
other way. That is what the proof of SPAKE2 (RFC 9382 section 7) is for: it reduces every such way to solving computational Diffie-Hellman in P-256."""
import functools
import hashlib
import hmac
import re
import secrets
from pathlib import Path

import pytest

from hostile_wire import TO_RELAY, HostileWire
from liar import Lied
from test_hostile_codes import FILE, by_code, shown
from trees import assert_same, write_random
from world import Peer

SHARE, CONFIRMATION, SEAL = 65, 32, 24 + 16   # a point; an HMAC; what sealing adds: nonce and tag
LAST_WORD = len("welcome")


# --- P-256 (SEC 2 section 2.4.2), in numbers -------------------------------------------------------------------------------------------------------------

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def on_curve(point):
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0


def add(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if (one[1] + other[1]) % P == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def minus(point):
    return point and (point[0], -point[1] % P)


def times(number, point):
    """Doubling in Jacobian coordinates, so that a thousand guesses take seconds."""
    x, y, z = 0, 1, 0
    px, py = point
    for bit in bin(number % ORDER)[2:]:
        yy, zz = y * y % P, z * z % P
        s, m = 4 * x * yy % P, 3 * (x - zz) * (x + zz) % P
        nx = (m * m - 2 * s) % P
        x, y, z = nx, (m * (s - nx) - 8 * yy * yy) % P, 2 * y * z % P
        if bit == "1":
            if z == 0:
                x, y, z = px, py, 1
                continue
            zz = z * z % P
            h, r = (px * zz - x) % P, (py * zz * z - y) % P
            assert h, "not met with numbers below the order"
            hh, hhh = h * h % P, h * h * h % P
            v = x * hh % P
            nx = (r * r - hhh - 2 * v) % P
            x, y, z = nx, (r * (v - nx) - y * hhh) % P, z * h % P
    if z == 0:
        return None
    inverse = pow(z, -1, P)
    return x * inverse**2 % P, y * inverse**3 % P


def point_of(data):
    """Uncompressed (SEC 1 section 2.3.3), or compressed."""
    x = int.from_bytes(data[1:33], "big")
    if data[0] == 4:
        return x, int.from_bytes(data[33:], "big")
    y = pow(x**3 - 3 * x + B, (P + 1) // 4, P)
    return x, y if y % 2 == data[0] % 2 else P - y


def bytes_of(point):
    return b"\4" + b"".join(each.to_bytes(32, "big") for each in point) if point else b"\0"


# RFC 9382 section 6
M = point_of(bytes.fromhex("02886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f"))
N = point_of(bytes.fromhex("03d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49"))


# --- The code, and what comes of it ------------------------------------------------------------------------------------------------------------------------

def bound(number):
    return f"pshare code v1 {number}".encode()


def scrypt(words, salt):
    return hashlib.scrypt(words, salt=salt, n=2**14, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=40)


def scalar(words, number):
    return int.from_bytes(scrypt(words, bound(number)), "big") % ORDER


def confirmations(share_a, share_b, shared, w, extra, names=(b"pshare guest", b"pshare host")):
    """cA, cB of RFC 9382 section 3.3, were `shared` the point K."""
    transcript = b"".join(len(each).to_bytes(8, "little") + each for each in (*names, share_a, share_b, bytes_of(shared), w.to_bytes(32, "big")))
    digest = hashlib.sha256(transcript).digest()
    pseudorandom = hmac.digest(bytes(32), digest[16:], "sha256")   # HKDF, no salt
    keys = hmac.digest(pseudorandom, b"ConfirmationKeys" + extra + b"\1", "sha256")
    return hmac.digest(keys[:16], transcript, "sha256"), hmac.digest(keys[16:], transcript, "sha256")


@functools.cache
def word_list():
    source = (Path(__file__).parents[2] / "secure" / "words.cpp").read_text()
    words = re.findall(r'"([a-z]{3,6})"', source)
    assert len(words) == 1024 and words == sorted(words)
    return words


@functools.cache
def made_of(code):
    """All that we could think of that can be made of a code and of nothing else, by name."""
    number, words = code.split("-", 1)
    single = words.split("-")
    positions = [word_list().index(each) for each in single]
    packed = sum(each << 10 * i for i, each in enumerate(reversed(positions)))
    size = (10 * len(positions) + 7) // 8
    found = {f"the words, with {glue!r} between": glue.join(single).encode() for glue in ("-", " ", "", ",", "\0", "/")}
    found |= {"their positions, big-endian": b"".join(each.to_bytes(2, "big") for each in positions),
              "their positions, little-endian": b"".join(each.to_bytes(2, "little") for each in positions),
              "their bits, big-endian": packed.to_bytes(size, "big"), "their bits, little-endian": packed.to_bytes(size, "little")}
    texts = {"words": words.encode(), "code": code.encode(), "words as one": "".join(single).encode()}
    for name, text in texts.items():
        for hashed in ("md5", "sha1", "sha256", "sha512"):
            found[f"{hashed} of the {name}"] = hashlib.new(hashed, text).digest()
        for salt in (b"", number.encode(), bound(number)):
            found[f"sha256 of {salt} and the {name}"] = hashlib.sha256(salt + text).digest()
            found[f"sha256 of the {name} and {salt}"] = hashlib.sha256(text + salt).digest()
            found[f"HMAC by the {name} of {salt}"] = hmac.digest(text, salt, "sha256")
            found[f"HMAC by {salt} of the {name}"] = hmac.digest(salt, text, "sha256")
            found[f"scrypt of the {name}, {salt}"] = scrypt(text, salt)
    w = scalar(words.encode(), number)
    found |= {"w": w.to_bytes(32, "big"), "w, little-endian": w.to_bytes(32, "little"), "sha256 of w": hashlib.sha256(w.to_bytes(32, "big")).digest()}
    for name, point in {"wG": times(w, G), "wM": times(w, M), "wN": times(w, N)}.items():
        found |= {f"x of {name}": point[0].to_bytes(32, "big"), f"y of {name}": point[1].to_bytes(32, "big"), f"y of -{name}": (P - point[1]).to_bytes(32, "big")}
    return found


def assert_not_in(heard, code):
    """Neither as it is, nor in hexadecimal digits, nor (of what is long) the first 12 bytes."""
    for name, secret in made_of(code).items():
        for form in (secret, secret[:12], secret.hex().encode(), secret.hex().upper().encode()):
            assert form not in heard, name
    for form in (code.split("-", 1)[1].upper().encode(),):
        assert form not in heard


class Exchange:
    """The four messages of one that came to a good end."""

    def __init__(self, lied, code):
        self.code = code
        self.number, self.words = code.split("-", 1)
        mine = int(self.number)
        joins = [body for _, number, body in lied.said("join") if number == mine]
        self.messages = [joins[0], *(body for _, number, body in lied.said("message") if number == mine)]
        self.share_a, (self.share_b, self.by_b), self.by_a = self.messages[0], (self.messages[1][:SHARE], self.messages[1][SHARE:SHARE + CONFIRMATION]), self.messages[2][:CONFIRMATION]


def met(lied):
    """A file goes from alice to bob by a code of four words: twenty bits might be in any file by chance."""
    sending = lied.alice.start("send", FILE, "--code-words", "4")
    code = shown(sending)
    receiving = by_code(lied.bob, code)
    sending.ends(0), receiving.ends(0)
    (lied.bob.files / FILE).unlink()
    return Exchange(lied, code)


@pytest.fixture
def truthful(tmp_path):
    return Lied(tmp_path, "honest", strangers=True)


def test_our_arithmetic_is_that_of_rfc_9382():
    """Appendix B: so that what follows looks for the right things."""
    w, x, y = (int(each, 16) for each in ("2ee57912099d31560b3a44b1184b9b4866e904c49d12ac5042c97dca461b1a5f", "43dd0fd7215bdcb482879fca3220c6a968e66d70b1356cac18bb26c84a78d729",
                                          "dcb60106f276b02606d8ef0a328c02e4b629f84f89786af5befb0bc75b6e66be"))
    share_a, share_b = add(times(x, G), times(w, M)), add(times(y, G), times(w, N))
    assert bytes_of(share_a).hex().startswith("04a56fa807caaa53a4d28dbb9853b9815c61a411118a6fe516a8798434751470f9")
    assert bytes_of(share_b).hex().startswith("0406557e482bd03097ad0cbaa5df82115460d951e3451962f1eaf4367a420676d0")
    shared = times(x, add(share_b, minus(times(w, N))))
    assert shared == times(y, add(share_a, minus(times(w, M))))
    by_a, by_b = confirmations(bytes_of(share_a), bytes_of(share_b), shared, w, b"", names=(b"server", b"client"))
    assert by_a.hex() == "58ad4aa88e0b60d5061eb6b5dd93e80d9c4f00d127c65b3b35b1b5281fee38f0"
    assert by_b.hex() == "d3e2e547f1ae04f2dbdbf0fc4b79f8ecff2dff314b5d32fe9fcef2fb26dc459b"


def test_a_server_hears_shares_confirmations_and_what_is_sealed_and_nothing_of_the_code(truthful):
    first, second = met(truthful), met(truthful)
    for exchange in (first, second):
        share, answer, confirmation, welcome = exchange.messages   # four of them, and no more
        assert len(share) == SHARE and share[0] == 4 and on_curve(point_of(share))
        assert answer[0] == 4 and on_curve(point_of(answer[:SHARE]))
        # Sealed: a key, a name and a purpose, in CBOR.
        assert SHARE + CONFIRMATION + SEAL + 32 < len(answer) < SHARE + CONFIRMATION + SEAL + 120
        assert CONFIRMATION + SEAL + 32 < len(confirmation) < CONFIRMATION + SEAL + 120
        assert len(welcome) == SEAL + LAST_WORD
        for clear in (b"alice", b"bob", b"key", b"welcome", b"send"):
            assert not any(clear in each for each in exchange.messages)
    # What a message has is new each time.
    windows = [{each[at:at + 6] for each in exchange.messages for at in range(len(each) - 5)} for exchange in (first, second)]
    assert not windows[0] & windows[1]
    heard = truthful.has_heard_nothing()
    assert first.share_a in heard and first.number.encode() in (truthful.folder / "overheard.codes").read_bytes()   # so what is looked through is what it heard
    for exchange in (first, second):
        assert_not_in(heard, exchange.code)
        for word in exchange.words.split("-"):
            assert not any(word.encode() in each for each in exchange.messages if len(word) > 3)


def test_of_two_tries_with_one_code_nothing_is_the_same(truthful):
    exchange = met(truthful)
    again = by_code(truthful.bob, exchange.code)   # used up; but the server has heard what the guest would say
    again.ends(6)
    one, other = (body for _, number, body in truthful.said("join") if number == int(exchange.number))
    assert on_curve(point_of(other))
    assert not {one[at:at + 4] for at in range(1, SHARE - 3)} & {other[at:at + 4] for at in range(1, SHARE - 3)}
    # The difference, in which w does not count any more, is none that is known.
    assert add(point_of(one), minus(point_of(other))) not in [None, *(times(n, G) for n in range(1, 50)), *(minus(times(n, G)) for n in range(1, 50))]


@functools.cache
def small_multiples():
    return [times(n, G) for n in range(1, 17)]


def signs(share_a, share_b, by_a, by_b, w, extra):
    """What might tell that `w` is the right one, by name."""
    of_w = [times(w, each) for each in (G, M, N)]
    a, b = add(point_of(share_a), minus(of_w[1])), add(point_of(share_b), minus(of_w[2]))   # xG, yG if it is
    known = [None, M, N, *small_multiples(), *of_w, point_of(share_a), point_of(share_b)]
    known += [minus(each) for each in known]
    bare, both, apart = [a, b], add(a, b), add(a, minus(b))
    found = {"of the curve": all(each is None or on_curve(each) for each in bare), "known": any(each in known for each in (a, b, both, apart)),
             "one is the other": a == b or a == minus(b), "no point": None in bare}
    # The confirmations, with all that could be K without solving Diffie-Hellman.
    for name, shared in [*zip(("aG", "bG", "sum", "difference"), (a, b, both, apart)), *((f"known {i}", each) for i, each in enumerate(known)),
                         ("wa", times(w, a) if a else None), ("wb", times(w, b) if b else None)]:
        found[f"confirmed by {name}"] = bool({by_a, by_b} & set(confirmations(share_a, share_b, shared, w, extra)))
    return found, (a, b)


def test_a_recorded_exchange_gives_nothing_to_try_guesses_on(truthful, dice):
    """Of a thousand guesses the right one looks like all others. A hundred are made by the slow hash from real words; the rest are w's drawn at random, since hashes
    are not what is tried here. Whether a sign would be seen is tried on an exchange of two who choose their secrets badly."""
    exchange = met(truthful)
    words, number = word_list(), int(exchange.number)
    right = scalar(exchange.words.encode(), number)
    guesses = [scalar("-".join(dice.choice(words) for _ in range(4)).encode(), number) for _ in range(99)]
    guesses += [1 + secrets.randbelow(ORDER - 1) for _ in range(900)]
    assert len({right, *guesses}) == 1000
    recorded = exchange.share_a, exchange.share_b, exchange.by_a, exchange.by_b
    looks = []
    expected, right_points = signs(*recorded, right, bound(number))
    assert expected.pop("of the curve") and not any(expected.values()), expected
    for w in guesses:
        found, points = signs(*recorded, w, bound(number))
        assert found.pop("of the curve") and found == expected
        looks.append(points)
    # Each bit of the four coordinates is set in about half of the guesses (five deviations of chance), so that none of them marks the right one.
    for coordinate in range(4):
        for bit in range(255):
            ones = sum(points[coordinate // 2][coordinate % 2] >> bit & 1 for points in looks)
            assert 400 < ones < 600
    assert right_points not in looks

    # Badly chosen: the guest's secret is 3, so that the right guess shows 3G, and K is 3 times the host's share without its blinding.
    w, y = right, 1 + secrets.randbelow(ORDER - 1)
    share_a, share_b = bytes_of(add(times(3, G), times(w, M))), bytes_of(add(times(y, G), times(w, N)))
    by_a, by_b = confirmations(share_a, share_b, times(3 * y, G), w, bound(number))
    assert signs(share_a, share_b, by_a, by_b, w, bound(number))[0]["known"]
    assert not any(signs(share_a, share_b, by_a, by_b, each, bound(number))[0]["known"] for each in guesses[:50])
    # And a K that can be guessed: the host's secret is 1, so that K is the guest's share without its blinding.
    share_b = bytes_of(add(G, times(w, N)))
    by_a, by_b = confirmations(share_a, share_b, times(3, G), w, bound(number))
    assert signs(share_a, share_b, by_a, by_b, w, bound(number))[0]["confirmed by aG"]


class Recorder(HostileWire):
    """Does no harm, and keeps all that passes."""

    def __init__(self, server):
        super().__init__(server, None, TO_RELAY, 0, 0)
        self.recorded = {}   # each connection, each way

    def passed_on(self, connection, way, piece):
        self.recorded.setdefault((connection.number, way), bytearray()).extend(piece)
        return super().passed_on(connection, way, piece)


def test_on_the_wire_to_the_server_nothing_of_a_code_is_in_clear(tmp_path, server):
    wire = Recorder(server)
    alice, bob = Peer(tmp_path, "alice"), Peer(tmp_path, "bob")
    for each in (alice, bob):
        each.init(wire.spec)
    write_random(alice.files / FILE, 100_000)
    sending = alice.start("send", FILE, "--code-words", "4")
    code = shown(sending)
    guessing = by_code(bob, "-".join([*code.split("-")[:-1], "acid" if not code.endswith("acid") else "acorn"]))
    guessing.ends(6)
    second = shown(sending, 1)
    receiving = by_code(bob, second)
    sending.ends(0), receiving.ends(0)
    assert_same(alice.files / FILE, bob.files / FILE)
    passed = [bytes(each) for each in wire.recorded.values()]
    assert sum(map(len, passed)) > 5000 and sum(b"pshare-control/1" in each for each in passed) >= 3   # TLS's greetings: this is what passed
    for each in passed:
        for shown_code in (code, second):
            assert_not_in(each, shown_code)
            assert not any(word.encode() in each for word in shown_code.split("-")[1:] if len(word) > 4)
        assert FILE.encode() not in each
    wire.cut()
