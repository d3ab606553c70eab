// Fuzzes tickets, in two places. The first byte says where the rest stands: 0, it is what was presented at the relay, and never opens, since nobody
// has signed it; 1, it is what the rendezvous has signed, which opens if it is a ticket for this relay that has not expired, and then as itself.
#include <cstdint>
#include <cstdlib>

#include "secure/sodium.hpp"
#include "secure/ticket.hpp"

namespace pshare {
namespace {

constexpr UnixTime now{std::chrono::seconds{1'800'000'000}};

const Identity& rendezvous() {
  static const Identity identity = value_or_throw(Identity::generate());
  return identity;
}

void open_what_was_signed(ByteView body) {
  ByteWriter to_be_signed;
  to_be_signed.bytes(bytes_of("pshare ticket v1")).bytes(body);
  ByteWriter signed_ticket;
  signed_ticket.u8(1).bytes(sodium::sign(rendezvous(), to_be_signed.view())).bytes(body);

  const auto ticket = decode_ticket(body);
  const auto relay = ticket ? ticket->relay : PeerId{};
  const auto opened = open_ticket({rendezvous().public_key()}, relay, now, signed_ticket.view());
  const bool good = ticket && ticket->expires > now && signed_ticket.view().size() <= max_signed_ticket;
  if (opened.has_value() != good || (opened && *opened != *ticket)) std::abort();
  if (!ticket) return;
  const auto again = decode_ticket(encode(*ticket));
  if (!again || *again != *ticket) std::abort();
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span{data + 1, size - 1});
  if (data[0] == 0 && open_ticket({rendezvous().public_key()}, PeerId{}, now, input)) std::abort();
  if (data[0] == 1) open_what_was_signed(input);
  return 0;
}
