// Runs one coroutine to its end on a loop of its own, for tests.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "io/asio.hpp"

namespace pshare::testing {

/// The result or exception of `work`. A test that hangs is ended by ctest's time-out.
template <typename T>
T run(asio::io_context& loop, awaitable<T> work) {
  std::exception_ptr trouble;
  if constexpr (std::is_void_v<T>) {
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown) { trouble = thrown; });
    loop.restart();
    loop.run();
    if (trouble) std::rethrow_exception(trouble);
  } else {
    std::optional<T> result;
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown, std::optional<T> value) {
      trouble = thrown;
      if (!thrown) result = std::move(value);
    });
    loop.restart();
    loop.run();
    if (trouble) std::rethrow_exception(trouble);
    return std::move(*result);
  }
}

}  // namespace pshare::testing
