// CPU and disk work off the loop: `auto n = co_await pool.run([&] { return heavy(); });`
#pragma once

#include <cstddef>
#include <type_traits>

#include "io/asio.hpp"

namespace pshare {

/// Threads that run functions; results (or exceptions) come back on the executor of the coroutine that awaits them. What a function
/// refers to must live until it returned: a cancelled awaiter still waits for it. The pool goes before the loop it reports to.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t threads);
  ~WorkerPool();  // joins

  template <typename Function>
  auto run(Function function) -> awaitable<std::invoke_result_t<Function>>;

  std::size_t size() const { return size_; }

 private:
  asio::thread_pool threads_;
  std::size_t size_;
};

}  // namespace pshare

#include "io/worker_pool.ipp"
