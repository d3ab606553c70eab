// Plans for two NATs: which way, how much of it, and that what one side does meets what the other does, for NATs as they are said to count.
#include "traversal/punching/search_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using Kind = PortForecast::Kind;
using Way = SearchPlan::Way;

const auto left_address = IpAddress::parse("81.2.70.2").value(), right_address = IpAddress::parse("81.2.71.2").value();

PortForecast unknown() { return {}; }
PortForecast blocked() { return {.kind = Kind::blocked}; }
PortForecast stable(std::uint16_t port = 40000) { return {.kind = Kind::stable, .external = {left_address, {port}}}; }
PortForecast stepping(std::uint16_t last = 20000, int step = 1, std::uint32_t strangers = 0) {
  return {.kind = Kind::stepping, .external = {left_address, {last}}, .step = step, .strangers = strangers};
}
PortForecast random_ports() { return {.kind = Kind::random, .external = {left_address, {50000}}}; }
PortForecast block_of(std::uint16_t lowest, std::uint16_t highest) {
  return {.kind = Kind::random, .external = {left_address, {static_cast<std::uint16_t>(lowest + 7)}}, .lowest = {lowest}, .highest = {highest}};
}
PortForecast at(PortForecast forecast, const IpAddress& address) {
  forecast.external.address = address;
  return forecast;
}

struct SearchPlanTest : ::testing::Test {
  SeededRandom random{7};
  SearchPlan plan(const PortForecast& mine, const PortForecast& theirs, Duration elapsed = 100ms) { return search_plan(mine, theirs, elapsed, random); }
};

TEST_F(SearchPlanTest, ChoosesTheWayOfTheTableWhicheverSideAsks) {
  const auto expect = [&](Way way, const PortForecast& a, const PortForecast& b) {
    EXPECT_EQ(search_way(a, b), way) << word(a.kind) << " x " << word(b.kind);
    EXPECT_EQ(search_way(b, a), way) << word(b.kind) << " x " << word(a.kind);
    EXPECT_EQ(plan(a, b).way, way);
  };
  const auto block = block_of(1024, 1535), large_block = block_of(2048, 8191);
  expect(Way::plain, stable(), stable());
  expect(Way::sweep, stable(), stepping());
  expect(Way::birthday, stable(), random_ports());
  expect(Way::birthday, stable(), block);
  expect(Way::middle, stepping(), stepping());
  expect(Way::block, block, block);
  expect(Way::block, block, stepping());
  expect(Way::impossible, stepping(), random_ports());
  expect(Way::impossible, random_ports(), random_ports());
  expect(Way::impossible, block, random_ports());
  expect(Way::impossible, large_block, large_block);
  for (const auto& other : {stable(), stepping(), random_ports(), block, blocked(), unknown()}) {
    expect(Way::impossible, blocked(), other);
    expect(Way::impossible, unknown(), other);
  }
}

TEST_F(SearchPlanTest, TakesWhatWasNotMeasuredForStableIfAnEndpointIsKnown) {
  auto seen = stable();
  seen.kind = Kind::unknown;
  EXPECT_EQ(search_way(seen, stable()), Way::plain);
  EXPECT_EQ(search_way(random_ports(), seen), Way::birthday);
}

TEST_F(SearchPlanTest, AimsOneSocketAtAStablePort) {
  for (const auto& mine : {stable(), stepping()}) {
    const auto to_stable = plan(mine, at(stable(4700), right_address));
    EXPECT_EQ(to_stable.sockets, 1u);
    EXPECT_EQ(to_stable.towards, right_address);
    EXPECT_THAT(to_stable.aims, ::testing::ElementsAre(Port{4700}));
    EXPECT_EQ(to_stable.pace, 0ms);
  }
}

TEST_F(SearchPlanTest, SweepsTheNextPortFirst) {
  EXPECT_EQ(plan(stable(), stepping(20000, 1)).aims.front(), Port{20001});
  EXPECT_EQ(plan(stable(), stepping(20000, 4)).aims.front(), Port{20004});
  EXPECT_EQ(plan(stable(), stepping(20000, -2)).aims.front(), Port{19998});
  EXPECT_EQ(plan(stable(), stepping(20000, 1, 200), 100ms).aims.front(), Port{20021});
  EXPECT_EQ(plan(stable(), stepping(20000, 2, 200), 100ms).aims.front(), Port{20042});
  EXPECT_EQ(plan(stable(), stepping(65535, 1)).aims.front(), Port{1024}) << "a counter begins anew at the first port";
  EXPECT_EQ(plan(stable(), stepping(1024, -1)).aims.front(), Port{65535});
  EXPECT_EQ(plan(stable(), stepping(500, 1)).aims.front(), Port{501}) << "it does not keep to the usual range";
}

