#include "apps/pshare/monthly_volume.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace pshare {
namespace {

using namespace std::chrono_literals;

UnixTime at(int year, unsigned month, unsigned day, std::chrono::seconds time = 0s) {
  return std::chrono::sys_days{std::chrono::year{year} / std::chrono::month{month} / std::chrono::day{day}} + time;
}

TEST(MonthlyVolume, AddsUpWithinAMonthOfUtc) {
  MonthlyVolume volume;
  volume.add(100, at(2026, 11, 1));
  volume.add(50, at(2026, 11, 30, 24h - 1s));
  EXPECT_EQ(volume.used(at(2026, 11, 30, 24h - 1s)), 150u);
  EXPECT_EQ(volume.left(200, at(2026, 11, 15)), 50u);
  EXPECT_EQ(volume.left(std::nullopt, at(2026, 11, 15)), std::nullopt);
}

TEST(MonthlyVolume, BeginsAnewWithTheFirstSecondOfTheNextMonth) {
  MonthlyVolume volume;
  volume.add(200, at(2026, 12, 31, 24h - 1s));
  EXPECT_EQ(volume.left(200, at(2026, 12, 31, 24h - 1s)), 0u);
  EXPECT_EQ(volume.left(200, at(2027, 1, 1)), 200u);
  volume.add(7, at(2027, 1, 1));
  EXPECT_EQ(volume.used(at(2027, 1, 2)), 7u);
}

TEST(MonthlyVolume, KnowsWhenAMonthEnds) {
  EXPECT_EQ(end_of_month(at(2026, 11, 28, 5h)), at(2026, 12, 1));
  EXPECT_EQ(end_of_month(at(2026, 12, 1)), at(2027, 1, 1));
  EXPECT_EQ(end_of_month(at(2028, 2, 29)), at(2028, 3, 1));
}

TEST(MonthlyVolume, IsNeverLessThanNothingLeft) {
  MonthlyVolume volume;
  volume.add(300, at(2026, 11, 1));
  EXPECT_EQ(volume.left(200, at(2026, 11, 2)), 0u);
  volume.add(std::numeric_limits<std::uint64_t>::max(), at(2026, 11, 3));
  EXPECT_EQ(volume.used(at(2026, 11, 3)), std::numeric_limits<std::uint64_t>::max());
}

TEST(MonthlyVolume, IsNotForgottenByAClockThatWasWrongForAWhile) {
  MonthlyVolume volume;
  volume.add(300, at(2026, 11, 1));
  volume.add(0, at(2031, 1, 1));
  EXPECT_EQ(volume.used(at(1970, 1, 1)), 300u) << "before the clock has been set";
  volume.add(1, at(1970, 1, 1));
  EXPECT_EQ(volume.used(at(2026, 11, 2)), 301u);
}

TEST(MonthlyVolume, ReadsWhatItWrites) {
  MonthlyVolume volume;
  volume.add(123'456'789, at(2026, 3, 28));
  EXPECT_EQ(volume.encode(), "2026-03 123456789\n");
  const auto read = MonthlyVolume::decode(volume.encode());
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, volume);
  ASSERT_TRUE(MonthlyVolume::decode(MonthlyVolume{}.encode()));
}

TEST(MonthlyVolume, RefusesWhatItHasNotWritten) {
  for (const auto* text : {"", "\n", "2026-11", "2026-11 ", "2026-11 12", "2026-13 12\n", "2026-00 12\n", "2026-11 -1\n", "2026-11 12 \n", "26 12\n", "-026-11 12\n",
                           "2026-11 18446744073709551616\n", "2026-11 12\n2026-12 1\n"}) {
    const auto read = MonthlyVolume::decode(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::malformed);
  }
  EXPECT_FALSE(MonthlyVolume::decode(std::string(MonthlyVolume::max_file + 1, '1')));
}

}  // namespace
}  // namespace pshare
