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
    left = std::make_unique<TcpPeer>(left_machine, reflector, TcpPeer::Settings{CheckSide::controlling});
    right = std::make_unique<TcpPeer>(right_machine, reflector, TcpPeer::Settings{CheckSide::controlled});
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

  World world;
  Internet internet;
  AccessLine line_;
  TcpReflector reflector;
  std::unique_ptr<TcpPeer> left, right;
};

// ---- The grid of routers that answer strangers, forget, or refuse ----

NatBehaviour rejecting_masquerade() {
  auto behaviour = nat_preset("masq").value();
  behaviour.unsolicited_syn = UnsolicitedSyn::icmp;
  return behaviour;
}

constexpr std::array hostile_names{"port-restricted", "masq", "masq,fw=reject", "rst-syn", "icmp-syn", "icmp-late-syn", "rst-kills", "rst-kills-rst", "no-simopen", "no-simopen-rst"};

NatBehaviour hostile(std::string_view name) { return name == "masq,fw=reject" ? rejecting_masquerade() : nat_preset(name).value(); }

Outcome hostile_pair(std::string_view a, std::string_view b, std::uint64_t seed, Duration skew = {}) {
  TwoPeers pair{{seed}};
  pair.put(pair.behind(hostile(a), "left"), pair.behind(hostile(b), "right"));
  return pair.punch(skew);
}

bool refuses_simultaneous_open(std::string_view name) { return name.starts_with("no-simopen"); }

TEST(TcpPunching, ConnectsAllHostileRoutersButTwoThatRefuseSimultaneousOpen) {
  for (const auto skew : {0ms, -150ms, 150ms}) {
    int connected = 0;
    std::vector<double> times;
    for (const auto* a : hostile_names)
      for (const auto* b : hostile_names) {
        const auto outcome = hostile_pair(a, b, 1, skew);
        EXPECT_EQ(outcome.connected.has_value(), !refuses_simultaneous_open(a) || !refuses_simultaneous_open(b)) << a << " x " << b << ", skew " << skew.count();
        if (!outcome.connected) continue;
        ++connected;
        times.push_back(in_ms(*outcome.connected));
        if (times.back() > 700) std::printf("%s x %s: %.0f ms, %zu dials\n", a, b, times.back(), outcome.dials);
      }
    std::ranges::sort(times);
    std::printf("hostile routers, skew %lld ms: %d of 100, median %.0f ms, longest %.0f ms\n", static_cast<long long>(skew.count()), connected, times[times.size() / 2], times.back());
  }
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

}  // namespace
}  // namespace pshare::sim
