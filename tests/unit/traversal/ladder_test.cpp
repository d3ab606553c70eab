#include "traversal/ladder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drained.hpp"
#include "wire/core.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::drained;

static_assert(Core<Ladder>);

constexpr TimePoint start{};

/// Actions in words: "start direct", "winner 1".
std::vector<std::string> told(Ladder& ladder) {
  std::vector<std::string> out;
  for (const auto& action : drained(ladder)) {
    if (const auto* begun = std::get_if<Ladder::Start>(&action)) out.push_back("start " + std::string{word(begun->tier)});
    if (const auto* stop = std::get_if<Ladder::Stop>(&action)) out.push_back("stop " + std::string{word(stop->tier)});
    if (const auto* winner = std::get_if<Ladder::Winner>(&action)) out.push_back("winner " + std::to_string(winner->lane.number));
    if (const auto* drop = std::get_if<Ladder::Drop>(&action)) out.push_back("drop " + std::to_string(drop->lane.number));
    if (const auto* end = std::get_if<Ladder::GaveUp>(&action)) {
      std::string words = "gave up";
      for (const auto& [tier, reason] : end->reasons) words += " " + std::string{word(tier)} + ":" + std::string{word(reason)};
      out.push_back(words);
    }
  }
  return out;
}

/// Lets time pass until `until`, stopping at each deadline as a driver does; gives what was told, with times in milliseconds.
std::vector<std::string> pass(Ladder& ladder, TimePoint until) {
  std::vector<std::string> out;
  for (int step = 0; step < 1000; ++step) {
    const auto due = ladder.deadline();
    if (!due || *due > until) return out;
    ladder.expire(*due);
    const auto at = std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(*due - start).count());
    for (const auto& each : told(ladder)) out.push_back(at + " " + each);
  }
  ADD_FAILURE() << "the deadline does not move on";
  return out;
}

std::vector<Rung> all_rungs() {
  std::vector<Rung> rungs;
  for (const auto tier : all_tiers) rungs.push_back({.tier = tier});
  rungs.back().start = Rung::Start::warm;
  return rungs;
}

std::vector<Rung> rungs(std::initializer_list<Tier> tiers) {
  std::vector<Rung> out;
  for (const auto tier : tiers) out.push_back({.tier = tier});
  return out;
}

Path path(Tier tier, Transport transport = Transport::tcp, Duration elapsed = 0ms) {
  return {.tier = tier, .transport = transport, .elapsed = elapsed};
}

struct LadderTest : ::testing::Test {
  SeededRandom random{1};
  Ladder make(std::vector<Rung> with, Duration patience = 1min) {
    return Ladder{std::move(with), {.grace = 300ms, .patience = patience}, random, start};
  }
};

TEST_F(LadderTest, StartsStraightTiersAtOnceAndForwardedOnesAfterTheirHeadStart) {
  auto ladder = make(all_rungs());
  EXPECT_THAT(told(ladder), ElementsAre("start direct", "start mapped", "start punched", "start relay"));  // the relay is kept warm
  EXPECT_THAT(pass(ladder, start + 10s), ElementsAre("2000 start supernode"));
}

TEST_F(LadderTest, StartsAWarmTierAfterItsDelayOrInItsTurnWhicheverComesFirst) {
  const std::vector<Rung> standby{{.tier = Tier::punched}, {.tier = Tier::relay, .start = Rung::Start::warm, .warm_after = 700ms}};
  auto ladder = make(standby);
  EXPECT_THAT(told(ladder), ElementsAre("start punched"));
  EXPECT_THAT(pass(ladder, start + 10s), ElementsAre("700 start relay"));
  auto hopeless = make(standby);
  told(hopeless);
  hopeless.attempt_ended(Tier::punched, Outcome::failed, Reason::no_candidates, start + 5ms);
  EXPECT_THAT(told(hopeless), ElementsAre("start relay"));
}

TEST_F(LadderTest, GivesEachForwardedTierItsHeadStartOverTheNext) {
  auto ladder = make(rungs({Tier::punched, Tier::supernode, Tier::relay}));
  EXPECT_THAT(told(ladder), ElementsAre("start punched"));
  EXPECT_THAT(pass(ladder, start + 10s), ElementsAre("2000 start supernode", "4000 start relay"));
}

