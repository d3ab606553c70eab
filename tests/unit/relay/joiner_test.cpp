// Each rule of the relay under a virtual clock.
#include "relay/joiner.hpp"

#include <gmock/gmock.h>

#include "relay/fair_rate.hpp"
#include "secure/identity.hpp"
#include "secure/ticket.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PeerId peer(int number) {
  PeerId::Digest digest{};
  digest[0] = static_cast<std::byte>(number), digest[1] = static_cast<std::byte>(number >> 8);
  return PeerId{digest};
}

IpAddress address(int number) { return IpAddress{IpAddress::V4{std::byte{10}, std::byte{0}, static_cast<std::byte>(number >> 8), static_cast<std::byte>(number)}}; }

const PeerId alice = peer(1), bob = peer(2), mallory = peer(3), here = peer(100), elsewhere = peer(101);

class JoinerTest : public testing::Test {
 protected:
  static const Identity& rendezvous() {
    static const Identity identity = value_or_throw(Identity::generate());
    return identity;
  }
  Joiner::Settings usual() const { return {.rendezvous = {rendezvous().public_key()}, .relay = here}; }

  Ticket ticket(std::optional<std::uint64_t> quota = std::nullopt) {
    Ticket fresh{{}, {}, alice, bob, here, wall + ticket_lifetime, quota};
    ++tickets;
    fresh.id.bytes[0] = static_cast<std::byte>(tickets), fresh.id.bytes[1] = static_cast<std::byte>(tickets >> 8);
    return fresh;
  }
  RelaySide present(Joiner& joiner, const PeerId& as, const Ticket& what, const IpAddress& from = address(1)) {
    return present_bytes(joiner, as, sign_ticket(rendezvous(), what), from);
  }
  RelaySide present_bytes(Joiner& joiner, const PeerId& as, const ByteBuffer& bytes, const IpAddress& from = address(1)) {
    const RelaySide side{++sides};
    joiner.presented(side, as, from, bytes, wall, now);
    drain(joiner);
    return side;
  }
  /// Both present it; the lane's number.
  RelayLane meet(Joiner& joiner, const Ticket& what) {
    present(joiner, what.one, what);
    present(joiner, what.other, what, address(2));
    EXPECT_FALSE(joins.empty());
    return joins.empty() ? RelayLane{} : joins.back().lane;
  }
  void carry(Joiner& joiner, RelayLane lane, std::uint64_t bytes) {
    joiner.carried(lane, bytes, now);
    drain(joiner);
  }
  void pass(Joiner& joiner, Duration time) {
    now += time;
    wall += std::chrono::duration_cast<std::chrono::seconds>(time);
    joiner.expire(now);
    drain(joiner);
  }
  void drain(Joiner& joiner) {
    while (auto action = joiner.take()) {
      if (const auto* join = std::get_if<Joiner::Join>(&*action)) joins.push_back(*join);
      if (const auto* refuse = std::get_if<Joiner::Refuse>(&*action)) refusals[refuse->side] = refuse->answer;
      if (const auto* cut = std::get_if<Joiner::Cut>(&*action)) cuts.push_back(*cut);
    }
  }
  /// What that side was told, if it was refused.
  Errc code(RelaySide side) const { return refusals.contains(side) ? refusals.at(side).code : Errc::failed; }
  std::string words(RelaySide side) const { return refusals.contains(side) ? refusals.at(side).words : "not refused"; }

