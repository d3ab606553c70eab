// --limit: a token bucket (RFC 2697 calls it committed rate and burst) that says how long to wait before writing. Pure.
#pragma once

#include <cstdint>

#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

class Pacing {
 public:
  /// `rate` is at least 1. Up to `pacing_burst` of unused time is made good, so that a late wake-up costs no speed.
  Pacing(BytesPerSecond rate, TimePoint now);

  /// How much is best written at once: a tenth of a second's worth, so that a slow lane is never silent for long; at least
  /// 1 and at most 256 KiB.
  std::uint64_t piece() const;

  /// Takes `bytes` out of the bucket and says how long to wait before they are written: zero if there was room.
  Duration wait_for(std::uint64_t bytes, TimePoint now);

 private:
  BytesPerSecond rate_;
  TimePoint free_at_;  // when the bucket is level with what was taken
};

/// How far the writing may run ahead of the rate after a pause.
inline constexpr Duration pacing_burst = std::chrono::milliseconds{100};

}  // namespace pshare
