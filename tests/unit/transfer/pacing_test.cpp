// --limit: the bytes that may be written by a given time.
#include "transfer/pacing.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{100s};

TEST(Pacing, KeepsToTheRateOverTime) {
  Pacing pacing{{1'000'000}, start};
  auto now = start;
  for (int i = 0; i < 100; ++i) now += pacing.wait_for(50'000, now);
  // The first piece goes at once, so 99 pieces of 50 ms were waited for.
  EXPECT_EQ(now - start, 99 * 50ms);
}

TEST(Pacing, MakesGoodALateWakeUpButNoLongPause) {
  Pacing pacing{{1'000'000}, start};
  auto now = start + 10s;
  std::uint64_t at_once = 0;
  while (pacing.wait_for(10'000, now) == 0s) at_once += 10'000;
  EXPECT_LE(at_once, 110'000u);
  EXPECT_GE(at_once, 100'000u);
}

TEST(Pacing, WritesPiecesOfATenthOfASecondWithinBounds) {
  EXPECT_EQ((Pacing{{1}, start}.piece()), 1u);
  EXPECT_EQ((Pacing{{1000}, start}.piece()), 100u);
  EXPECT_EQ((Pacing{{1 * GiB}, start}.piece()), 256 * KiB);
}

TEST(Pacing, SurvivesTheSlowestRateAndTheLargestPiece) {
  Pacing pacing{{1}, start};
  EXPECT_EQ(pacing.wait_for(~std::uint64_t{0}, start), 0s);
  EXPECT_EQ(pacing.wait_for(1, start), 24h * 365);
}

}  // namespace
}  // namespace pshare
