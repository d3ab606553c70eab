#include "apps/pshare/give_up.hpp"

#include <gtest/gtest.h>

#include "apps/pshare/awake_clock.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;

const TimePoint start{};

/// Asks it as often as it wishes, from `from` until `to`; what it shows then.
TimePoint awake_until(AwakeClock& clock, TimePoint from, TimePoint to) {
  for (auto now = from; now < to; now += between_awake_looks) clock.at(now);
  return clock.at(to);
}

TEST(AwakeClock, GoesWithTheOtherClockWhileTheProgramRuns) {
  AwakeClock clock{start};
  EXPECT_EQ(awake_until(clock, start, start + 1h), start + 1h);
}

TEST(AwakeClock, StoodStillWhileTheProgramDid) {
  AwakeClock clock{start};
  awake_until(clock, start, start + 1min);
  EXPECT_EQ(clock.at(start + 9h), start + 1min);
  EXPECT_EQ(awake_until(clock, start + 9h, start + 9h + 30s), start + 1min + 30s);
}

TEST(AwakeClock, TakesAMachineThatIsOnlyBusyForNoSleeper) {
  AwakeClock clock{start};
  EXPECT_EQ(clock.at(start + shortest_sleep - 1ns), start + shortest_sleep - 1ns);
}

TEST(GiveUp, CountsFromTheLossOn) {
  GiveUp give_up{10min};
  EXPECT_FALSE(give_up.looking());
  EXPECT_FALSE(give_up.over(start + 48h));
  give_up.lost(start + 48h);
  give_up.lost(start + 48h + 5min);  // it was lost before
  EXPECT_TRUE(give_up.looking());
  EXPECT_EQ(give_up.left(start + 48h + 4min), Duration{6min});
  EXPECT_FALSE(give_up.over(start + 48h + 10min - 1ns));
  EXPECT_TRUE(give_up.over(start + 48h + 10min));
}

TEST(GiveUp, BeginsAnewAfterSomethingHasMoved) {
  GiveUp give_up{10min};
  give_up.lost(start);
  give_up.moved(1);
  EXPECT_FALSE(give_up.over(start + 11min));
  give_up.lost(start + 11min);
  EXPECT_FALSE(give_up.over(start + 21min - 1ns));
  EXPECT_TRUE(give_up.over(start + 21min));
}

TEST(GiveUp, DoesNotBeginAnewWithASessionThatMovesNothing) {
  GiveUp give_up{10min};
  give_up.moved(5000);
  give_up.lost(start);
  give_up.moved(0);  // the next session, before it knows what is there
  give_up.moved(5000);
  EXPECT_EQ(give_up.left(start + 4min), Duration{6min});
  give_up.moved(5001);
  EXPECT_FALSE(give_up.looking());
}

TEST(GiveUp, CountsFromLessWhenTheReceiverThrewAwayWhatItHad) {
  GiveUp give_up{10min};
  give_up.moved(5000);
  give_up.lost(start);
  give_up.moved(100);
  EXPECT_TRUE(give_up.looking());
  give_up.moved(200);
  EXPECT_FALSE(give_up.looking());
}

TEST(GiveUp, IsNotOverForASleeperWhoWakesUp) {
  AwakeClock clock{start};
  GiveUp give_up{1min};
  give_up.lost(clock.at(start + 1s));
  EXPECT_FALSE(give_up.over(clock.at(start + 10h)));
  EXPECT_TRUE(give_up.over(awake_until(clock, start + 10h, start + 10h + 1min)));
}

}  // namespace
}  // namespace pshare
