// Rate, remaining time and bottleneck against arithmetic.
#include "transfer/meter.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1000s};

TEST(Meter, ShowsASteadyRate) {
  Meter meter{start};
  for (int tenth = 0; tenth <= 100; ++tenth) meter.done(static_cast<std::uint64_t>(tenth) * 100'000, start + tenth * 100ms);
  EXPECT_NEAR(static_cast<double>(meter.rate(start + 10s).count), 1e6, 1e4);
  EXPECT_NEAR(std::chrono::duration<double>(*meter.remaining(30'000'000, start + 10s)).count(), 20, 0.3);
}

TEST(Meter, DoesNotTakeForSpeedWhatWasThereBefore) {
  Meter meter{start};
  meter.done(1 * GiB, start);
  meter.done(1 * GiB + 1000, start + 1s);
  EXPECT_EQ(meter.rate(start + 1s).count, 1000u);
}

TEST(Meter, FollowsAChangeOfSpeedWithinItsWindow) {
  Meter meter{start};
  std::uint64_t done = 0;
  auto now = start;
  const auto run = [&](std::uint64_t each_tenth, int tenths) {
    for (int i = 0; i < tenths; ++i) meter.done(done += each_tenth, now += 100ms);
  };
  run(1'000'000, 100);
  run(100'000, 41);
  EXPECT_NEAR(static_cast<double>(meter.rate(now).count), 1e6, 5e4);
}

TEST(Meter, FallsToNothingInAStallAndThenCannotTellTheRest) {
  Meter meter{start};
  meter.done(0, start);
  meter.done(1'000'000, start + 1s);
  EXPECT_EQ(meter.rate(start + 1s).count, 1'000'000u);
  EXPECT_GT(meter.rate(start + 3s).count, 0u);
  EXPECT_EQ(meter.rate(start + 10s).count, 0u);
  EXPECT_FALSE(meter.remaining(2'000'000, start + 10s));
  EXPECT_EQ(meter.remaining(1'000'000, start + 10s), Duration::zero());
}

TEST(Meter, NamesWhatWasWaitedForLongest) {
  Meter meter{start};
  EXPECT_FALSE(meter.bottleneck(start));
  meter.waited(Meter::Bottleneck::disk, 50ms, start + 1s);
  EXPECT_FALSE(meter.bottleneck(start + 1s)) << "hardly any waiting";
  meter.waited(Meter::Bottleneck::network, 800ms, start + 2s);
  meter.waited(Meter::Bottleneck::disk, 300ms, start + 2s);
  EXPECT_EQ(meter.bottleneck(start + 2s), Meter::Bottleneck::network);
  meter.waited(Meter::Bottleneck::disk, 700ms, start + 3s);
  EXPECT_EQ(meter.bottleneck(start + 3s), Meter::Bottleneck::disk);
  EXPECT_FALSE(meter.bottleneck(start + 60s)) << "old waiting is forgotten";
}

TEST(Meter, NeedsNoMoreMemoryForFasterTransfers) {
  Meter meter{start};
  for (int i = 0; i < 200'000; ++i) {
    meter.done(static_cast<std::uint64_t>(i) * 1000, start + i * 50us);
    meter.waited(Meter::Bottleneck::cpu, 10us, start + i * 50us);
  }
  EXPECT_NEAR(static_cast<double>(meter.rate(start + 10s).count), 20e6, 1e6);
  EXPECT_EQ(meter.bottleneck(start + 10s), Meter::Bottleneck::cpu);
}

}  // namespace
}  // namespace pshare
