"""CBOR (RFC 8949) as docs/protocol.md, "Forms", has it, and the tables of keys in which its messages are written down."""
import struct

DEPTH, VALUES = 8, 16 * 1024
TEXT = 1024          # the longest text where nothing else is said
FRAME = 64 * 1024


class Malformed(ValueError):
    """What was said is no message."""


# --- Writing: shortest form, definite lengths, keys in the order of their bytes -------------------------------------------------------------------------------


def _head(major, number):
    if number < 24:
        return bytes([major << 5 | number])
    for code, (size, shape) in enumerate(((1, ">B"), (2, ">H"), (4, ">I"), (8, ">Q")), 24):
        if number < 1 << 8 * size:
            return bytes([major << 5 | code]) + struct.pack(shape, number)
    raise ValueError(f"{number} does not fit 64 bits")


def encode(value):
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return _head(3, len(raw)) + raw
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(encode(each) for each in value)
    if isinstance(value, dict):
        return _head(5, len(value)) + b"".join(encode(key) + encode(value[key]) for key in sorted(value, key=str.encode))
    raise TypeError(f"{value!r} is not in use")


# --- Reading ------------------------------------------------------------------------------------------------------------------------------------------------


class Strange:
    """Well-formed CBOR that is not in use here: a negative number, a float, null. As a value it counts as missing. So does a text that is not UTF-8."""


class _Reader:
    def __init__(self, data):
        self.data, self.at, self.values = data, 0, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Malformed("it ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def value(self, depth=0):
        self.values += 1
        if self.values > VALUES:
            raise Malformed("too many values")
        first = self.take(1)[0]
        major, code = first >> 5, first & 31
        if major == 7:
            if code in (20, 21):
                return code == 21
            if code in (22, 25, 26, 27):
                self.take({22: 0, 25: 2, 26: 4, 27: 8}[code])
                return Strange()
            raise Malformed("a value that is not in use")
        if code > 27:
            raise Malformed("an indefinite length")
        number = code if code < 24 else int.from_bytes(self.take(1 << code - 24), "big")
        if major == 0:
            return number
        if major == 1:
            return Strange()
        if major == 2:
            return self.take(number)
        if major == 3:
            try:
                return self.take(number).decode()
            except UnicodeDecodeError:
                return Strange()
        if major == 6:
            raise Malformed("a tag")
        if depth + 1 > DEPTH:
            raise Malformed("nested too deep")
        if major == 4:
            return [self.value(depth + 1) for _ in range(number)]
        return dict(self.pair(depth + 1) for _ in range(number))

    def pair(self, depth):
        if self.at < len(self.data) and self.data[self.at] >> 5 != 3:
            raise Malformed("a key that is no text")
        self.values -= 1                  # keys are not counted
        return self.value(depth), self.value(depth)


def decode(data):
    reader = _Reader(data)
    value = reader.value()
    if not isinstance(value, dict):
        raise Malformed("no map")
    if reader.at != len(data):
        raise Malformed("bytes behind it")
    return value


# --- Tables of keys -----------------------------------------------------------------------------------------------------------------------------------------

MUST = object()      # without this key it is no message


class Key:
    """One line of a table: a key, what may stand there, and what a missing one means."""

    def __init__(self, name, fits, missing=MUST):
        self.name, self.fits, self.missing = name, fits, missing


def number(least=0, most=2**64 - 1):
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def flag(value):
    return isinstance(value, bool)


def text(most=TEXT):
    return lambda value: isinstance(value, str) and len(value.encode()) <= most


def word(*words):
    return lambda value: value in words


def raw(*sizes):
    return lambda value: isinstance(value, bytes) and len(value) in sizes


def raw_up_to(most):
    return lambda value: isinstance(value, bytes) and len(value) <= most


def array_of(fits, most=None):
    return lambda value: isinstance(value, list) and (most is None or len(value) <= most) and all(fits(each) for each in value)


def map_of(keys):
    def fits(value):
        return isinstance(value, dict) and all(key.missing is not MUST or key.name in value and key.fits(value[key.name]) for key in keys)
    return fits


def read(keys, found):
    """What a map says: each key of the table, with what stands for it where it is missing."""
    said = {}
    for key in keys:
        value = found.get(key.name, key)
        if value is not key and key.fits(value):
            said[key.name] = value
        elif key.missing is MUST:
            raise Malformed(f"no {key.name}, or one that does not fit")
        elif key.missing is not None:
            said[key.name] = key.missing
    return said


# --- Frames -------------------------------------------------------------------------------------------------------------------------------------------------


def frame(body):
    assert len(body) <= FRAME
    return len(body).to_bytes(4, "big") + body
