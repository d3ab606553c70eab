#include <gtest/gtest.h>

#include "relay/admission.hpp"
#include "relay/mailbox.hpp"
#include "relay/presence.hpp"
#include "wire/limiter.hpp"
#include "wire/subscriber.hpp"

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

IpAddress address(int number) {
  return IpAddress{IpAddress::V4{std::byte{10}, std::byte{0}, static_cast<std::byte>(number >> 8), static_cast<std::byte>(number)}};
}

/// From an address that nobody else writes from.
WaitingLetter letter(int from, int in_session, std::size_t size = 10) {
  return {peer(from), DeviceId{1}, address(from), session(in_session), ByteBuffer(size)};
}

constexpr auto offers = Presence::Attention::offers;
constexpr auto answers_only = Presence::Attention::answers_only;

TEST(TokenBucket, GivesABurstAndThenItsRate) {
  TokenBucket bucket{{.burst = 3, .each_second = 2}, start};
  EXPECT_TRUE(bucket.take(start) && bucket.take(start) && bucket.take(start));
  EXPECT_FALSE(bucket.take(start));
  EXPECT_FALSE(bucket.take(start + 499ms));
  EXPECT_TRUE(bucket.take(start + 500ms));
  EXPECT_FALSE(bucket.take(start + 500ms));
  EXPECT_EQ(bucket.full_at(), start + 2s);
  EXPECT_TRUE(bucket.holds(start + 2s, 3));
}

TEST(TokenBucket, TakesSeveralOrNone) {
  TokenBucket bucket{{.burst = 3, .each_second = 1}, start};
  EXPECT_FALSE(bucket.take(start, 4));
  EXPECT_TRUE(bucket.take(start, 2));
  EXPECT_FALSE(bucket.take(start, 2));
  EXPECT_TRUE(bucket.take(start, 1));
}

TEST(TokenBucket, SavesUpNoMoreThanItsBurst) {
  TokenBucket bucket{{.burst = 2, .each_second = 1}, start};
  EXPECT_TRUE(bucket.take(start + 24h) && bucket.take(start + 24h));
  EXPECT_FALSE(bucket.take(start + 24h));
}

TEST(Limiter, TreatsEachKeyByItself) {
  Limiter<int> limiter{{.burst = 1, .each_second = 1}, 10};
  EXPECT_TRUE(limiter.allow(1, start));
  EXPECT_FALSE(limiter.allow(1, start));
  EXPECT_TRUE(limiter.allow(2, start));
}

TEST(Limiter, TellsWithoutTaking) {
  Limiter<int> limiter{{.burst = 1, .each_second = 1}, 10};
  EXPECT_TRUE(limiter.would_allow(1, start));
  EXPECT_TRUE(limiter.would_allow(1, start));
  EXPECT_EQ(limiter.size(), 0u);
  limiter.allow(1, start);
  EXPECT_FALSE(limiter.would_allow(1, start));
  EXPECT_TRUE(limiter.would_allow(1, start + 1s));
}

TEST(Limiter, ForgetsWhoHasBeenQuietLongEnough) {
  Limiter<int> limiter{{.burst = 1, .each_second = 1}, 100};
  for (int key = 0; key < 100; ++key) limiter.allow(key, start);
  EXPECT_EQ(limiter.size(), 100u);
  EXPECT_TRUE(limiter.allow(100, start + 1s));
  EXPECT_EQ(limiter.size(), 1u);
}

TEST(Limiter, WhenFullForgetsWhomItCostsLeastToForget) {
  Limiter<int> limiter{{.burst = 3, .each_second = 1}, 2};
  EXPECT_TRUE(limiter.allow(1, start) && limiter.allow(1, start) && limiter.allow(1, start));
  EXPECT_TRUE(limiter.allow(2, start));
  EXPECT_TRUE(limiter.allow(3, start));  // in the place of 2, which had used one token of its three
  EXPECT_EQ(limiter.size(), 2u);
  EXPECT_FALSE(limiter.allow(1, start));  // the one who must not be forgotten is not
}

