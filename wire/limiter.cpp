#include "wire/limiter.hpp"

#include <algorithm>

namespace pshare {

TokenBucket::TokenBucket(Rate rate, TimePoint now)
    : each_token_(std::chrono::duration_cast<Duration>(std::chrono::duration<double>{1 / rate.each_second})),
      capacity_(each_token_ * rate.burst),
      full_at_(now) {}

TimePoint TokenBucket::full_after(TimePoint now, std::uint32_t count) const { return std::max(full_at_, now) + each_token_ * count; }

bool TokenBucket::take(TimePoint now, std::uint32_t count) {
  if (!holds(now, count)) return false;
  full_at_ = full_after(now, count);
  return true;
}

}  // namespace pshare
