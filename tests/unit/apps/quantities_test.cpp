#include "apps/pshare/quantities.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

TEST(Sizes, AreReadInPowersOf1024AndOf1000) {
  const std::pair<const char*, std::uint64_t> table[]{{"0", 0},          {"4096", 4096},      {"512K", 512 * KiB},      {"1M", MiB},    {"1MiB", MiB},
                                                      {"1MB", 1'000'000}, {"1.5G", 3 * GiB / 2}, {"2TB", 2'000'000'000'000}, {"10B", 10}};
  for (const auto& [text, bytes] : table) EXPECT_EQ(parse_size(text).value(), bytes) << text;
}

TEST(Sizes, ThatAreNoneAreRefusedWithAnExample) {
  for (const auto* text : {"", "K", "ten", "-1", "1X", "1 M", "99999999999T", "nan", "inf"}) {
    const auto parsed = parse_size(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::usage);
    EXPECT_FALSE(parsed.error().hint.empty());
  }
}

TEST(Rates, MayEndInPerSecondAndAreNeverZero) {
  EXPECT_EQ(parse_rate("500K/s").value(), 500 * KiB);
  EXPECT_EQ(parse_rate("10M").value(), 10 * MiB);
  EXPECT_FALSE(parse_rate("0"));
  EXPECT_FALSE(parse_rate("10M/h"));
}

TEST(Durations, AreReadInUnitsAndTheirSums) {
  const std::pair<const char*, Duration> table[]{{"90", 90s}, {"500ms", 500ms}, {"30s", 30s}, {"10m", 10min}, {"1h30m", 90min}, {"2d", 48h}, {"0.5s", 500ms}};
  for (const auto& [text, duration] : table) EXPECT_EQ(parse_duration(text).value(), duration) << text;
  for (const auto* text : {"", "0", "0s", "-5s", "5x", "s", "10 m", "1h30", "400d", "0.0000000001s"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Words, SaySizesDurationsAndCounts) {
  EXPECT_EQ(size_words(0), "0 B");
  EXPECT_EQ(size_words(999), "999 B");
  EXPECT_EQ(size_words(1'200), "1.2 kB");
  EXPECT_EQ(size_words(34'000'000), "34 MB");
  EXPECT_EQ(size_words(999'999), "1.0 MB");
  EXPECT_EQ(duration_words(0s), "0 s");
  EXPECT_EQ(duration_words(125s), "2 min 5 s");
  EXPECT_EQ(duration_words(2h), "2 h");
  EXPECT_EQ(duration_words(76h), "3 d 4 h");
  EXPECT_EQ(count_words(1, "file", "files"), "1 file");
  EXPECT_EQ(count_words(20'000, "file", "files"), "20,000 files");
  EXPECT_EQ(count_words(1'234'567, "file", "files"), "1,234,567 files");
}

}  // namespace
}  // namespace pshare
