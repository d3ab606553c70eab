// Notices that a path carries only smaller datagrams than it did: the full ones vanish without a word, the small ones keep the connection
// alive, and ngtcp2 1.11 does not search downwards. The cure is another connection without the search for larger datagrams.
#pragma once

#include <optional>

#include "wire/time.hpp"

namespace pshare {

/// Suspects the path when nothing new was acknowledged for 3 s and 5 probe timeouts though full datagrams were sent again and again and
/// the peer's datagrams kept arriving. After an outage, during which nothing arrived either, it begins anew.
class PathMtuWatch {
 public:
  explicit PathMtuWatch(TimePoint now) : since_(now), arrived_(now) {}

  void progressed(TimePoint now) { begin(now); }  // newly acknowledged data, or none in flight
  void arrived(TimePoint now) {
    if (now - arrived_ > outage) begin(now);
    arrived_ = now;
    heard_ = true;
  }
  void sent_full(TimePoint now) {
    if (last_full_ == now) return;
    last_full_ = now;
    ++full_sent_;
  }

  bool suspects(Duration probe_timeout, TimePoint now) const { return full_sent_ >= enough_full && heard_ && now >= due(probe_timeout); }
  /// When to look again, if there is a reason to.
  std::optional<TimePoint> deadline(Duration probe_timeout) const {
    return full_sent_ >= enough_full && heard_ ? std::optional{due(probe_timeout)} : std::nullopt;
  }

 private:
  static constexpr Duration least = std::chrono::seconds{3};
  static constexpr int probe_timeouts = 5;
  static constexpr int enough_full = 3;
  /// Longer than the pause between two keep-alives and their way.
  static constexpr Duration outage = std::chrono::seconds{4};

  void begin(TimePoint now) {
    since_ = now;
    full_sent_ = 0;
    heard_ = false;
  }
  TimePoint due(Duration probe_timeout) const { return since_ + std::max<Duration>(least, probe_timeouts * probe_timeout); }

  TimePoint since_, arrived_;
  std::optional<TimePoint> last_full_;
  int full_sent_ = 0;
  bool heard_ = false;
};

}  // namespace pshare
