// Tickets are believed only as the rendezvous signed them, for this relay, in time.
#include "secure/ticket.hpp"

#include <gtest/gtest.h>

#include "secure/random_source.hpp"

namespace pshare {
namespace {

constexpr UnixTime noon{std::chrono::seconds{1'800'000'000}};

class ASignedTicket : public testing::Test {
 protected:
  ByteBuffer signed_by(const Identity& who) { return sign_ticket(who, ticket); }

  SecureRandom random;
  Identity server = *Identity::generate(), stranger = *Identity::generate(), relay = *Identity::generate();
  Identity alice = *Identity::generate(), bob = *Identity::generate();
  Ticket ticket{TicketId::random(random), SessionId::random(random), alice.id(), bob.id(), relay.id(), noon + ticket_lifetime, std::nullopt};
};

TEST_F(ASignedTicket, IsReadByItsRelay) {
  const auto opened = open_ticket({server.public_key()}, relay.id(), noon, signed_by(server));
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(*opened, ticket);
  EXPECT_LE(signed_by(server).size(), max_signed_ticket);
}

TEST_F(ASignedTicket, OfAnotherSignerIsNone) {
  EXPECT_EQ(open_ticket({server.public_key()}, relay.id(), noon, signed_by(stranger)).error().code, Errc::identity_mismatch);
}

TEST_F(ASignedTicket, MayBeOfAnyOfSeveralSigners) {
  for (const auto* signer : {&server, &stranger})
    EXPECT_TRUE(open_ticket({server.public_key(), stranger.public_key()}, relay.id(), noon, signed_by(*signer)));
  EXPECT_EQ(open_ticket({server.public_key(), stranger.public_key()}, relay.id(), noon, signed_by(alice)).error().code, Errc::identity_mismatch);
  EXPECT_EQ(open_ticket({}, relay.id(), noon, signed_by(server)).error().code, Errc::identity_mismatch);
}

TEST_F(ASignedTicket, IsNoneWithAnyByteAltered) {
  const auto whole = signed_by(server);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    auto altered = whole;
    altered[i] ^= std::byte{1};
    EXPECT_FALSE(open_ticket({server.public_key()}, relay.id(), noon, altered)) << "byte " << i;
  }
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(open_ticket({server.public_key()}, relay.id(), noon, ByteView{whole}.first(length))) << length << " bytes";
}

TEST_F(ASignedTicket, IsForNoOtherRelay) {
  EXPECT_EQ(open_ticket({server.public_key()}, stranger.id(), noon, signed_by(server)).error().code, Errc::identity_mismatch);
}

TEST_F(ASignedTicket, IsGoodUntilItExpires) {
  EXPECT_TRUE(open_ticket({server.public_key()}, relay.id(), ticket.expires - std::chrono::seconds{1}, signed_by(server)));
  EXPECT_EQ(open_ticket({server.public_key()}, relay.id(), ticket.expires, signed_by(server)).error().code, Errc::timed_out);
}

}  // namespace
}  // namespace pshare
