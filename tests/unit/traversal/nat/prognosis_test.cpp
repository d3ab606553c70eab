// What two networks let expect of each other, as a table; and what there is to change.
#include "traversal/nat/prognosis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = PortForecast::Kind;
using Way = SearchPlan::Way;

constexpr PortHabit stable{Kind::stable}, stepping{Kind::stepping}, random_ports{Kind::random}, small_block{Kind::random, true}, blocked{Kind::blocked};

NetworkFindings behind(PortHabit habit) { return {.udp = habit, .tcp = habit}; }
NetworkFindings without_udp() { return {.udp = blocked, .tcp = stable}; }

struct Row {
  NetworkFindings ours, theirs;
  std::optional<Tier> tier;
  Way way = Way::impossible;
  std::optional<Transport> transport = std::nullopt;
};

TEST(Prognosis, IsTheSameFromBothSides) {
  const std::vector<Row> table{
      {behind(stable), behind(stable), Tier::punched, Way::plain},
      {behind(stable), behind(stepping), Tier::punched, Way::sweep},
      {behind(stable), behind(random_ports), Tier::punched, Way::birthday},
      {behind(stepping), behind(stepping), Tier::punched, Way::middle},
      {behind(small_block), behind(small_block), Tier::punched, Way::block},
      {behind(stepping), behind(random_ports), std::nullopt},
      {behind(random_ports), behind(random_ports), std::nullopt},
      {without_udp(), behind(stable), Tier::punched, Way::plain, Transport::tcp},
      {without_udp(), behind(random_ports), Tier::punched, Way::birthday, Transport::tcp},
      {without_udp(), without_udp(), Tier::punched, Way::plain, Transport::tcp},
      {{.udp = stable, .tcp = random_ports}, behind(random_ports), Tier::punched, Way::birthday, Transport::udp},
      {{.udp = random_ports, .tcp = stable}, behind(stable), Tier::punched, Way::plain},
      {behind(random_ports), {.udp = random_ports, .tcp = random_ports, .mapped = true}, Tier::mapped},
      {behind(random_ports), {.udp = random_ports, .tcp = random_ports, .reachable = true}, Tier::direct},
      {{.udp = random_ports, .tcp = random_ports, .ipv6 = true}, {.udp = random_ports, .tcp = random_ports, .ipv6 = true}, Tier::direct},
      {{.udp = random_ports, .tcp = random_ports, .ipv6 = true}, behind(random_ports), std::nullopt},
      {{.mapped = true}, {.reachable = true}, Tier::direct},
      {{}, behind(stable), std::nullopt},
  };
  for (const auto& row : table) {
    const auto as_we = prognosis(row.ours, row.theirs), as_they = prognosis(row.theirs, row.ours);
    const auto which = &row - table.data();
    for (const auto& expected : {as_we, as_they}) {
      EXPECT_EQ(expected.tier, row.tier) << which;
      EXPECT_EQ(expected.way, row.way) << which;
      EXPECT_EQ(expected.transport, row.transport) << which;
      EXPECT_FALSE(expected.why.empty());
    }
  }
}

TEST(Prognosis, SaysWhoseDoingItIs) {
  EXPECT_THAT(prognosis({.mapped = true}, behind(stable)).why, HasSubstr("your router"));
  EXPECT_THAT(prognosis(behind(stable), {.mapped = true}).why, HasSubstr("their router"));
  EXPECT_THAT(prognosis({.reachable = true}, behind(stable)).why, HasSubstr("you can be reached"));
  EXPECT_THAT(prognosis(behind(stable), {.reachable = true}).why, HasSubstr("they can be reached"));
  EXPECT_THAT(prognosis(without_udp(), behind(stable)).why, HasSubstr("on your side"));
  EXPECT_THAT(prognosis(behind(stable), without_udp()).why, HasSubstr("on their side"));
  const NetworkFindings firewalled{.ipv6 = true}, open{.ipv6 = true, .ipv6_reachable = true};
  EXPECT_THAT(prognosis(open, firewalled).why, HasSubstr("you can be reached over it"));
  EXPECT_THAT(prognosis(firewalled, open).why, HasSubstr("they can be reached over it"));
}

TEST(Prognosis, OfWhatWasNotMeasuredSaysThat) {
  EXPECT_THAT(prognosis({}, behind(stable)).why, HasSubstr("too little is known"));
  EXPECT_THAT(prognosis(behind(random_ports), behind(random_ports)).why, HasSubstr("at random"));
}

