"""A second implementation, written from docs/protocol.md alone (tests/second), at one end of a transfer, pshare at the other, and a real server between them."""
import secrets
import socket
import sys
import time
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "second"))

import checks  # noqa: E402
import client  # noqa: E402
import relayed  # noqa: E402
from identity import Identity, id_text  # noqa: E402
from trees import assert_same, overwrite, write_random  # noqa: E402
from world import Peer  # noqa: E402


class Stranger:
    """Somebody who has no pshare."""

    def __init__(self, server, name, features=()):
        self.us = Identity(secrets.token_bytes(32))
        self.name = name
        self.peer_id = id_text(self.us.id)
        self.server = client.Server(self.us, server.spec, features)
        assert self.server.ask("register", name=name)["name"] == name


def tree(folder):
    """What has to do with every kind of entry and of chunk."""
    top = folder / "things"
    (top / "inner" / "empty").mkdir(parents=True)
    (top / "inner" / "nothing").write_bytes(b"")
    (top / "inner" / "one byte").write_bytes(b"x")
    (top / "zeros").write_bytes(bytes(3 * 1024 * 1024))
    (top / "words").write_bytes(b"the same again and again " * 100_000)
    write_random(top / "random \N{LATIN SMALL LETTER U WITH DIAERESIS}", 5 * 1024 * 1024 + 17)
    (top / "inner" / "link").symlink_to("../words")
    return top


@pytest.fixture
def bob(tmp_path, server):
    return Peer(tmp_path, "bob", server)


def test_it_sends_to_pshare_by_name(tmp_path, server, bob):
    carol = Stranger(server, "carol", ["answers-only"])
    bob.knows(carol)
    receiving = bob.receives()
    receiving.says("Waiting for offers")
    sent = tree(tmp_path)
    assert client.send(carol.server, carol.server.key_of("bob"), "carol", [sent]) == ([b"things"], b"")
    receiving.ends(0)
    assert_same(sent, bob.files / "things")
    assert receiving.event("path")["tier"] == "direct"


def test_it_receives_from_pshare_by_name(tmp_path, server, bob):
    carol = Stranger(server, "carol")
    bob.knows(carol)
    sent = tree(bob.files)
    sending = bob.sends(sent, to="carol")
    (tmp_path / "carol").mkdir()
    assert client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path / "carol") == [b"things"]
    sending.ends(0)
    assert_same(sent, tmp_path / "carol" / "things")
    assert sending.event("done")["wire_bytes"] < sending.event("done")["bytes"], "nothing came compressed"


def test_it_sends_to_pshare_by_a_code(tmp_path, server, bob):
    carol = Stranger(server, "carol", ["answers-only"])
    sent = tmp_path / "note"
    sent.write_bytes(b"by a code")
    started = []
    guest = client.invite(carol.server, "carol", lambda code: started.append(bob.receives(code)))
    assert guest["key"] == carol.server.key_of(bob.peer_id)
    client.send(carol.server, guest["key"], "carol", [sent])
    started[0].ends(0)
    assert_same(sent, bob.files / "note")


def test_it_receives_from_pshare_by_a_code(tmp_path, server, bob):
    carol = Stranger(server, "carol", ["answers-only"])
    write_random(bob.files / "note", 100_000)
    sending = bob.start("send", "note")
    host = client.join(carol.server, "carol", sending.event("code")["code"])
    assert host["name"] == "bob"
    (tmp_path / "carol").mkdir()
    client.receive(carol.server, client.peer_id(host["key"]), tmp_path / "carol")
    sending.ends(0)
    assert_same(bob.files / "note", tmp_path / "carol" / "note")


def test_it_receives_what_pshare_reads_from_a_pipe(tmp_path, server, bob):
    carol = Stranger(server, "carol")
    bob.knows(carol)
    piped = write_random(bob.files / "piped", 3 * client.CHUNK + 5)
    with piped.open("rb") as stdin:
        sending = bob.sends("-", to="carol", stdin=stdin)
        assert client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path) == [b"stdin"]
        sending.ends(0)
    assert (tmp_path / "stdin").read_bytes() == piped.read_bytes()


