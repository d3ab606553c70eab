// UDP punching between all kinds of places, with pshare's core on both sides: which pairs connect and how soon, and the traps that it has to get by.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "network/nat_presets.hpp"
#include "punching/udp_pair.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

double in_ms(Duration duration) { return std::chrono::duration<double, std::milli>{duration}.count(); }

NatBehaviour preset(std::string_view name) { return nat_preset(name).value(); }

/// What UDP can do by the rules, whatever it takes.
bool udp_can(const SiteKind& a, const SiteKind& b) {
  if (!a.lets_udp_out || !b.lets_udp_out) return false;
  const auto is_random = [](const SiteKind& kind) { return kind.name == "masq-rnd" || kind.name == "sym-rnd"; };
  const auto is_hard = [&](const SiteKind& kind) { return is_random(kind) || kind.name == "sym-seq"; };
  return !((is_random(a) && is_hard(b)) || (is_random(b) && is_hard(a)));
}

template <typename Call>
void for_each_pair(Call call) {
  for (std::size_t a = 0; a < site_kinds.size(); ++a)
    for (std::size_t b = a; b < site_kinds.size(); ++b) call(site_kinds[a], site_kinds[b]);
}

/// How long the pairs took that were connected.
class Times {
 public:
  void note(const UdpOutcome& outcome) { times_.push_back(outcome.reached); }
  Duration median() { return at(times_.size() / 2); }
  Duration longest() { return at(times_.size() - 1); }
  std::size_t count() const { return times_.size(); }
  void print(const std::string& what) {
    if (times_.empty()) return;
    std::printf("%-60s %3zu: reached after %4.0f ms (median), %4.0f ms (longest)\n", what.c_str(), count(), in_ms(median()), in_ms(longest()));
  }

 private:
  Duration at(std::size_t index) {
    std::ranges::sort(times_);
    return times_.at(index);
  }
  std::vector<Duration> times_;
};

/// The same two NATs with one seed after the other. Gives how many of them connected.
std::size_t connected(const std::string& what, const NatBehaviour& left, const NatBehaviour& right, int seeds, UdpPair::Settings settings = {}, AccessLine line = {}) {
  Times times;
  for (int seed = 1; seed <= seeds; ++seed) {
    UdpPair pair{{static_cast<std::uint64_t>(seed)}};
    auto& left_machine = pair.behind(left, "left", line);
    auto& right_machine = pair.behind(right, "right", line);
    pair.world.events().run_to(pair.world.now() + Duration{1ms} * pair.world.random().below(1000));  // strangers go on meanwhile
    pair.put(left_machine, right_machine, settings);
    const auto outcome = pair.climb();
    if (outcome.connected) times.note(outcome);
  }
  times.print(what);
  return times.count();
}

// All pairs.

TEST(UdpPunching, ConnectsAllFortyPairsThatUdpCanAndNoOthersInBothOrders) {
  for (const bool swapped : {false, true}) {
    int count = 0;
    Times plain, searched;
    for_each_pair([&](const SiteKind& a, const SiteKind& b) {
      const auto &left = swapped ? b : a, &right = swapped ? a : b;
      SCOPED_TRACE(std::string{left.name} + " x " + std::string{right.name});
      UdpPair pair{{1}};
      pair.put(left, right, {});
      const auto outcome = pair.climb();
      EXPECT_EQ(outcome.connected, udp_can(left, right));
      EXPECT_TRUE(outcome.connected || outcome.failed);
      if (!outcome.connected) return;
      ++count;
      (outcome.measured_rounds == 0 ? plain : searched).note(outcome);
      if (outcome.measured_rounds == 0) {
        EXPECT_LE(outcome.settled, 200ms) << "a round trip of 80 ms, the openers' lead, and another round trip for what stands for QUIC";
      } else {
        EXPECT_LE(outcome.settled, 1500ms);
      }
    });
    EXPECT_EQ(count, 40);
    plain.print("all pairs, without search");
    searched.print("all pairs, with a search or beside one");
  }
}

TEST(UdpPunching, ConnectsThemWhateverTheSeed) {
  Times times;
  for (std::uint64_t seed = 2; seed <= 9; ++seed)
    for_each_pair([&](const SiteKind& a, const SiteKind& b) {
      if (!udp_can(a, b)) return;
      SCOPED_TRACE(std::string{a.name} + " x " + std::string{b.name} + ", seed " + std::to_string(seed));
      UdpPair pair{{seed}};
      pair.put(a, b, {});
      const auto outcome = pair.climb();
      EXPECT_TRUE(outcome.connected);
      times.note(outcome);
    });
  times.print("all pairs, eight seeds");
}

