// What time it is at our server, by whose clock the tickets that it signs are judged: a machine's own may be wrong by hours, or be set right while
// the program runs.
#pragma once

#include <algorithm>

#include "wire/time.hpp"

namespace pshare {

class ServerClock {
 public:
  /// `there` is what the server said just now.
  void heard(UnixTime there, TimePoint now) {
    there_ = std::min(there, latest);
    heard_at_ = now;
  }
  /// Since then counted by a clock that nobody sets. Before the server has said anything: the end of time.
  UnixTime at(TimePoint now) const { return there_ + std::chrono::floor<std::chrono::seconds>(now - heard_at_); }

 private:
  /// The year 10000: whatever a server says, there is room to reckon.
  static constexpr UnixTime latest{std::chrono::seconds{253'402'300'800}};

  UnixTime there_ = latest;
  TimePoint heard_at_{};
};

}  // namespace pshare