TEST(Subscriber, IsAnAddressOfIPv4AndASubnetOfIPv6) {
  const auto subscriber = [](const char* text) { return subscriber_of(*IpAddress::parse(text)).text(); };
  EXPECT_EQ(subscriber("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(subscriber("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
  EXPECT_EQ(subscriber("::ffff:192.0.2.7"), "192.0.2.7");
}

/// The host `host` of a neighbourhood that has no others but those of this number.
IpAddress neighbour(int neighbourhood, int host) {
  return IpAddress{IpAddress::V4{std::byte{10}, static_cast<std::byte>(neighbourhood >> 8), static_cast<std::byte>(neighbourhood), static_cast<std::byte>(host)}};
}

TEST(Admission, BoundsTheHalfOpenConnectionsOfAnAddress) {
  Admission admission;
  const auto first = admission.arrived(address(1), start);
  for (std::size_t i = 1; i < max_half_open_of_an_address; ++i) EXPECT_EQ(admission.arrived(address(1), start).verdict, Admission::Verdict::admitted);
  EXPECT_EQ(admission.arrived(address(1), start).verdict, Admission::Verdict::too_many_of_the_address);
  EXPECT_EQ(admission.arrived(address(2), start).verdict, Admission::Verdict::admitted);
  admission.proven_or_gone(first.number);
  EXPECT_EQ(admission.arrived(address(1), start).verdict, Admission::Verdict::admitted);
}

TEST(Admission, BoundsTheHalfOpenConnectionsInAll) {
  Admission admission;
  for (std::size_t i = 0; i < max_half_open; ++i) EXPECT_EQ(admission.arrived(neighbour(static_cast<int>(i), 1), start).verdict, Admission::Verdict::admitted);
  EXPECT_EQ(admission.half_open(), max_half_open);
  EXPECT_EQ(admission.arrived(neighbour(9999, 1), start).verdict, Admission::Verdict::too_many);
  admission.proven_or_gone(1);
  EXPECT_EQ(admission.arrived(neighbour(9999, 1), start).verdict, Admission::Verdict::admitted);
}

TEST(Admission, HasTheNeighbourhoodWithMostMakeRoom) {
  Admission admission;
  for (std::size_t i = 0; i < max_half_open; ++i) {  // a few hosts fill all places: of one neighbourhood, but for the first place
    const auto from = i == 0 ? neighbour(7, 1) : neighbour(1, static_cast<int>(i / max_half_open_of_an_address));
    EXPECT_EQ(admission.arrived(from, start).number, i + 1);
  }
  const auto newcomer = admission.arrived(neighbour(2, 1), start);
  EXPECT_EQ(newcomer.verdict, Admission::Verdict::admitted);
  EXPECT_EQ(newcomer.closes, 2u) << "the oldest of those that are many";
  EXPECT_EQ(admission.half_open(), max_half_open);
  admission.proven_or_gone(*newcomer.closes);  // when its connection ends: it has stopped counting before
  EXPECT_EQ(admission.half_open(), max_half_open);
  EXPECT_EQ(admission.arrived(neighbour(1, 200), start).verdict, Admission::Verdict::too_many) << "those that are many get no more";
}

TEST(Admission, TakesAnIPv6SiteForOneNeighbourhood) {
  Admission admission;
  const auto host = [](std::size_t number) { return *IpAddress::parse("2001:db8:7:" + std::to_string(number) + "::1"); };
  for (std::size_t i = 0; i < max_half_open; ++i) admission.arrived(host(i), start);
  EXPECT_EQ(admission.arrived(host(9999), start).verdict, Admission::Verdict::too_many);
  EXPECT_EQ(admission.arrived(*IpAddress::parse("2001:db8:8::1"), start).closes, 1u);
}

TEST(Admission, SlowsDownAnAddressThatKeepsConnecting) {
  Admission admission;
  for (std::size_t i = 0; i < handshakes_of_an_address.burst; ++i) {
    const auto arrival = admission.arrived(address(1), start);
    EXPECT_EQ(arrival.verdict, Admission::Verdict::admitted);
    admission.proven_or_gone(arrival.number);
  }
  EXPECT_EQ(admission.arrived(address(1), start).verdict, Admission::Verdict::too_often);
  EXPECT_EQ(admission.half_open(), 0u);
  EXPECT_EQ(admission.arrived(address(1), start + 1s).verdict, Admission::Verdict::admitted);
}

TEST(Mailbox, KeepsLettersInTheirOrder) {
  Mailbox box;
  ASSERT_TRUE(box.put(peer(9), letter(1, 1), start) && box.put(peer(9), letter(2, 2), start));
  const auto letters = box.take(peer(9));
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].session, session(1));
  EXPECT_EQ(letters[1].session, session(2));
  EXPECT_TRUE(box.take(peer(9)).empty());
  EXPECT_EQ(box.bytes(), 0u);
}

TEST(Mailbox, LetsANewerLetterOfASessionTakeTheOldersPlace) {
  Mailbox box;
  ASSERT_TRUE(box.put(peer(9), letter(1, 1, 10), start) && box.put(peer(9), letter(1, 1, 20), start));
  const auto letters = box.take(peer(9));
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].body.size(), 20u);
}

TEST(Mailbox, BoundsWhatWaitsForOne) {
  Mailbox box;
  for (int i = 0; i < static_cast<int>(max_waiting_for_one); ++i) EXPECT_TRUE(box.put(peer(9), letter(i, i), start));
  EXPECT_FALSE(box.put(peer(9), letter(77, 77), start));
  EXPECT_TRUE(box.put(peer(8), letter(77, 77), start));
}

TEST(Mailbox, BoundsWhatWaitsFromOne) {
  Mailbox box;
  for (int i = 0; i < static_cast<int>(max_waiting_from_one); ++i) EXPECT_TRUE(box.put(peer(100 + i), letter(1, i), start));
  EXPECT_FALSE(box.put(peer(99), letter(1, 99), start));
  EXPECT_TRUE(box.put(peer(99), letter(2, 99), start));
}

