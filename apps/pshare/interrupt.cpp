// Ctrl-C and SIGTERM as an awaitable, so that a transfer can say its last words before the program ends.
#include <csignal>

#include "apps/pshare/program.hpp"

namespace pshare {

awaitable<void> until_interrupted() {
  asio::signal_set signals{co_await asio::this_coro::executor, SIGINT, SIGTERM};
  co_await signals.async_wait(use_awaitable);
  signals.clear();  // the default action again: whoever is in a hurry presses Ctrl-C twice
  throw Failure{{.code = Errc::interrupted, .doing = "interrupted"}};
}

}  // namespace pshare
