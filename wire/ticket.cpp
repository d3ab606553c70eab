#include "wire/ticket.hpp"

#include <algorithm>

#include "wire/cbor.hpp"

namespace pshare {

namespace {

Unexpected malformed(std::string_view what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading a relay ticket: " + std::string{what}}};
}

}  // namespace

ByteBuffer encode(const Ticket& ticket) {
  CborMap map;
  map.set_bytes("id", ticket.id.bytes)
      .set_bytes("session", ticket.session.bytes)
      .set_bytes("one", ticket.one.digest())
      .set_bytes("other", ticket.other.digest())
      .set_bytes("relay", ticket.relay.digest())
      .set("expires", static_cast<std::uint64_t>(std::max<std::int64_t>(0, ticket.expires.time_since_epoch().count())));
  if (ticket.quota) map.set("quota", *ticket.quota);
  return map.encode();
}

Result<Ticket> decode_ticket(ByteView bytes) {
  if (bytes.size() > max_signed_ticket) return Unexpected{{.code = Errc::limit, .doing = "reading a relay ticket that is too long"}};
  const auto map = CborMap::decode(bytes);
  if (!map) return Unexpected{map.error()};
  const auto id = map->array<16>("id"), session = map->array<16>("session");
  const auto one = map->array<PeerId::size>("one"), other = map->array<PeerId::size>("other"), relay = map->array<PeerId::size>("relay");
  const auto expires = map->number("expires");
  if (!id || !session || !one || !other || !relay || !expires) return malformed("something is missing");
  if (*one == *other) return malformed("it is for one peer alone");
  const auto seconds = static_cast<std::int64_t>(std::min<std::uint64_t>(*expires, INT64_MAX));
  return Ticket{TicketId{*id},     SessionId{*session}, PeerId{*one}, PeerId{*other},
                PeerId{*relay}, UnixTime{std::chrono::seconds{seconds}}, map->number("quota")};
}

}  // namespace pshare