TEST(UdpPunching, ConnectsThemWhenOneSideBeginsLate) {
  for (const auto skew : {Duration{-150ms}, Duration{150ms}}) {
    Times times;
    for_each_pair([&](const SiteKind& a, const SiteKind& b) {
      if (!udp_can(a, b)) return;
      SCOPED_TRACE(std::string{a.name} + " x " + std::string{b.name} + ", skew " + std::to_string(in_ms(skew)));
      UdpPair pair{{1}};
      pair.put(a, b, {.skew = skew});
      const auto outcome = pair.climb();
      EXPECT_TRUE(outcome.connected);
      times.note(outcome);
    });
    times.print("all pairs, right late by " + std::to_string(static_cast<int>(in_ms(skew))) + " ms");
  }
}

TEST(UdpPunching, ConnectsThemWhenPacketsAreLost) {
  Times times;
  AccessLine lossy;
  lossy.more.loss = 0.05;
  lossy.more.jitter = 5ms;
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for_each_pair([&](const SiteKind& a, const SiteKind& b) {
      if (!udp_can(a, b)) return;
      SCOPED_TRACE(std::string{a.name} + " x " + std::string{b.name} + ", seed " + std::to_string(seed));
      UdpPair pair{{seed}};
      pair.put(a, b, {}, lossy);
      const auto outcome = pair.climb();
      EXPECT_TRUE(outcome.connected);
      if (outcome.connected) times.note(outcome);
    });
  times.print("all pairs, 5 % loss on each line, 5 ms of jitter");
}

TEST(UdpPunching, IsTheSameRunForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    UdpPair pair{{seed}};
    pair.put(site_kinds[3], site_kinds[7], {});
    const auto outcome = pair.climb();
    return std::tuple{outcome.reached, outcome.settled, outcome.packets, pair.world.events().steps()};
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

// Hard NATs.

TEST(UdpPunching, SweepsPastStrangersAndOtherSteps) {
  for (const double strangers : {0.0, 20.0, 200.0, 1000.0})
    for (const unsigned step : {1u, 2u, 4u}) {
      auto stepping = preset("sym-seq");
      stepping.other_traffic = strangers;
      stepping.port_step = step;
      const auto what = "step " + std::to_string(step) + ", " + std::to_string(static_cast<int>(strangers)) + " strangers a second";
      EXPECT_EQ(connected("sweep: " + what, preset("masq"), stepping, 10), 10u) << what;
      EXPECT_EQ(connected("middle: " + what, stepping, stepping, 10), 10u) << what;
      EXPECT_EQ(connected("middle, one side quiet: " + what, preset("sym-seq"), stepping, 10), 10u) << what;
    }
}

TEST(UdpPunching, SweepsPastStrangersBehindACarrier) {
  auto carrier = preset("sym-seq");
  carrier.other_traffic = 200;
  Times times;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    UdpPair pair{{seed}};
    auto& home = pair.internet.add_lan_behind(pair.internet.add_carrier("carrier", carrier), "left", preset("masq"));
    auto& left = pair.internet.add_machine(home, "left");
    pair.put(left, pair.behind(preset("port-restricted"), "right"), {});
    const auto outcome = pair.climb();
    EXPECT_TRUE(outcome.connected) << "seed " << seed;
    if (outcome.connected) times.note(outcome);
  }
  times.print("sweep: a home behind a stepping carrier, 200 strangers");
}

TEST(UdpPunching, FindsRandomPortsByBirthday) {
  EXPECT_EQ(connected("birthday: masq x masq-rnd", preset("masq"), preset("masq-rnd"), 30), 30u);
  EXPECT_EQ(connected("birthday: sym-rnd x port-restricted", preset("sym-rnd"), preset("port-restricted"), 30), 30u);
}

TEST(UdpPunching, FindsAPortOfACustomersBlock) {
  const auto block = preset("cgn-block");
  for (const auto name : {"full-cone", "address-restricted", "port-restricted", "masq"}) EXPECT_EQ(connected(std::string{"block x "} + name, block, preset(name), 10), 10u) << name;
  // The aim may be a port that the peer has in use: a few of 512.
  EXPECT_GE(connected("block x block", block, block, 40), 37u);
  EXPECT_GE(connected("block x sym-seq", block, preset("sym-seq"), 40), 37u);
  EXPECT_EQ(connected("block x sym-rnd", block, preset("sym-rnd"), 3), 0u) << "a relay's business";
}

// Nearer ways.

