// Several servers, of which one is used at a time: which, as a core. Peers who were told the same servers in the same order meet because everybody uses the
// first one that can be reached: whoever had to go on to a later one looks back for the earlier ones. docs/decisions/0024.
#pragma once

#include <cstddef>
#include <optional>

#include "wire/time.hpp"

namespace pshare {

/// The most servers that one program knows. Each that is down costs a look-back its time.
inline constexpr std::size_t max_servers = 8;
/// How often a server is tried whose connection was lost, before the next one is: a server that restarts is back at once, and peers are known to it.
inline constexpr int tries_at_a_lost_server = 2;
/// How often whoever is at a later server looks whether an earlier one can be reached again.
inline constexpr Duration look_back_every = std::chrono::minutes{1};

class ServerOrder {
 public:
  /// At least one, at most max_servers.
  explicit ServerOrder(std::size_t servers) : servers_(servers) {}

  /// The one to use, or to try: an index.
  std::size_t present() const { return present_; }
  void connected(TimePoint now);
  /// It was not reached, or its connection was lost.
  void failed();
  /// When to see whether one before the present one can be reached; nothing if there is none, or no connection.
  std::optional<TimePoint> look_back_at() const { return look_back_at_; }
  void looked_back_in_vain(TimePoint now);
  /// That one can be reached.
  void go_back_to(std::size_t earlier);

 private:
  std::size_t servers_, present_ = 0;
  int tries_left_ = 1;  // of the present one
  bool connected_ = false;
  std::optional<TimePoint> look_back_at_;
};

}  // namespace pshare
