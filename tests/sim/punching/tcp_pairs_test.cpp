// TCP punching between all kinds of places, with pshare's core on both sides: which pairs connect, and how soon.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>
#include <tuple>
#include <vector>

#include "network/nat_presets.hpp"
#include "network/site_kinds.hpp"
#include "punching/tcp_peers.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

double in_ms(Duration duration) { return std::chrono::duration<double, std::milli>{duration}.count(); }

/// What a round came to.
struct Outcome {
  std::optional<Duration> connected = {};  // since the agreed moment
  std::size_t dials = 0, most_at_once = 0, spared = 0;
};

class TwoPeers {
 public:
  TwoPeers(Seed seed, AccessLine line = {}) : world(seed, 20'000'000), internet(world), line_(line), reflector(internet.add_server("server", {"81.2.69.10"})) {}

  void put(Machine& left_machine, Machine& right_machine) {
    left = std::make_unique<TcpPeer>(left_machine, reflector, TcpPeer::Settings{CheckSide::controlling, expected_rtt, patience, one_chooses});
    right = std::make_unique<TcpPeer>(right_machine, reflector, TcpPeer::Settings{CheckSide::controlled, expected_rtt, patience, one_chooses});
    world.events().run_until([&] { return left->seen() && right->seen(); }, world.now() + 10s);
  }

  void put(const SiteKind& a, const SiteKind& b) { put(add_site(internet, a, "left", line_), add_site(internet, b, "right", line_)); }

  Machine& behind(NatBehaviour behaviour, const std::string& name) { return internet.add_machine(internet.add_lan(name, std::move(behaviour), line_), name); }

  /// A plain round; the right side begins so much later.
  Outcome punch(Duration skew = {}) {
    const auto agreed = world.now() + 50ms + std::max(-skew, Duration{});
    world.events().at(agreed, [this] { left->punch({{*right->seen()}}); });
    world.events().at(agreed + skew, [this] { right->punch({{*left->seen()}}); });
    return outcome(agreed);
  }

  /// Measures, exchanges what was seen by way of the server, and searches.
  Outcome search() {
    const auto began = world.now();
    left->measure(), right->measure();
    world.events().run_until([&] { return left->forecast() && right->forecast(); }, began + 5s);
    if (!left->forecast() || !right->forecast()) return {};
    constexpr Duration to_the_peer = 50ms;
    world.events().in(to_the_peer, [this] {
      left->search(search_plan(*left->forecast(), *right->forecast(), world.now() - right->measured_at(), world.random()));
      right->search(search_plan(*right->forecast(), *left->forecast(), world.now() - left->measured_at(), world.random()));
    });
    world.events().run_to(world.now() + to_the_peer);
    return outcome(began);
  }

  Outcome outcome(TimePoint since) {
    world.events().run_until([&] { return (left->settled() && right->settled()) || left->failure() || right->failure(); }, since + 20s);
    Outcome result{.dials = left->dials() + right->dials(), .most_at_once = std::max(left->most_dials_at_once(), right->most_dials_at_once()), .spared = left->spared() + right->spared()};
    if (left->settled() && right->settled()) result.connected = std::max(*left->settled(), *right->settled()) - since;
    return result;
  }

  Duration expected_rtt = 100ms, patience = 4s;
  bool one_chooses = true;
  World world;
  Internet internet;
  AccessLine line_;
  TcpReflector reflector;
  std::unique_ptr<TcpPeer> left, right;
};

class Times {
 public:
  void add(Duration time) { all_.push_back(in_ms(time)); }
  void print(const char* what) {
    if (all_.empty()) return;
    std::ranges::sort(all_);
    std::printf("%-24s %3zu connected, median %4.0f ms, longest %4.0f ms\n", what, all_.size(), all_[all_.size() / 2], all_.back());
  }

 private:
  std::vector<double> all_;
};


// ---- The grid of routers that answer strangers, forget, or refuse ----

NatBehaviour rejecting_masquerade() {
  auto behaviour = nat_preset("masq").value();
  behaviour.unsolicited_syn = UnsolicitedSyn::icmp;
  return behaviour;
}

constexpr std::array hostile_names{"port-restricted", "masq", "masq,fw=reject", "rst-syn", "icmp-syn", "icmp-late-syn", "rst-kills", "rst-kills-rst", "no-simopen", "no-simopen-rst"};

NatBehaviour hostile(std::string_view name) { return name == "masq,fw=reject" ? rejecting_masquerade() : nat_preset(name).value(); }

Outcome hostile_pair(std::string_view a, std::string_view b, Seed seed, Duration skew = {}) {
  TwoPeers pair{seed};
  pair.put(pair.behind(hostile(a), "left"), pair.behind(hostile(b), "right"));
  return pair.punch(skew);
}

bool refuses_simultaneous_open(std::string_view name) { return name.starts_with("no-simopen"); }