TEST_F(SearchPlanTest, SweepsAllOfTheNextContiguousPorts) {
  for (const int step : {1, -1}) {
    const auto aims = plan(stable(), stepping(20000, step)).aims;
    const std::set<Port> swept{aims.begin(), aims.end()};
    for (int i = 1; i <= 256; ++i) EXPECT_TRUE(swept.contains(Port{static_cast<std::uint16_t>(20000 + step * i)})) << i;
  }
  // What looks like a step of 6 may be one of 2 and two strangers.
  const auto aims = plan(stable(), stepping(20000, 6)).aims;
  const std::set<Port> swept{aims.begin(), aims.end()};
  for (int i = 1; i <= 64; ++i) EXPECT_TRUE(swept.contains(Port{static_cast<std::uint16_t>(20000 + i)})) << i;
  for (int i = 1; i <= 64; ++i) EXPECT_TRUE(swept.contains(Port{static_cast<std::uint16_t>(20000 + 6 * i)})) << i;
}

TEST_F(SearchPlanTest, ProbesNoPortTwiceAndKeepsToItsBounds) {
  std::vector<PortForecast> all{stable(), random_ports(), block_of(1, 3), block_of(5, 5), block_of(65000, 65535), block_of(1024, 9000)};
  for (const int step : {-64, -3, -2, -1, 1, 2, 3, 7, 64})
    for (const std::uint32_t strangers : {0u, 20u, 200u, 10'000u})
      for (const std::uint16_t last : std::initializer_list<std::uint16_t>{1, 1023, 1024, 30000, 65535}) all.push_back(stepping(last, step, strangers));
  for (const auto& mine : all)
    for (const auto& theirs : all)
      for (const auto elapsed : {Duration{-1h}, Duration{0s}, Duration{150ms}, Duration{24h}}) {
        const auto one = plan(mine, theirs, elapsed);
        EXPECT_EQ(one.sockets == 0, one.way == Way::impossible);
        EXPECT_EQ(one.aims.empty(), one.way == Way::impossible);
        EXPECT_LE(one.sockets, one.way == Way::block ? block_sockets : std::max(birthday_sockets, most_middle_sockets));
        EXPECT_LE(one.aims.size(), one.way == Way::birthday ? max_birthday_probes : swept_ports * 3 / 2);
        EXPECT_TRUE(one.sockets <= 1 || one.aims.size() <= 1) << "never many times many";
        EXPECT_TRUE(one.aims.size() <= 1 || one.pace >= 1ms) << "a thousand each second and no more";
        const std::set<Port> different{one.aims.begin(), one.aims.end()};
        EXPECT_EQ(different.size(), one.aims.size());
        EXPECT_FALSE(different.contains(Port{0}));
      }
}

TEST_F(SearchPlanTest, ProbesABlockBeforeWhatIsAroundIt) {
  const auto aims = plan(stable(), block_of(1024, 1535)).aims;
  ASSERT_GE(aims.size(), 512u);
  EXPECT_TRUE(std::all_of(aims.begin(), aims.begin() + 512, [](Port port) { return port.number >= 1024 && port.number <= 1535; }));
  EXPECT_GT(aims.size(), 512u);
  EXPECT_LE(aims.size(), 3u * 512u);
}

TEST_F(SearchPlanTest, ProbesInAnotherOrderEachTime) { EXPECT_NE(plan(stable(), random_ports()).aims, plan(stable(), random_ports()).aims); }

TEST_F(SearchPlanTest, TakesMoreSocketsWhereStrangersAreBusy) {
  EXPECT_EQ(plan(stepping(20000, 1, 0), stepping()).sockets, 64u);
  EXPECT_EQ(plan(stepping(20000, 1, 20), stepping()).sockets, 84u);
  EXPECT_EQ(plan(stepping(20000, 1, 9999), stepping()).sockets, 256u);
}

// Do both sides meet? A NAT that counts as its forecast says, filters by address and port, and gives every destination of every socket another port.

class CountingNat {
 public:
  CountingNat(PortForecast forecast, Random& random) : forecast_(forecast), last_(forecast.external.port.number), random_(random) { taken_.insert(last_); }

  /// What strangers take meanwhile.
  void pass(Duration time, double error) {
    const auto strangers = forecast_.strangers * std::chrono::duration<double>{time}.count() * error;
    if (forecast_.kind == Kind::stepping) for (int i = 0; i < static_cast<int>(strangers); ++i) step();
  }
  Port send(std::size_t socket, Port to) {
    if (forecast_.kind == Kind::stable) return open_.insert({forecast_.external.port, to}), forecast_.external.port;
    const auto [known, is_new] = mappings_.try_emplace({socket, to});
    if (is_new) known->second = next();
    open_.insert({known->second, to});
    return known->second;
  }
  bool lets_in(Port at, Port from) const { return open_.contains({at, from}); }

 private:
  Port next() {
    if (forecast_.kind == Kind::stepping) return Port{static_cast<std::uint16_t>(step())};
    const int width = forecast_.highest.number - forecast_.lowest.number + 1;
    if (taken_.size() >= static_cast<std::size_t>(width)) return Port{0};  // nothing left: it never leaves
    for (;;) {
      const int port = forecast_.lowest.number + static_cast<int>(random_.below(static_cast<std::uint64_t>(width)));
      if (taken_.insert(port).second) return Port{static_cast<std::uint16_t>(port)};
    }
  }
  int step() {
    last_ += forecast_.step;
    if (last_ > 65535) last_ -= 64512;
    if (last_ < 1024) last_ += 64512;
    return last_;
  }

  PortForecast forecast_;
  int last_;
  Random& random_;
  std::set<int> taken_;
  std::map<std::pair<std::size_t, Port>, Port> mappings_;
  std::set<std::pair<Port, Port>> open_;
};

bool both_meet(const PortForecast& left, const PortForecast& right, Random& random, double error = 1.0) {
  constexpr Duration age = 120ms;
  CountingNat at_left{left, random}, at_right{right, random};
  at_left.pass(age, error), at_right.pass(age, error);
  std::vector<std::pair<Port, Port>> from_left, from_right;
  const auto carry_out = [](const SearchPlan& plan, CountingNat& nat, auto& sent) {
    for (const auto aim : plan.aims)
      for (std::size_t socket = 0; socket < plan.sockets; ++socket) sent.emplace_back(nat.send(socket, aim), aim);
  };
  carry_out(search_plan(left, right, age, random), at_left, from_left);
  carry_out(search_plan(right, left, age, random), at_right, from_right);
  // Both sides' holes are there; all is sent again.
  return std::any_of(from_left.begin(), from_left.end(), [&](const auto& sent) { return at_right.lets_in(sent.second, sent.first); }) &&
         std::any_of(from_right.begin(), from_right.end(), [&](const auto& sent) { return at_left.lets_in(sent.second, sent.first); });
}

int meetings(int tries, const PortForecast& left, const PortForecast& right, double error = 1.0) {
  SeededRandom random{42};
  int met = 0;
  for (int i = 0; i < tries; ++i) met += both_meet(left, right, random, error) ? 1 : 0;
  return met;
}

TEST(SearchPlans, OfBothSidesMeetForSteppingNatsOfAllKinds) {
  for (const int step : {-7, -2, -1, 1, 2, 3, 4, 16, 64})
    for (const std::uint32_t strangers : {0u, 20u, 200u, 500u, 2500u})
      for (const std::uint16_t last : std::initializer_list<std::uint16_t>{1100, 30000, 65500}) {
        SCOPED_TRACE("step " + std::to_string(step) + ", strangers " + std::to_string(strangers) + ", last " + std::to_string(last));
        const auto nat = stepping(last, step, strangers);
        EXPECT_EQ(meetings(1, stable(), nat), 1);
        EXPECT_EQ(meetings(1, nat, stable()), 1);
        EXPECT_EQ(meetings(1, nat, stepping(5000, 1)), 1);
        EXPECT_EQ(meetings(1, stepping(5000, 2, 100), nat), 1);
      }
}

TEST(SearchPlans, MeetEvenIfStrangersAreHalfAsManyOrTwiceAsMany) {
  for (const double error : {0.5, 2.0})
    for (const std::uint32_t strangers : {20u, 200u, 500u})
      for (const int step : {1, 2, -1}) {
        SCOPED_TRACE(std::to_string(strangers) + " strangers and an error of " + std::to_string(error) + ", step " + std::to_string(step));
        const auto busy = stepping(20000, step, strangers);
        EXPECT_EQ(meetings(1, stable(), busy, error), 1);
        EXPECT_EQ(meetings(1, busy, busy, error), 1);
      }
}

TEST(SearchPlans, SweepFindsAStepThatWasTakenForAMultipleOfIt) {
  // Two samples, and a stranger between them: a step of 4 was seen where it is 2.
  SeededRandom random{1};
  auto seen = stepping(20000, 4);
  const auto sweep = search_plan(stable(), seen, 100ms, random);
  for (int taken = 1; taken <= 20; ++taken) EXPECT_THAT(sweep.aims, ::testing::Contains(Port{static_cast<std::uint16_t>(20000 + 2 * taken)}));
}

TEST(SearchPlans, BirthdayMeetsAsOftenAsArithmeticSays) {
  // 1-(1-256/64512)^2048 = 99.97 %
  EXPECT_GE(meetings(60, stable(), random_ports()), 59);
  EXPECT_GE(meetings(60, random_ports(), stable()), 59);
}

TEST(SearchPlans, FindAPortOfASmallBlock) {
  const auto block = block_of(1024, 1535);
  EXPECT_EQ(meetings(20, stable(), block), 20);
  EXPECT_GE(meetings(20, block, block), 18) << "all of both blocks is taken: a miss needs an aim that was taken before";
  EXPECT_GE(meetings(20, block, stepping()), 18);
  EXPECT_GE(meetings(20, stepping(30000, 2, 50), block), 18);
  const auto twice = block_of(1024, 2047);
  const int met = meetings(200, twice, twice);  // a half of each: 25 %
  EXPECT_GE(met, 30);
  EXPECT_LE(met, 75);
}

TEST(SearchPlans, HaveWords) {
  EXPECT_EQ(word(Way::plain), "plain");
  EXPECT_EQ(word(Way::sweep), "sweep");
  EXPECT_EQ(word(Way::middle), "middle");
  EXPECT_EQ(word(Way::birthday), "birthday");
  EXPECT_EQ(word(Way::block), "block");
  EXPECT_EQ(word(Way::impossible), "impossible");
}

}  // namespace
}  // namespace pshare
