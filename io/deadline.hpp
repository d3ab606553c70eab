// Patience, explicit and in one place: co_await with_deadline(work, until).
#pragma once

#include <optional>
#include <string>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "wire/error.hpp"
#include "wire/time.hpp"

namespace pshare {

/// Sleeps until then; returns early only by cancellation (which throws).
awaitable<void> sleep_until(TimePoint until);

/// The work's result or exception; when `until` comes first the work is cancelled, awaited to its end, and a Failure with
/// Errc::timed_out and these words is thrown.
template <typename T>
awaitable<T> with_deadline(awaitable<T> work, TimePoint until, std::string doing);

}  // namespace pshare

#include "io/deadline.ipp"
