"""Whoever carries bytes and means harm: a wire between one person and the server, whose relay it leads to as well. It passes on what both say and
strikes now and then: what comes out is altered, incomplete, in another order, said twice, said before by another connection, or nothing any more.
"""
import socket
import threading
from contextlib import suppress

PIECE = 64 * 1024
UNDERWAY_AT_MOST = 256 * 1024   # at each end of the wire: what is in its buffers is lost with a connection, and would blur what a program sends again
TO_RELAY, FROM_RELAY = "to the relay", "from the relay"
WAYS = (TO_RELAY, FROM_RELAY)


# --- Harm: what is passed on instead of a piece, which has two bytes at least; `heard` was said the same way on another connection ------------------

def altered(piece, heard):
    middle = len(piece) // 2
    return piece[:middle] + bytes([piece[middle] ^ 0x10]) + piece[middle + 1:]


def left_out(piece, heard):
    third = (len(piece) + 2) // 3
    return piece[:third] + piece[2 * third:]


def swapped(piece, heard):
    middle = len(piece) // 2
    return piece[middle:] + piece[:middle]


def repeated(piece, heard):
    return piece + piece


def replayed(piece, heard):
    return heard + piece


def silenced(piece, heard):
    """From here on nothing of this connection arrives, either way, not even its end."""
    return None


HARMS = (altered, left_out, swapped, repeated, replayed)


class HostileWire:
    """Once a connection has carried `after` bytes (both ways together), `harm` comes to what is said `way` next: once in each connection, in `times`
    connections (None: in all that come). Of several `after` the first strike has the first, and so on. `only` is in the first piece that the person says
    on a connection that counts, such as the ALPN in TLS's greeting, which is in clear."""

    def __init__(self, server, harm, way, after, times, only=b""):
        self._server = server
        self._harm, self._way, self._only = harm, way, only
        self._after = list(after) if isinstance(after, (list, tuple)) else [after]
        self._times_left = times
        self._lock = threading.Lock()
        self._heard = {way: {} for way in WAYS}   # the last piece of each connection
        self._connections = []
        self.strikes = 0
        self.carried = dict.fromkeys(WAYS, 0)     # bytes that were taken from either end
        self.said = {}                            # connection -> what the person said on it, as far as it is kept for play_again()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNDERWAY_AT_MOST)   # connections inherit it
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def spec(self):
        """The server behind this wire, for --server."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}#{self._server.fingerprint}"

    def relent(self):
        """No more harm."""
        with self._lock:
            self._times_left = 0

    def cut(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def play_again(self):
        """Says to the server what the person has said on the first connection that counts, on a connection of its own. Gives all that it answers."""
        with self._lock:
            words = self.said[min(self.said)]
        answer = b""
        with socket.create_connection((self._server.host, self._server.port), timeout=30) as again:
            with suppress(ConnectionError):  # it may close before it has heard all, and has answered nevertheless
                again.sendall(words)
            with suppress(ConnectionError):
                while piece := again.recv(PIECE):
                    answer += piece
        return answer

    # --- within ---------------------------------------------------------------------------------------------------------------------------------------

    def _accept(self):
        with suppress(OSError):
            while True:
                person, _ = self._listener.accept()
                self._connections.append(_Connection(self, len(self._connections), person, (self._server.host, self._server.port)))

    def passed_on(self, connection, way, piece):
        """What is said instead of `piece`; None for nothing, ever again."""
        with self._lock:
            first = connection.carried == 0
            connection.carried += len(piece)
            self.carried[way] += len(piece)
            heard = max((words for number, words in self._heard[way].items() if number != connection.number), key=len, default=b"")
            self._heard[way][connection.number] = piece
            if first:
                connection.counts = self._only in piece
            if way == TO_RELAY and connection.counts:
                kept = self.said.setdefault(connection.number, b"")
                self.said[connection.number] = kept + piece if len(kept) < PIECE else kept
            if way != self._way or not self._strikes(connection) or len(piece) < 2:
                return piece
            connection.struck = True
            self.strikes += 1
            if self._times_left is not None:
                self._times_left -= 1
            return self._harm(piece, heard)

    def _strikes(self, connection):
        after = self._after[min(self.strikes, len(self._after) - 1)]
        return connection.counts and not connection.struck and self._times_left != 0 and connection.carried > after


class _Connection:
    def __init__(self, wire, number, person, server):
        self.wire, self.number = wire, number
        self.carried, self.counts, self.struck, self.silent = 0, False, False, False
        self._person, self._server = person, socket.socket()
        self._server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNDERWAY_AT_MOST)
        threading.Thread(target=self._run, args=(server,), daemon=True).start()

    def close(self):
        for end in (self._person, self._server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _run(self, server):
        try:
            self._server.connect(server)
        except OSError:
            return self.close()
        for end in (self._person, self._server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNDERWAY_AT_MOST)
        threading.Thread(target=self._carry, args=(self._server, self._person, FROM_RELAY), daemon=True).start()
        self._carry(self._person, self._server, TO_RELAY)

    def _carry(self, source, sink, way):
        try:
            while piece := source.recv(PIECE):
                words = self.wire.passed_on(self, way, piece)
                self.silent = self.silent or words is None
                if not self.silent:
                    sink.sendall(words)
            if not self.silent:
                sink.shutdown(socket.SHUT_WR)
        except OSError:  # one end is lost, so the other one is
            if not self.silent:
                self.close()
