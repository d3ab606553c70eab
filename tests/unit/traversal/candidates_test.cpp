// gathering, pairing and path_rank: pure functions, by table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "traversal/gathering.hpp"
#include "traversal/pairing.hpp"
#include "traversal/path_rank.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

IpAddress address(const char* text) { return *IpAddress::parse(text); }
LocalAddress local(const char* text, unsigned prefix_length, unsigned zone = 1) { return {address(text), prefix_length, zone}; }
Candidate host(const std::string& text) {
  return {.type = Candidate::Type::host, .transport = Transport::tcp, .endpoint = *Endpoint::parse(text)};
}

Candidate candidate(Candidate::Type type, Transport transport, const std::string& text) {
  return {.type = type, .transport = transport, .endpoint = *Endpoint::parse(text)};
}
std::optional<Endpoint> endpoint(const std::string& text) { return *Endpoint::parse(text); }

std::vector<std::string> words(const std::vector<Candidate>& candidates) {
  std::vector<std::string> out;
  for (const auto& each : candidates)
    out.push_back(std::string{word(each.type)} + " " + each.endpoint.text() + (each.transport == Transport::udp ? " udp" : ""));
  return out;
}

/// With the tier, and a mark at long shots.
std::vector<std::string> prospects(const std::vector<Pair>& pairs) {
  std::vector<std::string> out;
  for (const auto& each : pairs) out.push_back(each.remote.text() + " " + std::string{word(each.tier)} + (each.likely ? "" : "?"));
  return out;
}

/// What is dialled over TCP.
std::vector<Pair> dials(const std::vector<Candidate>& remote, const std::vector<LocalAddress>& ours, PeerHost peer_host) {
  return pairs(remote, ours, peer_host, Transport::tcp);
}

std::vector<std::string> words(const std::vector<Pair>& pairs) {
  std::vector<std::string> out;
  for (const auto& each : pairs) out.push_back(each.remote.text() + (each.zone == 0 ? "" : "%" + std::to_string(each.zone)));
  return out;
}

TEST(Gathering, OffersEveryAddressOfOursGlobalOnesFirst) {
  const auto candidates = gather({.addresses = {local("127.0.0.1", 8), local("fe80::7", 64, 2), local("192.168.1.7", 24),
                                                local("2001:db8::7", 64), local("100.64.0.7", 10)},
                                  .listening = Port{4000}});
  EXPECT_THAT(words(candidates), ElementsAre("host [2001:db8::7]:4000", "host 192.168.1.7:4000", "host 100.64.0.7:4000",
                                             "host [fe80::7]:4000"));
}

TEST(Gathering, OffersLoopbackOnlyIfThePeerMayBeHereOrThereIsNothingElse) {
  Surroundings surroundings{.addresses = {local("127.0.0.1", 8), local("192.168.1.7", 24)}, .listening = Port{4000}};
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host 192.168.1.7:4000"));
  surroundings.peer_host = PeerHost::may_be_this;
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host 192.168.1.7:4000", "host 127.0.0.1:4000"));
  const Surroundings alone{.addresses = {local("127.0.0.1", 8), local("::1", 128)}, .listening = Port{4000}};
  EXPECT_THAT(words(gather(alone)), ElementsAre("host 127.0.0.1:4000", "host [::1]:4000"));
}

TEST(Gathering, PutsAForwardedPortFirstWhereTheServerSeesUs) {
  const auto candidates = gather({.addresses = {local("192.168.1.7", 24)},
                                  .listening = Port{4000},
                                  .observed = address("203.0.113.9"),
                                  .manual = Port{5000}});
  EXPECT_THAT(words(candidates), ElementsAre("manual 203.0.113.9:5000", "host 192.168.1.7:4000"));
}

TEST(Gathering, OffersNoForwardedPortWhoseAddressItDoesNotKnow) {
  Surroundings surroundings{.addresses = {local("192.168.1.7", 24)}, .listening = Port{4000}, .manual = Port{5000}};
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host 192.168.1.7:4000"));
  surroundings.observed = address("127.0.0.1");  // the server is on this host: that is nobody else's address of ours
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host 192.168.1.7:4000"));
}

