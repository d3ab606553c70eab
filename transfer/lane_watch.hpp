// Which lanes a session has, and whether they live: a Beat on those that have said nothing for lane_beat, an end to those
// from which nothing came for lane_silence, and patience while there is none. Both sides of a session have one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "wire/lane_messages.hpp"
#include "wire/time.hpp"

namespace pshare {

/// A lane within its session, numbered by the driver as they join; never reused.
struct LaneNumber {
  std::uint32_t number = 0;
  friend auto operator<=>(const LaneNumber&, const LaneNumber&) = default;
};

/// Without any lane for this long, the session ends as interrupted (its driver looks for lanes meanwhile).
inline constexpr Duration laneless_patience = std::chrono::seconds{30};
/// A lane is dead after so much silence where the network was found to be another one since it was heard: a Beat, and what it may be late.
inline constexpr Duration doubted_lane_silence = lane_beat + std::chrono::seconds{1};

class LaneWatch {
 public:
  explicit LaneWatch(TimePoint now) : laneless_since_(now) {}

  void joined(LaneNumber lane, TimePoint now);
  /// False if it was none of ours (any more).
  bool lost(LaneNumber lane, TimePoint now);
  void heard(LaneNumber lane, TimePoint now);
  void said(LaneNumber lane, TimePoint now);
  /// One of the two networks is another one by now: whatever is not heard of soon did not survive that.
  void doubt();
  /// While there is no lane, the session goes on until then at least.
  void bear_without(TimePoint until);

  bool has(LaneNumber lane) const { return lanes_.contains(lane); }
  std::size_t count() const { return lanes_.size(); }
  std::optional<LaneNumber> lowest() const;
  std::vector<LaneNumber> all() const;

  std::vector<LaneNumber> silent(TimePoint now) const;    // nothing came for lane_silence, or doubted_lane_silence
  std::vector<LaneNumber> wordless(TimePoint now) const;  // nothing was said for lane_beat
  bool abandoned(TimePoint now) const;                    // no lane for laneless_patience, nor to be borne
  TimePoint deadline() const;                             // the earliest at which one of these three may be so

 private:
  struct Lane {
    TimePoint heard, said;
    bool doubted = false;
    TimePoint silent_at() const { return heard + (doubted ? doubted_lane_silence : lane_silence); }
  };
  TimePoint abandoned_at() const;
  std::map<LaneNumber, Lane> lanes_;
  TimePoint borne_until_ = TimePoint::min();
  TimePoint laneless_since_;  // meaningful while there is none
};

}  // namespace pshare
