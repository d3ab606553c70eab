#include "wire/relay_hello.hpp"

#include <array>

#include "wire/cbor.hpp"
#include "wire/ticket.hpp"

namespace pshare {

namespace {

Unexpected malformed(std::string_view what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading what is said at a relay: " + std::string{what}}};
}

CborMap to_map(const RelayJoined& joined) {
  CborMap map;
  map.set("t", "joined");
  if (joined.bytes_left) map.set("left", *joined.bytes_left);
  if (joined.rate) map.set("rate", *joined.rate);
  return map;
}

CborMap to_map(const RelayRefused& refused) {
  CborMap map;
  map.set("t", "refused").set("code", word(refused.code)).set("words", refused.words);
  return map;
}

/// Those that a relay uses; any other word reads as failed.
Errc refusal_from(std::string_view text) {
  for (const auto code : {Errc::refused, Errc::limit, Errc::busy, Errc::timed_out, Errc::closed, Errc::malformed, Errc::version, Errc::identity_mismatch})
    if (word(code) == text) return code;
  return Errc::failed;
}

}  // namespace

ByteBuffer encode(const RelayHello& hello) {
  CborMap map;
  map.set("t", "hello").set("v", hello.version).set_bytes("ticket", hello.ticket);
  return map.encode();
}

ByteBuffer encode(const RelayAnswer& answer) {
  return std::visit([](const auto& each) { return to_map(each).encode(); }, answer);
}

Result<RelayHello> decode_relay_hello(ByteView body) {
  const auto map = CborMap::decode(body);
  if (!map) return Unexpected{map.error()};
  const auto version = map->number("v");
  auto ticket = map->bytes("ticket");
  if (map->text("t", 16) != "hello" || !version || !ticket) return malformed("no hello with a version and a ticket");
  if (ticket->size() > max_signed_ticket) return Unexpected{{.code = Errc::limit, .doing = "reading a relay ticket that is too long"}};
  return RelayHello{*version, *std::move(ticket)};
}

Result<RelayAnswer> decode_relay_answer(ByteView body) {
  const auto map = CborMap::decode(body);
  if (!map) return Unexpected{map.error()};
  const auto kind = map->text("t", 16).value_or("");
  if (kind == "joined") return RelayAnswer{RelayJoined{map->number("left"), map->number("rate")}};
  if (kind == "refused") return RelayAnswer{RelayRefused{refusal_from(map->text("code", 32).value_or("")), map->text("words").value_or("")}};
  return malformed("an answer of an unknown kind");
}

}  // namespace pshare