TEST(TcpPunching, ConnectsAllHostileRoutersButTwoThatRefuseSimultaneousOpen) {
  for (const auto skew : {0ms, -150ms, 150ms}) {
    int connected = 0;
    Times times;
    for (const auto* a : hostile_names)
      for (const auto* b : hostile_names) {
        const auto outcome = hostile_pair(a, b, {1}, skew);
        EXPECT_EQ(outcome.connected.has_value(), !refuses_simultaneous_open(a) || !refuses_simultaneous_open(b)) << a << " x " << b << ", skew " << skew.count();
        if (outcome.connected) ++connected, times.add(*outcome.connected);
      }
    EXPECT_EQ(connected, 96);
    times.print(("hostile, skew " + std::to_string(skew.count()) + " ms").c_str());
  }
}

TEST(TcpPunching, ConnectsHostileRoutersWhateverTheSeed) {
  int connected = 0;
  for (std::uint64_t seed = 2; seed <= 21; ++seed)
    for (const auto* a : hostile_names)
      for (const auto* b : hostile_names) {
        const Duration skew = std::chrono::milliseconds{static_cast<int>(seed * 37 % 300) - 150};
        if (hostile_pair(a, b, {seed}, skew).connected) ++connected;
        else if (!refuses_simultaneous_open(a) || !refuses_simultaneous_open(b)) std::printf("%s x %s, seed %d: no\n", a, b, static_cast<int>(seed));
      }
  EXPECT_GE(connected, 20 * 94);
}

// ---- All kinds of places ----

enum class Ports { stay, step, random };

Ports ports_of(const SiteKind& kind) {
  if (kind.home.empty()) return Ports::stay;
  const auto behaviour = nat_preset(kind.home).value();
  if (behaviour.udp.mapping == Dependence::endpoint_independent) return Ports::stay;
  return behaviour.ports == PortChoice::sequential ? Ports::step : Ports::random;
}

bool can_be_punched(const SiteKind& a, const SiteKind& b) {
  const auto left = ports_of(a), right = ports_of(b);
  return left == Ports::stay || right == Ports::stay || (left == Ports::step && right == Ports::step);
}

TEST(TcpPunching, ConnectsTheFiftyPairsThatTcpCanInBothOrders) {
  Times by_way[6];
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    int unordered = 0;
    for (std::size_t a = 0; a < site_kinds.size(); ++a)
      for (std::size_t b = 0; b < site_kinds.size(); ++b) {
        TwoPeers pair{{seed}};
        pair.put(site_kinds[a], site_kinds[b]);
        const auto outcome = pair.search();
        EXPECT_EQ(outcome.connected.has_value(), can_be_punched(site_kinds[a], site_kinds[b])) << site_kinds[a].name << " x " << site_kinds[b].name << ", seed " << seed;
        if (!outcome.connected) continue;
        if (a <= b) ++unordered;
        by_way[static_cast<std::size_t>(search_way(*pair.left->forecast(), *pair.right->forecast()))].add(*outcome.connected);
      }
    EXPECT_EQ(unordered, 50);
  }
  for (const auto way : {SearchPlan::Way::plain, SearchPlan::Way::sweep, SearchPlan::Way::middle, SearchPlan::Way::birthday})
    by_way[static_cast<std::size_t>(way)].print(std::string{word(way)}.c_str());
}

TEST(TcpPunching, SettlesOnOneOfManyConnectionsThatComeUpAtOnce) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed)
    for (const auto& a : site_kinds)
      for (const auto& b : site_kinds) {
        if (!can_be_punched(a, b)) continue;
        TwoPeers pair{{seed}};
        pair.put(a, b);
        ASSERT_TRUE(pair.search().connected);
        pair.world.events().run_to(pair.world.now() + 2s);
        EXPECT_TRUE(pair.left->still_connected() && pair.right->still_connected()) << a.name << " x " << b.name << ", seed " << seed;
      }
}

TEST(TcpPunching, LeavesTheChoiceToOneSideSinceEachMightKeepAnother) {
  const auto broken = [](bool one_chooses) {
    int count = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      TwoPeers pair{{seed}, {.more = {.jitter = 10ms}}};  // they do not come up in the same order on both sides
      pair.one_chooses = one_chooses;
      pair.put(pair.behind(nat_preset("sym-rnd").value(), "left"), pair.behind(nat_preset("full-cone").value(), "right"));
      const auto outcome = pair.search();
      pair.world.events().run_to(pair.world.now() + 2s);
      if (!outcome.connected || !pair.left->still_connected() || !pair.right->still_connected()) ++count;
    }
    return count;
  };
  EXPECT_EQ(broken(true), 0);
  EXPECT_GE(broken(false), 1);
}

// ---- Hard NATs that make it harder ----

NatBehaviour stepping(unsigned step, double other_traffic) {
  auto behaviour = nat_preset("sym-seq").value();
  behaviour.port_step = step;
  behaviour.other_traffic = other_traffic;
  return behaviour;
}

