// The one clock that cores are told about. They never read it themselves: every event carries its time.
#pragma once

#include <chrono>

namespace pshare {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

/// Wall-clock time, in seconds since 1970-01-01 UTC, for what is compared between machines (an offer's age).
using UnixTime = std::chrono::sys_seconds;

}  // namespace pshare
