// An awaitable TCP socket in our own types, and the listener it may come from. All errors are thrown as Failure.
#pragma once

#include <chrono>
#include <optional>
#include <span>

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
  explicit TcpStream(asio::ip::tcp::socket socket);  // connected; sets TCP_NODELAY

  Endpoint local() const;
  Endpoint remote() const;

  /// At least one byte; throws closed at the peer's end of stream, unreachable when reset.
  awaitable<std::size_t> read_some(std::span<std::byte> out);
  /// Everything.
  awaitable<void> write(ByteView bytes);
  /// As much as the socket takes at once, possibly nothing. For last words.
  std::size_t write_now(ByteView bytes) noexcept;
  void close() noexcept;

  asio::ip::tcp::socket& socket() { return socket_; }

 private:
  asio::ip::tcp::socket socket_;
  Endpoint local_, remote_;
};

/// Dials. Errors: refused, unreachable. Bound its time with with_deadline(). `from`: a local port to dial from, shared with a
/// listener (SO_REUSEADDR, SO_REUSEPORT); nothing: any.
awaitable<TcpStream> connect(Endpoint to, std::optional<Port> from = std::nullopt);

/// Resolves a host name (or reads a literal address): every address, IPv6 and IPv4 interleaved as RFC 8305 section 4 orders them.
/// Errors: unreachable, with the name.
awaitable<std::vector<Endpoint>> resolve(std::string host, Port port);

/// Dials all of them with RFC 8305's connection attempt delay; the first that connects wins. Errors: those of the last to fail.
awaitable<TcpStream> connect_any(std::vector<Endpoint> to);

/// Listens on one port on IPv4 and IPv6 alike, where the machine has them.
class Listener {
 public:
  /// Port 0 lets the system choose one (the same for both families). Errors: busy (in use), refused (privileged), local_io.
  static Listener on(asio::any_io_executor executor, Port port);
  /// Just this address. Errors as above.
  static Listener on(asio::any_io_executor executor, const Endpoint& address);

  Port port() const;
  awaitable<TcpStream> accept();
  void close() noexcept;

 private:
  explicit Listener(std::vector<asio::ip::tcp::acceptor> acceptors);
  std::vector<asio::ip::tcp::acceptor> acceptors_;
  std::optional<asio::ip::tcp::socket> accepted_;
};

}  // namespace pshare
