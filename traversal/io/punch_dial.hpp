// One SYN of TCP hole punching: a connect() from a port of ours that can be taken back, unless it has just been answered.
#pragma once

#include <optional>

#include "io/tcp_stream.hpp"

namespace pshare {

class PunchDial {
 public:
  explicit PunchDial(asio::any_io_executor executor) : socket_(executor) {}

  /// Binds that port, beside whatever else of ours uses it, for dialling `to`; port 0: any. Gives which. Errors: busy, unreachable, closed (dropped).
  Port bind(const Endpoint& to, Port from);
  /// With `ttl` the SYN dies on the way, and is taken back at once: always an error, closed if it went out.
  /// Errors: busy (these two endpoints have a connection), refused, unreachable, timed_out, closed (dropped).
  awaitable<TcpStream> connect(Endpoint to, std::optional<int> ttl);

  /// Takes the SYN back without a word to the far side. If it was answered, the connection is about to be there: that is reset only if told so.
  void drop(bool answered_too) noexcept;

 private:
  asio::ip::tcp::socket socket_;
  bool dropped_ = false;  // before it has begun
};

}  // namespace pshare
