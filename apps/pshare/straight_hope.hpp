// While a transfer goes through a relay, something may come to let packets through that did not before: a firewall that is opened, another network. It
// shows first in how the server sees us, so that is looked at again and again; what has changed there is told to the peer, and both try anew.
#pragma once

#include <optional>

#include "traversal/path.hpp"
#include "traversal/path_rank.hpp"
#include "wire/time.hpp"

namespace pshare {

/// How often. Ours: one short question to the server, and a path that has become possible is in use within five seconds.
inline constexpr Duration between_hopes = std::chrono::seconds{2};

class StraightHope {
 public:
  /// Is it time to look again, with this path in use?
  bool is_due(const std::optional<Path>& path, TimePoint now) {
    const bool relayed = path && !is_straight(path->tier);
    if (!relayed || now < next_) return false;
    next_ = now + between_hopes;
    return true;
  }

 private:
  TimePoint next_{};
};

}  // namespace pshare
