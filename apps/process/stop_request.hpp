// Somebody wants this program to end: Ctrl-C, SIGTERM; on Windows also Ctrl-Break, the console window that is closed, the user who logs off, the machine that is shut down.
#pragma once

#include <memory>
#include <string>

#include "io/asio.hpp"

namespace pshare {

/// From its making on nothing of this ends the program by itself. What comes while nobody waits is there for the next who does. One in a process.
class StopRequests {
 public:
  explicit StopRequests(const asio::any_io_executor& executor);
  StopRequests(const StopRequests&) = delete;
  StopRequests& operator=(const StopRequests&) = delete;
  ~StopRequests();

  /// Until the next one; gives its name: "SIGINT", "SIGTERM", "CTRL_CLOSE". All who wait hear of it. A window that is closed leaves the program some five seconds, a
  /// user who logs off about as many.
  awaitable<std::string> next();
  /// From now on they end the program, as if this were not there.
  void let_through();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
