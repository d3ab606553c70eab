// UDP punching between all kinds of places, with pshare's core on both sides: which pairs connect, and how soon.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "network/nat_presets.hpp"
#include "punching/udp_pair.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

double in_ms(Duration duration) { return std::chrono::duration<double, std::milli>{duration}.count(); }

/// nat-lessons in one function: what UDP can do, whatever it takes.
bool udp_can(const SiteKind& a, const SiteKind& b) {
  if (!a.lets_udp_out || !b.lets_udp_out) return false;
  const auto is_random = [](const SiteKind& kind) { return kind.name == "masq-rnd" || kind.name == "sym-rnd"; };
  const auto is_hard = [&](const SiteKind& kind) { return is_random(kind) || kind.name == "sym-seq"; };
  return !((is_random(a) && is_hard(b)) || (is_random(b) && is_hard(a)));
}

TEST(UdpPunching, ConnectsAllPairsThatUdpCanAndNoOthers) {
  int connected = 0;
  for (std::size_t a = 0; a < site_kinds.size(); ++a)
    for (std::size_t b = a; b < site_kinds.size(); ++b) {
      const auto &left = site_kinds[a], &right = site_kinds[b];
      SCOPED_TRACE(std::string{left.name} + " x " + std::string{right.name});
      UdpPair pair{{1}};
      pair.put(left, right, {});
      const auto outcome = pair.climb();
      std::printf("%-20s x %-20s %-9s reached %6.1f settled %6.1f ms, way %-10s rounds %d packets %zu\n", std::string{left.name}.c_str(), std::string{right.name}.c_str(),
                  outcome.connected ? "connected" : outcome.failed ? "failed" : "-", in_ms(outcome.reached), in_ms(outcome.settled), std::string{word(outcome.way)}.c_str(), outcome.measured_rounds, outcome.packets);
      EXPECT_EQ(outcome.connected, udp_can(left, right));
      connected += outcome.connected ? 1 : 0;
    }
  EXPECT_EQ(connected, 40);
}

}  // namespace
}  // namespace pshare::sim
