// Ctrl-C and SIGTERM as an awaitable, so that a transfer can say its last words before the program ends.
#include <csignal>
#include <optional>

#include "apps/pshare/program.hpp"

namespace pshare {

namespace {

/// Kept from the first wait on: what comes while nobody waits, between one step of a verb and the next, is there for the next who does.
class Interruptions : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  explicit Interruptions(asio::execution_context& context) : asio::execution_context::service(context) {}

  asio::signal_set& signals(const asio::any_io_executor& executor) {
    if (!signals_) signals_.emplace(executor, SIGINT, SIGTERM);
    return *signals_;
  }

 private:
  void shutdown() override { signals_.reset(); }
  std::optional<asio::signal_set> signals_;
};

}  // namespace

awaitable<void> until_interrupted() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto& signals = asio::use_service<Interruptions>(asio::query(executor, asio::execution::context)).signals(executor);
  co_await signals.async_wait(use_awaitable);
  signals.clear();  // the default action again: whoever is in a hurry presses Ctrl-C twice
  throw Failure{{.code = Errc::interrupted, .doing = "interrupted"}};
}

}  // namespace pshare
