#include "apps/pshare/standstill.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

const TimePoint start{};

TEST(Standstill, IsNoticedOnceAndAgainOnlyAfterSomethingHasMoved) {
  Standstill standstill{start};
  EXPECT_FALSE(standstill.began(100, start + 1s));
  EXPECT_FALSE(standstill.began(100, start + 1s + standstill_patience - 1ns));
  EXPECT_TRUE(standstill.began(100, start + 1s + standstill_patience));
  EXPECT_FALSE(standstill.began(100, start + 1h));
  EXPECT_FALSE(standstill.began(101, start + 2h));
  EXPECT_TRUE(standstill.began(101, start + 2h + standstill_patience));
}

TEST(Standstill, IsNoneWhileSomethingMoves) {
  Standstill standstill{start};
  for (std::uint64_t second = 0; second < 100; ++second) EXPECT_FALSE(standstill.began(second, start + std::chrono::seconds{second}));
}

TEST(Standstill, BeginsAtTheStartWhereNothingHasMovedYet) {
  Standstill standstill{start};
  EXPECT_FALSE(standstill.began(0, start + standstill_patience - 1ns));
  EXPECT_TRUE(standstill.began(0, start + standstill_patience));
}

}  // namespace
}  // namespace pshare
