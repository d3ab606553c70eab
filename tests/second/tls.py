"""TLS 1.3 with two keys and no authorities, over one TCP connection: docs/protocol.md, "TLS". Python's own ssl cannot ask for a certificate without having an opinion
about it; pyOpenSSL lets us have our own."""
import select
import socket
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from identity import peer_id
from OpenSSL import SSL, crypto


class Closed(ConnectionError):
    """The other side ended the conversation, in order."""


class CutOff(ConnectionError):
    """It ended without close_notify, or went silent."""


def _context(us, accept):
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.use_certificate(crypto.X509.from_cryptography(us.certificate))
    pem = us.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, pem))
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda _, certificate, *__: accept(_id_in(certificate)))
    return context


def _key_in(certificate):
    key = certificate.to_cryptography().public_key()
    if not isinstance(key, Ed25519PublicKey):
        return None
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _id_in(certificate):
    key = _key_in(certificate)
    return key and peer_id(key)


class TlsStream:
    """A connection whose other end has proven a key that `accept` takes (it is given the peer ID). `by_record`: no byte is read beyond the record that is waited
    for, so that what follows on the socket may be something else."""

    def __init__(self, sock, us, accept, alpn, server=False, patience=10, by_record=False):
        self.sock, self.patience, self.ahead = sock, patience, b""
        self.record = b"" if by_record else None      # what has come of the present one
        sock.setblocking(False)
        context = _context(us, lambda peer: peer is not None and accept(peer))
        if server:
            context.set_alpn_select_callback(lambda _, offered: alpn.encode() if alpn.encode() in offered else SSL.NO_OVERLAPPING_PROTOCOLS)
        else:
            context.set_alpn_protos([alpn.encode()])
        self.tls = SSL.Connection(context, None)
        self.tls.set_accept_state() if server else self.tls.set_connect_state()
        self._drive(self.tls.do_handshake, time.monotonic() + patience)
        if self.tls.get_alpn_proto_negotiated() != alpn.encode():
            raise CutOff("no protocol in common")
        self.peer_key = _key_in(self.tls.get_peer_certificate())
        self.peer = peer_id(self.peer_key)

    def _flush(self):
        while True:
            try:
                waiting = self.tls.bio_read(64 * 1024)
            except SSL.WantReadError:
                return
            while waiting:
                try:
                    waiting = waiting[self.sock.send(waiting):]
                except BlockingIOError:
                    select.select([], [self.sock], [], self.patience)

    def _drive(self, step, until):
        """Until `step` needs nothing more from the network. None when it is too late."""
        while True:
            try:
                done = step()
                self._flush()
                return done
            except SSL.WantReadError:
                self._flush()
            except SSL.ZeroReturnError as end:
                raise Closed from end
            except SSL.Error as trouble:
                self._flush()
                raise CutOff(f"TLS: {trouble}") from trouble
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                raise TimeoutError
            heard = self.sock.recv(64 * 1024 if self.record is None else self._left_of_record())
            if not heard:
                raise CutOff("no close_notify")
            if self.record is not None:
                self.record += heard
            self.tls.bio_write(heard)

    def _left_of_record(self):
        """Five bytes of header say how many follow (RFC 8446 section 5.1)."""
        whole = 5 + int.from_bytes(self.record[3:5], "big") if len(self.record) >= 5 else 5
        if len(self.record) == whole and whole > 5:
            self.record, whole = b"", 5
        return whole - len(self.record)

    def write(self, data):
        for at in range(0, len(data), 16 * 1024):
            self.tls.sendall(data[at:at + 16 * 1024])
            self._flush()

    def read(self, most, until):
        """Some bytes, at least one. Raises TimeoutError when none came until then."""
        return self._drive(lambda: self.tls.recv(most), until)

    def read_exactly(self, count, until):
        """What has come when it is too late stays for the next time."""
        while len(self.ahead) < count:
            self.ahead += self.read(count - len(self.ahead), until)
        data, self.ahead = self.ahead[:count], self.ahead[count:]
        return data

    def close(self):
        """Says close_notify, and reads on until the other side has ended its part, so that no reset overtakes our last words."""
        try:
            self.tls.shutdown()
            self._flush()
            self.sock.shutdown(socket.SHUT_WR)
            until = time.monotonic() + 2
            while select.select([self.sock], [], [], max(0, until - time.monotonic()))[0] and self.sock.recv(64 * 1024):
                pass
        except (OSError, SSL.Error):
            pass
        self.sock.close()
