#include <gtest/gtest.h>

#include "secure/ticket.hpp"
#include "vectors.hpp"
#include "wire/relay_hello.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

Ticket ticket_in(const Json& fields) {
  Ticket ticket{TicketId{array_in<16>(fields.at("id"))}, session_in(fields.at("session")), peer_in(fields.at("one")), peer_in(fields.at("other")), peer_in(fields.at("relay")),
                UnixTime{std::chrono::seconds{fields.at("expires").get<std::int64_t>()}}, {}};
  if (fields.contains("quota")) ticket.quota = number_in(fields.at("quota"));
  return ticket;
}

TEST(TicketVectors, AreSignedAndBelieved) {
  const auto server = identity_of(text_in(vectors("relays").at("signer")));
  for (const auto& each : vectors("relays").at("tickets")) {
    const auto ticket = ticket_in(each.at("fields"));
    EXPECT_EQ(shown(encode(ticket)), shown(bytes_in(each.at("map"))));
    EXPECT_EQ(shown(sign_ticket(server, ticket)), shown(bytes_in(each.at("signed"))));
    const auto opened = open_ticket({server.public_key()}, ticket.relay, ticket.expires - std::chrono::seconds{1}, bytes_in(each.at("signed")));
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, ticket);
  }
}

TEST(TicketVectors, ThatAreWrongAreRefused) {
  const auto server = identity_of(text_in(vectors("relays").at("signer")));
  const auto relay = ticket_in(vectors("relays").at("tickets").at(0).at("fields")).relay;
  for (const auto& each : vectors("relays").at("refused tickets"))
    EXPECT_FALSE(open_ticket({server.public_key()}, relay, UnixTime{}, bytes_in(each.at("signed")))) << each.at("name");
}

TEST(RelayVectors, SayHello) {
  for (const auto& each : vectors("relays").at("hello")) {
    const auto& fields = each.at("fields");
    const RelayHello hello{number_in(fields.at("v")), bytes_in(fields.at("ticket"))};
    EXPECT_EQ(shown(encode(hello)), shown(bytes_in(each.at("bytes"))));
    const auto read = decode_relay_hello(bytes_in(each.at("bytes")));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->version, hello.version);
    EXPECT_EQ(shown(read->ticket), shown(hello.ticket));
  }
}

RelayAnswer answer_in(const Json& fields) {
  if (fields.at("t") == "joined") {
    const auto limit = [&](const char* key) { return fields.contains(key) ? std::optional{number_in(fields.at(key))} : std::nullopt; };
    return RelayJoined{limit("left"), limit("rate")};
  }
  for (const auto code : {Errc::refused, Errc::limit, Errc::busy, Errc::timed_out, Errc::closed, Errc::malformed, Errc::version, Errc::identity_mismatch})
    if (fields.at("code") == std::string{word(code)}) return RelayRefused{code, text_in(fields.at("words"))};
  return RelayRefused{Errc::failed, text_in(fields.at("words"))};
}

TEST(RelayVectors, AnswerIt) {
  for (const auto& each : vectors("relays").at("answers")) {
    SCOPED_TRACE(each.at("fields").dump());
    const auto bytes = bytes_in(each.at("bytes"));
    EXPECT_EQ(shown(encode(answer_in(each.at("fields")))), shown(bytes));
    const auto read = decode_relay_answer(bytes);
    ASSERT_TRUE(read);
    EXPECT_EQ(shown(encode(*read)), shown(bytes));
  }
}

}  // namespace
