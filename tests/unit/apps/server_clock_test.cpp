#include "apps/pshare/server_clock.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime noon{1'800'000'000s};
constexpr TimePoint start{24h};

TEST(ServerClock, ShowsWhatTheServerHasSaidAndWhatHasPassedSince) {
  ServerClock clock;
  clock.heard(noon, start);
  EXPECT_EQ(clock.at(start), noon);
  EXPECT_EQ(clock.at(start + 90min), noon + 90min);
}

TEST(ServerClock, IsSetAnewByTheNextServerForwardsOrBackwards) {
  ServerClock clock;
  clock.heard(noon, start);
  clock.heard(noon - 1h, start + 1min);
  EXPECT_EQ(clock.at(start + 2min), noon - 1h + 1min);
}

TEST(ServerClock, IsLateBeforeAnyServerHasSaidAnything) { EXPECT_GT(ServerClock{}.at(start), noon + 1'000 * 365 * 24h); }

TEST(ServerClock, BearsAServerThatSaysNonsense) {
  ServerClock clock;
  clock.heard(UnixTime::max(), start);
  EXPECT_LT(clock.at(start + 24h), UnixTime::max() - 24h);
}

}  // namespace
}  // namespace pshare