TEST(Prognosis, TakesAMeasuredForecastForItsHabit) {
  EXPECT_EQ(habit_of({.kind = Kind::stable}), stable);
  EXPECT_EQ(habit_of({.kind = Kind::random}), random_ports);
  EXPECT_EQ(habit_of({.kind = Kind::random, .lowest = Port{2048}, .highest = Port{2559}}), small_block);
  EXPECT_EQ(habit_of({.kind = Kind::random, .lowest = Port{2048}, .highest = Port{2048 + largest_small_block}}), random_ports);
  EXPECT_EQ(habit_of({.kind = Kind::stepping, .lowest = Port{2048}, .highest = Port{2559}}), stepping);
}

TEST(Prognosis, KnowsWhoMostPeersAre) {
  std::vector<std::optional<Tier>> tiers;
  for (const auto& peer : typical_peers()) tiers.push_back(prognosis(behind(random_ports), peer.network).tier);
  EXPECT_THAT(tiers, ElementsAre(Tier::direct, Tier::punched, std::nullopt, std::nullopt, Tier::punched));
}

std::vector<std::string_view> advised(const Situation& situation) {
  std::vector<std::string_view> all;
  for (const auto& advice : advice_for(situation)) {
    EXPECT_GT(advice.words.size(), 20u);
    all.push_back(advice.what);
  }
  return all;
}

TEST(Advice, IsNotGivenToWhomNothingIsMissing) {
  EXPECT_THAT(advised({.network = {.udp = stable, .tcp = stable, .reachable = true}}), IsEmpty());
  EXPECT_THAT(advised({.network = {.udp = random_ports, .tcp = random_ports, .mapped = true}, .translated = true, .routers_asked = true}), IsEmpty());
}

TEST(Advice, NamesWhatIsWrongWithTheRouter) {
  const auto with = [](Reason trouble) {
    return advised({.network = behind(stable), .translated = true, .routers_asked = true, .mapping_trouble = trouble});
  };
  EXPECT_THAT(with(Reason::no_igd), ElementsAre("enable-port-mapping", "forward-port"));
  EXPECT_THAT(with(Reason::timeout), ElementsAre("enable-port-mapping", "forward-port"));
  EXPECT_THAT(with(Reason::igd_refused), ElementsAre("allow-port-mapping", "forward-port"));
  EXPECT_THAT(with(Reason::unreachable), ElementsAre("check-router-firewall", "forward-port"));
  EXPECT_THAT(with(Reason::double_nat), ElementsAre("bridge-mode", "use-ipv6")) << "a forward in the inner router alone leads nowhere";
}

TEST(Advice, IsIpv6WhereTheNatIsHard) {
  EXPECT_THAT(advised({.network = behind(random_ports), .translated = true, .routers_asked = true, .mapping_trouble = Reason::no_igd}),
              ElementsAre("enable-port-mapping", "forward-port", "use-ipv6"));
  auto network = behind(random_ports);
  network.ipv6 = true;
  EXPECT_THAT(advised({.network = network, .translated = true, .routers_asked = true, .mapping_trouble = Reason::no_igd}),
              ElementsAre("enable-port-mapping", "forward-port"));
}

TEST(Advice, LooksAtAForwardThatDoesNotWork) {
  EXPECT_THAT(advised({.network = behind(stable), .translated = true, .routers_asked = true, .mapping_trouble = Reason::no_igd, .manual_port = true}),
              ElementsAre("check-forward", "enable-port-mapping"));
  EXPECT_THAT(advised({.network = {.udp = stable, .tcp = stable, .reachable = true}, .translated = true, .manual_port = true, .manual_port_works = true}), IsEmpty());
}

TEST(Advice, IsAboutFirewallsServerAndClockToo) {
  EXPECT_THAT(advised({.network = behind(stable), .filtered = true}), ElementsAre("open-firewall"));
  EXPECT_THAT(advised({.network = {.udp = blocked, .tcp = stable, .reachable = true}}), ElementsAre("allow-udp"));
  EXPECT_THAT(advised({.network = {.reachable = true}, .server_has_stun = false}), ElementsAre("update-server"));
  EXPECT_THAT(advised({.network = {.reachable = true}, .clock_is_off = true}), ElementsAre("set-clock"));
}

}  // namespace
}  // namespace pshare
