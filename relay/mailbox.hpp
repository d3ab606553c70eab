// Offers that wait for a peer who is offline: bounded in number, size and time, delivered in order when the peer appears.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/time.hpp"

namespace pshare {

/// How long an offer waits; told to clients in the Welcome.
inline constexpr Duration mailbox_patience = std::chrono::minutes{10};
inline constexpr std::size_t max_waiting_for_one = 16;             // letters for one recipient
inline constexpr std::size_t max_waiting_from_one = 32;            // letters of one sender
inline constexpr std::size_t max_waiting_bytes = 64 * 1024 * 1024; // all letters together

struct WaitingLetter {
  PeerId from;
  DeviceId from_device;
  SessionId session;
  ByteBuffer body;
  TimePoint ends;
};

class Mailbox {
 public:
  /// False when a limit is reached. A letter of the same sender and session to the same recipient takes the older one's place.
  bool put(const PeerId& to, WaitingLetter letter);
  /// Everything that waits for this peer, oldest first.
  std::vector<WaitingLetter> take(const PeerId& to);
  /// Gives whether something waited.
  bool withdraw(const PeerId& from, const PeerId& to, const SessionId& session);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;

  std::size_t bytes() const { return bytes_; }

 private:
  void forget(const WaitingLetter& letter);

  std::map<PeerId, std::deque<WaitingLetter>> waiting_;
  std::map<PeerId, std::size_t> from_;
  std::size_t bytes_ = 0;
};

}  // namespace pshare