TEST(UdpPunching, FindsTheNeighbourOnTheSameLan) {
  UdpPair pair{{1}};
  auto& lan = pair.internet.add_lan("home", preset("masq"));
  auto& left = pair.internet.add_machine(lan, "left");
  auto& right = pair.internet.add_machine(lan, "right");
  pair.put(left, right, {});
  const auto outcome = pair.climb();
  ASSERT_TRUE(outcome.connected);
  EXPECT_EQ(outcome.tier, Tier::direct);
  EXPECT_LE(outcome.settled, 5ms) << "no openers there";
}

TEST(UdpPunching, IsNotConfusedByTheSameSubnetOnBothSides) {
  UdpPair pair{{1}};
  pair.internet.next_subnet(1);
  auto& left = pair.behind(preset("masq"), "left");
  pair.internet.next_subnet(1);
  auto& right = pair.behind(preset("port-restricted"), "right");
  ASSERT_EQ(left.addresses().front(), right.addresses().front());
  pair.put(left, right, {});
  const auto outcome = pair.climb();
  ASSERT_TRUE(outcome.connected);
  EXPECT_EQ(outcome.tier, Tier::punched);
}

struct BehindOneCarrier {
  explicit BehindOneCarrier(Hairpinning hairpinning) {
    auto behaviour = preset("port-restricted");
    behaviour.hairpinning = hairpinning;
    auto& carrier = pair.internet.add_carrier("carrier", behaviour);
    left_home = &pair.internet.add_lan_behind(carrier, "left", preset("masq"));
    right_home = &pair.internet.add_lan_behind(carrier, "right", preset("masq"));
    auto& left = pair.internet.add_machine(*left_home, "left");
    auto& right = pair.internet.add_machine(*right_home, "right");
    pair.put(left, right, {.measured_rounds = 1});
  }
  UdpPair pair{{1}};
  Lan *left_home = nullptr, *right_home = nullptr;
};

TEST(UdpPunching, PunchesTheHairpinOfACommonCarrier) {
  EXPECT_TRUE(BehindOneCarrier{Hairpinning::external_source}.pair.climb().connected);
  EXPECT_FALSE(BehindOneCarrier{Hairpinning::none}.pair.climb().connected);
}

TEST(UdpPunching, MeetsInsideACommonCarrierThatDoesNotHairpin) {
  BehindOneCarrier town{Hairpinning::none};
  town.pair.left->also_at(town.left_home->gateway->external_address(), Tier::punched);
  town.pair.right->also_at(town.right_home->gateway->external_address(), Tier::punched);
  const auto outcome = town.pair.climb();
  EXPECT_TRUE(outcome.connected);
  EXPECT_LE(outcome.settled, 50ms);
}

TEST(UdpPunching, OpensIpv6FirewallsOnBothSides) {
  UdpPair pair{{1}};
  auto& left_lan = pair.internet.add_lan("left", preset("sym-rnd"));
  auto& right_lan = pair.internet.add_lan("right", preset("sym-rnd"));
  pair.internet.give_ipv6(left_lan), pair.internet.give_ipv6(right_lan);
  auto& left = pair.internet.add_machine(left_lan, "left");
  auto& right = pair.internet.add_machine(right_lan, "right");
  pair.put(left, right, {});
  const auto outcome = pair.climb();
  ASSERT_TRUE(outcome.connected) << "however bad their NATs are for IPv4";
  EXPECT_EQ(outcome.tier, Tier::direct);
  EXPECT_TRUE(pair.left->reached()->remote.address.is_v6());
  EXPECT_LE(outcome.settled, 250ms);
}

// Traps. Each goes wrong without what is done against it.

/// Linux without a firewall: what arrives early takes the port away.
NatBehaviour open_linux() {
  auto behaviour = preset("masq");
  behaviour.early_packet_claims_port = 30s;
  return behaviour;
}

TEST(EarlyPacket, SpoilsThePortOfAnOpenLinuxRouterUnlessOpenersCameBefore) {
  // The router's side begins 50 ms late: a check that the other sends at once is there after 40.
  const auto tries = [](bool openers) {
    return connected(openers ? "open Linux router, late by 50 ms" : "the same without openers", preset("port-restricted"), open_linux(), 5,
                     {.skew = 50ms, .openers = openers, .measured_rounds = 0});
  };
  EXPECT_EQ(tries(false), 0u);
  EXPECT_EQ(tries(true), 5u);
}