TEST(Gathering, KeepsAddressesToItselfThatThePeerWouldDialWhereThatIsNotAllowed) {
  const auto candidates = gather({.addresses = {local("192.168.1.7", 24), local("2001:db8::7", 64)},
                                  .listening = Port{4000},
                                  .udp = Port{4000},
                                  .observed = address("203.0.113.9"),
                                  .manual = Port{5000},
                                  .reflexive_tcp = endpoint("203.0.113.9:4100"),
                                  .reflexive_udp = endpoint("203.0.113.9:4200"),
                                  .direct_allowed = false});
  EXPECT_THAT(words(candidates), ElementsAre("server-reflexive 203.0.113.9:4200 udp", "server-reflexive 203.0.113.9:4100"));
}

TEST(Gathering, OffersNoEndpointTwice) {
  const auto candidates = gather({.addresses = {local("203.0.113.9", 24), local("203.0.113.9", 24, 2)},
                                  .listening = Port{4000},
                                  .observed = address("203.0.113.9"),
                                  .manual = Port{4000}});
  EXPECT_THAT(words(candidates), ElementsAre("manual 203.0.113.9:4000"));
}

TEST(Gathering, OffersAtMostAsManyAsAnOfferHolds) {
  Surroundings surroundings{.listening = Port{4000}};
  for (int i = 0; i < 100; ++i) surroundings.addresses.push_back(local(("10.0.0." + std::to_string(i + 1)).c_str(), 8));
  EXPECT_EQ(gather(surroundings).size(), max_candidates);
}

TEST(Gathering, OffersEveryAddressOverBothTransportsThatAreAllowed) {
  Surroundings surroundings{.addresses = {local("192.168.1.7", 24), local("2001:db8::7", 64)}, .listening = Port{4000}, .udp = Port{4001}};
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host [2001:db8::7]:4000", "host [2001:db8::7]:4001 udp", "host 192.168.1.7:4000",
                                                       "host 192.168.1.7:4001 udp"));
  surroundings.udp_allowed = false;
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host [2001:db8::7]:4000", "host 192.168.1.7:4000"));
  surroundings.udp_allowed = true;
  surroundings.tcp_allowed = false;
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host [2001:db8::7]:4001 udp", "host 192.168.1.7:4001 udp"));
}

/// A home whose router does everything.
Surroundings home() {
  return {.addresses = {local("192.168.1.7", 24), local("2001:db8::7", 64)},
          .listening = Port{4000},
          .udp = Port{4000},
          .observed = address("203.0.113.9"),
          .manual = Port{5000},
          .reflexive_tcp = endpoint("203.0.113.9:6001"),
          .reflexive_udp = endpoint("203.0.113.9:6002"),
          .mapped = {{Transport::tcp, *endpoint("203.0.113.9:4000")}, {Transport::udp, *endpoint("203.0.113.9:4000")}}};
}

TEST(Gathering, OffersWhatReachesFarthestFirst) {
  EXPECT_THAT(words(gather(home())),
              ElementsAre("manual 203.0.113.9:5000", "manual 203.0.113.9:5000 udp", "host [2001:db8::7]:4000", "host [2001:db8::7]:4000 udp",
                          "mapped 203.0.113.9:4000", "mapped 203.0.113.9:4000 udp", "server-reflexive 203.0.113.9:6002 udp",
                          "server-reflexive 203.0.113.9:6001", "host 192.168.1.7:4000", "host 192.168.1.7:4000 udp"));
  auto tcp_only = home();
  tcp_only.udp_allowed = false;
  EXPECT_THAT(words(gather(tcp_only)), ElementsAre("manual 203.0.113.9:5000", "host [2001:db8::7]:4000", "mapped 203.0.113.9:4000",
                                                   "server-reflexive 203.0.113.9:6001", "host 192.168.1.7:4000"));
}

