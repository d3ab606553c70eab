// Notices that a path carries only smaller datagrams than it did: the full ones vanish without a word, the small ones keep the connection
// alive, and ngtcp2 1.11 does not search downwards. The cure is another connection without the search for larger datagrams.
#pragma once

#include <algorithm>
#include <optional>

#include "wire/time.hpp"

namespace pshare {

/// Suspects the path when nothing new was acknowledged for 3 s and 5 probe timeouts though full datagrams were sent again and again, one of them
/// at a time when the peer's datagrams did arrive: before it, and a probe timeout after it. In an outage, where nothing arrives, it suspects nothing,
/// and after one the next full datagram gets its chance.
class PathMtuWatch {
 public:
  explicit PathMtuWatch(TimePoint now) : since_(now), arrived_(now) {}

  /// Newly acknowledged data, or none in flight.
  void progressed(TimePoint now) {
    since_ = arrived_ = now;
    full_sent_ = 0;
    last_full_.reset();
    full_while_alive_.reset();
    alive_ = false;
  }
  void arrived(TimePoint now) {
    arrived_ = now;
    if (now - since_ >= stale) alive_ = true;
  }
  void sent_full(TimePoint now) {
    if (last_full_ == now) return;
    last_full_ = now;
    ++full_sent_;
    if (alive_ && !full_while_alive_) full_while_alive_ = now;
  }

  /// To be asked when something has arrived.
  bool suspects(Duration probe_timeout, TimePoint now) const {
    return full_sent_ >= enough_full && full_while_alive_ && arrived_ - *full_while_alive_ >= probe_timeout &&
           now - since_ >= std::max<Duration>(least, probe_timeouts * probe_timeout);
  }

 private:
  static constexpr Duration least = std::chrono::seconds{3};
  static constexpr int probe_timeouts = 5;
  static constexpr int enough_full = 3;
  /// What arrives so soon after the last progress may have left before the path changed.
  static constexpr Duration stale = std::chrono::seconds{1};

  TimePoint since_, arrived_;
  std::optional<TimePoint> last_full_, full_while_alive_;
  int full_sent_ = 0;
  bool alive_ = false;
};

}  // namespace pshare
