// Seeded randomness: the same every time, and in bounds.
#include "wire/random.hpp"

#include <gmock/gmock.h>

#include <array>

namespace pshare {
namespace {

TEST(SeededRandom, GivesTheSameBytesForTheSameSeed) {
  SeededRandom one{5}, same{5}, other{6};
  std::array<std::byte, 64> a, b, c;
  one.fill(a);
  same.fill(b);
  other.fill(c);
  EXPECT_EQ(a, b);
  EXPECT_NE(a, c);
}

TEST(Random, BelowReachesEveryNumberUnderItsBoundAndNoOther) {
  SeededRandom random{5};
  std::array<int, 7> seen{};
  for (int i = 0; i < 2000; ++i) ++seen.at(random.below(7));
  for (const auto count : seen) EXPECT_GT(count, 200);
  EXPECT_EQ(random.below(1), 0u);
}

}  // namespace
}  // namespace pshare