TEST_F(LadderTest, StartsAForwardedTierAtOnceWhenTheHigherOnesHaveFailed) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped, Tier::supernode, Tier::relay}));
  EXPECT_THAT(told(ladder), ElementsAre("start direct", "start mapped"));
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::no_candidates, start + 5ms);
  EXPECT_THAT(told(ladder), IsEmpty());
  ladder.attempt_ended(Tier::mapped, Outcome::failed, Reason::no_igd, start + 6ms);
  EXPECT_THAT(told(ladder), ElementsAre("start supernode"));
  ladder.attempt_ended(Tier::supernode, Outcome::failed, Reason::unsupported, start + 7ms);
  EXPECT_THAT(told(ladder), ElementsAre("start relay"));
}

TEST_F(LadderTest, AFailedMiddleTierDoesNotCutTheHeadStartOfThoseAboveIt) {
  auto ladder = make({{.tier = Tier::direct, .head_start = 5s}, {.tier = Tier::mapped, .start = Rung::Start::warm}, {.tier = Tier::relay}});
  EXPECT_THAT(told(ladder), ElementsAre("start direct", "start mapped"));
  ladder.attempt_ended(Tier::mapped, Outcome::failed, Reason::no_candidates, start + 100ms);
  EXPECT_THAT(told(ladder), IsEmpty());
  EXPECT_THAT(pass(ladder, start + 6s), ElementsAre("5000 start relay"));
}

TEST_F(LadderTest, ALaneOfTheBestTierOverTcpWinsAtOnceAndEverythingElseEnds) {
  auto ladder = make(all_rungs());
  told(ladder);
  pass(ladder, start + 2s);
  ladder.lane_up({1}, path(Tier::direct), start + 2100ms);
  EXPECT_THAT(told(ladder), ElementsAre("winner 1", "stop direct", "stop mapped", "stop punched", "stop supernode", "stop relay"));
  EXPECT_EQ(ladder.deadline(), std::nullopt);
}

TEST_F(LadderTest, AWarmRelayIsNotUsedBeforeItsTurn) {
  auto ladder = make({{.tier = Tier::direct}, {.tier = Tier::relay, .start = Rung::Start::warm}});
  told(ladder);
  ladder.lane_up({7}, path(Tier::relay), start + 50ms);
  ladder.attempt_ended(Tier::relay, Outcome::connected, Reason::none, start + 50ms);
  EXPECT_THAT(told(ladder), IsEmpty());
  EXPECT_THAT(pass(ladder, start + 3s), ElementsAre("2000 winner 7"));
}

TEST_F(LadderTest, AWarmRelayIsUsedAtOnceWhenTheHigherTiersHaveFailed) {
  auto ladder = make({{.tier = Tier::direct}, {.tier = Tier::relay, .start = Rung::Start::warm}});
  told(ladder);
  ladder.lane_up({7}, path(Tier::relay), start + 50ms);
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::no_candidates, start + 60ms);
  EXPECT_THAT(told(ladder), ElementsAre("winner 7", "stop relay"));
}

TEST_F(LadderTest, ABetterTierWithinTheGraceWins) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped, Tier::punched}));
  told(ladder);
  pass(ladder, start + 4s);
  ladder.lane_up({1}, path(Tier::punched), start + 4100ms);
  EXPECT_THAT(told(ladder), IsEmpty());
  ladder.lane_up({2}, path(Tier::direct), start + 4399ms);
  EXPECT_THAT(told(ladder), ElementsAre("winner 2", "drop 1", "stop direct", "stop mapped", "stop punched"));
}

TEST_F(LadderTest, WithoutABetterTierTheFirstLaneWinsWhenTheGraceIsOver) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped, Tier::punched}));
  told(ladder);
  pass(ladder, start + 4s);
  ladder.lane_up({1}, path(Tier::punched), start + 4100ms);
  EXPECT_THAT(pass(ladder, start + 5s), ElementsAre("4400 winner 1", "4400 stop direct", "4400 stop mapped", "4400 stop punched"));
  ladder.lane_up({2}, path(Tier::direct), start + 4401ms);
  EXPECT_THAT(told(ladder), ElementsAre("drop 2"));
}

