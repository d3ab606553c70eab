"""A receiver's lane through the server's relay, or a supernode: docs/protocol.md, "Relays"."""
import socket
import time

import cbor
import client
import relays
import signals
from tls import TlsStream


def meet(server, sender_key, device, offer):
    """Tells the sender which supernodes there are for anyone, waits until it names a relay, and meets it there."""
    session = offer["session"]
    server.signal(sender_key, {"t": "relays-near", "v": 1, "session": session, "relays": near(server)}, device)
    until = client.later()
    while True:
        signal, key, _ = server.next_signal(until)
        if key == sender_key and signal["session"] == session and signal["t"] == "meet-at-relay":
            return client.greeted(server.us, joined(server, signal), client.peer_id(key), session)


def near(server):
    """Those that can be reached, and the round trip to each in microseconds."""
    found = []
    for relay in server.ask("ask-relays", trusted=[])["relays"]:
        for place in signals.relay_addresses(relay["at"]):
            begun = time.monotonic()
            try:
                socket.create_connection((client.text_of(place["address"]), place["port"]), 3).close()
            except OSError:
                continue
            found.append({"id": relay["id"], "rtt": int((time.monotonic() - begun) * 1_000_000)})
            break
    return found


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
