#include "transfer/pacing.hpp"

#include <algorithm>
#include <cassert>

namespace pshare {

Pacing::Pacing(BytesPerSecond rate, TimePoint now) : rate_(rate), free_at_(now) { assert(rate.count >= 1); }

std::uint64_t Pacing::piece() const { return std::clamp<std::uint64_t>(rate_.count / 10, 1, 256 * KiB); }

Duration Pacing::wait_for(std::uint64_t bytes, TimePoint now) {
  free_at_ = std::max(free_at_, now - pacing_burst);
  const auto wait = std::max(Duration::zero(), free_at_ - now);
  const std::chrono::duration<double> cost{static_cast<double>(bytes) / static_cast<double>(rate_.count)};
  // A year is for ever, and keeps the sum within what a TimePoint can hold.
  free_at_ += std::chrono::duration_cast<Duration>(std::min<std::chrono::duration<double>>(cost, std::chrono::hours{24 * 365}));
  return wait;
}

}  // namespace pshare