TEST_F(LadderTest, ALowerTierWinsAtOnceWhenNothingBetterIsUnderWay) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped}));
  told(ladder);
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::unsupported, start + 1ms);
  told(ladder);
  ladder.lane_up({1}, path(Tier::mapped), start + 30ms);
  EXPECT_THAT(told(ladder), ElementsAre("winner 1", "stop mapped"));
}

TEST_F(LadderTest, TcpOfTheSameTierWinsOverUdpThatCameALittleSooner) {
  auto ladder = make(rungs({Tier::direct}));
  told(ladder);
  ladder.lane_up({1}, path(Tier::direct, Transport::udp, 100ms), start + 100ms);
  EXPECT_THAT(told(ladder), IsEmpty());
  ladder.lane_up({2}, path(Tier::direct, Transport::tcp, 250ms), start + 250ms);
  EXPECT_THAT(told(ladder), ElementsAre("winner 2", "drop 1", "stop direct"));
}

TEST_F(LadderTest, UdpAloneWinsWhenTheGraceIsOver) {
  auto ladder = make(rungs({Tier::direct}));
  told(ladder);
  ladder.lane_up({1}, path(Tier::direct, Transport::udp, 100ms), start + 100ms);
  EXPECT_THAT(pass(ladder, start + 1s), ElementsAre("400 winner 1", "400 stop direct"));
}

TEST_F(LadderTest, WaitsForABetterLane150MillisecondsUnlessToldOtherwise) {
  Ladder ladder{rungs({Tier::direct, Tier::punched}), {}, random, start};
  told(ladder);
  ladder.lane_up({1}, path(Tier::punched), start + 100ms);
  EXPECT_THAT(pass(ladder, start + 1s), ElementsAre("250 winner 1", "250 stop direct", "250 stop punched"));
}

TEST_F(LadderTest, NoLaneOfALowerTierWaitsForALongShot) {
  for (const bool known_before : {true, false}) {
    auto ladder = make(rungs({Tier::direct, Tier::punched}));
    told(ladder);
    if (known_before) ladder.unlikely(Tier::direct, start + 50ms);
    ladder.lane_up({1}, path(Tier::punched), start + 100ms);
    if (!known_before) {
      EXPECT_THAT(told(ladder), IsEmpty());
      ladder.unlikely(Tier::direct, start + 110ms);
    }
    EXPECT_THAT(told(ladder), ElementsAre("winner 1", "stop direct", "stop punched"));
  }
}

TEST_F(LadderTest, ALongShotInTheMiddleDoesNotCutTheGraceForWhatIsAboveIt) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped, Tier::punched}));
  told(ladder);
  ladder.unlikely(Tier::mapped, start);
  ladder.unlikely(Tier::punched, start);
  ladder.lane_up({1}, path(Tier::punched), start + 100ms);
  EXPECT_THAT(told(ladder), IsEmpty());
  ladder.lane_up({2}, path(Tier::direct), start + 399ms);
  EXPECT_THAT(told(ladder), ElementsAre("winner 2", "drop 1", "stop direct", "stop mapped", "stop punched"));
}

TEST_F(LadderTest, ALongShotThatSucceedsIsAsGoodAsAnother) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped, Tier::punched}));
  told(ladder);
  ladder.unlikely(Tier::direct, start);
  ladder.lane_up({1}, path(Tier::punched), start + 100ms);  // waits for mapped
  ladder.lane_up({2}, path(Tier::direct), start + 200ms);
  EXPECT_THAT(told(ladder), ElementsAre("winner 2", "drop 1", "stop direct", "stop mapped", "stop punched"));
}

TEST_F(LadderTest, IsNoLongShotAnyMoreWithMoreCandidatesOrWhenStartedAnew) {
  auto with_more = make(rungs({Tier::direct, Tier::punched}));
  told(with_more);
  with_more.unlikely(Tier::direct, start);
  with_more.more_candidates(Tier::direct, start + 10ms);
  with_more.lane_up({1}, path(Tier::punched), start + 100ms);
  EXPECT_THAT(pass(with_more, start + 1s), ElementsAre("400 winner 1", "400 stop direct", "400 stop punched"));

  auto anew = make(rungs({Tier::direct, Tier::punched}));
  told(anew);
  anew.unlikely(Tier::direct, start);
  anew.attempt_ended(Tier::direct, Outcome::failed, Reason::timeout, start + 10ms);
  anew.more_candidates(Tier::direct, start + 20ms);
  anew.lane_up({1}, path(Tier::punched), start + 100ms);
  EXPECT_THAT(told(anew), ElementsAre("start direct"));
  EXPECT_THAT(pass(anew, start + 1s), ElementsAre("400 winner 1", "400 stop direct", "400 stop punched"));
}

