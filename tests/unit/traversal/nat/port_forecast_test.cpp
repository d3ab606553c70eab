// What a few mappings of a NAT say about its next ones.
#include "traversal/nat/port_forecast.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "wire/random.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using Kind = PortForecast::Kind;

constexpr TimePoint start{};

Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }
const Endpoint primary = endpoint("81.2.69.10:4700"), alternate = endpoint("81.2.69.10:4701");
Endpoint outside(int port) { return {endpoint("81.2.70.2:1").address, Port{static_cast<std::uint16_t>(port)}}; }

/// The volleys that the header asks for: two destinations each from local ports 40001 and 40002 at once, and from 40003 after a pause.
std::vector<PortSample> volleys(const std::vector<int>& external_ports, Duration pause = pause_between_volleys) {
  std::vector<PortSample> samples;
  for (std::size_t i = 0; i < external_ports.size(); ++i)
    samples.push_back({.sent = start + (i < 4 ? 0us : 0us + pause) + i * 10us,
                       .local = Port{static_cast<std::uint16_t>(40'001 + i / 2)},
                       .destination = i % 2 == 0 ? primary : alternate,
                       .external = outside(external_ports[i])});
  return samples;
}

PortForecast forecast_of(const std::vector<int>& external_ports) { return forecast_ports(volleys(external_ports)); }

TEST(PortForecast, IsBlockedWhenNothingCameBack) { EXPECT_EQ(forecast_ports({}).kind, Kind::blocked); }

TEST(PortForecast, IsStableWhenTwoDestinationsSeeTheSameOfOneSocket) {
  const auto forecast = forecast_of({5000, 5000});
  EXPECT_EQ(forecast.kind, Kind::stable);
  EXPECT_EQ(forecast.external, outside(5000));
}

TEST(PortForecast, IsStableThoughEachSocketHasAPortOfItsOwn) {
  const auto forecast = forecast_of({5000, 5000, 61234, 61234, 1077, 1077});
  EXPECT_EQ(forecast.kind, Kind::stable);
  EXPECT_EQ(forecast.external, outside(5000));
}

TEST(PortForecast, IsUnknownFromOneDestinationAloneUnlessTheNatKeepsPortNumbers) {
  auto one = volleys({5000});
  EXPECT_EQ(forecast_ports(one).kind, Kind::unknown);
  EXPECT_EQ(forecast_ports(one).external, outside(5000));
  one.front().external = outside(40'001);
  EXPECT_EQ(forecast_ports(one).kind, Kind::stable);
  EXPECT_EQ(forecast_ports(one).external, outside(40'001));
}

TEST(PortForecast, DoesNotTakeFreshPortsToOneDestinationForANewPortPerDestination) {
  // Two local ports have two external ones: that is what every NAT does.
  auto samples = volleys({5000, 5001});
  samples[1].local = Port{40'002};
  samples[1].destination = primary;
  EXPECT_EQ(forecast_ports(samples).kind, Kind::unknown);
}

TEST(PortForecast, FindsTheStep) {
  for (const int step : {1, 2, 3, 16, 64, -1, -2, -64}) {
    const auto forecast = forecast_of({30'000, 30'000 + step, 30'000 + 2 * step, 30'000 + 3 * step, 30'000 + 4 * step, 30'000 + 5 * step});
    EXPECT_EQ(forecast.kind, Kind::stepping) << step;
    EXPECT_EQ(forecast.step, step);
    EXPECT_EQ(forecast.external, outside(30'000 + 5 * step));
    EXPECT_EQ(forecast.strangers, 0u);
  }
}

TEST(PortForecast, IsRandomWhenTheStepIsLongerThanAnyBelieved) {
  const int step = longest_port_step + 1;
  EXPECT_EQ(forecast_of({30'000, 30'000 + step, 30'000 + 2 * step, 30'000 + 3 * step, 30'000 + 4 * step, 30'000 + 5 * step}).kind, Kind::random);
}

TEST(PortForecast, CountsWhatStrangersTakeInThePause) {
  // 200 ports a second are 12 in 60 ms; with a step of two each takes two.
  const auto one = forecast_of({5000, 5001, 5002, 5003, 5016, 5017});
  EXPECT_EQ(one.kind, Kind::stepping);
  EXPECT_NEAR(one.strangers, 200, 2);
  EXPECT_EQ(one.external, outside(5017));
  const auto two = forecast_of({5000, 5002, 5004, 5006, 5032, 5034});
  EXPECT_EQ(two.step, 2);
  EXPECT_NEAR(two.strangers, 200, 2);
}

TEST(PortForecast, FindsTheStepThoughAStrangerCameInBetween) {
  EXPECT_EQ(forecast_of({5000, 5002, 5006, 5008, 5022, 5024}).step, 2);
}

TEST(PortForecast, FindsTheStepThoughAnswersWereLost) {
  auto samples = volleys({5000, 5003, 5006, 5009, 5012, 5015});
  samples.erase(samples.begin() + 1);
  const auto forecast = forecast_ports(samples);
  EXPECT_EQ(forecast.kind, Kind::stepping);
  EXPECT_EQ(forecast.step, 3);
}

TEST(PortForecast, LeavesAsideWhatMayHaveComeOutOfTurn) {
  auto samples = volleys({5000, 5009, 5001, 5002, 5003, 5004});  // the second went out again 100 ms later
  EXPECT_EQ(forecast_ports(samples).kind, Kind::random);
  samples[1].repeated = true;
  const auto forecast = forecast_ports(samples);
  EXPECT_EQ(forecast.kind, Kind::stepping);
  EXPECT_EQ(forecast.step, 1);
  EXPECT_EQ(forecast.external, outside(5009)) << "what was given cannot be given again";
}

TEST(PortForecast, GoesByWhenTheyWereSentNotByWhenTheyCame) {
  auto samples = volleys({5000, 5002, 5004, 5006, 5008, 5010});
  std::swap(samples[0], samples[5]);
  std::swap(samples[1], samples[3]);
  EXPECT_EQ(forecast_ports(samples).step, 2);
}

TEST(PortForecast, StepsOnPastTheEndOfTheRange) {
  const auto up = forecast_of({65'533, 65'534, 65'535, 1024, 1025, 1026});
  EXPECT_EQ(up.kind, Kind::stepping);
  EXPECT_EQ(up.step, 1);
  EXPECT_EQ(up.external, outside(1026));
  const auto down = forecast_of({1026, 1025, 1024, 65'535, 65'534, 65'533});
  EXPECT_EQ(down.step, -1);
  EXPECT_EQ(down.external, outside(65'533));
}

TEST(PortForecast, IsRandomWhenPortsDoNotFollowEachOther) {
  const auto forecast = forecast_of({5000, 41'000, 17'230, 60'110, 2200, 33'003});
  EXPECT_EQ(forecast.kind, Kind::random);
  EXPECT_EQ(forecast.lowest, lowest_nat_port);
  EXPECT_EQ(forecast.highest, highest_nat_port);
  EXPECT_EQ(forecast.external, outside(33'003));
}

TEST(PortForecast, IsRandomWhenSmallStepsHaveNothingInCommon) {
  EXPECT_EQ(forecast_of({5000, 5037, 5049, 5054, 5090, 5101}).kind, Kind::random);
  EXPECT_EQ(forecast_of({5000, 5004, 5010, 5014, 5020, 5026}).kind, Kind::random) << "all even, but never two";
}

TEST(PortForecast, IsRandomWhenStrangersWouldHaveToBeMoreThanBelieved) {
  EXPECT_EQ(forecast_of({5000, 5001, 5002, 5003, 5103, 5104}).kind, Kind::stepping);
  EXPECT_EQ(forecast_of({5000, 5001, 5002, 5003, 5503, 5504}).kind, Kind::random);
}

TEST(PortForecast, KnowsASmallBlockFromFourPortsOn) {
  const auto forecast = forecast_of({2070, 2510, 2200, 2077, 2333, 2150});
  EXPECT_EQ(forecast.kind, Kind::random);
  EXPECT_EQ(forecast.lowest, Port{2048});
  EXPECT_EQ(forecast.highest, Port{2559});
  const auto closer = forecast_of({2070, 2200, 2110, 2077, 2190, 2150});  // by chance all in its first half
  EXPECT_EQ(closer.lowest, Port{2048});
  EXPECT_EQ(closer.highest, Port{2559});
}

TEST(PortForecast, GuessesABlockFromFewerPortsOnlyIfTheyLieCloseTogether) {
  const auto close = forecast_of({2070, 2510, 2200});
  EXPECT_EQ(close.lowest, Port{2048});
  EXPECT_EQ(close.highest, Port{2559});
  for (const auto& ports : {std::vector{2070, 2582, 2200}, {2070, 2582}}) {
    EXPECT_EQ(forecast_of(ports).lowest, lowest_nat_port);
    EXPECT_EQ(forecast_of(ports).highest, highest_nat_port);
  }
}

TEST(PortForecast, TakesABlockThatBeginsAnywhereGenerously) {
  const auto forecast = forecast_of({32'500, 33'010, 32'700, 32'590, 32'900, 32'640});  // on both sides of 32768
  EXPECT_EQ(forecast.lowest, Port{32'244});
  EXPECT_EQ(forecast.highest, Port{33'266});
}

TEST(PortForecast, KeepsABlockAtTheEdgeWithinThePortsThereAre) {
  const auto low = forecast_of({1030, 1500, 1200, 1111, 1400, 1333});
  EXPECT_EQ(low.lowest, lowest_nat_port);
  const auto high = forecast_of({65'030, 65'500, 65'200, 65'111, 65'400, 65'333});
  EXPECT_EQ(high.highest, highest_nat_port);
  EXPECT_EQ(high.lowest, Port{65'024});
}

TEST(PortForecast, BelievesInPortsBelow1024OnceOneWasSeen) {
  EXPECT_EQ(forecast_of({700, 41'000, 17'230, 60'110, 2200, 33'003}).lowest, Port{1});
}

TEST(PortForecast, TakesTwoNeighbourPortsForAFirstGuess) {
  EXPECT_EQ(forecast_of({5000, 5001}).kind, Kind::stepping);
  EXPECT_EQ(forecast_of({5000, 50'001}).kind, Kind::random);
  auto later = volleys({5000, 5003});
  later[1].sent += 50ms;
  EXPECT_EQ(forecast_ports(later), (PortForecast{.kind = Kind::stepping, .external = outside(5003), .step = 3}));
}

TEST(PortForecast, HardlyEverTakesAPortByChanceForAStep) {
  SeededRandom random{20'261'121};
  const auto share_of_random = [&](int lowest, int width) {
    int rightly = 0;
    for (int run = 0; run < 2000; ++run) {
      std::vector<int> ports;
      for (int i = 0; i < 6; ++i) ports.push_back(lowest + static_cast<int>(random.below(static_cast<std::uint64_t>(width))));
      rightly += forecast_of(ports).kind == Kind::random ? 1 : 0;
    }
    return rightly / 2000.0;
  };
  EXPECT_EQ(share_of_random(1024, 64'512), 1.0);
  EXPECT_GE(share_of_random(2048, 512), 0.998);
}

TEST(PortForecast, EncodesToWhatThePeerUnderstands) {
  for (const auto& ports : {std::vector{5000, 5000}, {5000, 5001, 5002, 5003, 5016, 5017}, {2070, 2510, 2200, 2077}, {700, 41'000, 17'230, 60'110}}) {
    const auto forecast = forecast_of(ports);
    EXPECT_EQ(forecast_from(encode(forecast)), forecast);
  }
}

}  // namespace
}  // namespace pshare
