// The connections that come to a listener's acceptors, one for each family, as they come. How the system is waited on for them differs.
#pragma once

#include <memory>
#include <vector>

#include "io/asio.hpp"

namespace pshare {

class Arrivals {
 public:
  /// Listening, all on the same port.
  explicit Arrivals(std::vector<asio::ip::tcp::acceptor> acceptors);
  Arrivals(Arrivals&&) noexcept;
  Arrivals& operator=(Arrivals&&) noexcept;
  ~Arrivals();

  /// 0 when closed.
  asio::ip::port_type port() const;
  /// One caller at a time; neither family starves the other. Errors: closed, after close(). Trouble with one connection, or a shortage of
  /// descriptors, is waited out.
  awaitable<asio::ip::tcp::socket> next();
  void close() noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with what the system has been asked for and not answered yet
};

}  // namespace pshare
