// How one coroutine tells another, on the same loop, that there is news; and how a thread tells a coroutine.
#pragma once

#include <list>
#include <memory>
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

/// A Wakeup that is rung in other threads.
class RemoteWakeup {
 public:
  explicit RemoteWakeup(asio::any_io_executor executor) : executor_(executor), here_(std::make_shared<Wakeup>(executor)) {}

  /// From any thread.
  void ring() const {
    asio::post(executor_, [here = here_] { here->ring(); });
  }
  awaitable<void> wait() { return here_->wait(); }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<Wakeup> here_;  // shared with the rings that are on their way when this goes
};

}  // namespace pshare
