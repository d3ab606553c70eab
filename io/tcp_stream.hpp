// An awaitable TCP socket in our own types, and the listener it may come from. All errors are thrown as Failure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/arrivals.hpp"
#include "io/asio.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/time.hpp"

namespace pshare {

/// An endpoint in Asio's form and back. Link-local IPv6 addresses need a zone, which `zone` carries (an interface index, 0: none).
asio::ip::tcp::endpoint to_asio(const Endpoint& endpoint, unsigned zone = 0);
Endpoint from_asio(const asio::ip::tcp::endpoint& endpoint);

class TcpStream {
 public:
  /// Connected; sets TCP_NODELAY. `took`: how long connecting took, if we dialled.
  explicit TcpStream(asio::ip::tcp::socket socket, std::optional<Duration> took = std::nullopt);

  Endpoint local() const;
  Endpoint remote() const;
  /// How long connecting took: one round trip, unless a SYN was lost. Nothing for a connection that came in.
  std::optional<Duration> took() const { return took_; }

  /// At least one byte; throws closed at the peer's end of stream or after our own close(), unreachable when reset.
  awaitable<std::size_t> read_some(std::span<std::byte> out);
  /// As read_some(), but what it gives will be read again.
  awaitable<std::size_t> peek(std::span<std::byte> out);
  /// Everything.
  awaitable<void> write(ByteView bytes);
  /// As much as the socket takes at once, possibly nothing. For last words.
  std::size_t write_now(ByteView bytes) noexcept;
  /// No more will be written (FIN); reading goes on.
  void finish() noexcept;
  void close() noexcept;
  /// At once and without an end in order (RST): for a connection that leads nowhere. The system keeps nothing of it, so that the same two
  /// endpoints can be connected again.
  void abort() noexcept;

  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  asio::ip::tcp::socket socket_;
  Endpoint local_, remote_;
  std::optional<Duration> took_;
};

/// Dials. Errors: refused (nothing listens there), unreachable, timed_out (the system gave up); bound it with with_deadline().
/// `zone`: the interface by which a link-local address is reached. `from_port`: the local port, which listeners (of ours, below) and other
/// connections may be using as well; busy when it belongs to another program, or when a connection from it to this very endpoint is open
/// or was open until a moment ago (TIME_WAIT).
awaitable<TcpStream> connect(Endpoint to, unsigned zone = 0, std::optional<Port> from_port = std::nullopt);

/// Resolves a host name (or reads a literal address): every address, IPv6 and IPv4 interleaved as RFC 8305 section 4 orders them.
/// Errors: unreachable, with the name. Can be cancelled; if it has begun, the system's own look-up then goes on unheard for a while,
/// and the next ones wait for it.
awaitable<std::vector<Endpoint>> resolve(std::string host, Port port);

/// Dials all of them with RFC 8305's connection attempt delay; the first that connects wins. Errors: those of the last to fail.
/// From `local_port` where that can be done, else from any: TcpStream::local() tells.
awaitable<TcpStream> connect_any(std::vector<Endpoint> to, std::optional<Port> local_port = std::nullopt);

/// Listens on one port on IPv4 and IPv6 alike, where the machine has them. Connections of this program may be dialled from the same port
/// (connect() with from_port); another listener, of whomever, finds it taken.
class Listener {
 public:
  /// Port 0 lets the system choose one (the same for both families). Errors: busy (in use), refused (privileged), local_io.
  static Listener on(asio::any_io_executor executor, Port port);
  /// Just this address. Errors as above.
  static Listener on(asio::any_io_executor executor, const Endpoint& address);

  Port port() const;
  /// One caller at a time. Errors: closed, after close(). Trouble with one connection, or a shortage of descriptors, is waited out.
  awaitable<TcpStream> accept();
  void close() noexcept;

 private:
  explicit Listener(std::vector<asio::ip::tcp::acceptor> acceptors);
  Arrivals arrivals_;
};

}  // namespace pshare