TEST(Gathering, OffersLastWhatOnlyAPeerBehindTheSameCarrierReaches) {
  Surroundings behind_carrier{.addresses = {local("192.168.1.7", 24)},
                              .listening = Port{4000},
                              .udp = Port{4000},
                              .reflexive_tcp = endpoint("203.0.113.9:6001"),
                              .mapped = {{Transport::tcp, *endpoint("100.64.3.2:4000"), true}}};
  EXPECT_THAT(words(gather(behind_carrier)), ElementsAre("server-reflexive 203.0.113.9:6001", "host 192.168.1.7:4000", "host 192.168.1.7:4000 udp",
                                                         "mapped 100.64.3.2:4000"));
  behind_carrier.mapped.clear();
  behind_carrier.router_wan = address("100.64.3.2");
  EXPECT_THAT(words(gather(behind_carrier)), ElementsAre("server-reflexive 203.0.113.9:6001", "host 192.168.1.7:4000", "host 192.168.1.7:4000 udp",
                                                         "server-reflexive 100.64.3.2:4000", "server-reflexive 100.64.3.2:4000 udp"));
}

TEST(Gathering, GuessesNoPortOfTheRouterWhereAServerSeesIt) {
  const Surroundings surroundings{.addresses = {local("192.168.1.7", 24)},
                                  .listening = Port{4000},
                                  .udp = Port{4000},
                                  .reflexive_tcp = endpoint("203.0.113.9:6001"),
                                  .router_wan = address("203.0.113.9")};
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("server-reflexive 203.0.113.9:6001", "host 192.168.1.7:4000", "host 192.168.1.7:4000 udp",
                                                       "server-reflexive 203.0.113.9:4000 udp"));
  auto over_udp_too = surroundings;
  over_udp_too.reflexive_udp = endpoint("203.0.113.9:6002");
  EXPECT_EQ(std::ranges::count(gather(over_udp_too), Candidate::Type::server_reflexive, &Candidate::type), 2);
}

TEST(Gathering, OffersNoServerReflexiveEndpointThatIsOurOwn) {
  Surroundings open{.addresses = {local("203.0.113.9", 24), local("2001:db8::7", 64), local("192.168.1.7", 24)},
                    .listening = Port{4000},
                    .udp = Port{4000},
                    .reflexive_tcp = endpoint("203.0.113.9:4000"),
                    .reflexive_udp = endpoint("203.0.113.9:4000"),
                    .reflexive_tcp_v6 = endpoint("[2001:db8::7]:4000"),
                    .reflexive_udp_v6 = endpoint("[2001:db8::7]:4001")};
  EXPECT_THAT(words(gather(open)), ElementsAre("host 203.0.113.9:4000", "host 203.0.113.9:4000 udp", "host [2001:db8::7]:4000",
                                               "host [2001:db8::7]:4000 udp", "server-reflexive [2001:db8::7]:4001 udp", "host 192.168.1.7:4000",
                                               "host 192.168.1.7:4000 udp"));
  open.reflexive_tcp = open.reflexive_udp = endpoint("192.168.1.7:4000");  // the server is in our own network
  open.reflexive_udp_v6.reset();
  EXPECT_EQ(std::ranges::count(gather(open), Candidate::Type::server_reflexive, &Candidate::type), 0);
}

TEST(Gathering, OffersNoServerReflexiveLoopbackUnlessThePeerMayBeHere) {
  Surroundings surroundings{.addresses = {local("192.168.1.7", 24)}, .listening = Port{4000}, .reflexive_tcp = endpoint("127.0.0.1:5000")};
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("host 192.168.1.7:4000"));
  surroundings.peer_host = PeerHost::may_be_this;
  EXPECT_THAT(words(gather(surroundings)), ElementsAre("server-reflexive 127.0.0.1:5000", "host 192.168.1.7:4000"));
}