def test_it_shows_a_text_of_pshares(tmp_path, server, bob):
    carol = Stranger(server, "carol")
    bob.knows(carol)
    sending = bob.sends("--text", "Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e", to="carol")
    assert client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path) == ["Gr\N{LATIN SMALL LETTER U WITH DIAERESIS}\N{LATIN SMALL LETTER SHARP S}e".encode()]
    sending.ends(0)


def test_it_becomes_a_contact_of_pshares_by_a_code(server, bob):
    carol = Stranger(server, "carol", ["answers-only"])
    pairing = bob.start("pair")
    host = client.join(carol.server, "carol", pairing.event("code")["code"], "pair")
    pairing.ends(0)
    assert id_text(client.peer_id(host["key"])) == bob.peer_id
    assert carol.peer_id in bob.run("contacts", "list", json=False).text


def test_it_is_told_of_a_wrong_code(server, bob):
    carol = Stranger(server, "carol", ["answers-only"])
    (bob.files / "note").write_bytes(b"not for everybody")
    sending = bob.start("send", "note")
    number = sending.event("code")["code"].split("-")[0]
    wrong = next(words for words in (f"{number}-about-above", f"{number}-above-about") if words != sending.event("code")["code"])
    with pytest.raises(client.codes.WrongCode):
        client.join(carol.server, "carol", wrong)
    carol.server.ask("code-close", number=int(number))
    sending.says("burnt")


class Interrupted(Exception):
    pass


def send_until_three_are_durable(carol, key, sent, monkeypatch):
    """Gives those that are. Some are never sent: otherwise pshare might be done with what has arrived."""
    whole, send_chunk = client.Lane.expect, client._send_chunk
    durable = set()
    monkeypatch.setattr(client, "_send_chunk", lambda lane, chunk, raw: chunk < 5 and send_chunk(lane, chunk, raw))

    def until_three_are_durable(lane, *names):
        message = whole(lane, *names)
        if message["is"] == "Durable":
            durable.update(message["chunks"])
            if len(durable) >= 3:
                lane.stream.sock.close()
                raise Interrupted
        return message

    monkeypatch.setattr(client.Lane, "expect", until_three_are_durable)
    with pytest.raises(Interrupted):
        client.send(carol.server, key, "carol", [sent])
    monkeypatch.setattr(client.Lane, "expect", whole)
    monkeypatch.setattr(client, "_send_chunk", send_chunk)
    return durable


def chunks_sent(monkeypatch):
    """What is sent from now on is noted there."""
    sent = []
    send_chunk = client._send_chunk
    monkeypatch.setattr(client, "_send_chunk", lambda lane, chunk, raw: (sent.append(chunk), send_chunk(lane, chunk, raw)))
    return sent


def test_what_had_arrived_of_it_is_not_sent_again(tmp_path, server, bob, monkeypatch):
    carol = Stranger(server, "carol", ["answers-only"])
    bob.knows(carol)
    receiving = bob.receives()
    receiving.says("Waiting for offers")
    sent = write_random(tmp_path / "film", 8 * client.CHUNK)
    key = carol.server.key_of("bob")
    durable = send_until_three_are_durable(carol, key, sent, monkeypatch)
    again = chunks_sent(monkeypatch)
    client.send(carol.server, key, "carol", [sent])
    receiving.ends(0)
    assert_same(sent, bob.files / "film")
    assert not durable & set(again)
    assert receiving.event("done")["resumed_bytes"] >= 3 * client.CHUNK


def test_of_a_file_that_changed_meanwhile_only_what_changed_is_sent_again(tmp_path, server, bob, monkeypatch):
    carol = Stranger(server, "carol", ["answers-only"])
    bob.knows(carol)
    receiving = bob.receives()
    receiving.says("Waiting for offers")
    sent = write_random(tmp_path / "film", 8 * client.CHUNK)
    key = carol.server.key_of("bob")
    durable = sorted(send_until_three_are_durable(carol, key, sent, monkeypatch))
    overwrite(sent, durable[1] * client.CHUNK + 5, b"another byte or two")
    again = chunks_sent(monkeypatch)
    client.send(carol.server, key, "carol", [sent])
    receiving.ends(0)
    assert_same(sent, bob.files / "film")
    assert durable[1] in again
    assert durable[0] not in again and durable[2] not in again


