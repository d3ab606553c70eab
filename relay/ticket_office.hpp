// Who gets tickets for relays, and how many: the part of the rendezvous that signs them (wire/ticket.hpp).
//
// Whoever is connected may ask, for any peer, online or not: a ticket is worth nothing until both of its keys present themselves, and the
// other one may be just about to connect again. What bounds the use of a relay is how often a key and an address may ask.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "secure/identity.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/limiter.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"
#include "wire/ticket.hpp"

namespace pshare {

/// Each transfer takes a ticket for every relay that it tries, and again for each lane that was lost.
inline constexpr Rate tickets_of_a_key{.burst = 60, .each_second = 0.2};
inline constexpr Rate tickets_of_an_address{.burst = 240, .each_second = 1};
/// Keys or addresses that are remembered for it.
inline constexpr std::size_t max_watched_askers = 100'000;

class TicketOffice {
 public:
  /// Both live longer. `quota`: bytes that our own relay carries for the two of a ticket (quota_window).
  TicketOffice(const Identity& rendezvous, Random& random, std::optional<std::uint64_t> quota = std::nullopt)
      : rendezvous_(rendezvous), random_(random), quota_(quota) {}

  /// Whose tickets these are: the server's key, which is that of its own relay as well.
  const PeerId& id() const { return rendezvous_.id(); }

  struct Question {
    PeerId asker, peer, relay;
    SessionId session;
  };
  /// `subscriber`: the address that is counted. Errors: limit (too many), refused (for a lane to oneself).
  Result<ByteBuffer> sign(const Question& question, const IpAddress& subscriber, UnixTime wall, TimePoint now);

 private:
  const Identity& rendezvous_;
  Random& random_;
  std::optional<std::uint64_t> quota_;
  Limiter<PeerId> of_keys_{tickets_of_a_key, max_watched_askers};
  Limiter<IpAddress> of_addresses_{tickets_of_an_address, max_watched_askers};
};

}  // namespace pshare
