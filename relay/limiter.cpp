#include "relay/limiter.hpp"

#include <algorithm>

namespace pshare {

double TokenBucket::tokens_at(TimePoint now) const {
  const auto seconds = std::chrono::duration<double>{now - filled_}.count();
  return std::min(rate_.burst, tokens_ + seconds * rate_.each_second);
}

bool TokenBucket::take(TimePoint now) {
  tokens_ = tokens_at(now);
  filled_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

bool TokenBucket::idle(TimePoint now) const { return tokens_at(now) >= rate_.burst; }

}  // namespace pshare