TEST(Mailbox, BoundsWhatWaitsFromAnAddressWhateverTheKeys) {
  Mailbox box;
  for (int i = 0; i <= static_cast<int>(max_waiting_from_an_address); ++i) {
    auto one = letter(i, i);
    one.from_address = address(1);
    EXPECT_EQ(box.put(peer(1000 + i), one, start), i < static_cast<int>(max_waiting_from_an_address));
  }
  EXPECT_TRUE(box.put(peer(1), letter(2, 2), start));
}

TEST(Mailbox, BoundsTheBytesForOne) {
  Mailbox box;
  EXPECT_FALSE(box.put(peer(9), letter(1, 1, max_waiting_bytes_for_one + 1), start));
  EXPECT_TRUE(box.put(peer(9), letter(1, 1, max_waiting_bytes_for_one), start));
  EXPECT_FALSE(box.put(peer(9), letter(2, 2, 1), start));
  EXPECT_TRUE(box.put(peer(8), letter(2, 2, 1), start));
}

TEST(Mailbox, BoundsAllItsBytes) {
  Mailbox box;
  const int boxes = static_cast<int>(max_waiting_bytes / max_waiting_bytes_for_one);
  for (int i = 0; i < boxes; ++i) EXPECT_TRUE(box.put(peer(1000 + i), letter(i, i, max_waiting_bytes_for_one), start));
  EXPECT_EQ(box.bytes(), max_waiting_bytes);
  EXPECT_FALSE(box.put(peer(8), letter(999, 1, 1), start));
  box.take(peer(1000));
  EXPECT_TRUE(box.put(peer(8), letter(999, 1, 1), start));
}

TEST(Mailbox, GivesWithdrawnLettersToNobody) {
  Mailbox box;
  ASSERT_TRUE(box.put(peer(9), letter(1, 1), start));
  EXPECT_FALSE(box.withdraw(peer(2), peer(9), session(1)));  // not theirs
  EXPECT_TRUE(box.withdraw(peer(1), peer(9), session(1)));
  EXPECT_TRUE(box.take(peer(9)).empty());
}

TEST(Mailbox, ForgetsWhatHasWaitedTooLong) {
  Mailbox box;
  EXPECT_EQ(box.deadline(), std::nullopt);
  ASSERT_TRUE(box.put(peer(9), letter(1, 1), start) && box.put(peer(9), letter(1, 2), start + 1min));
  EXPECT_EQ(box.deadline(), start + mailbox_patience);
  box.expire(start + mailbox_patience);
  EXPECT_EQ(box.deadline(), start + mailbox_patience + 1min);
  const auto left = box.take(peer(9));
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].session, session(2));
}

TEST(Mailbox, CountsNothingThatIsGone) {
  Mailbox box;
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < static_cast<int>(max_waiting_from_one); ++i) ASSERT_TRUE(box.put(peer(100 + i), letter(1, i), start + round * 1h));
    box.take(peer(100));
    box.withdraw(peer(1), peer(101), session(1));
    box.expire(start + round * 1h + mailbox_patience);
    EXPECT_EQ(box.bytes(), 0u);
  }
}

TEST(Presence, KnowsEveryDeviceOfAKey) {
  Presence presence;
  EXPECT_FALSE(presence.online(peer(1)));
  presence.appear({}, peer(1), DeviceId{1}, offers);
  presence.appear({}, peer(1), DeviceId{2}, offers);
  EXPECT_EQ(presence.devices(peer(1), offers), (std::vector{DeviceId{1}, DeviceId{2}}));
  presence.disappear(peer(1), DeviceId{1});
  EXPECT_TRUE(presence.online(peer(1)));
  presence.disappear(peer(1), DeviceId{2});
  EXPECT_FALSE(presence.online(peer(1)));
}

TEST(Presence, DoesNotCountDevicesThatOnlyWaitForAnswers) {
  Presence presence;
  presence.appear({}, peer(1), DeviceId{1}, answers_only);
  EXPECT_FALSE(presence.online(peer(1)));
  EXPECT_TRUE(presence.has(peer(1), DeviceId{1}));
  EXPECT_TRUE(presence.key_of(peer(1)).has_value());
  presence.appear({}, peer(1), DeviceId{2}, offers);
  EXPECT_EQ(presence.devices(peer(1), offers), std::vector{DeviceId{2}});
  EXPECT_EQ(presence.devices(peer(1), answers_only), (std::vector{DeviceId{1}, DeviceId{2}}));
}

TEST(Presence, LetsTheOldestDeviceGoWhenThereAreTooMany) {
  Presence presence;
  for (std::uint64_t i = 1; i <= max_devices_of_a_key; ++i) EXPECT_EQ(presence.appear({}, peer(1), DeviceId{i}, offers), std::nullopt);
  EXPECT_EQ(presence.appear({}, peer(1), DeviceId{99}, offers), DeviceId{1});
}

}  // namespace
}  // namespace pshare
