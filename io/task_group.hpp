// Structured concurrency: children end before their parent.
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <optional>

#include "io/asio.hpp"

namespace pshare {

/// Runs `body(group)`; whichever way it ends, its tasks are cancelled and awaited before with_tasks() returns or throws.
/// Cancelling the caller cancels the body and the tasks. Give `body` a name before the co_await: GCC 12 mistreats temporaries there.
template <typename T = void, typename Body>
awaitable<T> with_tasks(Body body);

/// Runs coroutines beside each other on the current executor. The first that throws (other than by our cancelling it) cancels all
/// others, and its exception is thrown by with_tasks().
class TaskGroup {
 public:
  /// Starts now. May be called by tasks themselves, and with any number of them. Once the group is being cancelled, the task is
  /// cancelled at its first co_await.
  void start(awaitable<void> task);
  /// Asks all to end, the body included. Tasks that end by it are not failures.
  void cancel();
  /// Tasks that have not ended, without the body.
  std::size_t running() const;

 private:
  template <typename T, typename Body>
  friend awaitable<T> with_tasks(Body body);
  struct State;
  std::shared_ptr<State> state_;  // shared by the group and each task's completion
  explicit TaskGroup(std::shared_ptr<State> state);
};

}  // namespace pshare

#include "io/task_group.ipp"
