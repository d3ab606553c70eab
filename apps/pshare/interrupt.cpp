// Ctrl-C and SIGTERM as an awaitable, so that a transfer can say its last words before the program ends.
#include <optional>

#include "apps/process/stop_request.hpp"
#include "apps/pshare/program.hpp"

namespace pshare {

namespace {

/// Kept from the first wait on: what comes while nobody waits, between one step of a verb and the next, is there for the next who does.
class Interruptions : public asio::execution_context::service {
 public:
  static inline asio::execution_context::id id;
  explicit Interruptions(asio::execution_context& context) : asio::execution_context::service(context) {}

  StopRequests& requests(const asio::any_io_executor& executor) {
    if (!requests_) requests_.emplace(executor);
    return *requests_;
  }

 private:
  void shutdown() override { requests_.reset(); }
  std::optional<StopRequests> requests_;
};

}  // namespace

awaitable<void> until_interrupted() {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto& requests = asio::use_service<Interruptions>(asio::query(executor, asio::execution::context)).requests(executor);
  co_await requests.next();
  requests.let_through();  // the default action again: whoever is in a hurry presses Ctrl-C twice
  throw Failure{{.code = Errc::interrupted, .doing = "interrupted"}};
}

}  // namespace pshare
