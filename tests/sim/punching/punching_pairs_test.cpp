// Hole punching as pshare does it, over both transports and each alone, between all kinds of places: who connects, how soon, and that whoever cannot
// is told so in time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "network/nat_presets.hpp"
#include "punching/punching_pair.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

double in_ms(Duration duration) { return std::chrono::duration<double, std::milli>{duration}.count(); }

/// What is said of all transports has to be said by then.
constexpr Duration last_word = 10s;

enum class Ports { stay, step, random };

Ports ports_of(const SiteKind& kind) {
  if (kind.name == "masq-rnd" || kind.name == "sym-rnd") return Ports::random;
  return kind.name == "sym-seq" ? Ports::step : Ports::stay;
}

bool tcp_can(const SiteKind& a, const SiteKind& b) {
  const auto left = ports_of(a), right = ports_of(b);
  return left == Ports::stay || right == Ports::stay || (left == Ports::step && right == Ports::step);
}
bool udp_can(const SiteKind& a, const SiteKind& b) { return a.lets_udp_out && b.lets_udp_out && tcp_can(a, b); }

std::string class_of(const SiteKind& a, const SiteKind& b) {
  const auto word = [](Ports ports) { return ports == Ports::stay ? "stable" : ports == Ports::step ? "stepping" : "random"; };
  const auto least = std::min(ports_of(a), ports_of(b)), most = std::max(ports_of(a), ports_of(b));
  return std::string{word(most)} + " x " + word(least) + (a.lets_udp_out && b.lets_udp_out ? "" : ", no UDP");
}

struct Times {
  std::vector<double> something, lane;
  static double median(std::vector<double> all) {
    std::ranges::sort(all);
    return all[all.size() / 2];
  }
};

/// Both orders of all pairs, with one seed or several. Gives how many unordered pairs connected each time.
void expect_all_pairs(const PunchingPair::Settings& settings, const char* what, bool (*can)(const SiteKind&, const SiteKind&), int pairs, std::uint64_t seeds) {
  std::map<std::string, Times> classes;
  Duration last{};
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    for (const bool swapped : {false, true}) {
      int connected = 0;
      for (std::size_t a = 0; a < site_kinds.size(); ++a)
        for (std::size_t b = a; b < site_kinds.size(); ++b) {
          const auto &left = site_kinds[swapped ? b : a], &right = site_kinds[swapped ? a : b];
          SCOPED_TRACE(std::string{what} + ": " + std::string{left.name} + " x " + std::string{right.name} + ", seed " + std::to_string(seed));
          PunchingPair pair{{seed}};
          pair.put(left, right, settings);
          const auto outcome = pair.climb(last_word);
          EXPECT_EQ(outcome.connected.has_value(), can(left, right));
          EXPECT_LE(std::max(pair.left->most_dials_at_once(), pair.right->most_dials_at_once()), max_dials_at_once + 1) << "a search and, beside it, the plain round";
          if (!outcome.connected) {
            EXPECT_TRUE(outcome.gave_up) << "both have to say that nothing is left";
            last = std::max(last, outcome.gave_up.value_or(last_word));
            continue;
          }
          ++connected;
          auto& times = classes[class_of(left, right)];
          times.something.push_back(in_ms(outcome.something)), times.lane.push_back(in_ms(outcome.lane));
          pair.world.events().run_to(pair.world.now() + 3s);
          pair.left->say_something();
          pair.world.events().run_to(pair.world.now() + 1s);
          EXPECT_EQ(pair.left->lane(), pair.right->lane());
          EXPECT_EQ(pair.right->things_heard(), 1u);
          EXPECT_EQ(pair.left->things_heard(), 1u);
        }
      EXPECT_EQ(connected, pairs) << what;
    }
  for (const auto& [name, times] : classes)
    std::printf("%-10s %-30s %4zu: first sign after %4.0f ms, lane after %4.0f ms (medians), %4.0f ms (longest)\n", what, name.c_str(), times.lane.size(),
                Times::median(times.something), Times::median(times.lane), *std::ranges::max_element(times.lane));
  std::printf("%-10s %-30s last word after %.1f s\n", what, "where there is no way", in_ms(last) / 1000);
}

TEST(Punching, OverBothTransportsConnectsTheFiftyPairsThatCanInBothOrders) { expect_all_pairs({}, "both", tcp_can, 50, 3); }

TEST(Punching, OverTcpAloneConnectsTheFiftyPairsThatCanInBothOrders) { expect_all_pairs({.udp = false}, "TCP alone", tcp_can, 50, 2); }

TEST(Punching, OverUdpAloneConnectsTheFortyPairsThatCanInBothOrders) { expect_all_pairs({.tcp = false}, "UDP alone", udp_can, 40, 2); }

TEST(Punching, IsTheSameRunForTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    PunchingPair pair{{seed}};
    pair.put(site_kinds[3], site_kinds[7], {});
    const auto outcome = pair.climb();
    return std::tuple{outcome.something, outcome.lane, pair.world.events().steps()};
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

}  // namespace
}  // namespace pshare::sim
