#include "secure/ticket.hpp"

#include <algorithm>

#include "secure/sodium.hpp"

namespace pshare {

namespace {

constexpr std::byte version{1};
constexpr std::string_view purpose = "pshare ticket v1";
constexpr std::size_t head = 1 + sizeof(sodium::Signature);

ByteBuffer what_is_signed(ByteView ticket) {
  ByteBuffer message(purpose.size() + ticket.size());
  const auto rest = std::ranges::copy(std::as_bytes(std::span{purpose}), message.begin()).out;
  std::ranges::copy(ticket, rest);
  return message;
}

}  // namespace

ByteBuffer sign_ticket(const Identity& rendezvous, const Ticket& ticket) {
  const auto body = encode(ticket);
  const auto signature = sodium::sign(rendezvous, what_is_signed(body));
  ByteBuffer out{version};
  out.insert(out.end(), signature.begin(), signature.end());
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

Result<Ticket> open_ticket(const std::vector<PublicKey>& rendezvous, const PeerId& relay, UnixTime now, ByteView signed_ticket) {
  if (signed_ticket.size() <= head || signed_ticket.size() > max_signed_ticket || signed_ticket.front() != version)
    return Unexpected{{.code = Errc::malformed, .doing = "reading a relay ticket: it is none of this version"}};
  sodium::Signature signature;
  std::ranges::copy(signed_ticket.subspan(1, signature.size()), signature.begin());
  const auto body = signed_ticket.subspan(head);
  const auto message = what_is_signed(body);
  if (std::ranges::none_of(rendezvous, [&](const PublicKey& key) { return sodium::verify(key, message, signature); }))
    return Unexpected{{.code = Errc::identity_mismatch, .doing = "checking a relay ticket: the server that this relay belongs to has not signed it"}};
  auto ticket = decode_ticket(body);
  if (!ticket) return ticket;
  if (ticket->relay != relay) return Unexpected{{.code = Errc::identity_mismatch, .doing = "checking a relay ticket: it is for another relay"}};
  if (ticket->expires <= now) return Unexpected{{.code = Errc::timed_out, .doing = "checking a relay ticket: it has expired"}};
  return ticket;
}

}  // namespace pshare
