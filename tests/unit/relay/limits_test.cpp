#include <gtest/gtest.h>

#include "relay/limiter.hpp"
#include "relay/mailbox.hpp"
#include "relay/presence.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
constexpr TimePoint start{};

PeerId peer(int number) {
  PeerId::Digest digest{};
  digest[0] = static_cast<std::byte>(number), digest[1] = static_cast<std::byte>(number >> 8);
  return PeerId{digest};
}

SessionId session(int number) {
  SessionId id;
  id.bytes[0] = static_cast<std::byte>(number), id.bytes[1] = static_cast<std::byte>(number >> 8);
  return id;
}

WaitingLetter letter(int from, int in_session, std::size_t size = 10, TimePoint ends = start + mailbox_patience) {
  return {peer(from), DeviceId{1}, session(in_session), ByteBuffer(size), ends};
}

TEST(TokenBucket, GivesABurstAndThenItsRate) {
  TokenBucket bucket{{.burst = 3, .each_second = 2}, start};
  EXPECT_TRUE(bucket.take(start) && bucket.take(start) && bucket.take(start));
  EXPECT_FALSE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start + 499ms));
  EXPECT_TRUE(bucket.take(start + 500ms));
  EXPECT_FALSE(bucket.take(start + 500ms));
  EXPECT_TRUE(bucket.idle(start + 1h));
}

TEST(Limiter, TreatsEachKeyByItself) {
  Limiter<int> limiter{{.burst = 1, .each_second = 1}, 10};
  EXPECT_TRUE(limiter.allow(1, start));
  EXPECT_FALSE(limiter.allow(1, start));
  EXPECT_TRUE(limiter.allow(2, start));
}

TEST(Limiter, RefusesNewKeysRatherThanGrowBeyondItsLimit) {
  Limiter<int> limiter{{.burst = 1, .each_second = 1}, 100};
  for (int key = 0; key < 100; ++key) EXPECT_TRUE(limiter.allow(key, start));
  EXPECT_FALSE(limiter.allow(100, start));
  EXPECT_EQ(limiter.size(), 100u);
  EXPECT_TRUE(limiter.allow(100, start + 2s));  // the others are idle by then, and forgotten
  EXPECT_EQ(limiter.size(), 1u);
}

TEST(Mailbox, KeepsLettersInTheirOrder) {
  Mailbox box;
  ASSERT_TRUE(box.put(peer(9), letter(1, 1)) && box.put(peer(9), letter(2, 2)));
  const auto letters = box.take(peer(9));
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].session, session(1));
  EXPECT_EQ(letters[1].session, session(2));
  EXPECT_TRUE(box.take(peer(9)).empty());
  EXPECT_EQ(box.bytes(), 0u);
}

TEST(Mailbox, LetsANewerLetterOfASessionTakeTheOldersPlace) {
  Mailbox box;
  ASSERT_TRUE(box.put(peer(9), letter(1, 1, 10)) && box.put(peer(9), letter(1, 1, 20)));
  const auto letters = box.take(peer(9));
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].body.size(), 20u);
}

TEST(Mailbox, BoundsWhatWaitsForOne) {
  Mailbox box;
  for (int i = 0; i < static_cast<int>(max_waiting_for_one); ++i) EXPECT_TRUE(box.put(peer(9), letter(i, i)));
  EXPECT_FALSE(box.put(peer(9), letter(77, 77)));
  EXPECT_TRUE(box.put(peer(8), letter(77, 77)));
}

TEST(Mailbox, BoundsWhatWaitsFromOne) {
  Mailbox box;
  for (int i = 0; i < static_cast<int>(max_waiting_from_one); ++i) EXPECT_TRUE(box.put(peer(100 + i), letter(1, i)));
  EXPECT_FALSE(box.put(peer(99), letter(1, 99)));
  EXPECT_TRUE(box.put(peer(99), letter(2, 99)));
}

TEST(Mailbox, BoundsItsBytes) {
  Mailbox box;
  EXPECT_FALSE(box.put(peer(9), letter(1, 1, max_waiting_bytes + 1)));
  EXPECT_TRUE(box.put(peer(9), letter(1, 1, max_waiting_bytes)));
  EXPECT_FALSE(box.put(peer(8), letter(2, 2, 1)));
}

TEST(Mailbox, GivesWithdrawnLettersToNobody) {
  Mailbox box;
  ASSERT_TRUE(box.put(peer(9), letter(1, 1)));
  EXPECT_FALSE(box.withdraw(peer(2), peer(9), session(1)));  // not theirs
  EXPECT_TRUE(box.withdraw(peer(1), peer(9), session(1)));
  EXPECT_TRUE(box.take(peer(9)).empty());
}

TEST(Mailbox, ForgetsWhatHasWaitedTooLong) {
  Mailbox box;
  ASSERT_TRUE(box.put(peer(9), letter(1, 1, 10, start + 1min)) && box.put(peer(9), letter(1, 2, 10, start + 2min)));
  EXPECT_EQ(box.deadline(), start + 1min);
  box.expire(start + 1min);
  EXPECT_EQ(box.deadline(), start + 2min);
  EXPECT_EQ(box.take(peer(9)).size(), 1u);
}

TEST(Presence, KnowsEveryDeviceOfAKey) {
  Presence presence;
  EXPECT_FALSE(presence.online(peer(1)));
  presence.appear({}, peer(1), DeviceId{1});
  presence.appear({}, peer(1), DeviceId{2});
  EXPECT_EQ(presence.devices(peer(1)), (std::vector{DeviceId{1}, DeviceId{2}}));
  presence.disappear(peer(1), DeviceId{1});
  EXPECT_TRUE(presence.online(peer(1)));
  presence.disappear(peer(1), DeviceId{2});
  EXPECT_FALSE(presence.online(peer(1)));
}

TEST(Presence, LetsTheOldestDeviceGoWhenThereAreTooMany) {
  Presence presence;
  for (std::uint64_t i = 1; i <= max_devices_of_a_key; ++i) EXPECT_EQ(presence.appear({}, peer(1), DeviceId{i}), std::nullopt);
  EXPECT_EQ(presence.appear({}, peer(1), DeviceId{99}), DeviceId{1});
}

}  // namespace
}  // namespace pshare