def test_pshare_signs_for_what_it_has_received(tmp_path, server, bob):
    carol = Stranger(server, "carol", ["answers-only"])
    bob.knows(carol)
    receiving = bob.receives()
    receiving.says("Waiting for offers")
    source = client.Source([tree(tmp_path)])
    key = carol.server.key_of("bob")
    _, receipt = client.send(carol.server, key, "carol", [tmp_path / "things"], receipt=2)
    receiving.ends(0)
    run = b"".join(source.read(chunk) for chunk in range(source.chunks))
    time_of_signing = receipt.pop("time")
    assert receipt == client.facts(source.entries, run, client.CHUNK, receipt["transfer"], carol.us.id, key)
    assert abs(time_of_signing - time.time()) < 600


def test_pshare_believes_its_receipt(tmp_path, server, bob):
    carol = Stranger(server, "carol")
    bob.knows(carol)
    tree(bob.files)
    sending = bob.sends("--receipt", "things", to="carol")
    (tmp_path / "carol").mkdir()
    client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path / "carol")
    sending.event("receipt")
    sending.ends(0)


def test_the_server_is_talked_to_in_what_looks_like_ordinary_tls(server):
    us = Identity(secrets.token_bytes(32))
    assert client.Server(us, server.spec, ordinary=True).welcome["v"] == 1


def test_the_server_tells_it_where_it_is_and_dials_it_back(server):
    carol = Stranger(server, "carol", ["answers-only"])
    for port in (None, carol.server.welcome["reflect2"]):
        seen, ours = carol.server.reflection(port)
        assert (client.text_of(seen["address"]), seen["port"]) == ours

    door, nonce = client.Door(carol.server), secrets.token_bytes(16)
    assert carol.server.ask("probe", transport="tcp", port=door.candidate["port"], nonce=nonce)["outcome"] == "reached"
    with door.next(client.later()) as caller:
        caller.settimeout(30)
        heard = b""
        while more := caller.recv(64):
            heard += more
    assert client.control.dial_back_nonce(heard) == nonce

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((client.text_of(door.candidate["address"]), 0))
        ours.settimeout(30)
        assert carol.server.ask("probe", transport="udp", port=ours.getsockname()[1], nonce=nonce)["outcome"] == "reached"
        assert client.control.dial_back_nonce(ours.recv(64)) == nonce


def test_each_declines_what_the_other_offers_in_words(tmp_path, server, bob):
    carol = Stranger(server, "carol")
    (tmp_path / "note").write_bytes(b"no")
    receiving = bob.start("receive", "--dir", bob.files)      # nobody there to ask, and no --yes
    receiving.says("Waiting for offers")
    with pytest.raises(client.Trouble, match="not-a-contact|no-terminal"):
        client.send(carol.server, carol.server.key_of("bob"), "carol", [tmp_path / "note"])

    bob.knows(carol)
    (bob.files / "note").write_bytes(b"no")
    sending = bob.sends("note", to="carol")
    assert client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path, agree=lambda _: False) == []
    sending.ends(3)
    assert "Not today." in sending.words + sending.text


def test_it_is_spoken_to_by_pshare_where_it_has_dialled(tmp_path, server, bob):
    carol = Stranger(server, "carol")
    bob.knows(carol)
    write_random(bob.files / "note", 100_000)
    sending = bob.sends("note", to="carol")
    (tmp_path / "carol").mkdir()
    client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path / "carol", meet=client.dial_sender)
    sending.ends(0)
    assert_same(bob.files / "note", tmp_path / "carol" / "note")


