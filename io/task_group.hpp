// Structured concurrency: children end before their parent.
#pragma once

#include <functional>

#include "io/asio.hpp"

namespace pshare {

/// Runs coroutines beside each other on the current executor. The first that throws (other than by our cancelling it) cancels all
/// others, and its exception is thrown by with_tasks().
class TaskGroup {
 public:
  /// Starts now. May be called by tasks themselves, and with any number of them.
  void start(awaitable<void> task);
  /// Asks all to end.
  void cancel();
  std::size_t running() const;

 private:
  template <typename T, typename Body>
  friend awaitable<T> with_tasks(Body body);
  struct State;
  std::shared_ptr<State> state_;  // shared by the group and each task's completion
  explicit TaskGroup(std::shared_ptr<State> state);
};

/// Runs `body(group)`; whichever way it ends, its tasks are cancelled and awaited before with_tasks() returns or throws.
template <typename T = void, typename Body>
awaitable<T> with_tasks(Body body);

}  // namespace pshare

#include "io/task_group.ipp"
