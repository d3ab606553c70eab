// How long idle mappings live, where the network does what no simulated one does. NATs: sim_nat.
#include "traversal/nat/mapping_lifetime.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drained.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::drained;

static_assert(Core<LifetimeMeasurement>);

constexpr TimePoint start{1h};
const Endpoint server = Endpoint::parse("81.2.69.10:4700").value();

/// Answers everything at once but what is asked for the mappings of `dead`.
std::optional<MappingLifetime> measured(const std::vector<Duration>& waits, const std::vector<std::size_t>& dead) {
  SeededRandom random{1};
  LifetimeMeasurement core{waits, server, {}, random, start};
  auto now = start;
  for (int step = 0; step < 1000; ++step) {
    for (const auto& action : drained(core)) {
      if (const auto* end = std::get_if<LifetimeMeasurement::Measured>(&action)) return end->lifetime;
      const auto& send = std::get<LifetimeMeasurement::Send>(action);
      const auto request = decode_stun(send.bytes).value().message;
      StunMessage answer{.kind = StunClass::success, .id = request.id};
      const auto socket = request.response_port ? std::size_t{request.response_port->number - 5000u} : send.socket;
      if (request.response_port && std::ranges::find(dead, socket) != dead.end()) continue;
      answer.xor_mapped_address = Endpoint{Endpoint::parse("81.2.70.2:1").value().address, Port{static_cast<std::uint16_t>(5000 + socket)}};
      EXPECT_TRUE(core.arrived(socket, server, {.message = answer}, now));
    }
    const auto due = core.deadline();
    if (!due) continue;
    now = *due;
    core.expire(now);
  }
  ADD_FAILURE() << "it never ends";
  return std::nullopt;
}

TEST(LifetimeMeasurement, LiesBetweenTheLongestThatLivesAndTheNextThatDoesNot) {
  EXPECT_EQ(measured({10s, 20s, 30s}, {3}), (MappingLifetime{.at_least = 20s, .less_than = 30s}));
  EXPECT_EQ(measured({10s, 20s, 30s}, {}), (MappingLifetime{.at_least = 30s, .less_than = std::nullopt}));
  EXPECT_EQ(measured({10s, 20s, 30s}, {1, 2, 3}), (MappingLifetime{.at_least = 0s, .less_than = 10s}));
}

TEST(LifetimeMeasurement, BelievesALongerOneThatLivesMoreThanAShorterOneThatIsSilent) {
  EXPECT_EQ(measured({10s, 20s, 30s}, {1}), (MappingLifetime{.at_least = 30s, .less_than = std::nullopt}));
  EXPECT_EQ(measured({10s, 20s, 30s}, {1, 3}), (MappingLifetime{.at_least = 20s, .less_than = 30s}));
}

TEST(LifetimeMeasurement, IsOverAtOnceWithNothingToTry) { EXPECT_EQ(measured({}, {}), std::nullopt); }

TEST(LifetimeMeasurement, TriesWhatTheLimitAllows) {
  EXPECT_THAT(lifetimes_to_try(30s), ElementsAre(10s, 20s, 28s));
  EXPECT_TRUE(lifetimes_to_try(9s).empty());
}

}  // namespace
}  // namespace pshare
