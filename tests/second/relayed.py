"""A receiver's lane through the server's relay, or a supernode: docs/protocol.md, "Relays"."""
import socket

import cbor
import client
import relays
from tls import TlsStream


def meet(server, sender, session):
    """Waits until the sender names a relay, and meets it there."""
    until = client.later()
    while True:
        signal, key, _ = server.next_signal(until)
        if client.peer_id(key) == sender and signal["session"] == session and signal["t"] == "meet-at-relay":
            return client.greeted(server.us, joined(server, signal), sender, session)


def joined(server, meeting):
    """The socket, on whose other end is the other peer from now on."""
    places = [(client.text_of(each["address"]), each["port"]) for each in meeting["at"]] or [server.stream.sock.getpeername()[:2]]
    stream = TlsStream(socket.create_connection(places[0], client.PATIENCE), server.us, lambda relay: relay == meeting["relay"], "pshare-relay/1", by_record=True)
    stream.write(cbor.frame(cbor.encode({"t": "hello", "v": 1, "ticket": meeting["ticket"]})))
    until = client.later()
    length = int.from_bytes(stream.read_exactly(4, until), "big")
    answer = relays.decode_answer(stream.read_exactly(length, until))
    if answer["t"] != "joined":
        raise client.Trouble(answer["words"])
    return stream.sock