TEST(Gathering, KeepsWhatReachesFarthestOnAMachineOfManyInterfaces) {
  auto surroundings = home();
  for (int i = 0; i < 100; ++i) surroundings.addresses.push_back(local(("10.0.0." + std::to_string(i + 1)).c_str(), 8));
  surroundings.router_wan = address("100.64.3.2");
  const auto candidates = gather(surroundings);
  EXPECT_EQ(candidates.size(), max_candidates);
  EXPECT_EQ(std::ranges::count(candidates, Candidate::Type::server_reflexive, &Candidate::type), 4);
  EXPECT_EQ(std::ranges::count(candidates, Candidate::Type::mapped, &Candidate::type), 2);
  EXPECT_EQ(candidates.back().endpoint, endpoint("100.64.3.2:4000"));
  for (int i = 0; i < 100; ++i) surroundings.mapped.push_back({Transport::udp, {address("203.0.113.9"), Port{static_cast<std::uint16_t>(7000 + i)}}});
  EXPECT_EQ(gather(surroundings).size(), max_candidates);
}

TEST(Gathering, OffersNothingWithoutAListeningPort) {
  EXPECT_THAT(gather({.addresses = {local("192.168.1.7", 24)}}), IsEmpty());
}

TEST(Subnet, IsSharedWhenThePrefixIs) {
  struct Row { const char* local; unsigned prefix; const char* remote; bool same; };
  for (const auto& row : {Row{"192.168.1.7", 24, "192.168.1.200", true}, Row{"192.168.1.7", 24, "192.168.2.7", false},
                          Row{"10.1.2.3", 8, "10.200.0.1", true}, Row{"192.168.1.7", 26, "192.168.1.63", true},
                          Row{"192.168.1.7", 26, "192.168.1.64", false}, Row{"192.168.1.7", 32, "192.168.1.7", true},
                          Row{"192.168.1.7", 32, "192.168.1.8", false}, Row{"192.168.1.7", 0, "192.168.1.8", false},
                          Row{"2001:db8::1", 64, "2001:db8::ffff", true}, Row{"2001:db8::1", 64, "2001:db8:0:1::1", false},
                          Row{"192.168.1.7", 24, "2001:db8::1", false}})
    EXPECT_EQ(same_subnet(local(row.local, row.prefix), address(row.remote)), row.same) << row.local << " " << row.remote;
}

TEST(Pairing, DialsTheSameSubnetFirstThenGlobalOnesWithFamiliesAlternating) {
  const std::vector remote{host("10.9.9.9:1"),       host("203.0.113.1:1"),   host("203.0.113.2:1"),
                           host("[2001:db8:1::1]:1"), host("[2001:db8:2::1]:1"), host("192.168.1.9:1")};
  const std::vector ours{local("192.168.1.7", 24), local("2001:db8:2::7", 64)};
  EXPECT_THAT(words(dials(remote, ours, PeerHost::anywhere)),
              ElementsAre("[2001:db8:2::1]:1", "192.168.1.9:1", "[2001:db8:1::1]:1", "203.0.113.1:1", "203.0.113.2:1", "10.9.9.9:1"));
}

TEST(Pairing, NeverDialsLoopbackUnlessThePeerMayBeHere) {
  const std::vector remote{host("127.0.0.1:1"), host("[::1]:1"), host("127.5.5.5:1")};
  const std::vector ours{local("127.0.0.1", 8), local("::1", 128)};
  EXPECT_THAT(dials(remote, ours, PeerHost::anywhere), IsEmpty());
  EXPECT_THAT(words(dials(remote, ours, PeerHost::may_be_this)), ElementsAre("[::1]:1", "127.0.0.1:1", "127.5.5.5:1"));
}

TEST(Pairing, DialsLinkLocalAddressesOverEachInterfaceThatHasOne) {
  const std::vector remote{host("[fe80::9]:1"), host("169.254.3.4:1")};
  EXPECT_THAT(words(dials(remote, {local("fe80::7", 64, 2), local("fe80::8", 64, 5), local("192.168.1.7", 24, 2)}, PeerHost::anywhere)),
              ElementsAre("[fe80::9]:1%2", "[fe80::9]:1%5"));
  EXPECT_THAT(words(dials(remote, {local("169.254.1.1", 16, 3)}, PeerHost::anywhere)), ElementsAre("169.254.3.4:1"));
  EXPECT_THAT(dials(remote, {local("192.168.1.7", 24)}, PeerHost::anywhere), IsEmpty());
}

