// Notices that a transfer has stopped to move, long before its lanes count as dead.
#pragma once

#include <cstdint>

#include "wire/time.hpp"

namespace pshare {

/// How long a transfer may stand still before something may be wrong with the network. Ours: acknowledged data comes several times a second,
/// and what is done then (Online::doubt) has 4 s until a QUIC lane counts as dead.
inline constexpr Duration standstill_patience = std::chrono::seconds{3};

class Standstill {
 public:
  explicit Standstill(TimePoint now) : since_(now) {}

  /// `done`: the bytes by now. True once for each standstill.
  bool began(std::uint64_t done, TimePoint now) {
    if (done != done_) {
      done_ = done;
      since_ = now;
      noticed_ = false;
    }
    if (noticed_ || now - since_ < standstill_patience) return false;
    noticed_ = true;
    return true;
  }

 private:
  std::uint64_t done_ = 0;
  TimePoint since_;
  bool noticed_ = false;
};

}  // namespace pshare
