// The template of io/deadline.hpp.
#pragma once

#include <utility>

namespace pshare {

namespace deadline_detail {

/// Throws timed_out, then.
awaitable<void> alarm(TimePoint until, std::string doing);

}  // namespace deadline_detail

template <typename T>
awaitable<T> with_deadline(awaitable<T> work, TimePoint until, std::string doing) {
  auto body = [&](TaskGroup& tasks) -> awaitable<T> {
    tasks.start(deadline_detail::alarm(until, std::move(doing)));
    co_return co_await std::move(work);
  };
  co_return co_await with_tasks<T>(std::move(body));
}

}  // namespace pshare