TEST(EarlyPacket, IsCuredByNewSocketsAndMoreTimeForOpeners) {
  for (const auto skew : {Duration{150ms}, Duration{-150ms}}) {
    EXPECT_EQ(connected("open Linux routers, late by 150 ms, one round", open_linux(), open_linux(), 3, {.skew = skew, .measured_rounds = 0}), 0u);
    EXPECT_EQ(connected("open Linux routers, late by 150 ms, and a second round", open_linux(), open_linux(), 3, {.skew = skew, .measured_rounds = 1}), 3u);
  }
}

TEST(EarlyPacket, SpoilsABirthdayAgainstAnOpenLinuxRouterUnlessTheRandomSideIsQuiet) {
  const auto tries = [](bool openers) {
    return connected(openers ? "sym-rnd x open Linux router" : "the same without openers", preset("sym-rnd"), open_linux(), 20,
                     {.openers = openers, .plain = false, .measured_rounds = 1});
  };
  EXPECT_LE(tries(false), 6u);
  EXPECT_GE(tries(true), 18u);
}

TEST(KeepAlive, KeepsAHoleOpenForHoursThatLinuxWouldForget) {
  for (const bool keeps_alive : {true, false}) {
    UdpPair pair{{1}};
    auto& right = pair.behind(preset("masq"), "right");
    pair.put(pair.behind(preset("masq"), "left"), right, {.keeps_alive = keeps_alive});
    ASSERT_TRUE(pair.climb().connected);
    pair.world.events().run_to(pair.world.now() + (keeps_alive ? Duration{2h} : Duration{121s}));
    pair.left->say_something();
    pair.world.events().run_to(pair.world.now() + 1s);
    EXPECT_EQ(pair.right->heard(), keeps_alive ? 1u : 0u);
  }
}

TEST(KeepAlive, BeginsAtOnceAndFromBothSides) {
  // NATs that forget in seconds, and of which each is kept open only by what its own side sends.
  auto forgetful = preset("port-restricted");
  forgetful.udp_lifetime = 7s;
  UdpPair pair{{1}};
  auto& right = pair.behind(forgetful, "right");
  pair.put(pair.behind(forgetful, "left"), right, {});
  ASSERT_TRUE(pair.climb().connected);
  pair.world.events().run_to(pair.world.now() + 10min);
  pair.left->say_something();
  pair.world.events().run_to(pair.world.now() + 1s);
  pair.right->say_something();
  pair.world.events().run_to(pair.world.now() + 1s);
  EXPECT_EQ(pair.right->heard(), 1u);
  EXPECT_EQ(pair.left->heard(), 1u);
}

TEST(Moving, FollowsAPeerWhoseRouterGetsAnotherAddress) {
  for (const bool controlling_moves : {true, false}) {
    UdpPair pair{{1}};
    auto& moves = pair.internet.add_lan("moves", preset("masq"));
    auto& mover = pair.internet.add_machine(moves, "mover");
    auto& other = pair.behind(preset("full-cone"), "other");
    pair.put(controlling_moves ? mover : other, controlling_moves ? other : mover, {});
    ASSERT_TRUE(pair.climb().connected);
    pair.world.events().run_to(pair.world.now() + 20s);
    const auto new_address = IpAddress::parse("81.2.99.2").value();
    pair.internet.backbone().route(Prefix::only(new_address), *pair.internet.backbone().interface("moves"));
    moves.gateway->change_external({new_address});
    pair.world.events().run_to(pair.world.now() + 15s);
    auto& stays = controlling_moves ? *pair.right : *pair.left;
    ASSERT_EQ(stays.moves().size(), 1u) << "noticed within 15 s";
    EXPECT_EQ(stays.moves().front().to.address, new_address);
    stays.say_something();
    pair.world.events().run_to(pair.world.now() + 1s);
    EXPECT_EQ((controlling_moves ? *pair.left : *pair.right).heard(), 1u) << "and its words arrive";
    pair.world.events().run_to(pair.world.now() + 5min);
    EXPECT_EQ(stays.moves().size(), 1u);
    EXPECT_TRUE((controlling_moves ? *pair.left : *pair.right).moves().empty());
  }
}

TEST(Moving, DoesNotHappenWhileBothSidesChooseAmongSeveralPairs) {
  for_each_pair([&](const SiteKind& a, const SiteKind& b) {
    if (!udp_can(a, b)) return;
    UdpPair pair{{1}};
    pair.put(a, b, {});
    ASSERT_TRUE(pair.climb().connected);
    pair.world.events().run_to(pair.world.now() + 30s);
    EXPECT_TRUE(pair.left->moves().empty() && pair.right->moves().empty()) << a.name << " x " << b.name;
  });
}

}  // namespace
}  // namespace pshare::sim
