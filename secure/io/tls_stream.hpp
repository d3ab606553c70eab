// A TLS connection on a TCP socket: secure/tls.hpp driven by io/tcp_stream.hpp. Control connections and TCP lanes are made of it.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "io/asio.hpp"
#include "io/tcp_stream.hpp"
#include "secure/tls.hpp"

namespace pshare {

/// One reader and one writer at a time. Errors are thrown as Failure: closed (orderly end by the peer), unreachable (reset, or
/// cut off without close_notify), identity_mismatch, malformed.
class TlsStream {
 public:
  TlsStream(TcpStream socket, TlsEngine engine);
  TlsStream(TlsStream&&) noexcept;
  TlsStream& operator=(TlsStream&&) noexcept;
  ~TlsStream();

  /// Must be the first call, by itself. Bound its time with with_deadline().
  awaitable<void> handshake();

  const PeerId& peer() const;
  const PublicKey& peer_key() const;
  const std::string& alpn() const;
  const TcpStream& socket() const;

  /// At least one byte. Reads ahead up to 256 KiB of ciphertext for each system call.
  awaitable<std::size_t> read_some(std::span<std::byte> out);
  /// Exactly out.size() bytes.
  awaitable<void> read_exactly(std::span<std::byte> out);
  /// From now on takes no more from the socket than the record that is being read, so that what follows the last one stays there for
  /// whoever gets the socket by release(); and needs less memory. Not while a read is pending.
  void stop_reading_ahead();
  /// Everything, as if it were one piece; many TLS records for each system call.
  awaitable<void> write(std::span<const ByteView> pieces);
  awaitable<void> write(ByteView piece);
  /// Says close_notify, after which nothing more may be written; reading goes on until the peer has said the same.
  void finish() noexcept;
  /// Says close_notify if the socket takes it at once, and closes. Pending calls throw. Never throws itself.
  void close() noexcept;
  /// Without a word, as TcpStream::abort(). Pending calls throw.
  void abort() noexcept;

  /// Ends TLS without a word, and gives the socket, on which something else goes on. Throws Failure (malformed) if bytes of it are here,
  /// received or unsent; the connection is closed then.
  TcpStream release() &&;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
