// The templates of io/task_group.hpp.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

namespace pshare {

struct TaskGroup::State : std::enable_shared_from_this<TaskGroup::State> {
  explicit State(asio::any_io_executor on) : executor(std::move(on)), all_ended(executor) {}

  void start(awaitable<void> task);
  void ended(std::uint64_t task, std::exception_ptr trouble);
  void cancel();
  awaitable<void> join();

  asio::any_io_executor executor;
  std::map<std::uint64_t, asio::cancellation_signal> tasks;  // those that run, the body among them
  std::uint64_t next_task = 0;
  bool cancelling = false;
  std::exception_ptr first_trouble;
  asio::steady_timer all_ended;  // never expires; its wait is cut short when the last task has ended
};

namespace task_group_detail {

template <typename T>
using Kept = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// The body as a task: what it gives is kept, what it throws is kept, and either way the others are to end.
template <typename T, typename Body>
awaitable<void> run_body(Body& body, TaskGroup& group, std::optional<Kept<T>>& result, std::exception_ptr& trouble) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await body(group);
      result.emplace();
    } else {
      result.emplace(co_await body(group));
    }
  } catch (...) {  // handed on by with_tasks(), once the tasks have ended
    trouble = std::current_exception();
  }
  group.cancel();
}

}  // namespace task_group_detail

template <typename T, typename Body>
awaitable<T> with_tasks(Body body) {
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none)  // nothing may start whose end could not be awaited
    throw std::system_error{asio::error::make_error_code(asio::error::operation_aborted)};
  auto state = std::make_shared<TaskGroup::State>(co_await asio::this_coro::executor);
  TaskGroup group{state};
  std::optional<task_group_detail::Kept<T>> result;
  std::exception_ptr trouble;
  state->start(task_group_detail::run_body<T>(body, group, result, trouble));
  co_await state->join();
  if (state->first_trouble) std::rethrow_exception(state->first_trouble);
  if (trouble) std::rethrow_exception(trouble);
  // Cancelled before its first step, a body leaves neither a result nor an exception.
  if (!result) throw std::system_error{asio::error::make_error_code(asio::error::operation_aborted)};
  if constexpr (!std::is_void_v<T>) co_return std::move(*result);
}

}  // namespace pshare