TEST_F(LadderTest, UdpWaitsForNoLongShotOfTheSameTier) {
  for (const bool known_before : {true, false}) {
    auto ladder = make(rungs({Tier::punched}));
    told(ladder);
    if (known_before) ladder.unlikely(Tier::punched, start + 50ms);
    ladder.lane_up({1}, path(Tier::punched, Transport::udp), start + 100ms);
    if (!known_before) {
      EXPECT_THAT(told(ladder), IsEmpty());
      ladder.unlikely(Tier::punched, start + 110ms);
    }
    EXPECT_THAT(told(ladder), ElementsAre("winner 1", "stop punched"));
  }
}

TEST_F(LadderTest, TriesNoMappingAgainThatNoRouterGives) {
  for (const auto reason : {Reason::no_igd, Reason::igd_refused, Reason::double_nat}) {
    auto ladder = make(rungs({Tier::mapped}));
    told(ladder);
    ladder.attempt_ended(Tier::mapped, Outcome::failed, reason, start);
    EXPECT_EQ(ladder.deadline(), start + candidates_patience);  // nothing before that
    ladder.more_candidates(Tier::mapped, start + 5s);  // the peer's router was slow
    EXPECT_THAT(told(ladder), ElementsAre("start mapped"));
  }
}

TEST_F(LadderTest, AContenderThatIsLostDoesNotWin) {
  auto ladder = make(rungs({Tier::direct, Tier::punched}));
  told(ladder);
  pass(ladder, start + 2s);
  ladder.lane_up({1}, path(Tier::punched), start + 2100ms);
  ladder.lane_lost({1}, start + 2200ms);
  EXPECT_THAT(pass(ladder, start + 3s), IsEmpty());
  ladder.lane_up({2}, path(Tier::direct), start + 3s);
  EXPECT_THAT(told(ladder), ElementsAre("winner 2", "stop direct", "stop punched"));
}

TEST_F(LadderTest, AWarmStandbyThatIsLostIsBroughtUpAgain) {
  auto ladder = make({{.tier = Tier::direct, .head_start = 20s}, {.tier = Tier::relay, .start = Rung::Start::warm}});
  told(ladder);
  ladder.lane_up({1}, path(Tier::relay), start + 50ms);
  ladder.attempt_ended(Tier::relay, Outcome::connected, Reason::none, start + 50ms);
  ladder.lane_lost({1}, start + 100ms);
  const auto after = pass(ladder, start + 1100ms);
  ASSERT_EQ(after.size(), 1u);
  EXPECT_THAT(after[0], ::testing::EndsWith("start relay"));
}

TEST_F(LadderTest, TriesAgainWithGrowingPausesWithinItsPatience) {
  auto ladder = make(rungs({Tier::direct}), 10min);
  EXPECT_THAT(told(ladder), ElementsAre("start direct"));
  auto now = start;
  for (const auto longest : {1s, 2s, 4s, 8s, 16s, 30s, 30s}) {
    ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::timeout, now);
    const auto due = ladder.deadline();
    ASSERT_TRUE(due);
    EXPECT_GE(*due - now, longest / 2);
    EXPECT_LE(*due - now, longest);
    ladder.expire(*due);
    EXPECT_THAT(told(ladder), ElementsAre("start direct"));
    now = *due;
  }
}

TEST_F(LadderTest, DoesNotTryAgainWithoutCandidatesUntilThereAreSome) {
  auto ladder = make(rungs({Tier::direct}));
  told(ladder);
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::no_candidates, start);
  EXPECT_EQ(ladder.deadline(), start + candidates_patience);  // nothing before that
  ladder.more_candidates(Tier::direct, start + 5s);
  EXPECT_THAT(told(ladder), ElementsAre("start direct"));
}