def test_it_speaks_first_where_pshare_has_dialled(tmp_path, server, bob, monkeypatch):
    carol = Stranger(server, "carol", ["answers-only"])
    bob.knows(carol)
    receiving = bob.receives()
    receiving.says("Waiting for offers")
    answer = client._answer
    monkeypatch.setattr(client, "_answer", lambda *of: {**answer(*of), "candidates": []})      # so that it has nobody to dial
    sent = write_random(tmp_path / "note", 100_000)
    client.send(carol.server, carol.server.key_of("bob"), "carol", [sent])
    receiving.ends(0)
    assert_same(sent, bob.files / "note")


def test_it_receives_through_the_relay_of_the_server(tmp_path, server, bob):
    carol = Stranger(server, "carol")
    bob.knows(carol)
    write_random(bob.files / "note", 3 * client.CHUNK)
    sending = bob.sends("note", "--tiers", "relay", to="carol")
    (tmp_path / "carol").mkdir()
    client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path / "carol", meet=relayed.meet)
    sending.ends(0)
    assert_same(bob.files / "note", tmp_path / "carol" / "note")
    assert sending.event("path")["tier"] == "relay"


def test_it_receives_through_a_supernode_for_anyone(tmp_path, server, bob):
    carol, dave = Stranger(server, "carol"), Peer(tmp_path, "dave", server)
    bob.knows(carol)
    node = dave.start("supernode", "--for", "anyone")
    node.event("supernode", state="listed")
    write_random(bob.files / "note", 3 * client.CHUNK)
    sending = bob.sends("note", "--tiers", "supernode", to="carol")
    (tmp_path / "carol").mkdir()
    client.receive(carol.server, client.id_from_text(bob.peer_id), tmp_path / "carol", meet=relayed.meet)
    sending.ends(0)
    assert_same(bob.files / "note", tmp_path / "carol" / "note")
    assert sending.event("path")["tier"] == "supernode"
    assert node.event("relaying", state="over")["bytes"] > 3 * client.CHUNK


def test_pshare_answers_its_checks_and_no_others(tmp_path, server, bob):
    carol = Stranger(server, "carol", ["answers-only"])
    bob.knows(carol)
    receiving = bob.receives()
    receiving.says("Waiting for offers")
    (tmp_path / "note").write_bytes(b"over UDP")
    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ours.bind(("127.0.0.1", 0))
    place = {"type": "host", "transport": "udp", "address": client.local_address(carol.server), "port": ours.getsockname()[1]}
    secret = secrets.token_bytes(32)
    offer = {**client.offer_for(client.Source([tmp_path / "note"]), "carol", secrets.token_bytes(16), [place]), "check-secret": secret}
    carol.server.signal(carol.server.key_of("bob"), offer, wait=True)
    accept = client._answer(carol.server, carol.server.key_of("bob"), offer["session"])
    theirs = next(each for each in accept["candidates"] if each["transport"] == "udp" and each["type"] == "host" and each["address"] == place["address"])
    there = (client.text_of(theirs["address"]), theirs["port"])

    # What comes before pshare begins is lost; so it is asked again, each time by another transaction.
    ours.settimeout(0.2)
    asked, forged = [], []
    answered = asked_by_them = None
    deadline = client.later()
    while not (answered and asked_by_them):
        assert time.monotonic() < deadline
        asked.append(secrets.token_bytes(12))
        forged.append(secrets.token_bytes(12))
        ours.sendto(checks.check(secrets.token_bytes(32), offer["session"], forged[-1], "sender", False), there)
        ours.sendto(checks.check(secret, offer["session"], asked[-1], "sender", False), there)
        try:
            datagram, from_there = ours.recvfrom(2048)
        except TimeoutError:
            continue
        assert from_there == there
        if datagram[:2] == b"\0\1":
            asked_by_them = checks.read_check(secret, datagram)
        else:
            answered = checks.read_answer(secret, datagram)
    assert answered["transaction"] in asked
    assert (answered["address"], answered["port"]) == (place["address"], place["port"])
    assert (asked_by_them["side"], asked_by_them["session"], asked_by_them["nominates"]) == ("receiver", offer["session"], False)
