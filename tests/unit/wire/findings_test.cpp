// What contacts tell each other of their networks.
#include "wire/findings.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using Kind = PortForecast::Kind;

NetworkFindings again(const NetworkFindings& findings) { return findings_from(CborMap::decode(encode(findings).encode()).value()); }

TEST(Findings, ComeBackAsTheyWere) {
  for (const auto udp : {Kind::unknown, Kind::blocked, Kind::stable, Kind::stepping, Kind::random})
    for (const auto tcp : {Kind::unknown, Kind::stable, Kind::random})
      for (unsigned flags = 0; flags < 16; ++flags) {
        NetworkFindings findings{.udp = {udp, udp == Kind::random && (flags & 1) != 0}, .tcp = {tcp, tcp == Kind::random && (flags & 2) != 0},
                                 .reachable = (flags & 1) != 0, .mapped = (flags & 2) != 0, .ipv6 = (flags & 4) != 0, .ipv6_reachable = (flags & 12) == 12};
        EXPECT_EQ(again(findings), findings);
      }
}

TEST(Findings, SayNothingOfAddressesOrPorts) {
  // A map of three booleans and words: no byte string (addresses) and no number (ports) is in it. CBOR major types 0 to 2.
  const NetworkFindings findings{.udp = {Kind::random, true}, .tcp = {Kind::stepping, false}, .reachable = true, .mapped = true, .ipv6 = true, .ipv6_reachable = true};
  const auto map = encode(findings);
  for (const auto* key : {"udp", "tcp"}) {
    const auto habit = map.map(key).value();
    EXPECT_FALSE(habit.bytes("address"));
    EXPECT_FALSE(habit.number("port"));
  }
  EXPECT_LE(map.encode().size(), 128u);
}

TEST(Findings, TakeWhatIsMissingOrNewForNotKnown) {
  EXPECT_EQ(findings_from(CborMap{}), NetworkFindings{});
  CborMap habit, map;
  habit.set("ports", "by lot").set_flag("small-block", true);
  map.set("udp", habit).set("tcp", "stable").set("reachable", std::uint64_t{1}).set_flag("ipv6-reachable", true);
  EXPECT_EQ(findings_from(map), NetworkFindings{});
}

TEST(Findings, KnowASmallBlockOnlyOfRandomPorts) {
  CborMap habit, map;
  habit.set("ports", "stepping").set_flag("small-block", true);
  map.set("udp", habit);
  EXPECT_FALSE(findings_from(map).udp.small_block);
}

}  // namespace
}  // namespace pshare
