// One SYN of TCP hole punching: a connect() from a port of ours that can be taken back, unless it has just been answered.
#pragma once

#include <memory>
#include <optional>

#include "io/tcp_stream.hpp"

namespace pshare {

class PunchDial {
 public:
  explicit PunchDial(asio::any_io_executor executor) : socket_(std::move(executor)) {}

  /// From that port, beside whatever else of ours uses it; port 0: any, which from() then tells. With `ttl` the first SYN dies on the way.
  /// Errors: busy (these two endpoints have a connection), refused, unreachable, timed_out, closed (dropped).
  awaitable<TcpStream> connect(Endpoint to, Port from, std::optional<int> ttl);
  /// Bound, once connect() has begun.
  Port from() const { return from_; }

  /// Takes the SYN back without a word to the far side. Does nothing if it was answered: the connection is about to be there.
  void drop() noexcept;

 private:
  asio::ip::tcp::socket socket_;
  Port from_{};
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what is posted
};

}  // namespace pshare
