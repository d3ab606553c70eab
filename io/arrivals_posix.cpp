#include "io/arrivals.hpp"

#include "io/deadline.hpp"
#include "io/socket_errors.hpp"
#include "wire/error.hpp"

namespace pshare {

using asio::ip::tcp;

namespace {

/// Pause after the system had no descriptor or memory for a connection: what is pending stays pending, and others may close some.
constexpr Duration shortage_pause = std::chrono::milliseconds{100};

constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);

}  // namespace

struct Arrivals::State {
  std::vector<tcp::acceptor> acceptors;
  std::size_t next = 0;  // whose turn it is
};

Arrivals::Arrivals(std::vector<tcp::acceptor> acceptors) : state_(std::make_shared<State>(State{std::move(acceptors)})) {
  std::error_code ignored;  // a socket of ours can be that
  for (auto& acceptor : state_->acceptors) acceptor.non_blocking(true, ignored);
}

Arrivals::Arrivals(Arrivals&&) noexcept = default;
Arrivals& Arrivals::operator=(Arrivals&&) noexcept = default;
Arrivals::~Arrivals() = default;

asio::ip::port_type Arrivals::port() const {
  std::error_code closed;
  return state_->acceptors.front().local_endpoint(closed).port();
}

awaitable<tcp::socket> Arrivals::next() {
  using asio::experimental::awaitable_operators::operator||;
  auto& acceptors = state_->acceptors;
  for (;;) {
    bool short_of_something = false;
    for (std::size_t i = 0; i < acceptors.size(); ++i) {
      auto& acceptor = acceptors[state_->next++ % acceptors.size()];
      if (!acceptor.is_open()) throw Failure{{.code = Errc::closed, .doing = "accepting connections"}};
      std::error_code error;
      auto socket = acceptor.accept(error);
      if (!error) co_return socket;  // else nobody is there, or gone before we looked
      short_of_something = short_of_something || is_shortage(error);
    }
    // Waiting for readiness, not for a connection, so that the loser of the two waits drops nobody.
    constexpr auto readable = tcp::acceptor::wait_read;
    if (short_of_something)
      co_await sleep_until(Clock::now() + shortage_pause);
    else if (acceptors.size() == 1)
      co_await acceptors[0].async_wait(readable, as_result);
    else
      co_await (acceptors[0].async_wait(readable, as_result) || acceptors[1].async_wait(readable, as_result));
  }
}

void Arrivals::close() noexcept {
  std::error_code ignored;
  for (auto& acceptor : state_->acceptors) acceptor.close(ignored);
}

}  // namespace pshare
