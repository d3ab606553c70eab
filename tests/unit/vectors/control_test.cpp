#include <gtest/gtest.h>

#include "vectors.hpp"
#include "wire/control.hpp"
#include "wire/framing.hpp"
#include "wire/reflection.hpp"
#include "wire/role.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

std::vector<PeerId> peers_in(const Json& array) {
  std::vector<PeerId> peers;
  for (const auto& each : array) peers.push_back(peer_in(each.at("id")));
  return peers;
}

std::optional<IpAddress> address_if_any(const Json& fields, const char* key) { return fields.contains(key) ? std::optional{address_in(fields.at(key))} : std::nullopt; }

Transport transport_in(const Json& value) { return value == "udp" ? Transport::udp : Transport::tcp; }

ClientMessage client_message(const Json& fields) {
  const auto verb = text_in(fields.at("t"));
  const auto request = value_or<std::uint64_t>(fields, "req", 0);
  if (verb == "hello") return Hello{number_in(fields.at("v")), text_in(fields.at("agent")), fields.at("features").get<std::vector<std::string>>()};
  if (verb == "register") return Register{request, text_in(fields.at("name"))};
  if (verb == "resolve" && fields.contains("name")) return Resolve{request, text_in(fields.at("name"))};
  if (verb == "resolve") return Resolve{request, peer_in(fields.at("id"))};
  if (verb == "who") return Who{request, peers_in(fields.at("peers"))};
  if (verb == "signal")
    return SendSignal{request, peer_in(fields.at("to")), DeviceId{number_in(fields.at("device"))}, bytes_in(fields.at("body")), fields.at("wait").get<bool>(),
                      session_in(fields.at("session")), fields.at("show").get<bool>(), address_if_any(fields, "show2")};
  if (verb == "withdraw") return Withdraw{request, peer_in(fields.at("to")), session_in(fields.at("session"))};
  if (verb == "probe") return Probe{request, transport_in(fields.at("transport")), port_in(fields.at("port")), array_in<16>(fields.at("nonce"))};
  if (verb == "volunteer") return Volunteer{request, port_in(fields.at("port")), fields.at("anyone").get<bool>(), fields.at("full").get<bool>()};
  if (verb == "ask-relays") return AskRelays{request, peers_in(fields.at("trusted"))};
  if (verb == "ask-ticket") return AskTicket{request, session_in(fields.at("session")), peer_in(fields.at("peer")), peer_in(fields.at("relay"))};
  if (verb == "code-open") return CodeOpen{request, number_in(fields.at("wish"))};
  if (verb == "code-join") return CodeJoin{request, number_in(fields.at("number")), bytes_in(fields.at("body"))};
  if (verb == "code-message") return CodeMessage{request, number_in(fields.at("number")), bytes_in(fields.at("body"))};
  if (verb == "code-close") return CodeClose{request, number_in(fields.at("number"))};
  if (verb == "take-offers") return TakeOffers{request, peer_in(fields.at("from"))};
  if (verb == "ping") return Ping{};
  if (verb == "bye") return Bye{};
  throw std::runtime_error{"no client says " + verb};
}

DialBackOutcome outcome_in(const Json& value) { return dial_back_outcome_from(text_in(value)).value(); }

std::vector<RelayListing> relays_in(const Json& array) {
  std::vector<RelayListing> relays;
  for (const auto& each : array) {
    RelayListing listing{peer_in(each.at("id")), {}, each.at("anyone").get<bool>()};
    for (const auto& at : each.at("at")) listing.endpoints.push_back({address_in(at.at("address")), port_in(at.at("port"))});
    relays.push_back(std::move(listing));
  }
  return relays;
}

CodeNews::What news_in(const Json& value) {
  return value == "joined" ? CodeNews::What::joined : value == "gone" ? CodeNews::What::gone : CodeNews::What::message;
}

Errc code_in(const Json& value) {
  for (const auto code : {Errc::unknown_peer, Errc::refused, Errc::limit, Errc::version, Errc::malformed, Errc::busy, Errc::unsupported, Errc::offline})
    if (value == std::string{word(code)}) return code;
  return Errc::failed;
}

