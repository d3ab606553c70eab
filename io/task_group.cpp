#include "io/task_group.hpp"

namespace pshare {

TaskGroup::TaskGroup(std::shared_ptr<State> state) : state_(std::move(state)) {}

void TaskGroup::start(awaitable<void> task) { state_->start(std::move(task)); }

void TaskGroup::cancel() { state_->cancel(); }

std::size_t TaskGroup::running() const {
  const auto body = state_->tasks.count(0);  // the body is always the first to start
  return state_->tasks.size() - body;
}

void TaskGroup::State::start(awaitable<void> task) {
  const auto number = next_task++;
  auto& signal = tasks[number];
  asio::co_spawn(executor, std::move(task),
                 asio::bind_cancellation_slot(signal.slot(), [self = shared_from_this(), number](std::exception_ptr trouble) {
                   self->ended(number, std::move(trouble));
                 }));
  if (cancelling)
    if (const auto found = tasks.find(number); found != tasks.end()) found->second.emit(asio::cancellation_type::terminal);
}

void TaskGroup::State::ended(std::uint64_t task, std::exception_ptr trouble) {
  tasks.erase(task);
  if (trouble && !cancelling) {
    first_trouble = std::move(trouble);
    cancel();
  }
  if (tasks.empty()) all_ended.cancel();
}

void TaskGroup::State::cancel() {
  if (std::exchange(cancelling, true)) return;
  for (auto& [number, signal] : tasks) signal.emit(asio::cancellation_type::terminal);
}

/// Waits for all to end, come what may: its own cancellation is passed on to the tasks, and their end is awaited nevertheless.
awaitable<void> TaskGroup::State::join() {
  auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.slot().is_connected())
    cancellation.slot().assign([weak = weak_from_this()](asio::cancellation_type) {
      if (const auto self = weak.lock()) self->cancel();
    });
  all_ended.expires_at(asio::steady_timer::time_point::max());
  // No slot of its own, since ours is taken; and no look at the cancelled state in between, since we must stay.
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!tasks.empty())
    co_await all_ended.async_wait(
        asio::bind_cancellation_slot(asio::cancellation_slot{}, asio::experimental::as_tuple(use_awaitable)));
  co_await asio::this_coro::throw_if_cancelled(throwing);
  if (cancellation.slot().is_connected()) cancellation.slot().clear();
}

}  // namespace pshare
