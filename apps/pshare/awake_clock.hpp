// Time as a program lives it: what it slept through, because the laptop was closed or because it was stopped (SIGSTOP), does not count. By this clock
// another way to the other side is looked for; so nobody wakes up and gives up, having looked for no time at all.
#pragma once

#include "wire/time.hpp"

namespace pshare {

/// How often the clock must be asked at least while it is to be right, and the gap between two times from which on it was sleep: several
/// times as much, since a busy machine is late.
inline constexpr Duration between_awake_looks = std::chrono::seconds{2}, shortest_sleep = std::chrono::seconds{10};

class AwakeClock {
 public:
  explicit AwakeClock(TimePoint now) : seen_(now) {}

  /// What it shows at `now`, which never goes backwards.
  TimePoint at(TimePoint now) {
    if (now - seen_ >= shortest_sleep) slept_ += now - seen_;
    seen_ = now;
    return now - slept_;
  }

 private:
  TimePoint seen_;
  Duration slept_{};
};

}  // namespace pshare