ServerMessage server_message(const Json& fields) {
  const auto verb = text_in(fields.at("t"));
  const auto request = value_or<std::uint64_t>(fields, "req", 0);
  if (verb == "welcome")
    return Welcome{number_in(fields.at("v")),
                   DeviceId{number_in(fields.at("device"))},
                   {address_in(fields.at("address")), port_in(fields.at("port"))},
                   UnixTime{std::chrono::seconds{fields.at("now").get<std::int64_t>()}},
                   text_in(fields.at("agent")),
                   text_in(fields.at("notice")),
                   number_in(fields.at("wait")),
                   Port{value_or<std::uint16_t>(fields, "stun", 0)},
                   Port{value_or<std::uint16_t>(fields, "stun2", 0)},
                   Port{value_or<std::uint16_t>(fields, "reflect2", 0)},
                   address_if_any(fields, "address2"),
                   value_or(fields, "tickets", false),
                   value_or(fields, "relay", false),
                   value_or(fields, "codes", false)};
  if (verb == "registered") return Registered{request, text_in(fields.at("name"))};
  if (verb == "resolved") return Resolved{request, text_in(fields.at("name")), key_in(fields.at("key")), fields.at("online").get<bool>()};
  if (verb == "who-reply") return WhoReply{request, peers_in(fields.at("online"))};
  if (verb == "signal-fate") return SignalFate{request, static_cast<Fate>(number_in(fields.at("fate")))};
  if (verb == "delivery")
    return Delivery{peer_in(fields.at("from")), DeviceId{number_in(fields.at("device"))}, bytes_in(fields.at("body")), address_if_any(fields, "at"), address_if_any(fields, "at2")};
  if (verb == "probed") return Probed{request, outcome_in(fields.at("outcome"))};
  if (verb == "volunteered") return Volunteered{request, outcome_in(fields.at("outcome")), {address_in(fields.at("address")), port_in(fields.at("port"))}};
  if (verb == "relays") return Relays{request, relays_in(fields.at("relays"))};
  if (verb == "granted") return Granted{request, bytes_in(fields.at("ticket"))};
  if (verb == "code-answer") return CodeAnswer{request, number_in(fields.at("number"))};
  if (verb == "code-news") return CodeNews{number_in(fields.at("number")), news_in(fields.at("what")), bytes_in(fields.at("body"))};
  if (verb == "taking-offers") return TakingOffers{request};
  if (verb == "pong") return Pong{};
  if (verb == "notice") return Notice{text_in(fields.at("words"))};
  if (verb == "trouble")
    return Trouble{fields.contains("req") ? std::optional{request} : std::nullopt, code_in(fields.at("code")), text_in(fields.at("words"))};
  throw std::runtime_error{"no server says " + verb};
}

/// Decodes and writes down again: what is written of a message has all of its fields in it, so that two of the same bytes are alike.
std::optional<std::string> read_again(const Json& from, const ByteBuffer& bytes) {
  if (from == "client") {
    const auto message = decode_client_message(bytes);
    return message ? std::optional{shown(encode(*message))} : std::nullopt;
  }
  const auto message = decode_server_message(bytes);
  return message ? std::optional{shown(encode(*message))} : std::nullopt;
}

TEST(ControlVectors, OfClientsAreWrittenAndRead) {
  for (const auto& each : vectors("control").at("client")) {
    SCOPED_TRACE(each.at("fields").dump());
    const auto bytes = bytes_in(each.at("bytes"));
    EXPECT_EQ(shown(encode(client_message(each.at("fields")))), shown(bytes));
    EXPECT_EQ(read_again("client", bytes), shown(bytes));
  }
}

TEST(ControlVectors, OfServersAreWrittenAndRead) {
  for (const auto& each : vectors("control").at("server")) {
    SCOPED_TRACE(each.at("fields").dump());
    const auto bytes = bytes_in(each.at("bytes"));
    EXPECT_EQ(shown(encode(server_message(each.at("fields")))), shown(bytes));
    EXPECT_EQ(read_again("server", bytes), shown(bytes));
  }
}

TEST(ControlVectors, WrittenInAnotherWayAreReadAsTheSame) {
  for (const auto& each : vectors("control").at("tolerated")) {
    SCOPED_TRACE(text_in(each.at("name")));
    const auto& fields = each.at("reads as");
    const auto meant = each.at("from") == "client" ? encode(client_message(fields)) : encode(server_message(fields));
    EXPECT_EQ(read_again(each.at("from"), bytes_in(each.at("bytes"))), shown(meant));
  }
}

TEST(ControlVectors, ThatAreNoMessageAreRefused) {
  for (const auto& each : vectors("control").at("refused")) EXPECT_FALSE(read_again(each.at("from"), bytes_in(each.at("bytes")))) << each.at("name");
}

TEST(ControlVectors, AreFramedAndTakenOutOfTheirFrames) {
  for (const auto& each : vectors("control").at("frames")) {
    const auto body = bytes_in(each.at("body")), framed = bytes_in(each.at("frame"));
    EXPECT_EQ(shown(frame(body)), shown(framed));
    FrameReader reader;
    reader.feed(framed);
    const auto next = reader.next();
    ASSERT_TRUE(next && *next);
    EXPECT_EQ(shown(**next), shown(body));
  }
}

TEST(ControlVectors, NameARole) {
  for (const auto& each : vectors("control").at("role")) {
    const auto role = text_in(each.at("fields").at("role"));
    EXPECT_EQ(shown(encode_role(role)), shown(bytes_in(each.at("bytes"))));
    const auto read = decode_role(bytes_in(each.at("bytes")));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, role);
  }
}

TEST(ControlVectors, TellAClientWhereItIs) {
  for (const auto& each : vectors("control").at("reflection")) {
    const auto& fields = each.at("fields");
    const Reflection reflection{{address_in(fields.at("address")), port_in(fields.at("port"))}};
    EXPECT_EQ(shown(encode(reflection)), shown(bytes_in(each.at("bytes"))));
    const auto read = decode_reflection(bytes_in(each.at("bytes")));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, reflection);
  }
}

TEST(ControlVectors, DialBack) {
  for (const auto& each : vectors("control").at("dial-back")) {
    const auto nonce = array_in<16>(each.at("nonce"));
    EXPECT_EQ(shown(encode_dial_back(nonce)), shown(bytes_in(each.at("bytes"))));
    EXPECT_EQ(decode_dial_back(bytes_in(each.at("bytes"))), nonce);
  }
}

}  // namespace
