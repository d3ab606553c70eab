"""Keys, certificates, peer IDs and words: docs/protocol.md, "Identities"."""
import base64
import datetime
import functools
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from nacl import bindings, pwhash

SPKI = bytes.fromhex("302a300506032b6570032100")
WORDS = (Path(__file__).parent.parent / "vectors" / "words.txt").read_text().split()


def crc24(data):
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864CFB
    return crc


def peer_id(public_key):
    return hashlib.sha256(SPKI + public_key).digest()


def id_text(peer):
    symbols = base64.b32encode(peer + crc24(peer).to_bytes(3, "big")).decode()
    return "-".join(symbols[at:at + 7] for at in range(0, 56, 7))


def id_from_text(text):
    symbols = "".join({"0": "O", "1": "I", "8": "B"}.get(c, c) for c in text.upper() if c not in "- ")
    if len(symbols) != 56 or any(c not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for c in symbols):
        raise ValueError("no peer ID")
    data = base64.b32decode(symbols)
    if crc24(data[:32]) != int.from_bytes(data[32:], "big"):
        raise ValueError("mistyped")
    return data[:32]


def spelt(data):
    """The first 80 bits, ten for each word."""
    bits = int.from_bytes(data[:10], "big")
    return "-".join(WORDS[bits >> 70 - 10 * i & 1023] for i in range(8))


def comparison_words(one, other):
    low, high = sorted((one, other))
    return spelt(pwhash.argon2id.kdf(32, low + high, b"pshare-compare-1", opslimit=3, memlimit=65536 * 1024))


class Identity:
    def __init__(self, seed):
        self.seed = seed
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self.key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.id = peer_id(self.public_key)

    def sign(self, message):
        return self.key.sign(message)

    @functools.cached_property
    def certificate(self):
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pshare")])
        builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=self.key.public_key(), serial_number=1,
                                          not_valid_before=datetime.datetime(2020, 1, 1), not_valid_after=datetime.datetime(9999, 12, 31, 23, 59, 59))
        return builder.sign(self.key, None)

    @property
    def certificate_der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def x25519(self):
        """The pair of keys that letters are sealed to."""
        secret = bindings.crypto_sign_ed25519_sk_to_curve25519(self.seed + self.public_key)
        return secret, x25519_public(self.public_key)


def x25519_public(public_key):
    return bindings.crypto_sign_ed25519_pk_to_curve25519(public_key)
