#include <csignal>

#include "apps/process/stop_request.hpp"

namespace pshare {

struct StopRequests::State {
  asio::signal_set signals;
};

StopRequests::StopRequests(const asio::any_io_executor& executor) : state_(new State{asio::signal_set{executor, SIGINT, SIGTERM}}) {}
StopRequests::~StopRequests() = default;

awaitable<std::string> StopRequests::next() {
  const int signal = co_await state_->signals.async_wait(use_awaitable);
  co_return signal == SIGINT ? "SIGINT" : "SIGTERM";
}

void StopRequests::let_through() { state_->signals.clear(); }

}  // namespace pshare
