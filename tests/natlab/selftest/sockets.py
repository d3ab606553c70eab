"""Plain sockets of hosts: what our own probes are made of.

That something does not come is seen by what comes after it on the same way (a fence), not by waiting, wherever there is such a thing.
"""
import contextlib
import errno
import os
import select
import socket
import time

UDP, TCP = socket.SOCK_DGRAM, socket.SOCK_STREAM
PATIENCE = 10.0  # for what has to come, on a busy machine too
PAUSE = 0.6      # for what is not to come; the longest round trip takes a sixth of it


def open_socket(host, kind=UDP, port=0, address="", family=socket.AF_INET):
    """One that shares its port with others of ours that do, so that a listener and several connections can have the same."""
    with host.namespace.entered():
        made = socket.socket(family, kind)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    made.settimeout(PATIENCE)
    made.bind((address, port))
    return made


def listen(host, port=0, address=""):
    made = open_socket(host, TCP, port, address)
    made.listen(64)
    return made


def port_of(sock):
    return sock.getsockname()[1]


# --- UDP ----------------------------------------------------------------------------------------------------------------

def hears(receiver, word, patience=PATIENCE):
    """Where `word` came from; None if it did not come. What else comes is thrown away."""
    deadline = time.monotonic() + patience
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([receiver], [], [], left)[0]:
            return None
        with contextlib.suppress(ConnectionRefusedError):  # an ICMP error about something sent before
            bytes_, sender = receiver.recvfrom(2000)
            if bytes_ == word:
                return sender[:2]
    return None


def tell(sender, to, receiver, patience=PATIENCE):
    """Sends a word of its own from one socket; where the other hears it from, None if it does not."""
    word = os.urandom(8)
    sender.sendto(word, to)
    return hears(receiver, word, patience)


def tells(sender, to, receiver, fence):
    """The same where it may be that nothing gets through. fence = (sender, to): surely gets through, on the same way."""
    word, after = b"?" + os.urandom(8), b"!" + os.urandom(8)
    sender.sendto(word, to)
    fence[0].sendto(after, fence[1])
    deadline = time.monotonic() + PATIENCE
    while (left := deadline - time.monotonic()) > 0 and select.select([receiver], [], [], left)[0]:
        bytes_, source = receiver.recvfrom(2000)
        if bytes_ == word:
            hears(receiver, after)
            return source[:2]
        if bytes_ == after:
            return None
    raise AssertionError("the packet that was to come after the one in question did not come")


# --- TCP ----------------------------------------------------------------------------------------------------------------

CONNECTED, SILENCE = "connected", "silence"
_REFUSALS = {errno.ECONNREFUSED: "refused", errno.EHOSTUNREACH: "unreachable", errno.ENETUNREACH: "unreachable", errno.EACCES: "unreachable",
             errno.ECONNRESET: "reset"}


def begin_connect(sock, to):
    sock.setblocking(False)
    error = sock.connect_ex(to)
    if error not in (0, errno.EINPROGRESS):
        raise OSError(error, os.strerror(error))
    return sock


def outcome(connecting, patience=PATIENCE):
    """connected, refused (a reset, or ICMP: port unreachable), unreachable (other ICMP), silence so far."""
    if not select.select([], [connecting], [], patience)[1]:
        return SILENCE
    error = connecting.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error == 0:
        connecting.settimeout(PATIENCE)
        return CONNECTED
    return _REFUSALS.get(error) or os.strerror(error)


def connect(sock, to, expected=CONNECTED):
    """What became of it; for silence it does not wait long."""
    return outcome(begin_connect(sock, to), PAUSE if expected == SILENCE else PATIENCE)


def tcp_state(sock):
    """Of RFC 9293, as Linux numbers them."""
    return {1: "ESTABLISHED", 2: "SYN-SENT", 3: "SYN-RECEIVED", 7: "CLOSED", 8: "CLOSE-WAIT", 4: "FIN-WAIT-1", 5: "FIN-WAIT-2"}.get(
        sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0], "another")


def accept(listener, patience=PATIENCE):
    listener.settimeout(patience)
    accepted, sender = listener.accept()
    accepted.settimeout(PATIENCE)
    return accepted, sender[:2]


def reset(sock):
    """Closes it with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


def gets(sock, word, patience=PATIENCE):
    """Whether these bytes come over a connection."""
    got = bytearray()
    deadline = time.monotonic() + patience
    while len(got) < len(word) and (left := deadline - time.monotonic()) > 0:
        if select.select([sock], [], [], left)[0]:
            with contextlib.suppress(OSError):
                if piece := sock.recv(len(word) - len(got)):
                    got += piece
                    continue
            return False
    return bytes(got) == word
