// The world as a whole: textbook punching between all pairs of site kinds connects those, and only those, that NATs allow by the rules
// of RFC 4787 and 5382. Real kernels with the same traffic agreed: 30 of 55 pairs over UDP, 37 over TCP.
#include <gtest/gtest.h>

#include "network/nat_presets.hpp"
#include "network/site_kinds.hpp"
#include "textbook_punch.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

constexpr Port introducer_port{4700};

/// What the chain of gateways of a site comes to.
struct Axes {
  Dependence mapping = Dependence::endpoint_independent, filtering = Dependence::endpoint_independent;
};

Axes axes_of(const SiteKind& kind) {
  Axes axes;
  for (const auto preset : {kind.home, kind.carrier}) {
    if (preset.empty()) continue;
    const auto behaviour = nat_preset(preset).value();
    axes.mapping = std::max(axes.mapping, behaviour.udp.mapping);
    axes.filtering = std::max(axes.filtering, behaviour.udp.filtering);
  }
  return axes;
}

/// A side whose mapping depends on the peer leaves from a port that the other was not told: the other's filter must not look at ports. Two
/// such sides: neither is where the other knocks.
bool can_be_punched(const SiteKind& a, const SiteKind& b) {
  const auto left = axes_of(a), right = axes_of(b);
  const auto stays_put = [](const Axes& axes) { return axes.mapping == Dependence::endpoint_independent; };
  const auto minds_ports = [](const Axes& axes) { return axes.filtering == Dependence::address_and_port_dependent; };
  if (stays_put(left) && stays_put(right)) return true;
  if (!stays_put(left) && !stays_put(right)) return false;
  return !minds_ports(stays_put(left) ? left : right);
}

struct PairWorld {
  explicit PairWorld(Seed seed, const SiteKind& a, const SiteKind& b)
      : world(seed),
        internet(world),
        server(internet.add_server("server", {"81.2.69.10"})),
        left(add_site(internet, a, "left")),
        right(add_site(internet, b, "right")),
        introducer(server, introducer_port) {}
  Endpoint meeting_point() const { return introducer.at(server.addresses().front().address); }

  World world;
  Internet internet;
  Machine& server;
  Machine& left;
  Machine& right;
  Introducer introducer;
};

template <typename Try>
int count_connected(Try attempt) {
  int connected = 0;
  for (std::size_t a = 0; a < site_kinds.size(); ++a)
    for (std::size_t b = a; b < site_kinds.size(); ++b) connected += attempt(site_kinds[a], site_kinds[b]) ? 1 : 0;
  return connected;
}

TEST(TextbookPunching, OverUdpConnectsThePairsThatTheRulesAllowInBothOrders) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for (const auto& a : site_kinds)
      for (const auto& b : site_kinds) {
        SCOPED_TRACE(std::string{a.name} + " x " + std::string{b.name} + ", seed " + std::to_string(seed));
        PairWorld pair{{seed}, a, b};
        const auto times = punch_udp(pair.world, pair.left, pair.right, pair.meeting_point());
        EXPECT_EQ(times.connected(), can_be_punched(a, b) && a.lets_udp_out && b.lets_udp_out);
      }
}

TEST(TextbookPunching, OverTcpConnectsThePairsThatTheRulesAllowInBothOrders) {
  for (const auto& a : site_kinds)
    for (const auto& b : site_kinds) {
      SCOPED_TRACE(std::string{a.name} + " x " + std::string{b.name} + ", seed 1");
      PairWorld pair{{1}, a, b};
      EXPECT_EQ(punch_tcp(pair.world, pair.left, pair.right, pair.meeting_point()).connected(), can_be_punched(a, b));
    }
}

TEST(TextbookPunching, ConnectsAsManyPairsAsRealKernelsDid) {
  const auto over_udp = [](const SiteKind& a, const SiteKind& b) {
    PairWorld pair{{7}, a, b};
    return punch_udp(pair.world, pair.left, pair.right, pair.meeting_point()).connected();
  };
  const auto over_tcp = [](const SiteKind& a, const SiteKind& b) {
    PairWorld pair{{7}, a, b};
    return punch_tcp(pair.world, pair.left, pair.right, pair.meeting_point()).connected();
  };
  EXPECT_EQ(count_connected(over_udp), 30);
  EXPECT_EQ(count_connected(over_tcp), 37);
}

TEST(TextbookPunching, TakesTheRoundTripsThatItMust) {
  const auto &port_restricted = site_kinds[3];
  PairWorld pair{{1}, port_restricted, port_restricted};
  const auto times = punch_udp(pair.world, pair.left, pair.right, pair.meeting_point());
  ASSERT_TRUE(times.connected());
  // STUN and the introduction are a round trip to the server each, 50 ms; knock and answer one between the peers, 80 ms. Cables in the
  // houses add 0.1 ms for each of two on every way. Both begin at once, so their knocks cross and each passes the other's filter.
  EXPECT_EQ(*times.left, 50ms + 50ms + 80ms + 2 * 2 * 0.2ms + 2 * 2 * 0.2ms);
  EXPECT_EQ(times.left, times.right);
}

TEST(TextbookPunching, IsTheSameRunForTheSameSeed) {
  const auto times = [](std::uint64_t seed) {
    World world{{seed}};
    Internet internet{world};
    auto& server = internet.add_server("server", {"81.2.69.10"});
    Introducer introducer{server, introducer_port};
    const AccessLine line{.more = {.jitter = 30ms, .loss = 0.1}};  // to the nanosecond: any other draw shows
    auto& left = add_site(internet, site_kinds[7], "left", line);
    auto& right = add_site(internet, site_kinds[2], "right", line);
    const auto punched = punch_udp(world, left, right, introducer.at(server.addresses().front().address), 1min);
    return std::tuple{world.events().steps(), world.now(), punched.left, punched.right};
  };
  EXPECT_EQ(times(11), times(11));
  EXPECT_NE(times(11), times(12));
}

TEST(TextbookPunching, SurvivesLossAndJitterByKnockingAgain) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    World world{{seed}};
    Internet internet{world};
    auto& server = internet.add_server("server", {"81.2.69.10"});
    Introducer introducer{server, introducer_port};
    const AccessLine bad{.more = {.jitter = 30ms, .loss = 0.05, .bursts_every = 2s, .burst_lasts = 200ms}};
    auto& left = add_site(internet, site_kinds[3], "left", bad);
    auto& right = add_site(internet, site_kinds[4], "right", bad);
    EXPECT_TRUE(punch_udp(world, left, right, introducer.at(server.addresses().front().address), 2min).connected()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pshare::sim
