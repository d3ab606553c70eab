"""The vectors are what this implementation makes of docs/protocol.md, and it reads them as they say. (That pshare does so too is unit_vectors' part.)"""
import cbor
import checks
import codes
import control
import identity
import lanes
import pytest
import relays
import signals
import vectors
from cbor import Malformed
from identity import Identity
from vectors import from_hex, hex_of, kept


def people():
    return {each["name"]: each for each in kept("identities")["keys"]}


def someone(name):
    return Identity(people()[name]["seed"])


def full(read, fields):
    """The fields, with what stands for those that are missing."""
    return read(cbor.encode(fields))


def test_every_file_is_what_is_made_here():
    assert vectors.differing() == []


def test_bytes_with_long_runs_are_written_and_read():
    for data in (b"", bytes(63), bytes(64), b"\1" + bytes(1000) + b"\2" * 64 + b"\3"):
        assert from_hex(hex_of(data)) == data
    assert hex_of(b"\1" + bytes(100)) == "01 00*100"


def test_identities_are_read():
    said = kept("identities")
    for each in said["typed"]:
        assert identity.id_from_text(each["text"]) == each["id"], each
    for each in said["refused"]:
        with pytest.raises(ValueError):
            identity.id_from_text(each["text"])
    example = said["comparison words"][0]
    assert example["words"] == "ribbon-potato-magic-guess-timber-napkin-once-spark"       # as docs/protocol.md says


def test_control_messages_are_read():
    said = kept("control")
    verbs = {"client": control.CLIENT, "server": control.SERVER}
    for who in verbs:
        assert {each["name"] for each in said[who]} == set(verbs[who]), "a message without a vector"
        for each in said[who]:
            assert control.decode(verbs[who], each["bytes"]) == full(lambda body, who=who: control.decode(verbs[who], body), each["fields"])
    for each in said["tolerated"]:
        read = control.decode(verbs[each["from"]], each["bytes"])
        if read["t"] == "relays":
            read["relays"] = [{**one, "at": at, "anyone": one.get("anyone", False)} for one in read["relays"] if (at := signals.relay_addresses(one["at"]))]
        for key, value in each["reads as"].items():
            assert read[key] == value, each["name"]
        assert "at" not in read or "at" in each["reads as"]
    for each in said["refused"]:
        with pytest.raises(Malformed):
            control.decode(verbs[each["from"]], each["bytes"])
            pytest.fail(each["name"])
    for each in said["role"]:
        assert cbor.read(control.ROLE, cbor.decode(each["bytes"])) == each["fields"]
    for each in said["reflection"]:
        assert cbor.read(control.REFLECTION, cbor.decode(each["bytes"])) == each["fields"]
    for each in said["dial-back"]:
        assert control.dial_back_nonce(each["bytes"]) == each["nonce"]


def test_codes_are_read_and_both_sides_of_an_exchange_agree():
    said = kept("codes")
    for each in said["parsed"]:
        assert codes.parse(each["given"]) == (each["number"], each["words"], each["server"])
    for each in said["refused"]:
        with pytest.raises(ValueError):
            codes.parse(each["given"])
    for each in said["spake2"]:
        w, x, y = (int.from_bytes(each[name], "big") for name in "wxy")
        by_guest = codes.times(x, codes.plus(codes.share_point(each["pB"]), codes.minus(codes.times(w, codes.N))))
        by_host = codes.times(y, codes.plus(codes.share_point(each["pA"]), codes.minus(codes.times(w, codes.M))))
        assert codes.uncompressed(by_guest) == codes.uncompressed(by_host) == each["K"]
    for each in said["exchanges"]:
        wrong = codes.Guest(each["number"], "about-above", each["guest"], vectors.Drawing(each["drawn"]["guest's x"]))
        with pytest.raises(codes.WrongCode):
            wrong.answered(each["bodies"][1])


def test_tickets_and_answers_of_relays_are_read():
    said = kept("relays")
    key = someone(said["signer"]).public_key
    for each in said["tickets"]:
        assert relays.open_ticket(each["signed"], key) == each["fields"]
    for each in said["refused tickets"]:
        with pytest.raises(Malformed):
            relays.open_ticket(each["signed"], key)
    for each in said["hello"]:
        assert relays.decode_hello(each["bytes"]) == each["fields"]
    for each in said["answers"]:
        assert relays.decode_answer(each["bytes"]) == each["fields"]


def test_signals_are_read():
    said = kept("signals")
    assert {each["name"] for each in said["signals"]} == set(signals.SIGNALS), "a signal without a vector"
    for each in said["signals"]:
        assert signals.decode(each["bytes"]) == full(signals.decode, each["fields"])
        for key, value in each["fields"].items():
            if key not in ("summary", "network"):
                assert signals.decode(each["bytes"])[key] == value
    for each in said["tolerated"]:
        assert signals.decode(each["bytes"]) == each["reads as"], each["name"]
    for each in said["refused"]:
        with pytest.raises(Malformed):
            signals.decode(each["bytes"])
            pytest.fail(each["name"])


def test_envelopes_are_opened():
    said = kept("signals")
    for each in said["envelopes"]:
        opened = signals.open_envelope(someone(each["to"]), each["sealed"], each["time"])
        assert opened == (people()[each["from"]]["public key"], each["nonce"], each["signal"])
    for each in said["accepted at the edge"]:
        signals.open_envelope(someone(each["to"]), each["sealed"], each["time"])
    for each in said["refused envelopes"]:
        with pytest.raises(signals.Refused):
            signals.open_envelope(someone(each["to"]), each["sealed"], each["time"])
            pytest.fail(each["name"])


def test_checks_are_read():
    said = kept("checks")
    for each in said["checks"]:
        assert checks.read_check(each["secret"], each["bytes"]) == {key: each[key] for key in ("transaction", "session", "side", "nominates")}
    for each in said["answers"]:
        assert checks.read_answer(each["secret"], each["bytes"]) == {key: each[key] for key in ("transaction", "address", "port")}
        assert len(each["bytes"]) < min(len(check["bytes"]) for check in said["checks"])
    for each in said["refused checks"]:
        with pytest.raises(Malformed):
            checks.read_check(each["secret"], each["bytes"])


def test_frames_of_lanes_are_read_and_chunks_unpacked():
    said = kept("lanes")
    for each in said["messages"]:
        assert lanes.decode(each["frame"]) == each["fields"]
    for each in said["refused"]:
        with pytest.raises(Malformed):
            lanes.decode(each["frame"])
            pytest.fail(each["name"])
    for each in said["chunks"]:
        raw = lanes.payload_of(lanes.decode(each["header"]), each["payload"])
        assert vectors.hashlib.sha256(raw).digest() == each["raw sha256"]


def test_manifests_are_read_and_hostile_ones_refused():
    said = kept("manifests")
    for each in said["manifests"]:
        assert (lanes.check_manifest(lanes.decode_entries(each["encoded"])) if each["encoded"] else []) == each["entries"]
    for each in said["accepted"]:
        lanes.check_manifest(lanes.decode_entries(each["encoded"]))
    for each in said["refused"]:
        with pytest.raises(Malformed):
            lanes.check_manifest(lanes.decode_entries(each["encoded"]))
            pytest.fail(each["name"])


def test_receipts_are_read():
    said = kept("receipts")
    for each in said["receipts"]:
        assert lanes.open_receipt(each["signed"]) == each["fields"]
    for each in said["refused"]:
        with pytest.raises(Malformed):
            lanes.open_receipt(each["signed"])
