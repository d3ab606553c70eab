// A listening socket cannot be waited for with completion ports (Asio's async_wait asks it for zero bytes, which it refuses): each acceptor has one
// AcceptEx() going instead, whose connection is kept until somebody asks. So the first connection of a family is accepted a little early.
#include <deque>
#include <utility>

#include "io/arrivals.hpp"
#include "io/socket_errors.hpp"
#include "io/wakeup.hpp"
#include "wire/error.hpp"

namespace pshare {

using asio::ip::tcp;

namespace {

/// Pause after the system had no memory for a connection: what is pending stays pending.
constexpr Duration shortage_pause = std::chrono::milliseconds{100};

}  // namespace

struct Arrivals::State : std::enable_shared_from_this<State> {
  explicit State(std::vector<tcp::acceptor> listening) : acceptors(std::move(listening)), asked(acceptors.size()), news(acceptors.front().get_executor()) {}

  void ask(std::size_t which) {
    asked[which] = true;
    acceptors[which].async_accept([state = shared_from_this(), which](const std::error_code& error, tcp::socket socket) {
      state->asked[which] = false;
      if (!error) state->come.push_back(std::move(socket));  // else gone before we looked, or we have closed
      state->is_short = is_shortage(error);
      state->news.ring();
    });
  }

  std::vector<tcp::acceptor> acceptors;
  std::vector<bool> asked;        // of each acceptor: it has been, and has not answered yet
  std::deque<tcp::socket> come;   // at most one of each acceptor
  bool is_short = false;
  Wakeup news;
};

Arrivals::Arrivals(std::vector<tcp::acceptor> acceptors) : state_(std::make_shared<State>(std::move(acceptors))) {}
Arrivals::Arrivals(Arrivals&&) noexcept = default;
Arrivals& Arrivals::operator=(Arrivals&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
Arrivals::~Arrivals() {
  if (state_) close();  // so that what was asked for comes to its end
}

asio::ip::port_type Arrivals::port() const {
  std::error_code closed;
  return state_->acceptors.front().local_endpoint(closed).port();
}

awaitable<tcp::socket> Arrivals::next() {
  const auto state = state_;
  for (;;) {
    if (!state->acceptors.front().is_open()) throw Failure{{.code = Errc::closed, .doing = "accepting connections"}};
    if (!state->come.empty()) {
      auto socket = std::move(state->come.front());
      state->come.pop_front();
      co_return socket;
    }
    const bool paused = std::exchange(state->is_short, false);
    if (!paused)
      for (std::size_t i = 0; i < state->acceptors.size(); ++i)
        if (!state->asked[i]) state->ask(i);
    std::optional<TimePoint> until;
    if (paused) until = Clock::now() + shortage_pause;
    co_await state->news.wait(until);
  }
}

void Arrivals::close() noexcept {
  std::error_code ignored;
  for (auto& acceptor : state_->acceptors) acceptor.close(ignored);
  state_->come.clear();
}

}  // namespace pshare
