// Signing and checking of relay tickets (wire/ticket.hpp): Ed25519 by the rendezvous' own key, over the text "pshare ticket v1" and the ticket.
#pragma once

#include <vector>

#include "secure/identity.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"
#include "wire/ticket.hpp"

namespace pshare {

/// At most max_signed_ticket bytes.
ByteBuffer sign_ticket(const Identity& rendezvous, const Ticket& ticket);

/// Whether a rendezvous with one of these keys has signed it, and the relay `relay` may still take it.
/// Errors: identity_mismatch (signed by none of them, altered, or for another relay), malformed, timed_out (expired).
Result<Ticket> open_ticket(const std::vector<PublicKey>& rendezvous, const PeerId& relay, UnixTime now, ByteView signed_ticket);

}  // namespace pshare
