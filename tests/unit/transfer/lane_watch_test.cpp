// Which lanes live.
#include "transfer/lane_watch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TimePoint start{100s};
constexpr LaneNumber left{1}, right{2};

TEST(LaneWatch, WantsABeatOnALaneThatHasSaidNothingForLong) {
  LaneWatch watch{start};
  watch.joined(left, start);
  watch.joined(right, start);
  watch.said(right, start + 1s);
  EXPECT_EQ(watch.deadline(), start + lane_beat);
  EXPECT_THAT(watch.wordless(start + lane_beat - 1ns), IsEmpty());
  EXPECT_THAT(watch.wordless(start + lane_beat), ElementsAre(left));
}

TEST(LaneWatch, GivesUpALaneFromWhichNothingCameForLong) {
  LaneWatch watch{start};
  watch.joined(left, start);
  watch.joined(right, start);
  watch.heard(left, start + 10s);
  EXPECT_THAT(watch.silent(start + lane_silence - 1ns), IsEmpty());
  EXPECT_THAT(watch.silent(start + lane_silence), ElementsAre(right));
}

TEST(LaneWatch, WaitsLessForALaneThatMayNotHaveSurvivedAChangeOfTheNetwork) {
  LaneWatch watch{start};
  watch.joined(left, start);
  watch.joined(right, start);
  watch.doubt();
  watch.heard(left, start + 1s);
  watch.said(left, start + 1s);
  watch.said(right, start + 2s);
  EXPECT_THAT(watch.silent(start + doubted_lane_silence - 1ns), IsEmpty());
  EXPECT_THAT(watch.silent(start + doubted_lane_silence), ElementsAre(right));
  EXPECT_EQ(watch.deadline(), start + doubted_lane_silence);
  EXPECT_TRUE(watch.lost(right, start + doubted_lane_silence));
  EXPECT_THAT(watch.silent(start + 1s + lane_silence - 1ns), IsEmpty()) << "it was heard after the doubt";
}

TEST(LaneWatch, BearsToBeWithoutALaneForAsLongAsItIsAskedTo) {
  LaneWatch watch{start};
  watch.bear_without(start + 10s);
  EXPECT_EQ(watch.deadline(), start + laneless_patience) << "its own patience is longer";
  watch.bear_without(start + 10min);
  EXPECT_EQ(watch.deadline(), start + 10min);
  EXPECT_FALSE(watch.abandoned(start + 10min - 1ns));
  EXPECT_TRUE(watch.abandoned(start + 10min));
}

TEST(LaneWatch, IsAbandonedAfterItsPatienceWithoutAnyLane) {
  LaneWatch watch{start};
  EXPECT_EQ(watch.deadline(), start + laneless_patience);
  EXPECT_FALSE(watch.abandoned(start + laneless_patience - 1ns));
  EXPECT_TRUE(watch.abandoned(start + laneless_patience));
  watch.joined(left, start + 29s);
  EXPECT_FALSE(watch.abandoned(start + 1h));
  EXPECT_TRUE(watch.lost(left, start + 1h));
  EXPECT_FALSE(watch.lost(left, start + 1h)) << "it was lost before";
  EXPECT_FALSE(watch.abandoned(start + 1h + laneless_patience - 1ns));
  EXPECT_TRUE(watch.abandoned(start + 1h + laneless_patience));
}

}  // namespace
}  // namespace pshare
