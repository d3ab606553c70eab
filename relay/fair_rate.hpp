// A relay's rate, shared by all that flows through it. Each flow asks for one cut at a time and is told when it may carry it; who asks first
// is served first, and has to ask again. So all that have bytes take turns, and each gets the same share whatever it would like to have.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// The largest cut, and the smallest that is worth two system calls.
inline constexpr std::size_t largest_cut = 64 * KiB;
inline constexpr std::size_t smallest_cut = 2 * KiB;
/// All who wait have had a cut within this, as long as cuts are above the smallest: well below the silence after which a lane counts as dead.
inline constexpr Duration round_of_cuts = std::chrono::seconds{2};
/// What was not used in so long a time may be caught up with.
inline constexpr Duration rate_burst = std::chrono::milliseconds{100};

class FairRate {
 public:
  FairRate(BytesPerSecond rate, TimePoint now) : rate_(rate), free_at_(now) {}

  struct Cut {
    std::size_t most;  // bytes
    TimePoint at;      // not before
  };
  /// A cut for one flow that has bytes; to be followed by one used().
  Cut ask(TimePoint now);
  /// Of that cut, so many bytes were carried.
  void used(const Cut& cut, std::size_t bytes);
  /// Flows that have a cut.
  std::size_t asking() const { return asking_; }

 private:
  Duration time_of(std::size_t bytes) const;

  BytesPerSecond rate_;
  TimePoint free_at_;      // when all that was promised is carried
  std::size_t asking_ = 0;  // flows that have a cut
};

}  // namespace pshare