TEST(Pairing, IgnoresWhatCannotBeDialled) {
  auto udp = host("192.168.1.9:1");
  udp.transport = Transport::udp;
  const std::vector remote{udp, host("192.168.1.9:0"), host("224.0.0.1:1"), host("0.0.0.0:1"), host("[ff02::1]:1")};
  EXPECT_THAT(dials(remote, {local("192.168.1.7", 24)}, PeerHost::anywhere), IsEmpty());
}

TEST(Pairing, DialsEachEndpointOnceAndAtMostSoMany) {
  EXPECT_EQ(dials({host("192.168.1.9:1"), host("192.168.1.9:1")}, {}, PeerHost::anywhere).size(), 1u);
  std::vector<Candidate> many;
  for (int i = 0; i < 200; ++i) many.push_back(host("10.0.0.1:" + std::to_string(i + 1)));
  EXPECT_EQ(dials(many, {}, PeerHost::anywhere).size(), max_candidates);
  std::vector<Candidate> link_local;
  std::vector<LocalAddress> ours;
  for (int i = 0; i < 20; ++i) {
    link_local.push_back(host("[fe80::9]:" + std::to_string(i + 1)));
    ours.push_back(local("fe80::7", 64, static_cast<unsigned>(i + 1)));
  }
  EXPECT_EQ(dials(link_local, ours, PeerHost::anywhere).size(), max_pairs);
}

const std::vector everything{candidate(Candidate::Type::host, Transport::tcp, "192.168.7.9:1"),
                             candidate(Candidate::Type::host, Transport::tcp, "[2001:db8:1::1]:1"),
                             candidate(Candidate::Type::manual, Transport::tcp, "203.0.113.1:2"),
                             candidate(Candidate::Type::mapped, Transport::tcp, "203.0.113.1:3"),
                             candidate(Candidate::Type::mapped, Transport::tcp, "100.64.3.2:4"),
                             candidate(Candidate::Type::server_reflexive, Transport::tcp, "203.0.113.1:5"),
                             candidate(Candidate::Type::relayed, Transport::tcp, "203.0.113.200:6"),
                             candidate(Candidate::Type::host, Transport::udp, "192.168.7.9:11"),
                             candidate(Candidate::Type::mapped, Transport::udp, "203.0.113.1:13"),
                             candidate(Candidate::Type::server_reflexive, Transport::udp, "203.0.113.1:15"),
                             candidate(Candidate::Type::relayed, Transport::udp, "203.0.113.200:16")};

TEST(Pairing, SaysOfEachPairWhatItCountsAsAndWhetherItIsLikely) {
  const std::vector ours{local("192.168.1.7", 24)};
  EXPECT_THAT(prospects(pairs(everything, ours, PeerHost::anywhere, Transport::tcp)),
              ElementsAre("[2001:db8:1::1]:1 direct", "203.0.113.1:2 direct", "203.0.113.1:3 mapped", "203.0.113.1:5 punched", "192.168.7.9:1 direct?",
                          "100.64.3.2:4 mapped?"));
  EXPECT_THAT(prospects(pairs(everything, ours, PeerHost::anywhere, Transport::udp)),
              ElementsAre("203.0.113.1:13 mapped", "203.0.113.1:15 punched", "192.168.7.9:11 direct?"));
}

TEST(Pairing, FindsEveryAddressLikelyOfAPeerBehindTheSameNat) {
  const std::vector ours{local("192.168.1.7", 24)};
  const auto likely = [&](const char* seen_as) {
    const auto all = targets(everything, ours, PeerHost::anywhere, {address("2001:db8:9::1"), address(seen_as)});
    return std::ranges::count(all.dials, true, &Pair::likely) + std::ranges::count(all.checks, true, &Pair::likely);
  };
  EXPECT_EQ(likely("203.0.113.1"), 5 + 3);
  EXPECT_EQ(likely("203.0.113.2"), 3 + 2);
  EXPECT_EQ(likely("192.168.7.9"), 3 + 2) << "a host candidate says nothing of where servers see the peer";
}

