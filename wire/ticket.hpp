// A ticket: the rendezvous' word that two peers may meet at one relay, for one lane of one session (design section 3). It is signed
// (secure/ticket.hpp), so that a relay needs to know nobody but the rendezvous; and it names keys, so that a stolen one is worth nothing.
//
// The ticket itself is one CBOR map with deterministic order of keys, as the sealed rest of a signed ticket:
//    version 1 | signature 64 | CBOR ...
#pragma once

#include <cstdint>
#include <optional>

#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

/// The longest signed ticket. They are some 300 bytes.
inline constexpr std::size_t max_signed_ticket = 1024;

/// How long a ticket may be presented. Long enough for a warm standby that waits for the other side; whoever needs one later asks for
/// another.
inline constexpr std::chrono::seconds ticket_lifetime = std::chrono::minutes{5};

struct Ticket {
  TicketId id;
  SessionId session;
  PeerId one, other;                    // the two peers, the asking one first
  PeerId relay;
  UnixTime expires{};                   // after that it is not accepted any more; what has been joined goes on
  std::optional<std::uint64_t> quota;   // bytes that the relay may carry for it, both ways together; nothing: no limit
  friend bool operator==(const Ticket&, const Ticket&) = default;
};

ByteBuffer encode(const Ticket& ticket);
/// Errors: malformed, limit.
Result<Ticket> decode_ticket(ByteView bytes);

}  // namespace pshare
