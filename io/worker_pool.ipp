// The template of io/worker_pool.hpp.
#pragma once

#include <exception>
#include <optional>
#include <utility>
#include <variant>

namespace pshare {

template <typename Function>
auto WorkerPool::run(Function function) -> awaitable<std::invoke_result_t<Function>> {
  using Value = std::invoke_result_t<Function>;
  using Kept = std::conditional_t<std::is_void_v<Value>, std::monostate, Value>;
  const asio::any_io_executor home = co_await asio::this_coro::executor;
  std::optional<Kept> result;
  std::exception_ptr trouble;
  // What the worker writes lies in this coroutine's frame, which stays suspended until `handler` has come home. The handler's
  // cancellation slot is left unused on purpose: a running function cannot be called back.
  auto initiate = [&](auto handler) {
    auto loop_stays = asio::prefer(home, asio::execution::outstanding_work.tracked);
    asio::post(threads_, [&, loop_stays = std::move(loop_stays), handler = std::move(handler)]() mutable {
      try {
        if constexpr (std::is_void_v<Value>) {
          function();
          result.emplace();
        } else {
          result.emplace(function());
        }
      } catch (...) {  // thrown where it is awaited
        trouble = std::current_exception();
      }
      asio::post(loop_stays, std::move(handler));
    });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(std::move(initiate), use_awaitable);
  if (trouble) std::rethrow_exception(trouble);
  if constexpr (!std::is_void_v<Value>) co_return std::move(*result);
}

}  // namespace pshare
