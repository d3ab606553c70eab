// How often somebody may do something: token buckets, for one and for many.
#pragma once

#include <cstddef>
#include <map>

#include "wire/time.hpp"

namespace pshare {

/// `burst` at once, then `each_second` more every second.
struct Rate {
  double burst = 1;
  double each_second = 1;
};

class TokenBucket {
 public:
  TokenBucket(Rate rate, TimePoint now) : rate_(rate), tokens_(rate.burst), filled_(now) {}

  /// Takes one token if there is one.
  bool take(TimePoint now);
  /// As full as it can be: forgetting it changes nothing.
  bool idle(TimePoint now) const;

 private:
  double tokens_at(TimePoint now) const;

  Rate rate_;
  double tokens_;
  TimePoint filled_;
};

/// A bucket for each key, forgotten when idle. Holds at most `most` of them; beyond, newcomers are refused until others are idle, so
/// that a flood of keys cannot use up memory.
template <typename Key>
class Limiter {
 public:
  Limiter(Rate rate, std::size_t most) : rate_(rate), most_(most) {}

  bool allow(const Key& key, TimePoint now) {
    auto bucket = buckets_.find(key);
    if (bucket == buckets_.end()) {
      if (buckets_.size() >= most_) std::erase_if(buckets_, [&](const auto& each) { return each.second.idle(now); });
      if (buckets_.size() >= most_) return false;
      bucket = buckets_.emplace(key, TokenBucket{rate_, now}).first;
    }
    return bucket->second.take(now);
  }

  std::size_t size() const { return buckets_.size(); }

 private:
  Rate rate_;
  std::size_t most_;
  std::map<Key, TokenBucket> buckets_;
};

}  // namespace pshare