  TimePoint now{};
  UnixTime wall{1'800'000'000s};
  int tickets = 0;
  std::uint64_t sides = 0;
  std::vector<Joiner::Join> joins;
  std::map<RelaySide, RelayRefused> refusals;
  std::vector<Joiner::Cut> cuts;
};

// --- tickets --------------------------------------------------------------------------------------------------------

TEST_F(JoinerTest, JoinsTheTwoThatPresentOneTicket) {
  Joiner joiner{usual()};
  const auto what = ticket();
  const auto one = present(joiner, alice, what);
  EXPECT_TRUE(joins.empty());
  const auto other = present(joiner, bob, what);
  ASSERT_EQ(joins.size(), 1u);
  EXPECT_EQ(joins[0].one, one);
  EXPECT_EQ(joins[0].other, other);
  EXPECT_EQ(joins[0].limits.bytes_left, std::nullopt);
  EXPECT_EQ(joiner.lane_count(), 1u);
  EXPECT_EQ(joiner.waiting(), 0u);
  EXPECT_TRUE(refusals.empty());
}

TEST_F(JoinerTest, KeepsThoseOfDifferentTicketsApart) {
  Joiner joiner{usual()};
  present(joiner, alice, ticket());
  present(joiner, bob, ticket());
  EXPECT_TRUE(joins.empty());
  EXPECT_EQ(joiner.waiting(), 2u);
}

TEST_F(JoinerTest, RefusesATicketThatAnotherHasSigned) {
  Joiner joiner{usual()};
  const auto forger = value_or_throw(Identity::generate());
  const auto side = present_bytes(joiner, alice, sign_ticket(forger, ticket()));
  EXPECT_EQ(code(side), Errc::identity_mismatch);
  EXPECT_THAT(words(side), HasSubstr("has not signed it"));
}

TEST_F(JoinerTest, TakesTheTicketsOfEachRendezvousThatItHasComeToTrust) {
  Joiner joiner{usual()};
  const auto second = value_or_throw(Identity::generate());
  const auto of_the_first = ticket(), of_the_second = ticket(), later = ticket();
  EXPECT_THAT(words(present_bytes(joiner, alice, sign_ticket(second, of_the_second))), HasSubstr("has not signed it"));
  joiner.trust(second.public_key());
  present_bytes(joiner, alice, sign_ticket(second, of_the_second));
  present_bytes(joiner, bob, sign_ticket(second, of_the_second));
  EXPECT_EQ(joins.size(), 1u);
  meet(joiner, of_the_first);  // got before the first was lost
  joiner.trust(rendezvous().public_key());
  meet(joiner, later);
  EXPECT_EQ(joins.size(), 3u);
}

TEST_F(JoinerTest, SaysWhatIsWrongWithATicketWhicheverRendezvousHasSignedIt) {
  Joiner joiner{usual()};
  const auto second = value_or_throw(Identity::generate());
  joiner.trust(second.public_key());
  auto for_another = ticket(), late = ticket();
  for_another.relay = elsewhere;
  late.expires = wall;
  for (const auto* signer : {&rendezvous(), &second}) {
    EXPECT_THAT(words(present_bytes(joiner, alice, sign_ticket(*signer, for_another))), HasSubstr("another relay"));
    EXPECT_THAT(words(present_bytes(joiner, alice, sign_ticket(*signer, late))), HasSubstr("expired"));
  }
}

TEST_F(JoinerTest, RefusesATicketOfWhichOneBitWasAltered) {
  Joiner joiner{usual()};
  const auto honest = sign_ticket(rendezvous(), ticket(1'000));
  for (std::size_t at = 0; at < honest.size(); ++at) {
    auto altered = honest;
    altered[at] ^= std::byte{1};
    EXPECT_TRUE(refusals.contains(present_bytes(joiner, alice, altered))) << "byte " << at;
  }
  EXPECT_TRUE(joiner.idle());
}

TEST_F(JoinerTest, RefusesWhatIsNoTicketAtAll) {
  Joiner joiner{usual()};
  EXPECT_EQ(code(present_bytes(joiner, alice, {})), Errc::malformed);
  EXPECT_EQ(code(present_bytes(joiner, alice, ByteBuffer(max_signed_ticket + 1, std::byte{1}))), Errc::malformed);
}

TEST_F(JoinerTest, RefusesATicketForAnotherRelay) {
  Joiner joiner{usual()};
  auto what = ticket();
  what.relay = elsewhere;
  const auto side = present(joiner, alice, what);
  EXPECT_EQ(code(side), Errc::identity_mismatch);
  EXPECT_THAT(words(side), HasSubstr("another relay"));
}

TEST_F(JoinerTest, RefusesAnExpiredTicket) {
  Joiner joiner{usual()};
  const auto what = ticket();
  pass(joiner, ticket_lifetime - 1s);
  EXPECT_FALSE(refusals.contains(present(joiner, alice, what)));
  pass(joiner, 1s);
  const auto side = present(joiner, bob, what);
  EXPECT_EQ(code(side), Errc::refused);
  EXPECT_THAT(words(side), HasSubstr("expired"));
  EXPECT_TRUE(joins.empty());
}

TEST_F(JoinerTest, RefusesAStolenTicketAndLeavesItsOwnersAlone) {
  Joiner joiner{usual()};
  const auto what = ticket();
  present(joiner, alice, what);
  const auto thief = present(joiner, mallory, what);
  EXPECT_EQ(code(thief), Errc::identity_mismatch);
  EXPECT_THAT(words(thief), HasSubstr("not yours"));
  present(joiner, bob, what);
  EXPECT_EQ(joins.size(), 1u);
}

TEST_F(JoinerTest, TakesATicketForOneLaneOnly) {
  Joiner joiner{usual()};
  const auto what = ticket();
  const auto lane = meet(joiner, what);
  EXPECT_THAT(words(present(joiner, alice, what)), HasSubstr("in use"));
  joiner.ended(lane, {.code = Errc::closed, .doing = "the peers have ended this lane"}, now);
  const auto again = present(joiner, alice, what);
  EXPECT_EQ(code(again), Errc::closed);
  EXPECT_EQ(words(again), "the peers have ended this lane");
  EXPECT_EQ(joins.size(), 1u);
}

TEST_F(JoinerTest, TellsAThiefNothingOfALaneThatHasEnded) {
  Joiner joiner{usual()};
  const auto what = ticket();
  joiner.ended(meet(joiner, what), {.code = Errc::closed, .doing = "secret"}, now);
  EXPECT_EQ(code(present(joiner, mallory, what)), Errc::identity_mismatch);
}

TEST_F(JoinerTest, TellsWhyALaneWasCutLongAfterItsTicketHasExpired) {
  Joiner joiner{usual()};
  const auto what = ticket(10);
  const auto lane = meet(joiner, what);
  for (int minutes = 0; minutes < 60; ++minutes) {
    pass(joiner, 1min);
    joiner.carried(lane, 0, now);
  }
  carry(joiner, lane, 10);
  ASSERT_EQ(cuts.size(), 1u);
  pass(joiner, spent_memory - 1s);
  EXPECT_EQ(code(present(joiner, alice, what)), Errc::limit);
  pass(joiner, 1s);
  EXPECT_THAT(words(present(joiner, alice, what)), HasSubstr("expired"));
}

TEST_F(JoinerTest, RemembersAUsedTicketUntilItExpires) {
  Joiner joiner{usual()};
  const auto what = ticket();
  joiner.ended(meet(joiner, what), {.code = Errc::closed, .doing = "over"}, now);
  pass(joiner, ticket_lifetime + ticket_clock_slack - 1s);
  EXPECT_EQ(words(present(joiner, alice, what)), "over");
  pass(joiner, 1s);
  EXPECT_FALSE(joiner.deadline().has_value());  // forgotten
}

TEST_F(JoinerTest, RefusesATicketThatHoldsLongerThanAnyThatTheRendezvousSigns) {
  Joiner joiner{usual()};
  auto what = ticket();
  what.expires = wall + ticket_lifetime + ticket_clock_slack + 1s;
  EXPECT_THAT(words(present(joiner, alice, what)), HasSubstr("this relay's clock is behind"));
  what.expires = UnixTime::max();
  EXPECT_THAT(words(present(joiner, alice, what)), HasSubstr("this relay's clock is behind"));
  what.expires = wall + ticket_lifetime + ticket_clock_slack;
  meet(joiner, what);
  EXPECT_EQ(joins.size(), 1u);
}

TEST_F(JoinerTest, RemembersAUsedTicketForAsLongAsItCouldBeTakenAgain) {
  for (const auto holds : {ticket_lifetime, ticket_lifetime + ticket_clock_slack}) {
    Joiner joiner{usual()};
    auto what = ticket();
    what.expires = wall + holds;
    const auto before = joins.size();
    joiner.ended(meet(joiner, what), {.code = Errc::closed, .doing = "over"}, now);
    wall -= ticket_clock_slack;  // the clock is set back
    for (Duration passed{}; passed < 3 * ticket_lifetime; passed += 10s) {
      present(joiner, alice, what);
      present(joiner, bob, what);
      pass(joiner, 10s);
    }
    EXPECT_EQ(joins.size(), before + 1);
  }
}

TEST_F(JoinerTest, RemembersABoundedNumberOfUsedTicketsThoseOfLate) {
  auto settings = usual();
  settings.max_spent = 3;
  Joiner joiner{settings};
  std::vector<Ticket> used;
  for (int i = 0; i < 4; ++i) {
    used.push_back(ticket());
    joiner.ended(meet(joiner, used.back()), {.code = Errc::closed, .doing = "over"}, now);
    pass(joiner, 1s);
  }
  for (std::size_t i = 1; i < used.size(); ++i) EXPECT_EQ(words(present(joiner, alice, used[i])), "over");
  EXPECT_FALSE(refusals.contains(present(joiner, alice, used[0])));
}

// --- waiting --------------------------------------------------------------------------------------------------------

TEST_F(JoinerTest, LetsANewerConnectionOfTheSamePeerTakeTheOldersPlace) {
  Joiner joiner{usual()};
  const auto what = ticket();
  const auto older = present(joiner, alice, what);
  const auto newer = present(joiner, alice, what);
  EXPECT_THAT(words(older), HasSubstr("superseded by a newer connection of yours"));
  EXPECT_FALSE(refusals.contains(newer));
  present(joiner, bob, what);
  ASSERT_EQ(joins.size(), 1u);
  EXPECT_EQ(joins[0].one, newer);
}

TEST_F(JoinerTest, WaitsForTheOtherOnlySoLong) {
  Joiner joiner{usual()};
  const auto side = present(joiner, alice, ticket());
  EXPECT_EQ(joiner.deadline(), now + joining_patience);
  pass(joiner, joining_patience - 1s);
  EXPECT_FALSE(refusals.contains(side));
  pass(joiner, 1s);
  EXPECT_EQ(code(side), Errc::timed_out);
  EXPECT_TRUE(joiner.idle());
  EXPECT_FALSE(joiner.deadline().has_value());
}

TEST_F(JoinerTest, LetsATicketWaitAgainAfterNobodyCame) {
  Joiner joiner{usual()};
  const auto what = ticket();
  present(joiner, alice, what);
  pass(joiner, joining_patience);
  meet(joiner, what);
  EXPECT_EQ(joins.size(), 1u);
}

TEST_F(JoinerTest, ForgetsWhoLeavesWhileWaiting) {
  Joiner joiner{usual()};
  const auto what = ticket();
  joiner.gone(present(joiner, alice, what));
  EXPECT_TRUE(joiner.idle());
  present(joiner, bob, what);
  EXPECT_TRUE(joins.empty());
  EXPECT_EQ(joiner.waiting(), 1u);
}

TEST_F(JoinerTest, BoundsThoseThatWait) {
  auto settings = usual();
  settings.max_sides_of_a_key = settings.max_sides_of_an_address = 2 * max_waiting_sides;
  Joiner joiner{settings};
  for (std::size_t i = 0; i < max_waiting_sides; ++i) ASSERT_FALSE(refusals.contains(present(joiner, alice, ticket())));
  EXPECT_EQ(code(present(joiner, alice, ticket())), Errc::busy);
  EXPECT_EQ(joiner.waiting(), max_waiting_sides);
}

TEST_F(JoinerTest, WhoHoldsMostOfTheWaitingPlacesGivesOneUp) {
  auto settings = usual();
  settings.max_sides_of_a_key = settings.max_sides_of_an_address = 2 * max_waiting_sides;
  Joiner joiner{settings};
  const auto first = present(joiner, alice, ticket(), address(7));
  std::vector<RelaySide> greedy;
  for (std::size_t i = 1; i < max_waiting_sides; ++i) greedy.push_back(present(joiner, alice, ticket(), address(11 + static_cast<int>(i % 4))));
  pass(joiner, 1s);
  const auto honest = ticket();
  const auto lane = meet(joiner, honest);
  EXPECT_NE(lane, RelayLane{}) << "two who are not greedy still meet";
  EXPECT_EQ(refusals.size(), 1u);
  EXPECT_EQ(code(greedy[0]), Errc::busy);
  EXPECT_THAT(words(greedy[0]), HasSubstr("at your address"));
  EXPECT_FALSE(refusals.contains(first));
}

TEST_F(JoinerTest, AQuotaIsForTwoPeersHoweverManyTicketsTheyGet) {
  Joiner joiner{usual()};
  const auto one = meet(joiner, ticket(1'000)), second = meet(joiner, ticket(1'000));
  carry(joiner, one, 600);
  EXPECT_EQ(joiner.allowance(second), 400u);
  auto backwards = ticket(1'000);
  std::swap(backwards.one, backwards.other);
  const auto third = meet(joiner, backwards);
  EXPECT_EQ(joins.back().limits.bytes_left, 400u);
  carry(joiner, third, 400);
  EXPECT_EQ(cuts.size(), 3u) << "all of theirs";
  EXPECT_THAT(cuts[0].why.doing, HasSubstr("1000 bytes"));
  pass(joiner, 1h);
  const auto no = present(joiner, alice, ticket(1'000));
  EXPECT_EQ(code(no), Errc::limit);
  EXPECT_THAT(words(no), HasSubstr("there is more in 23 h 0 min"));
  auto another = ticket(1'000);
  another.other = mallory;
  EXPECT_FALSE(refusals.contains(present(joiner, alice, another))) << "a quota of their own";
  pass(joiner, 23h);
  EXPECT_FALSE(refusals.contains(present(joiner, alice, ticket(1'000))));
}

TEST_F(JoinerTest, CutsALaneWithWordsWhenAnotherOfALargerQuotaHasUsedUpItsOwn) {
  Joiner joiner{usual()};
  const auto small = meet(joiner, ticket(100)), large = meet(joiner, ticket(1'000)), unbounded = meet(joiner, ticket());
  carry(joiner, large, 150);
  EXPECT_EQ(joiner.allowance(small), 0u);
  ASSERT_EQ(cuts.size(), 1u) << "else its driver takes a lane that may carry nothing for one that has ended, and nobody learns why";
  EXPECT_EQ(cuts[0].lane, small);
  EXPECT_THAT(cuts[0].why.doing, HasSubstr("100 bytes"));
  EXPECT_EQ(joiner.allowance(large), 850u);
  carry(joiner, unbounded, 5'000);
  EXPECT_EQ(cuts.size(), 1u);
}

TEST_F(JoinerTest, BoundsThePairsWhoseBytesAreRemembered) {
  auto settings = usual();
  settings.max_pairs = 2;
  Joiner joiner{settings};
  for (int i = 0; i < 3; ++i) {
    auto what = ticket(1'000);
    what.other = peer(50 + i);
    const auto lane = meet(joiner, what);
    carry(joiner, lane, 700);
    EXPECT_EQ(joiner.allowance(lane), 300u);
    joiner.ended(lane, {}, now);
    pass(joiner, 1s);
  }
  auto forgotten = ticket(1'000), known = ticket(1'000);
  forgotten.other = peer(50), known.other = peer(52);
  EXPECT_EQ(joiner.allowance(meet(joiner, known)), 300u);
  EXPECT_EQ(joiner.allowance(meet(joiner, forgotten)), 1'000u);
}

TEST_F(JoinerTest, HasFewerWaitWhereItsOwnerHasLessRoom) {
  auto settings = usual();
  settings.max_waiting = 2;
  Joiner joiner{settings};
  present(joiner, alice, ticket());
  present(joiner, alice, ticket());
  EXPECT_THAT(words(present(joiner, alice, ticket())), HasSubstr("too many wait"));
}

TEST_F(JoinerTest, BoundsTheSidesOfAKeyWaitingAndJoined) {
  auto settings = usual();
  settings.max_sides_of_a_key = 3;
  Joiner joiner{settings};
  const auto lane = meet(joiner, ticket());
  present(joiner, alice, ticket());
  present(joiner, alice, ticket());
  const auto no = present(joiner, alice, ticket());
  EXPECT_EQ(code(no), Errc::busy);
  EXPECT_THAT(words(no), HasSubstr("too many lanes of yours"));
  joiner.ended(lane, {}, now);
  EXPECT_FALSE(refusals.contains(present(joiner, alice, ticket())));
}

TEST_F(JoinerTest, BoundsTheSidesOfAnAddressWhateverTheKeys) {
  auto settings = usual();
  settings.max_sides_of_an_address = 3;
  Joiner joiner{settings};
  for (int i = 0; i < 4; ++i) {
    auto what = ticket();
    what.one = peer(1000 + i);
    EXPECT_EQ(refusals.contains(present(joiner, what.one, what, address(7))), i == 3);
  }
  EXPECT_FALSE(refusals.contains(present(joiner, alice, ticket(), address(8))));
}

TEST_F(JoinerTest, KeepsTheFirstWaitingWhenThereIsNoRoomForTheSecond) {
  auto settings = usual();
  settings.max_sides_of_an_address = 1;
  Joiner joiner{settings};
  const auto what = ticket();
  const auto first = present(joiner, alice, what, address(1));
  EXPECT_EQ(code(present(joiner, bob, what, address(1))), Errc::busy);
  EXPECT_FALSE(refusals.contains(first));
  present(joiner, bob, what, address(2));
  EXPECT_EQ(joins.size(), 1u);
}

// --- limits ---------------------------------------------------------------------------------------------------------

TEST_F(JoinerTest, CarriesForSoManyAtOnceAndSaysSo) {
  auto settings = usual();
  settings.max_lanes = 2;
  Joiner joiner{settings};
  const auto lane = meet(joiner, ticket());
  meet(joiner, ticket());
  EXPECT_TRUE(joiner.full());
  const auto no = present(joiner, alice, ticket());
  EXPECT_EQ(code(no), Errc::busy);
  EXPECT_THAT(words(no), HasSubstr("carries 2 lanes at once"));
  joiner.ended(lane, {}, now);
  EXPECT_FALSE(joiner.full());
  meet(joiner, ticket());
  EXPECT_EQ(joins.size(), 3u);
}

TEST_F(JoinerTest, TellsTheLimitsToBoth) {
  auto settings = usual();
  settings.rate = 5'000;
  settings.volume_left = 900;
  Joiner joiner{settings};
  meet(joiner, ticket(1'000));
  EXPECT_EQ(joins[0].limits.bytes_left, 900u);  // the smaller
  EXPECT_EQ(joins[0].limits.rate, 5'000u);
  meet(joiner, ticket(100));
  EXPECT_EQ(joins[1].limits.bytes_left, 100u);
}

TEST_F(JoinerTest, CutsALaneWhoseTicketIsUsedUp) {
  Joiner joiner{usual()};
  const auto what = ticket(1'000);
  const auto lane = meet(joiner, what);
  EXPECT_EQ(joiner.allowance(lane), 1'000u);
  carry(joiner, lane, 600);
  EXPECT_EQ(joiner.allowance(lane), 400u);
  EXPECT_TRUE(cuts.empty());
  carry(joiner, lane, 400);
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].why.code, Errc::limit);
  EXPECT_THAT(cuts[0].why.doing, HasSubstr("1000 bytes"));
  EXPECT_EQ(joiner.allowance(lane), 0u);
  EXPECT_EQ(code(present(joiner, bob, what)), Errc::limit);
}

TEST_F(JoinerTest, CutsEveryLaneWhenTheVolumeIsUsedUp) {
  auto settings = usual();
  settings.volume_left = 1'000;
  Joiner joiner{settings};
  const auto one = meet(joiner, ticket()), other = meet(joiner, ticket());
  carry(joiner, one, 700);
  EXPECT_EQ(joiner.allowance(other), 300u);
  EXPECT_EQ(joiner.volume_left(), 300u);
  carry(joiner, other, 300);
  EXPECT_EQ(cuts.size(), 2u);
  EXPECT_EQ(joiner.volume_left(), 0u);
  EXPECT_TRUE(joiner.full());
  EXPECT_EQ(code(present(joiner, alice, ticket())), Errc::limit);
  joiner.allow_volume(5'000, now);  // another month
  EXPECT_FALSE(refusals.contains(present(joiner, alice, ticket())));
}

TEST_F(JoinerTest, CutsALaneThatIsIdleForLong) {
  Joiner joiner{usual()};
  const auto lane = meet(joiner, ticket());
  pass(joiner, 4min);
  carry(joiner, lane, 1);
  pass(joiner, relay_idle_patience - 1s);
  EXPECT_TRUE(cuts.empty());
  pass(joiner, 1s);
  ASSERT_EQ(cuts.size(), 1u);
  EXPECT_EQ(cuts[0].why.code, Errc::timed_out);
}

TEST_F(JoinerTest, ServesOnlyThoseWhomItsOwnerKnows) {
  auto settings = usual();
  settings.friends = std::set{alice, bob};
  Joiner joiner{settings};
  meet(joiner, ticket());
  auto one_stranger = ticket();
  one_stranger.other = mallory;
  for (const auto& peer : {alice, mallory}) {  // one of the two is not enough
    const auto no = present(joiner, peer, one_stranger);
    EXPECT_EQ(code(no), Errc::refused);
    EXPECT_THAT(words(no), HasSubstr("owner's contacts"));
  }
  joiner.serve_only(std::nullopt);
  EXPECT_FALSE(refusals.contains(present(joiner, alice, one_stranger)));
}

TEST_F(JoinerTest, TellsOfEachLaneThatIsOverWhatItCarriedAndWhy) {
  Joiner joiner{usual()};
  const auto first = meet(joiner, ticket());
  meet(joiner, ticket());
  carry(joiner, first, 1'000);
  EXPECT_FALSE(joiner.take_over());
  joiner.ended(first, {.code = Errc::closed, .doing = "the peers have ended this lane"}, now);
  joiner.ended(first, {}, now);
  const auto over = joiner.take_over();
  ASSERT_TRUE(over);
  EXPECT_EQ(over->lane.lane, first);
  EXPECT_EQ(over->lane.bytes, 1'000u);
  EXPECT_EQ(over->why.code, Errc::closed);
  EXPECT_FALSE(joiner.take_over());
  joiner.cut_all({.code = Errc::limit, .doing = "enough"}, now);
  const auto cut = joiner.take_over();
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->why.code, Errc::limit);
  EXPECT_FALSE(joiner.take_over());
}

// --- ending ---------------------------------------------------------------------------------------------------------

TEST_F(JoinerTest, TakesNobodyMoreOnceItDrainsButGoesOnWithWhatItHas) {
  Joiner joiner{usual()};
  const auto lane = meet(joiner, ticket());
  const auto waiting = present(joiner, alice, ticket());
  joiner.drain();
  drain(joiner);
  EXPECT_EQ(code(waiting), Errc::busy);
  EXPECT_EQ(code(present(joiner, alice, ticket())), Errc::busy);
  carry(joiner, lane, 1'000);
  EXPECT_TRUE(cuts.empty());
  EXPECT_FALSE(joiner.idle());
  joiner.ended(lane, {}, now);
  EXPECT_TRUE(joiner.idle());
}

TEST_F(JoinerTest, CountsNothingThatIsGone) {
  auto settings = usual();
  settings.max_sides_of_a_key = 2;
  Joiner joiner{settings};
  for (int round = 0; round < 20; ++round) {
    joiner.ended(meet(joiner, ticket()), {.code = Errc::closed, .doing = "over"}, now);
    joiner.ended(RelayLane{999}, {}, now);  // nobody's
    joiner.gone(present(joiner, alice, ticket()));
    present(joiner, alice, ticket());
    pass(joiner, joining_patience);
    EXPECT_TRUE(joiner.idle());
  }
  EXPECT_EQ(joins.size(), 20u);
}

TEST_F(JoinerTest, ShowsWhatItCarries) {
  Joiner joiner{usual()};
  const auto lane = meet(joiner, ticket(1'000'000));
  for (int i = 0; i < 10; ++i) {
    pass(joiner, 500ms);
    carry(joiner, lane, 1'000);
  }
  const auto views = joiner.lanes(now);
  ASSERT_EQ(views.size(), 1u);
  EXPECT_EQ(views[0].one, alice);
  EXPECT_EQ(views[0].other, bob);
  EXPECT_EQ(views[0].bytes, 10'000u);
  EXPECT_EQ(views[0].bytes_left, 990'000u);
  EXPECT_EQ(views[0].since, now - 5s);
  EXPECT_EQ(views[0].rate, 2'000u);
  pass(joiner, 100s);
  EXPECT_EQ(joiner.lanes(now)[0].rate, 0u);
  EXPECT_EQ(joiner.total_bytes(), 10'000u);
}

// --- the rate -------------------------------------------------------------------------------------------------------

TEST(FairRate, LetsSoMuchThroughInATime) {
  TimePoint now{1h};
  FairRate rate{{100'000}, now};
  std::size_t carried = 0;
  while (now < TimePoint{1h} + 10s) {
    const auto cut = rate.ask(now);
    now = std::max(now, cut.at);
    carried += cut.most;
    rate.used(cut, cut.most);
  }
  EXPECT_GE(carried, 1'000'000u);
  EXPECT_LE(carried, 1'000'000u + 2 * largest_cut + 10'000);
}

TEST(FairRate, GivesEveryoneTheSameWhateverTheyWish) {
  TimePoint now{1h};
  FairRate rate{{1'000'000}, now};
  std::vector<std::size_t> carried(5, 0);
  std::multimap<TimePoint, std::pair<std::size_t, FairRate::Cut>> waiting;
  const auto ask = [&](std::size_t who) {
    const auto cut = rate.ask(now);
    waiting.emplace(std::max(cut.at, now), std::pair{who, cut});
  };
  for (std::size_t who = 0; who < carried.size(); ++who) ask(who);
  while (now < TimePoint{1h} + 60s) {
    const auto next = waiting.extract(waiting.begin());
    now = next.key();
    const auto& [who, cut] = next.mapped();
    carried[who] += cut.most;
    rate.used(cut, cut.most);
    ask(who);
  }
  for (const auto each : carried) EXPECT_NEAR(static_cast<double>(each), 12'000'000., 200'000.);
}

TEST(FairRate, TakesBackWhatWasNotUsed) {
  TimePoint now{1h};
  FairRate rate{{10'000}, now};
  for (int i = 0; i < 1'000; ++i) {
    const auto cut = rate.ask(now);
    EXPECT_LE(cut.at, now);
    rate.used(cut, 1);  // some bytes now and then, as a lane's beat
    now += 1s;
  }
}

TEST(FairRate, ServesManyWithinARound) {
  TimePoint now{1h};
  FairRate rate{{10'000'000}, now};
  std::vector<FairRate::Cut> cuts;
  for (int i = 0; i < 1'000; ++i) cuts.push_back(rate.ask(now));
  // Those who came first were promised larger cuts; soon all have small ones.
  for (const auto& each : cuts) rate.used(each, 0);
  now += 1s;
  cuts.clear();
  for (int i = 0; i < 1'000; ++i) cuts.push_back(rate.ask(now));
  EXPECT_EQ(cuts.back().most, static_cast<std::size_t>(20'000));
  EXPECT_LE(cuts.back().at, now + 8 * round_of_cuts);
}

}  // namespace
}  // namespace pshare