TEST(Pairing, FindsNoLinkLocalAddressLikelyButThatOfAPeerBehindTheSameNat) {
  const std::vector remote{host("[fe80::9]:1"), candidate(Candidate::Type::server_reflexive, Transport::udp, "203.0.113.1:15")};
  const std::vector ours{local("fe80::7", 64, 2)};
  EXPECT_FALSE(pairs(remote, ours, PeerHost::anywhere, Transport::tcp).at(0).likely);
  EXPECT_TRUE(pairs(remote, ours, PeerHost::anywhere, Transport::tcp, {address("203.0.113.1")}).at(0).likely);
}

TEST(Pairing, DialsWhatListensPunchesWhatAFirewallOrNatGuardsAndChecksAllOverUdp) {
  const auto all = targets(everything, {local("192.168.1.7", 24)}, PeerHost::anywhere);
  EXPECT_THAT(prospects(all.dials), ElementsAre("[2001:db8:1::1]:1 direct", "203.0.113.1:2 direct", "203.0.113.1:3 mapped", "192.168.7.9:1 direct?",
                                                "100.64.3.2:4 mapped?"));
  EXPECT_THAT(prospects(all.punches), ElementsAre("[2001:db8:1::1]:1 direct", "203.0.113.1:5 punched"));
  EXPECT_THAT(prospects(all.checks), ElementsAre("203.0.113.1:13 mapped", "203.0.113.1:15 punched", "192.168.7.9:11 direct?"));
  EXPECT_THAT(targets({host("[fd00::9]:1"), host("[fe80::9]:1")}, {local("fe80::7", 64, 2)}, PeerHost::anywhere).punches, IsEmpty());
}

TEST(Pairing, TakesAnEndpointThatIsSeveralThingsForTheBestOfThem) {
  const std::vector remote{candidate(Candidate::Type::server_reflexive, Transport::udp, "203.0.113.1:1"),
                           candidate(Candidate::Type::host, Transport::udp, "203.0.113.1:1"),
                           candidate(Candidate::Type::mapped, Transport::udp, "203.0.113.1:1")};
  EXPECT_THAT(prospects(pairs(remote, {}, PeerHost::anywhere, Transport::udp)), ElementsAre("203.0.113.1:1 direct"));
}

TEST(PathRank, ComparesTierThenTransportThenTime) {
  const auto path = [](Tier tier, Transport transport, Duration elapsed) {
    return Path{.tier = tier, .transport = transport, .elapsed = elapsed};
  };
  struct Row { Path a, b; bool a_better, b_better; };
  using enum Transport;
  for (const auto& [a, b, a_better, b_better] :
       {Row{path(Tier::direct, udp, 9s), path(Tier::mapped, tcp, 1ms), true, false},
        Row{path(Tier::punched, tcp, 1s), path(Tier::relay, tcp, 1ms), true, false},
        Row{path(Tier::direct, tcp, 300ms), path(Tier::direct, udp, 0ms), true, false},
        Row{path(Tier::direct, tcp, 301ms), path(Tier::direct, udp, 0ms), false, true},
        Row{path(Tier::direct, tcp, 0ms), path(Tier::direct, udp, 5s), true, false},
        Row{path(Tier::direct, tcp, 1ms), path(Tier::direct, tcp, 2ms), true, false},
        Row{path(Tier::direct, tcp, 1ms), path(Tier::direct, tcp, 1ms), false, false}}) {
    EXPECT_EQ(better(a, b), a_better);
    EXPECT_EQ(better(b, a), b_better);
  }
}

TEST(PathRank, KnowsWhichTiersAreStraight) {
  EXPECT_TRUE(is_straight(Tier::direct));
  EXPECT_TRUE(is_straight(Tier::mapped));
  EXPECT_TRUE(is_straight(Tier::punched));
  EXPECT_FALSE(is_straight(Tier::supernode));
  EXPECT_FALSE(is_straight(Tier::relay));
}

}  // namespace
}  // namespace pshare
