// How one coroutine tells another, on the same loop, that there is news.
#pragma once

#include <list>
#include <optional>

#include "io/asio.hpp"
#include "wire/time.hpp"

namespace pshare {

/// At most one coroutine waits at a time. A ring while nobody waits is kept: the next wait() returns at once. Rings do not add up.
class Wakeup {
 public:
  explicit Wakeup(asio::any_io_executor executor);

  void ring();
  /// Until ring(), or until then. Throws only when cancelled.
  awaitable<void> wait(std::optional<TimePoint> until = std::nullopt);

 private:
  asio::steady_timer timer_;
  bool rung_ = false;
};

/// The same for any number of waiters: a ring wakes those who wait now, and is not kept.
class Wakeups {
 public:
  explicit Wakeups(asio::any_io_executor executor);

  void ring();
  awaitable<void> wait(std::optional<TimePoint> until = std::nullopt);

 private:
  asio::any_io_executor executor_;
  std::list<Wakeup*> waiting_;
};

}  // namespace pshare
