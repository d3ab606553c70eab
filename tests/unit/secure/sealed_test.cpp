#include "secure/sealed.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "secure/random_source.hpp"
#include "secure/replay_guard.hpp"
#include "secure/sodium.hpp"

namespace pshare {
namespace {

constexpr UnixTime noon{std::chrono::seconds{1'800'000'000}};

class Sealed : public testing::Test {
 protected:
  ByteBuffer letter(UnixTime at = noon) { return *seal(alice, bob.public_key(), at, random, bytes_of("hello bob")); }

  SecureRandom random;
  Identity alice = *Identity::generate(), bob = *Identity::generate(), carol = *Identity::generate();
};

TEST_F(Sealed, IsOpenedByItsRecipientWhoThenKnowsTheSender) {
  const auto opened = open_sealed(bob, noon, letter());
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(text_of(opened->body), "hello bob");
  EXPECT_EQ(opened->from, alice.id());
  EXPECT_EQ(opened->from_key, alice.public_key());
  EXPECT_EQ(opened->sealed_at, noon);
}

TEST_F(Sealed, IsOpenedByNobodyElse) {
  const auto opened = open_sealed(carol, noon, letter());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::identity_mismatch);
}

TEST_F(Sealed, ShowsNothingOfItsContentInTheClear) {
  const auto sealed = letter();
  EXPECT_EQ(text_of(sealed).find("hello"), std::string_view::npos);
}

TEST_F(Sealed, DoesNotOpenWithAnyByteAltered) {
  const auto sealed = letter();
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    auto altered = sealed;
    altered[i] ^= std::byte{1};
    EXPECT_FALSE(open_sealed(bob, noon, altered)) << "byte " << i;
  }
}

TEST_F(Sealed, DoesNotOpenWhenCutShort) {
  const auto sealed = letter();
  for (std::size_t length = 0; length < sealed.size(); ++length) EXPECT_FALSE(open_sealed(bob, noon, ByteView{sealed}.first(length)));
}

TEST_F(Sealed, CannotBePassedOnToSomebodyElseAsIfWrittenToThem) {
  // Carol opens what Alice wrote to her, and seals the signed content anew for Bob: the signature holds, the recipient does not.
  const auto to_carol = *seal(alice, carol.public_key(), noon, random, bytes_of("pay carol"));
  const auto content = sodium::open(carol, to_carol);
  ASSERT_TRUE(content);
  ASSERT_TRUE(open_sealed(carol, noon, *sodium::seal(carol.public_key(), *content)));  // it is whole
  const auto opened = open_sealed(bob, noon, *sodium::seal(bob.public_key(), *content));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::identity_mismatch);
  EXPECT_NE(opened.error().doing.find("somebody else"), std::string::npos);
}

TEST_F(Sealed, DoesNotPassForSomebodyElsesWithTheirKeyPutIn) {
  auto content = *sodium::open(bob, *seal(carol, bob.public_key(), noon, random, bytes_of("alice here")));
  std::ranges::copy(alice.public_key().bytes, content.begin() + 1);
  const auto opened = open_sealed(bob, noon, *sodium::seal(bob.public_key(), content));
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::identity_mismatch);
}

TEST_F(Sealed, DoesNotOpenWithAnyByteOfItsSignedContentAltered) {
  // The seal is anybody's to make, so it must be the signature that notices.
  const auto content = *sodium::open(bob, letter());
  for (std::size_t i = 0; i < content.size(); ++i) {
    auto altered = content;
    altered[i] ^= std::byte{1};
    EXPECT_FALSE(open_sealed(bob, noon, *sodium::seal(bob.public_key(), altered))) << "byte " << i;
  }
}

TEST_F(Sealed, IsRefusedWhenTooOldOrFromTheFuture) {
  EXPECT_TRUE(open_sealed(bob, noon + max_signal_age, letter()));
  EXPECT_EQ(open_sealed(bob, noon + max_signal_age + std::chrono::seconds{1}, letter()).error().code, Errc::timed_out);
  EXPECT_TRUE(open_sealed(bob, noon, letter(noon + max_clock_skew)));
  EXPECT_EQ(open_sealed(bob, noon, letter(noon + max_clock_skew + std::chrono::seconds{1})).error().code, Errc::timed_out);
}

TEST_F(Sealed, CannotBeWrittenToWhatIsNoKey) {
  PublicKey nonsense;
  nonsense.bytes.fill(std::byte{0xFF});
  EXPECT_FALSE(seal(alice, nonsense, noon, random, bytes_of("x")));
}

TEST_F(Sealed, HasANonceThatTheReplayGuardKnowsAgain) {
  const auto sealed = letter();
  const auto opened = open_sealed(bob, noon, sealed);
  ReplayGuard guard;
  EXPECT_TRUE(guard.first_time(opened->nonce, noon));
  EXPECT_FALSE(guard.first_time(opened->nonce, noon + std::chrono::hours{1}));
  EXPECT_TRUE(guard.first_time(open_sealed(bob, noon, letter())->nonce, noon));
}

TEST_F(Sealed, IsRefusedAtAnyTimeFarFromNow) {
  // Close to the epoch, where "25 hours ago" is before it; and so far ahead that the number no longer fits a time.
  EXPECT_TRUE(open_sealed(bob, UnixTime{}, letter(UnixTime{})));
  EXPECT_EQ(open_sealed(bob, noon, letter(UnixTime{})).error().code, Errc::timed_out);
  EXPECT_EQ(open_sealed(bob, noon, letter(UnixTime{std::chrono::seconds{-1}})).error().code, Errc::timed_out);  // travels as 2^64 - 1
}

TEST(ReplayGuard, RemembersForAsLongAsASignalCanBeOpened) {
  ReplayGuard guard;
  const ReplayGuard::Nonce nonce{};
  const auto last = noon + max_signal_age + max_clock_skew;  // sealed by a clock that is ahead
  ASSERT_TRUE(guard.first_time(nonce, noon));
  EXPECT_FALSE(guard.first_time(nonce, last));
  EXPECT_TRUE(guard.first_time(nonce, last + std::chrono::seconds{1}));
}

TEST(ReplayGuard, ForgetsTheOldestBeyondItsLimit) {
  ReplayGuard guard;
  SeededRandom random{1};
  ReplayGuard::Nonce first, nonce;
  random.fill(first);
  ASSERT_TRUE(guard.first_time(first, noon));
  for (std::size_t i = 0; i + 1 < max_remembered_nonces; ++i) {
    random.fill(nonce);
    ASSERT_TRUE(guard.first_time(nonce, noon + std::chrono::seconds{1}));
  }
  EXPECT_FALSE(guard.first_time(first, noon + std::chrono::seconds{2}));
  random.fill(nonce);
  ASSERT_TRUE(guard.first_time(nonce, noon + std::chrono::seconds{2}));
  EXPECT_TRUE(guard.first_time(first, noon + std::chrono::seconds{2}));
}

}  // namespace
}  // namespace pshare
