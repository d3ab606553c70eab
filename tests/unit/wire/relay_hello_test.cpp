// What is said at a relay, and the ticket that is presented there: read back as written, refused when broken.
#include "wire/relay_hello.hpp"

#include <gtest/gtest.h>

#include "wire/cbor.hpp"
#include "wire/random.hpp"
#include "wire/ticket.hpp"

namespace pshare {
namespace {

PeerId peer(std::uint64_t seed) {
  SeededRandom random{seed};
  PeerId::Digest digest;
  random.fill(digest);
  return PeerId{digest};
}

Ticket some_ticket() {
  SeededRandom random{1};
  return {TicketId::random(random), SessionId::random(random), peer(1), peer(2), peer(3), UnixTime{std::chrono::seconds{1'800'000'000}}, 5'000'000'000};
}

TEST(ATicket, IsReadBack) {
  EXPECT_EQ(decode_ticket(encode(some_ticket())).value(), some_ticket());
  auto endless = some_ticket();
  endless.quota.reset();
  EXPECT_EQ(decode_ticket(encode(endless)).value(), endless);
}

TEST(ATicket, ThatLacksSomethingOrIsForOnePeerAloneIsRefused) {
  EXPECT_EQ(decode_ticket(CborMap{}.encode()).error().code, Errc::malformed);
  auto alone = some_ticket();
  alone.other = alone.one;
  EXPECT_EQ(decode_ticket(encode(alone)).error().code, Errc::malformed);
  EXPECT_EQ(decode_ticket(ByteBuffer(max_signed_ticket + 1)).error().code, Errc::limit);
}

TEST(RelayHello, CarriesVersionAndTicket) {
  const auto read = decode_relay_hello(encode(RelayHello{.version = 2, .ticket = ByteBuffer(40, std::byte{3})})).value();
  EXPECT_EQ(read.version, 2u);
  EXPECT_EQ(read.ticket, ByteBuffer(40, std::byte{3}));
  EXPECT_EQ(decode_relay_hello(encode(RelayHello{.ticket = ByteBuffer(max_signed_ticket + 1)})).error().code, Errc::limit);
  EXPECT_EQ(decode_relay_hello(CborMap{}.encode()).error().code, Errc::malformed);
}

TEST(RelayJoined, SaysWhatHolds) {
  const auto bounded = std::get<RelayJoined>(decode_relay_answer(encode(RelayAnswer{RelayJoined{1'000, 2'000}})).value());
  EXPECT_EQ(bounded.bytes_left, 1'000u);
  EXPECT_EQ(bounded.rate, 2'000u);
  const auto unbounded = std::get<RelayJoined>(decode_relay_answer(encode(RelayAnswer{RelayJoined{}})).value());
  EXPECT_FALSE(unbounded.bytes_left || unbounded.rate);
}

TEST(RelayRefused, KeepsItsCodeAndWords) {
  for (const auto code : {Errc::refused, Errc::limit, Errc::busy, Errc::timed_out, Errc::closed, Errc::malformed, Errc::version, Errc::identity_mismatch}) {
    const auto read = std::get<RelayRefused>(decode_relay_answer(encode(RelayAnswer{RelayRefused{code, "because"}})).value());
    EXPECT_EQ(read.code, code);
    EXPECT_EQ(read.words, "because");
  }
  EXPECT_EQ(std::get<RelayRefused>(decode_relay_answer(encode(RelayAnswer{RelayRefused{Errc::local_io, ""}})).value()).code, Errc::failed);
}

TEST(ARelaysAnswer, OfAnUnknownKindIsRefused) {
  CborMap map;
  map.set("t", "perhaps");
  EXPECT_EQ(decode_relay_answer(map.encode()).error().code, Errc::malformed);
}

}  // namespace
}  // namespace pshare
