// Traps that hole punching has to get by (docs/nat.md), those that concern what is around the rounds: each goes wrong without what
// is done against it. Others are in udp_pairs_test.cpp and tcp_pairs_test.cpp.
#include <gtest/gtest.h>

#include <string>

#include "network/nat_presets.hpp"
#include "punching/punching_pair.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

NatBehaviour preset(std::string_view name) { return nat_preset(name).value(); }

bool connects(const NatBehaviour& left, const NatBehaviour& right, PunchingPair::Settings settings, std::uint64_t seed = 1) {
  PunchingPair pair{{seed}};
  auto& left_machine = pair.behind(left, "left");
  auto& right_machine = pair.behind(right, "right");
  pair.put(left_machine, right_machine, settings);
  return pair.climb().connected.has_value();
}

TEST(Traps, AConnectionFromAPortThatNobodyForesawNeedsAListener) {
  // What comes from anywhere gets in here, but whither its own packets go is nobody's to know.
  auto lets_in = preset("sym-rnd");
  lets_in.udp.filtering = Dependence::endpoint_independent;
  for (const bool swapped : {false, true})
    for (const bool listens : {true, false}) {
      const auto strict = preset("sym-rnd");
      EXPECT_EQ(connects(swapped ? lets_in : strict, swapped ? strict : lets_in, {.udp = false, .peers = {.listens = listens}}), listens);
    }
}

TEST(Traps, TwoHostsOfOneLinuxRouterWithTheSamePortAreNotTakenForAHardNat) {
  PunchingPair pair{{1}};
  auto& home = pair.internet.add_lan("home", preset("masq"));
  auto& first = pair.internet.add_machine(home, "first");
  auto& left = pair.internet.add_machine(home, "left");
  constexpr Port port{5000};
  PunchingPeer neighbour{first, pair.stun, pair.reflector, {.port = port}, [](const Punch&) {}};
  pair.world.events().run_until([&] { return neighbour.surveyed(); }, pair.world.now() + 5s);
  pair.put(left, pair.behind(preset("port-restricted"), "right"), {.peers = {.port = port}});
  const auto outcome = pair.climb();
  EXPECT_EQ(neighbour.facts().udp.external.port, port);
  for (const auto& known : {pair.left->facts().udp, pair.left->facts().tcp}) {
    EXPECT_NE(known.external.port, port) << "which is the neighbour's";
    EXPECT_EQ(known.kind, PortForecast::Kind::stable);
  }
  EXPECT_TRUE(outcome.connected);
  EXPECT_EQ(outcome.measured_rounds, 0u);
}

TEST(Traps, WhatIsSeenOverUdpIsNotTrueOfTcp) {
  auto other_ports = preset("port-restricted");
  other_ports.ports = PortChoice::random;
  auto harder = preset("port-restricted");
  harder.tcp = preset("sym-rnd").udp;
  harder.ports = PortChoice::random;
  for (const auto& nat : {other_ports, harder})
    for (const bool asks : {true, false}) EXPECT_EQ(connects(nat, preset("port-restricted"), {.udp = false, .peers = {.asks_over_tcp_too = asks}}), asks);
}

TEST(Traps, TheWiresCountWhatGoesStraight) {
  for (const bool udp : {true, false}) {
    PunchingPair pair{{1}};
    auto& left = pair.behind(preset("masq"), "left");
    auto& right = pair.behind(preset("port-restricted"), "right");
    pair.put(left, right, {.udp = udp, .tcp = !udp});
    ASSERT_TRUE(pair.climb().connected);
    const auto count = [&](const char* from, const char* to) { return pair.internet.between(from, to).bytes; };
    const auto there = count("left", "right"), back = count("right", "left"), to_server = count("left", "server"), of_server = count("server", "right");
    constexpr unsigned words = 200;
    for (unsigned i = 0; i < words; ++i) {
      pair.left->say_something();
      pair.world.events().run_to(pair.world.now() + 200ms);
    }
    EXPECT_EQ(pair.left->things_heard(), words);
    EXPECT_GE(count("left", "right") - there, words * 29);
    EXPECT_GE(count("right", "left") - back, words * 29);
    EXPECT_EQ(count("left", "server"), to_server);
    EXPECT_EQ(count("server", "right"), of_server);
  }
}

}  // namespace
}  // namespace pshare::sim
