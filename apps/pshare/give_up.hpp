// How long another way to the other side is looked for once a transfer has begun: --give-up, counted from the moment when nothing moved any more, by an
// AwakeClock. Before it begins --timeout counts, and while it moves nothing does.
#pragma once

#include <algorithm>
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
  /// Something has moved: whatever was lost has been found again.
  void moved() { since_.reset(); }

  bool looking() const { return since_.has_value(); }
  Duration left(TimePoint now) const { return since_ ? std::max(Duration::zero(), patience_ - (now - *since_)) : patience_; }
  bool over(TimePoint now) const { return left(now) == Duration::zero(); }
  Duration patience() const { return patience_; }

 private:
  Duration patience_;
  std::optional<TimePoint> since_;
};

}  // namespace pshare
