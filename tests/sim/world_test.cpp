// The simulated world itself, against arithmetic.
#include "world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(EventQueue, LetsEventsOfOneMomentHappenInOrderOfInsertion) {
  EventQueue events;
  std::string order;
  const auto start = events.now();
  events.in(2s, [&] { order += 'c'; });
  events.in(1s, [&] { order += 'a'; });
  events.in(1s, [&] { order += 'b', events.in(-5s, [&] { order += '!'; }); });
  while (events.step()) {}
  EXPECT_EQ(order, "ab!c");
  EXPECT_EQ(events.now() - start, 2s);
  EXPECT_EQ(events.steps(), 4u);
}

TEST(EventQueue, EndsALivelockAtTheStepLimit) {
  EventQueue events{100};
  std::function<void()> again = [&] { events.in(0s, again); };
  again();
  EXPECT_THROW(events.run_until([] { return false; }, TimePoint::max()), TooManySteps);
}

TEST(EventQueue, StopsAtTheTimeLimitBeforeWhatComesLater) {
  EventQueue events;
  bool happened = false;
  events.in(2s, [&] { happened = true; });
  EXPECT_FALSE(events.run_until([&] { return happened; }, events.now() + 1s));
  EXPECT_TRUE(events.run_until([&] { return happened; }, events.now() + 3s));
}

std::vector<Duration> arrivals(World& world, StreamLink& link, const std::vector<std::uint64_t>& sizes) {
  std::vector<Duration> times;
  const auto start = world.now();
  for (const auto size : sizes) link.send(size, [&, start] { times.push_back(world.now() - start); });
  while (world.events().step()) {}
  return times;
}

TEST(StreamLink, DeliversAfterTimeOnTheLineAndDelayInOrder) {
  World world{Seed{1}};
  auto& link = world.add_stream({.delay = 50ms, .rate = {1000}});
  EXPECT_THAT(arrivals(world, link, {1000, 500, 0}), ElementsAre(1050ms, 1550ms, 1550ms));
}

TEST(StreamLink, OfUnlimitedRateCostsTheDelayAlone) {
  World world{Seed{1}};
  auto& link = world.add_stream({.delay = 7ms, .rate = {0}});
  EXPECT_THAT(arrivals(world, link, {1 * GiB, 1}), ElementsAre(7ms, 7ms));
}

TEST(StreamLink, DeliversNothingAfterACut) {
  World world{Seed{1}};
  auto& link = world.add_stream({.delay = 50ms, .rate = {1000}});
  int arrived = 0, written = 0;
  for (int i = 0; i < 3; ++i) link.send(1000, [&] { ++arrived; }, [&] { ++written; });
  world.events().in(2010ms, [&] { link.cut(); });
  while (world.events().step()) {}
  EXPECT_EQ(written, 2);
  EXPECT_EQ(arrived, 1);
}

TEST(DatagramLink, DropsWhatItsQueueCannotHold) {
  World world{Seed{1}};
  auto& link = world.add_datagrams({.delay = 10ms, .rate = {10'000}, .queue = 3000});
  int arrived = 0;
  for (int i = 0; i < 10; ++i) link.send(1000, [&] { ++arrived; });
  world.events().in(150ms, [&] {  // one and a half are out by now, so there is room for one
    for (int i = 0; i < 3; ++i) link.send(1000, [&] { ++arrived; });
  });
  while (world.events().step()) {}
  EXPECT_EQ(arrived, 4);
  EXPECT_EQ(link.dropped(), 9u);
}

TEST(DatagramLink, LosesItsShareAndTheSameOnesForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    World world{Seed{seed}};
    auto& link = world.add_datagrams({.loss = 0.1});
    std::vector<int> arrived;
    for (int i = 0; i < 10'000; ++i) link.send(100, [&, i] { arrived.push_back(i); });
    while (world.events().step()) {}
    return arrived;
  };
  const auto once = run(5);
  EXPECT_NEAR(static_cast<double>(once.size()), 9000, 120);
  EXPECT_EQ(once, run(5));
  EXPECT_NE(once, run(6));
}

TEST(DatagramLink, JitterStaysWithinItsBoundsAndReorders) {
  World world{Seed{1}};
  auto& link = world.add_datagrams({.delay = 10ms, .jitter = 5ms});
  std::vector<int> order;
  const auto start = world.now();
  for (int i = 0; i < 200; ++i)
    link.send(1, [&, i] {
      order.push_back(i);
      EXPECT_GE(world.now() - start, 10ms);
      EXPECT_LE(world.now() - start, 15ms);
    });
  while (world.events().step()) {}
  EXPECT_EQ(order.size(), 200u);
  EXPECT_FALSE(std::ranges::is_sorted(order));
}

TEST(Host, ForgetsItsPlansWhenItIsKilled) {
  World world{Seed{1}};
  auto& host = world.add_host("alice");
  std::string heard;
  host.in(1s, [&] { heard += 'a'; });
  host.in(3s, [&] { heard += 'b'; });
  world.events().in(2s, [&] { host.kill(), host.start(), host.in(2s, [&] { heard += 'c'; }); });
  while (world.events().step()) {}
  EXPECT_EQ(heard, "ac");
}

}  // namespace
}  // namespace pshare::sim