TEST_F(LadderTest, NewCandidatesEndTheBackOff) {
  auto ladder = make(rungs({Tier::direct}));
  told(ladder);
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::timeout, start);
  EXPECT_THAT(told(ladder), IsEmpty());
  ladder.more_candidates(Tier::direct, start + 1ms);
  EXPECT_THAT(told(ladder), ElementsAre("start direct"));
}

TEST_F(LadderTest, TakesALaneThatThePeerOpenedWithoutAnAttemptOfOurs) {
  auto ladder = make(rungs({Tier::direct}));
  told(ladder);
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::no_candidates, start);
  ladder.lane_up({1}, path(Tier::direct), start + 20s);
  EXPECT_THAT(told(ladder), ElementsAre("winner 1"));
}

TEST_F(LadderTest, GivesUpAtOnceWhenNothingIsSupported) {
  auto ladder = make(rungs({Tier::mapped, Tier::punched}));
  EXPECT_THAT(told(ladder), ElementsAre("start mapped", "start punched"));
  ladder.attempt_ended(Tier::mapped, Outcome::failed, Reason::unsupported, start);
  EXPECT_THAT(told(ladder), IsEmpty());
  ladder.attempt_ended(Tier::punched, Outcome::failed, Reason::unsupported, start);
  EXPECT_THAT(told(ladder), ElementsAre("gave up mapped:unsupported punched:unsupported"));
  EXPECT_EQ(ladder.deadline(), std::nullopt);
}

TEST_F(LadderTest, WaitsForCandidatesNoLongerThanTheyTakeToComeWhenThereIsNothingElseToTry) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped, Tier::relay}));
  told(ladder);
  ladder.attempt_ended(Tier::mapped, Outcome::failed, Reason::no_igd, start);
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::refused, start);  // is tried again
  EXPECT_THAT(pass(ladder, start + 1s), ElementsAre(::testing::EndsWith("start relay"), ::testing::EndsWith("start direct")));
  ladder.attempt_ended(Tier::relay, Outcome::failed, Reason::unsupported, start + 1s);
  EXPECT_THAT(pass(ladder, start + 20s), IsEmpty()) << "something is under way";
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::no_candidates, start + 20s);
  EXPECT_THAT(pass(ladder, start + 31s), IsEmpty());
  ladder.more_candidates(Tier::mapped, start + 31s);
  EXPECT_THAT(told(ladder), ElementsAre("start mapped"));
  ladder.attempt_ended(Tier::mapped, Outcome::failed, Reason::igd_refused, start + 33s);
  EXPECT_THAT(pass(ladder, start + 59s), ElementsAre("45000 gave up direct:no-candidates mapped:igd-refused relay:unsupported"));
}

TEST_F(LadderTest, GivesUpWithEachTiersReasonWhenItsPatienceIsOver) {
  auto ladder = make(rungs({Tier::direct, Tier::mapped, Tier::relay}), 3s);
  told(ladder);
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::no_candidates, start);
  told(ladder);
  EXPECT_THAT(pass(ladder, start + 1min), ElementsAre("2000 start relay", "3000 stop mapped", "3000 stop relay",
                                                      "3000 gave up direct:no-candidates mapped:timeout relay:timeout"));
  ladder.lane_up({1}, path(Tier::direct), start + 4s);
  EXPECT_THAT(told(ladder), ElementsAre("drop 1"));
}

TEST_F(LadderTest, WithoutAnyTierGivesUpAtOnce) {
  auto ladder = make({});
  EXPECT_THAT(told(ladder), ElementsAre("gave up"));
}