/// How many of so many runs connect.
template <typename Make>
int connected_of(int runs, const char* what, Make make) {
  int connected = 0;
  Times times;
  for (int seed = 1; seed <= runs; ++seed) {
    const Outcome outcome = make(Seed{static_cast<std::uint64_t>(seed)});
    if (outcome.connected) ++connected, times.add(*outcome.connected);
    EXPECT_LE(outcome.most_at_once, max_dials_at_once);
    EXPECT_LE(outcome.dials, 2 * max_dials_in_round);
  }
  times.print(what);
  return connected;
}

Outcome searched(Seed seed, NatBehaviour a, NatBehaviour b, AccessLine line = {}) {
  TwoPeers pair{seed, line};
  pair.put(pair.behind(std::move(a), "left"), pair.behind(std::move(b), "right"));
  return pair.search();
}

TEST(TcpPunching, SweepsPastStrangersAndOtherSteps) {
  for (const unsigned step : {1u, 2u})
    for (const double strangers : {0., 20., 200.}) {
      const auto what = "step " + std::to_string(step) + ", strangers " + std::to_string(static_cast<int>(strangers));
      EXPECT_EQ(connected_of(20, what.c_str(), [&](Seed seed) { return searched(seed, stepping(step, strangers), nat_preset("port-restricted").value()); }), 20) << what;
    }
}

TEST(TcpPunching, MeetsInTheMiddleOfTwoStepping) {
  for (const unsigned step : {1u, 2u})
    for (const double strangers : {0., 20., 200.}) {
      const auto what = "both step " + std::to_string(step) + ", strangers " + std::to_string(static_cast<int>(strangers));
      EXPECT_GE(connected_of(20, what.c_str(), [&](Seed seed) { return searched(seed, stepping(step, strangers), stepping(step, strangers)); }), 19) << what;
    }
}

TEST(TcpPunching, FindsAPortOfASmallBlock) {
  const auto block = nat_preset("cgn-block").value();
  EXPECT_EQ(connected_of(20, "block x port-restricted", [&](Seed seed) { return searched(seed, block, nat_preset("port-restricted").value()); }), 20);
  EXPECT_GE(connected_of(20, "block x block", [&](Seed seed) { return searched(seed, block, block); }), 5) << "half of the ports with half of the ports";
  EXPECT_GE(connected_of(20, "block x stepping", [&](Seed seed) { return searched(seed, block, stepping(1, 0)); }), 5);
}

TEST(TcpPunching, FindsRandomPortsBehindRoutersThatAnswerStrangers) {
  for (const auto* router : {"rst-syn", "icmp-syn", "icmp-late-syn", "rst-kills", "masq,fw=reject"})
    EXPECT_EQ(connected_of(10, router, [&](Seed seed) { return searched(seed, nat_preset("sym-rnd").value(), hostile(router)); }), 10) << router;
}

TEST(TcpPunching, SurvivesLoss) {
  const AccessLine lossy{.more = {.loss = 0.05}};
  int connected = 0, all = 0;
  Times times;
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for (const auto& a : site_kinds)
      for (const auto& b : site_kinds) {
        if (!can_be_punched(a, b)) continue;
        TwoPeers pair{{seed}, lossy};
        pair.put(a, b);
        ++all;
        const auto outcome = pair.search();
        if (outcome.connected) ++connected, times.add(*outcome.connected);
        else std::printf("%s x %s, seed %d: not with 5 %% loss\n", std::string{a.name}.c_str(), std::string{b.name}.c_str(), static_cast<int>(seed));
      }
  times.print("5 % loss each way");
  EXPECT_GE(connected, all - all / 50);
}

TEST(TcpPunching, NeverRestartsAnOpenInProgress) {
  for (const auto one_way : {5ms, 20ms, 100ms, 150ms})
    for (const auto* a : hostile_names)
      for (const auto* b : {"port-restricted", "rst-syn", "icmp-syn"})
        for (const auto skew : {-150ms, 0ms, 100ms, 350ms}) {
          TwoPeers pair{{1}, {.delay = one_way}};
          pair.expected_rtt = std::max<Duration>(4 * one_way, 50ms);
          pair.patience = std::max<Duration>(4s, 16 * pair.expected_rtt);
          pair.put(pair.behind(hostile(a), "left"), pair.behind(hostile(b), "right"));
          const auto outcome = pair.punch(skew);
          EXPECT_TRUE(outcome.connected) << a << " x " << b << ", " << one_way.count() << " ms one way, skew " << skew.count();
        }
}

TEST(TcpPunching, SurvivesAPathLongerThanExpected) {
  for (const auto one_way : {50ms, 75ms, 100ms})
    for (const auto* a : {"port-restricted", "rst-syn", "icmp-syn"})
      for (const auto* b : {"port-restricted", "rst-syn", "icmp-syn"})
        for (const auto skew : {0ms, 100ms, 350ms}) {
          TwoPeers pair{{1}, {.delay = one_way}};
          pair.put(pair.behind(hostile(a), "left"), pair.behind(hostile(b), "right"));
          EXPECT_TRUE(pair.punch(skew).connected) << a << " x " << b << ", " << one_way.count() << " ms one way, skew " << skew.count();
        }
}

}  // namespace
}  // namespace pshare::sim
