// Offers that wait for a peer who is offline: bounded in number, size and time, delivered in order when the peer appears.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/time.hpp"

namespace pshare {

/// How long an offer waits; told to clients in the Welcome.
inline constexpr Duration mailbox_patience = std::chrono::minutes{10};
inline constexpr std::size_t max_waiting_for_one = 16;                // letters for one recipient
inline constexpr std::size_t max_waiting_bytes_for_one = 256 * 1024;  // delivered in one go, so less than a connection may have unsent
inline constexpr std::size_t max_waiting_from_one = 32;               // letters of one sender
inline constexpr std::size_t max_waiting_from_an_address = 128;       // keys cost nothing, addresses do
inline constexpr std::size_t max_waiting_bytes = 64 * 1024 * 1024;    // all letters together

struct WaitingLetter {
  PeerId from;
  DeviceId from_device;
  IpAddress from_address;  // as it is counted (wire/subscriber.hpp)
  SessionId session;
  ByteBuffer body;
  std::optional<IpAddress> shown_address = {};  // what the recipient is told of where the sender was
  std::optional<IpAddress> shown_other = {};    // and over the other family
};

class Mailbox {
 public:
  /// False when a limit is reached. A letter of the same sender and session to the same recipient takes the older one's place.
  bool put(const PeerId& to, WaitingLetter letter, TimePoint now);
  /// Everything that waits for this peer, oldest first.
  std::vector<WaitingLetter> take(const PeerId& to);
  /// Of it, what this sender wrote.
  std::vector<WaitingLetter> take(const PeerId& to, const PeerId& from);
  /// Gives whether something waited.
  bool withdraw(const PeerId& from, const PeerId& to, const SessionId& session);
  /// Forgets what has waited for mailbox_patience.
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;

  std::size_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    PeerId to;
    TimePoint ends;
    WaitingLetter letter;
  };
  using Letters = std::list<Waiting>;
  struct Box {
    std::deque<Letters::iterator> letters;
    std::size_t bytes = 0;
  };

  bool has_room(const PeerId& to, const WaitingLetter& letter) const;
  /// Takes it out of every book, and gives it.
  WaitingLetter remove(Letters::iterator waiting);

  Letters letters_;  // in the order they came, which is that of their ends
  std::map<PeerId, Box> boxes_;
  std::map<PeerId, std::size_t> from_key_;
  std::map<IpAddress, std::size_t> from_address_;
  std::size_t bytes_ = 0;
};

}  // namespace pshare