TEST_F(LadderTest, OnARelayStraightTiersGoOnAndWinAgain) {
  auto ladder = make(all_rungs(), 10s);
  told(ladder);
  ladder.lane_up({1}, path(Tier::relay), start + 50ms);
  ladder.attempt_ended(Tier::relay, Outcome::connected, Reason::none, start + 50ms);
  for (const auto tier : {Tier::direct, Tier::mapped, Tier::punched, Tier::supernode})
    ladder.attempt_ended(tier, Outcome::failed, Reason::timeout, start + 60ms);
  EXPECT_THAT(told(ladder), ElementsAre("start supernode", "winner 1"));
  // Beyond the patience for a first lane, straight tiers are still tried; the supernode is not: it would be no step up.
  const auto later = pass(ladder, start + 60s);
  EXPECT_THAT(later, ::testing::Not(::testing::Contains(::testing::HasSubstr("gave up"))));
  EXPECT_THAT(later, ::testing::Not(::testing::Contains(::testing::HasSubstr("supernode"))));
  EXPECT_THAT(later, ::testing::Contains(::testing::HasSubstr("start direct")));
  EXPECT_THAT(later, ::testing::Contains(::testing::HasSubstr("start punched")));
  ladder.lane_up({2}, path(Tier::supernode), start + 61s);
  EXPECT_THAT(told(ladder), ElementsAre("drop 2"));
  ladder.lane_up({3}, path(Tier::direct), start + 62s);
  EXPECT_THAT(told(ladder), ::testing::Contains("winner 3"));  // the session drains lane 1 itself: it is not dropped
  EXPECT_EQ(ladder.deadline(), std::nullopt);
}

TEST_F(LadderTest, BackOnARelayStraightTiersAreTriedAgainAfterAPause) {
  auto ladder = make(all_rungs(), 10s);
  told(ladder);
  ladder.lane_up({1}, path(Tier::relay), start + 50ms);
  for (const auto tier : {Tier::direct, Tier::mapped, Tier::punched, Tier::supernode})
    ladder.attempt_ended(tier, Outcome::failed, Reason::timeout, start + 60ms);
  ladder.lane_up({2}, path(Tier::punched), start + 70ms);
  told(ladder);
  ASSERT_EQ(ladder.deadline(), std::nullopt);
  ladder.fell_back(path(Tier::punched), start + 1min);
  EXPECT_EQ(ladder.deadline(), std::nullopt) << "a straight lane is left";
  ladder.fell_back(path(Tier::relay), start + 1min);
  EXPECT_THAT(told(ladder), IsEmpty());
  EXPECT_GE(*ladder.deadline(), start + 1min + first_retry_pause / 2);
  const auto later = pass(ladder, start + 1min + first_retry_pause);
  for (const auto* begun : {"start direct", "start mapped", "start punched"}) EXPECT_THAT(later, ::testing::Contains(::testing::EndsWith(begun)));
  EXPECT_EQ(later.size(), 3u);
  ladder.lane_up({3}, path(Tier::direct), start + 2min);
  EXPECT_THAT(told(ladder), ::testing::Contains("winner 3"));
}

TEST_F(LadderTest, LooksForASupernodeAgainWhereThereWasNone) {
  auto ladder = make(rungs({Tier::supernode}));
  told(ladder);
  ladder.attempt_ended(Tier::supernode, Outcome::failed, Reason::no_candidates, start);
  EXPECT_LE(*ladder.deadline(), start + first_retry_pause) << "nobody says when one turns up";
  ladder.more_candidates(Tier::supernode, start + 1ms);
  EXPECT_THAT(told(ladder), ElementsAre("start supernode"));
}

TEST_F(LadderTest, DoesNotLetARelayWaitLong) {
  auto ladder = make(rungs({Tier::supernode}), 10min);
  told(ladder);
  auto now = start;
  for (int i = 0; i < 10; ++i) {
    ladder.attempt_ended(Tier::supernode, Outcome::failed, Reason::no_candidates, now);
    EXPECT_LE(*ladder.deadline(), now + longest_forwarded_retry_pause);
    now = *ladder.deadline();
    ladder.expire(now);
    EXPECT_THAT(told(ladder), ElementsAre("start supernode"));
  }
}

TEST_F(LadderTest, AStraightWinnerEndsTheSearch) {
  auto ladder = make(all_rungs());
  told(ladder);
  ladder.lane_up({1}, path(Tier::direct), start + 50ms);
  told(ladder);
  ladder.lane_up({2}, path(Tier::direct), start + 60ms);
  EXPECT_THAT(told(ladder), ElementsAre("drop 2"));
  ladder.attempt_ended(Tier::direct, Outcome::failed, Reason::timeout, start + 70ms);
  ladder.expire(start + 1h);
  EXPECT_THAT(told(ladder), IsEmpty());
}

}  // namespace
}  // namespace pshare
