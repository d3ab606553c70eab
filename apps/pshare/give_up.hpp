// How long another way to the other side is looked for once a transfer has begun: --give-up, counted from the moment when nothing moved any more, by an
// AwakeClock. Before it begins --timeout counts, and while it moves nothing does. One for a transfer, whatever number of sessions it takes: neither an offer
// nor a path is worth anything on which nothing moves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "wire/time.hpp"

namespace pshare {

/// --give-up, when it is not given.
inline constexpr Duration default_give_up = std::chrono::hours{24};

class GiveUp {
 public:
  explicit GiveUp(Duration patience) : patience_(patience) {}

  /// All times are an AwakeClock's. From now on it counts, if it does not yet.
  void lost(TimePoint now) {
    if (!since_) since_ = now;
  }
  /// So many bytes of the transfer are durable by now; 0 also while that is not known. More than at the last look: whatever was lost has been found again.
  /// Less, because the receiver threw away what it had: then it counts from there.
  void moved(std::uint64_t durable) {
    if (durable > durable_) since_.reset();
    if (durable > 0) durable_ = durable;
  }

  bool looking() const { return since_.has_value(); }
  Duration left(TimePoint now) const { return since_ ? std::max(Duration::zero(), patience_ - (now - *since_)) : patience_; }
  bool over(TimePoint now) const { return left(now) == Duration::zero(); }
  Duration patience() const { return patience_; }

 private:
  Duration patience_;
  std::uint64_t durable_ = 0;
  std::optional<TimePoint> since_;
};

}  // namespace pshare
