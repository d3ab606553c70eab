// How often somebody may do something: token buckets, for one and for many.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "wire/time.hpp"

namespace pshare {

/// `burst` at once, then `each_second` more every second.
struct Rate {
  std::uint32_t burst = 1;
  double each_second = 1;
};

/// Holds nothing but the time at which it will be full again, from which all else follows.
class TokenBucket {
 public:
  TokenBucket(Rate rate, TimePoint now);

  /// Takes that many tokens if there are as many. A `count` above the burst is never granted.
  bool take(TimePoint now, std::uint32_t count = 1);
  /// Whether take() would be granted.
  bool holds(TimePoint now, std::uint32_t count = 1) const { return full_after(now, count) <= now + capacity_; }
  TimePoint full_at() const { return full_at_; }

 private:
  TimePoint full_after(TimePoint now, std::uint32_t count) const;

  Duration each_token_, capacity_;  // the time in which one comes back, and in which all do
  TimePoint full_at_;
};

/// A bucket for each key, forgotten once it is full again. Holds at most `most` of them, so that a flood of keys cannot use up memory:
/// for a newcomer beyond, the bucket that is nearest to full is forgotten, since that gives away least.
template <typename Key>
class Limiter {
 public:
  Limiter(Rate rate, std::size_t most) : rate_(rate), most_(most) {}

  bool allow(const Key& key, TimePoint now, std::uint32_t count = 1) {
    forget_full(now);
    auto bucket = buckets_.find(key);
    if (bucket == buckets_.end()) {
      if (buckets_.size() >= most_) forget(by_fullness_.begin());
      bucket = buckets_.emplace(key, TokenBucket{rate_, now}).first;
    } else {
      by_fullness_.erase({bucket->second.full_at(), key});
    }
    const bool taken = bucket->second.take(now, count);
    by_fullness_.emplace(bucket->second.full_at(), key);
    return taken;
  }

  /// Whether allow() would be granted; changes nothing.
  bool would_allow(const Key& key, TimePoint now, std::uint32_t count = 1) const {
    const auto bucket = buckets_.find(key);
    return (bucket == buckets_.end() ? TokenBucket{rate_, now} : bucket->second).holds(now, count);
  }

  std::size_t size() const { return buckets_.size(); }

 private:
  using ByFullness = std::set<std::pair<TimePoint, Key>>;

  void forget(typename ByFullness::iterator place) {
    buckets_.erase(place->second);
    by_fullness_.erase(place);
  }
  void forget_full(TimePoint now) {
    while (!by_fullness_.empty() && by_fullness_.begin()->first <= now) forget(by_fullness_.begin());
  }

  Rate rate_;
  std::size_t most_;
  std::map<Key, TokenBucket> buckets_;
  ByFullness by_fullness_;  // the same keys; the first is full first
};

}  // namespace pshare
