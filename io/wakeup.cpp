#include "io/wakeup.hpp"

#include <utility>

namespace pshare {

Wakeup::Wakeup(asio::any_io_executor executor) : timer_(executor) {}

void Wakeup::ring() {
  rung_ = true;
  timer_.cancel();
}

awaitable<void> Wakeup::wait(std::optional<TimePoint> until) {
  if (!rung_) {
    timer_.expires_at(until.value_or(TimePoint::max()));
    const auto [error] = co_await timer_.async_wait(asio::experimental::as_tuple(use_awaitable));
    if (error && !rung_) throw std::system_error{error};
  }
  rung_ = false;
}

Wakeups::Wakeups(asio::any_io_executor executor) : executor_(std::move(executor)) {}

void Wakeups::ring() {
  for (auto* const each : waiting_) each->ring();
}

awaitable<void> Wakeups::wait(std::optional<TimePoint> until) {
  Wakeup mine{executor_};
  struct Place {
    std::list<Wakeup*>& all;
    std::list<Wakeup*>::iterator self;
    ~Place() { all.erase(self); }
  };
  const Place place{waiting_, waiting_.insert(waiting_.end(), &mine)};
  co_await mine.wait(until);
}

}  // namespace pshare
