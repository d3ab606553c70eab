// Whose turn it is to dial in a round of TCP hole punching. At first both sides dial; a NAT that refuses simultaneous open (against RFC 5382
// REQ-2) or forgets a mapping on RST may let none of that through. So later one side after the other falls silent for a while: it only opens its
// own NAT, with SYNs too short-lived to reach the other one, and leaves it to its listener to take the other side's as a plain one. Both
// count from the agreed start of the round, so what they are apart is at most what their clocks, or the server's word to them, are apart.
#pragma once

#include <algorithm>
#include <chrono>

#include "traversal/punching/check.hpp"
#include "wire/time.hpp"

namespace pshare {

struct DialTurn {
  bool silent = false;  // the own side
  int number = 0;       // of this turn, in the round: 0, 1, ...
  TimePoint from = {}, until = {};
};

class DialTurns {
 public:
  DialTurns(CheckSide side, Duration rtt, TimePoint began)
      : side_(side), silences_from_(began + std::max<Duration>(std::chrono::milliseconds{900}, 5 * rtt)),
        silence_(std::max<Duration>(std::chrono::milliseconds{700}, 4 * rtt)) {}

  /// The controlling side is silent first.
  DialTurn at(TimePoint now) const {
    if (now < silences_from_) return {.until = silences_from_};
    const auto before = static_cast<int>((now - silences_from_) / silence_);
    const auto from = silences_from_ + before * silence_;
    return {.silent = (before % 2 == 0) == (side_ == CheckSide::controlling), .number = before + 1, .from = from, .until = from + silence_};
  }

 private:
  CheckSide side_;
  TimePoint silences_from_;
  Duration silence_;
};

}  // namespace pshare
