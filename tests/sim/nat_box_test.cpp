// The NAT of both laboratories, axis by axis: packets go in, and what comes out is looked at.
#include "network/nat_box.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "network/nat_presets.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using enum Dependence;
using testing::AllOf;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;
using testing::SizeIs;
using Side = NatBox::Side;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }
Endpoint with_port(Endpoint endpoint, unsigned port) { return {endpoint.address, {static_cast<std::uint16_t>(port)}}; }

const IpAddress outside_address = address("81.2.64.2");
const Endpoint alice = endpoint("10.0.0.2:4700"), bob = endpoint("10.0.0.3:4700");
const Endpoint server = endpoint("81.2.69.1:3478"), peer = endpoint("81.2.70.1:5000");
Endpoint outside(unsigned port) { return with_port({outside_address, {}}, port); }

constexpr TcpHeader syn{.sequence = 1000, .syn = true}, syn_ack{.sequence = 7000, .acknowledgement = 1001, .syn = true, .ack = true};
constexpr TcpHeader ack{.sequence = 1001, .acknowledgement = 7001, .ack = true}, fin{.sequence = 1002, .ack = true, .fin = true};
constexpr TcpHeader rst{.sequence = 1001, .rst = true};

Packet packet(Protocol protocol, const Endpoint& from, const Endpoint& to, const TcpHeader& tcp = {}) {
  Packet made;
  made.flow = {protocol, from, to};
  made.size = 100;
  made.tcp = tcp;
  return made;
}

/// One NAT, its clock, and both of its sides.
class Lab {
 public:
  explicit Lab(NatBehaviour behaviour, std::uint64_t seed = 1) : random_(seed), box(with_address(std::move(behaviour)), random_, now) {}

  std::vector<NatBox::Action> give(Side at, Packet given) {
    box.receive(at, std::move(given), now);
    return taken();
  }
  std::vector<NatBox::Action> taken() {
    std::vector<NatBox::Action> all;
    while (auto action = box.take()) all.push_back(*std::move(action));
    return all;
  }

  /// The source that a packet from inside has outside; nothing if it does not get there.
  std::optional<Endpoint> out(const Endpoint& from, const Endpoint& to) { return out(Protocol::udp, from, to); }
  std::optional<Endpoint> out(Protocol protocol, const Endpoint& from, const Endpoint& to, const TcpHeader& tcp = {}) {
    const auto actions = give(Side::inside, packet(protocol, from, to, tcp));
    if (actions.size() != 1 || actions[0].to != Side::outside) return std::nullopt;
    EXPECT_EQ(actions[0].packet.flow.to, to);
    return actions[0].packet.flow.from;
  }
  /// The inner endpoint that a packet from outside reaches; nothing if it reaches none.
  std::optional<Endpoint> in(const Endpoint& from, const Endpoint& to) { return in(Protocol::udp, from, to); }
  std::optional<Endpoint> in(Protocol protocol, const Endpoint& from, const Endpoint& to, const TcpHeader& tcp = {}) {
    const auto actions = give(Side::outside, packet(protocol, from, to, tcp));
    if (actions.size() != 1 || actions[0].to != Side::inside) return std::nullopt;
    EXPECT_EQ(actions[0].packet.flow.from, from);
    return actions[0].packet.flow.to;
  }
  std::optional<Endpoint> syn_out(const Endpoint& from, const Endpoint& to) { return out(Protocol::tcp, from, to, syn); }
  std::optional<Endpoint> syn_in(const Endpoint& from, const Endpoint& to) { return in(Protocol::tcp, from, to, syn); }
  /// Three packets, begun from inside. The external endpoint.
  Endpoint connect(const Endpoint& from, const Endpoint& to) {
    const auto external = syn_out(from, to);
    EXPECT_TRUE(external);
    EXPECT_EQ(in(Protocol::tcp, to, external.value(), syn_ack), from);
    EXPECT_EQ(out(Protocol::tcp, from, to, ack), external);
    return external.value();
  }
  /// The first packet of whatever protocol.
  std::optional<Endpoint> open(Protocol protocol, const Endpoint& from, const Endpoint& to) { return out(protocol, from, to, first(protocol)); }
  std::optional<Endpoint> knock(Protocol protocol, const Endpoint& from, const Endpoint& to) { return in(protocol, from, to, first(protocol)); }
  static TcpHeader first(Protocol protocol) { return protocol == Protocol::tcp ? syn : TcpHeader{}; }

 private:
  static NatBehaviour with_address(NatBehaviour behaviour) {
    if (behaviour.external.empty()) behaviour.external = {outside_address};
    return behaviour;
  }
  SeededRandom random_;

 public:
  TimePoint now{1h};
  NatBox box;
};

NatBehaviour cone(Dependence filtering) { return {.udp = {.mapping = endpoint_independent, .filtering = filtering}}; }
NatBehaviour symmetric() { return {.udp = {.mapping = address_and_port_dependent, .filtering = address_and_port_dependent}}; }
NatBehaviour sequential(unsigned step = 1) {
  auto behaviour = symmetric();
  behaviour.ports = PortChoice::sequential, behaviour.port_step = step;
  return behaviour;
}

// Mapping and filtering, for UDP and TCP.

class EveryPairOfDependences : public testing::TestWithParam<std::tuple<Protocol, Dependence, Dependence>> {
 protected:
  Protocol protocol = std::get<0>(GetParam());
  Dependence mapping = std::get<1>(GetParam()), filtering = std::get<2>(GetParam());
  Lab lab{{.udp = {.mapping = mapping, .filtering = filtering}}};
};

TEST_P(EveryPairOfDependences, MapsAnewForWhatTheMappingDependsOnAndNothingElse) {
  const auto first = lab.open(protocol, alice, server);
  ASSERT_TRUE(first);
  EXPECT_EQ(lab.open(protocol, alice, server), first);
  const auto other_port = lab.open(protocol, alice, with_port(server, 3479));
  const auto other_address = lab.open(protocol, alice, peer);
  ASSERT_TRUE(other_port && other_address);
  EXPECT_EQ(other_port == first, mapping != address_and_port_dependent);
  EXPECT_EQ(other_address == first, mapping == endpoint_independent);
  EXPECT_NE(lab.open(protocol, bob, server), first);
}

TEST_P(EveryPairOfDependences, LetsInWhatTheFilterDependsOnAndNothingElse) {
  const auto external = lab.open(protocol, alice, server);
  ASSERT_TRUE(external);
  EXPECT_EQ(lab.knock(protocol, server, *external), alice);
  EXPECT_EQ(lab.knock(protocol, with_port(server, 3479), *external).has_value(), filtering != address_and_port_dependent);
  EXPECT_EQ(lab.knock(protocol, peer, *external).has_value(), filtering == endpoint_independent);
  EXPECT_EQ(lab.knock(protocol, endpoint("81.2.68.1:3478"), *external).has_value(), filtering == endpoint_independent);
  EXPECT_FALSE(lab.knock(protocol, server, with_port(*external, 999)));
}

std::string name_of_pair(const testing::TestParamInfo<EveryPairOfDependences::ParamType>& pair) {
  constexpr const char* names[] = {"EndpointIndependent", "AddressDependent", "AddressAndPortDependent"};
  const auto [protocol, mapping, filtering] = pair.param;
  return std::string{protocol == Protocol::tcp ? "Tcp" : "Udp"} + "Mapping" + names[static_cast<int>(mapping)] + "Filtering" +
         names[static_cast<int>(filtering)];
}

const auto each_dependence = testing::Values(endpoint_independent, address_dependent, address_and_port_dependent);
INSTANTIATE_TEST_SUITE_P(NatBox, EveryPairOfDependences,
                         testing::Combine(testing::Values(Protocol::udp, Protocol::tcp), each_dependence, each_dependence), name_of_pair);

TEST(NatBox, TreatsTcpByAxesOfItsOwnWhereItHasThem) {
  Lab lab{{.udp = {endpoint_independent, endpoint_independent}, .tcp = NatBehaviour::Axes{address_and_port_dependent, address_and_port_dependent}}};
  EXPECT_EQ(lab.out(alice, server), lab.out(alice, peer));
  EXPECT_NE(lab.syn_out(alice, server), lab.syn_out(alice, peer));
  const auto udp = lab.out(alice, server), tcp = lab.syn_out(alice, server);
  EXPECT_EQ(lab.in(endpoint("81.2.71.1:1"), udp.value()), alice);
  EXPECT_FALSE(lab.syn_in(endpoint("81.2.71.1:1"), tcp.value()));
}

TEST(NatBox, MapsEchoesIndependentlyOfWhoIsAskedWithOneIdentifierForBothEnds) {
  Lab lab{symmetric()};
  const auto asked = lab.give(Side::inside, packet(Protocol::icmp_echo, alice, with_port(server, 4700)));
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_EQ(asked[0].packet.flow, (Flow{Protocol::icmp_echo, outside(4700), with_port(server, 4700)}));
  const auto second = lab.give(Side::inside, packet(Protocol::icmp_echo, bob, with_port(server, 4700)));  // the same identifier
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(second[0].packet.flow, (Flow{Protocol::icmp_echo, outside(4701), with_port(server, 4701)}));
  auto reply = packet(Protocol::icmp_echo, with_port(server, 4701), outside(4701));
  reply.echo_reply = true;
  const auto answered = lab.give(Side::outside, reply);
  ASSERT_THAT(answered, SizeIs(1));
  EXPECT_EQ(answered[0].packet.flow, (Flow{Protocol::icmp_echo, with_port(server, 4700), bob}));
  const auto other = lab.give(Side::inside, packet(Protocol::icmp_echo, alice, with_port(peer, 4700)));
  ASSERT_THAT(other, SizeIs(1));
  EXPECT_EQ(other[0].packet.flow.from, outside(4700));
  EXPECT_FALSE(lab.in(Protocol::icmp_echo, endpoint("81.2.71.1:4700"), outside(4700)));
}

TEST(NatBox, DropsAnEchoReplyThatNobodyAskedFor) {
  Lab lab{cone(endpoint_independent)};
  auto reply = packet(Protocol::icmp_echo, alice, with_port(server, 4700));
  reply.echo_reply = true;
  EXPECT_THAT(lab.give(Side::inside, reply), IsEmpty());
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
}

TEST(NatBox, ChangesNothingButEndpoints) {
  Lab lab{cone(endpoint_independent)};
  auto sent = packet(Protocol::tcp, alice, server, syn);
  sent.ttl = 5, sent.size = 60, sent.traffic_class = 3, sent.body = {std::byte{1}, std::byte{2}};
  const auto actions = lab.give(Side::inside, sent);
  ASSERT_THAT(actions, SizeIs(1));
  const auto& got = actions[0].packet;
  EXPECT_EQ(std::tie(got.ttl, got.size, got.traffic_class, got.body), std::tie(sent.ttl, sent.size, sent.traffic_class, sent.body));
  EXPECT_EQ(got.tcp.sequence, sent.tcp.sequence);
  EXPECT_TRUE(got.tcp.opens());
}

TEST(NatBox, DropsWhatIsMulticastOrForAnAddressThatIsNotItsOwn) {
  auto behaviour = cone(endpoint_independent);
  behaviour.unsolicited_syn = UnsolicitedSyn::reset, behaviour.dmz = bob.address;
  Lab lab{behaviour};
  EXPECT_FALSE(lab.out(alice, endpoint("239.255.255.250:1900")));
  EXPECT_FALSE(lab.out(endpoint("[2001:db8::2]:4700"), endpoint("[ff02::c]:1900")));
  const auto external = lab.out(alice, server);
  EXPECT_FALSE(lab.in(server, {address("81.2.64.3"), external.value().port}));
  EXPECT_FALSE(lab.in(server, alice));
  EXPECT_THAT(lab.give(Side::outside, packet(Protocol::tcp, server, endpoint("81.2.64.3:80"), syn)), IsEmpty());
  EXPECT_EQ(lab.out(alice, endpoint("192.168.1.1:80")), external);  // where it leads is not its business
}

TEST(NatBox, TranslatesNothingWithoutAnAddressOutside) {
  SeededRandom random{1};
  NatBox box{NatBehaviour{}, random, TimePoint{1h}};
  box.receive(Side::inside, packet(Protocol::udp, alice, server), TimePoint{1h});
  EXPECT_FALSE(box.take());
  EXPECT_FALSE(box.add_rule({.external = {80}, .internal = alice}, TimePoint{1h}));
}

// Ports.

TEST(NatBox, PreservesTheInnerPortOrElseTakesTheNextFreeOne) {
  Lab lab{{.first_port = {4000}, .last_port = {4701}}};
  EXPECT_EQ(lab.out(alice, server), outside(4700));
  EXPECT_EQ(lab.out(bob, server), outside(4701));
  EXPECT_EQ(lab.out(endpoint("10.0.0.4:4700"), server), outside(4000)) << "after the last port comes the first";
  EXPECT_EQ(lab.out(endpoint("10.0.0.5:53"), server), outside(4001)) << "53 is none of the ports it chooses from";
  EXPECT_EQ(lab.syn_out(bob, server), outside(4700)) << "TCP has ports of its own";
}

TEST(NatBox, CountsPortsByTheStepAndWrapsAround) {
  auto behaviour = sequential(3);
  behaviour.first_port = {2000}, behaviour.last_port = {2009};
  Lab lab{behaviour};
  std::vector<unsigned> ports;
  for (unsigned i = 0; i < 10; ++i) ports.push_back(lab.out(alice, with_port(server, 100 + i)).value().port.number - 2000u);
  EXPECT_THAT(ports, ElementsAre(0, 3, 6, 9, 2, 5, 8, 1, 4, 7));
  EXPECT_FALSE(lab.out(alice, with_port(server, 200))) << "all are taken";
}

TEST(NatBox, CountsPastPortsThatAreTaken) {
  auto behaviour = sequential();
  behaviour.first_port = {2000};
  Lab lab{behaviour};
  ASSERT_TRUE(lab.box.add_rule({.external = {2001}, .internal = bob}, lab.now));
  EXPECT_EQ(lab.out(alice, server), outside(2000));
  EXPECT_EQ(lab.out(alice, peer), outside(2002));
}

TEST(NatBox, ReachesPortsThatItsStepPassesOverWhenNothingElseIsFree) {
  auto behaviour = sequential(2);
  behaviour.first_port = {2000}, behaviour.last_port = {2003};
  Lab lab{behaviour};
  std::set<unsigned> ports;
  for (unsigned i = 0; i < 4; ++i) ports.insert(lab.out(alice, with_port(server, 100 + i)).value().port.number);
  EXPECT_THAT(ports, ElementsAre(2000, 2001, 2002, 2003));
}

TEST(NatBox, LetsOtherPeopleTakePortsAsTimePasses) {
  auto behaviour = sequential(2);
  behaviour.other_traffic = 20, behaviour.first_port = {2000};
  Lab lab{behaviour};
  EXPECT_EQ(lab.out(alice, with_port(server, 1)), outside(2000));
  lab.now += 1s;
  EXPECT_EQ(lab.out(alice, with_port(server, 2)), outside(2000 + 2 * (1 + 20)));
  for (unsigned i = 0; i < 10; ++i) lab.now += 10ms, lab.out(alice, with_port(server, 10 + i));  // 0.2 of a port each time
  EXPECT_EQ(lab.out(alice, with_port(server, 30)), outside(2000 + 2 * (2 + 20 + 10 + 2)));
}

TEST(NatBox, DrawsRandomPortsAmongTheFreeOnesAndOthersForAnotherSeed) {
  auto behaviour = symmetric();
  behaviour.ports = PortChoice::random, behaviour.first_port = {3000}, behaviour.last_port = {3999};
  const auto draw = [&](std::uint64_t seed, unsigned count) {
    Lab lab{behaviour, seed};
    std::vector<unsigned> ports;
    for (unsigned i = 0; i < count; ++i) ports.push_back(lab.out(alice, with_port(server, 1 + i)).value().port.number);
    return ports;
  };
  const auto once = draw(1, 100);
  EXPECT_THAT(once, Each(AllOf(Ge(3000u), Le(3999u))));
  EXPECT_FALSE(std::ranges::is_sorted(once));
  EXPECT_EQ(once, draw(1, 100));
  EXPECT_NE(once, draw(2, 100));
  const auto all = draw(1, 1000);
  EXPECT_THAT((std::set<unsigned>{all.begin(), all.end()}), SizeIs(1000)) << "every port is found, and none twice";
}

TEST(NatBox, RefusesAMappingWhenNoPortIsFreeUntilOneExpires) {
  for (const auto choice : {PortChoice::preserving, PortChoice::sequential, PortChoice::random}) {
    auto behaviour = symmetric();
    behaviour.ports = choice, behaviour.first_port = {3000}, behaviour.last_port = {3001};
    Lab lab{behaviour};
    const auto first = lab.out(alice, with_port(server, 1));
    lab.now += 1s;
    ASSERT_TRUE(lab.out(alice, with_port(server, 2)));
    EXPECT_FALSE(lab.out(alice, with_port(server, 3)));
    lab.now += 119s;
    EXPECT_EQ(lab.out(alice, with_port(server, 3)), first);
  }
}

TEST(NatBox, GivesEachCustomerABlockOfPortsAndNoMore) {
  auto behaviour = symmetric();
  behaviour.ports = PortChoice::random, behaviour.block = 16, behaviour.first_port = {1024}, behaviour.last_port = {1024 + 40};  // two and a half
  Lab lab{behaviour};
  const auto all_of = [&](const Endpoint& customer) {
    std::set<unsigned> ports;
    for (unsigned i = 0; i < 20; ++i) {
      if (const auto external = lab.out(customer, with_port(server, 1 + i))) ports.insert(external->port.number);
    }
    return ports;
  };
  EXPECT_THAT(all_of(alice), AllOf(SizeIs(16), Each(AllOf(Ge(1024u), Le(1039u)))));
  EXPECT_THAT(all_of(bob), AllOf(SizeIs(16), Each(AllOf(Ge(1040u), Le(1055u)))));
  EXPECT_THAT(all_of(endpoint("10.0.0.4:1")), IsEmpty());
  const auto tcp = lab.syn_out(bob, server);
  ASSERT_TRUE(tcp);
  EXPECT_THAT(tcp->port.number, AllOf(Ge(1040), Le(1055))) << "the block is the same for all protocols";
}

TEST(NatBox, CountsInEachBlockByItself) {
  auto behaviour = sequential();
  behaviour.block = 16, behaviour.first_port = {2000}, behaviour.other_traffic = 100;
  Lab lab{behaviour};
  for (unsigned i = 0; i < 3; ++i) {
    lab.now += 1s;
    EXPECT_EQ(lab.out(alice, with_port(server, 1 + i)), outside(2000 + i));
    EXPECT_EQ(lab.out(bob, with_port(server, 1 + i)), outside(2016 + i));
  }
}

TEST(NatBox, PairsAnInnerAddressWithOneOfItsAddresses) {
  auto behaviour = symmetric();
  behaviour.external = {address("81.2.64.2"), address("81.2.64.3")};
  Lab lab{behaviour};
  for (unsigned i = 1; i < 5; ++i) {
    EXPECT_EQ(lab.out(alice, with_port(server, i)).value().address, behaviour.external[0]);
    EXPECT_EQ(lab.out(bob, with_port(server, i)).value().address, behaviour.external[1]);
  }
  EXPECT_EQ(lab.out(endpoint("10.0.0.4:1"), server).value().address, behaviour.external[0]);
  EXPECT_EQ(lab.box.external_address(bob.address), behaviour.external[1]);
}

TEST(NatBox, UsesAllOfItsAddressesWherePoolingIsArbitrary) {
  auto behaviour = symmetric();
  behaviour.external = {address("81.2.64.2"), address("81.2.64.3")}, behaviour.pooling = Pooling::arbitrary;
  behaviour.first_port = behaviour.last_port = {2000};
  Lab lab{behaviour};
  const auto one = lab.out(alice, with_port(server, 1)), two = lab.out(alice, with_port(server, 2));
  ASSERT_TRUE(one && two);
  EXPECT_NE(one->address, two->address);
  EXPECT_FALSE(lab.out(alice, with_port(server, 3)));
  EXPECT_EQ(lab.in(with_port(server, 2), *two), alice);
  EXPECT_FALSE(lab.in(with_port(server, 2), *one));
  for (const auto& inner : {alice, bob}) EXPECT_EQ(lab.box.external_address(inner.address), behaviour.external[0]) << "rules are on the first";
}

// Lifetimes.

TEST(NatBox, ForgetsAUdpMappingAfterItsLifetime) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.out(alice, server).value();
  lab.now += 120s - 1ns;
  EXPECT_EQ(lab.box.mappings(lab.now), 1u);
  EXPECT_EQ(lab.in(peer, external), alice);
  lab.now += 1ns;
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
  EXPECT_FALSE(lab.in(server, external));
  EXPECT_EQ(lab.out(bob, server), external) << "the port is free again";
}

TEST(NatBox, IsKeptAwakeFromInside) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.out(alice, server).value();
  for (int i = 0; i < 5; ++i) {
    lab.now += 100s;
    EXPECT_EQ(lab.out(alice, server), external);
  }
  EXPECT_EQ(lab.in(server, external), alice);
}

TEST(NatBox, IsKeptAwakeFromOutsideOnlyWhereBothDirectionsRefresh) {
  for (const auto refresh : {Refresh::outbound, Refresh::both_directions}) {
    auto behaviour = cone(address_and_port_dependent);
    behaviour.refresh = refresh;
    Lab lab{behaviour};
    const auto external = lab.out(alice, server).value();
    lab.now += 100s;
    EXPECT_TRUE(lab.in(server, external));
    lab.now += 100s;
    EXPECT_EQ(lab.in(server, external).has_value(), refresh == Refresh::both_directions);
  }
}

TEST(NatBox, IsNotKeptAwakeByWhatItsFilterDrops) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.refresh = Refresh::both_directions;
  Lab lab{behaviour};
  const auto external = lab.out(alice, server).value();
  lab.now += 100s;
  EXPECT_FALSE(lab.in(peer, external));
  lab.now += 20s;
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
}

TEST(NatBox, ForgetsAnUnansweredFlowSooner) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.udp_unanswered_lifetime = 30s, behaviour.refresh = Refresh::both_directions;
  Lab lab{behaviour};
  const auto external = lab.out(alice, server).value();
  lab.now += 29s;
  EXPECT_EQ(lab.in(server, external), alice);
  EXPECT_EQ(lab.out(alice, peer), external);
  lab.now += 31s;
  EXPECT_FALSE(lab.in(peer, external)) << "it never answered in time, though somebody else did";
  EXPECT_EQ(lab.in(server, external), alice);
  lab.now += 119s;
  EXPECT_EQ(lab.in(server, external), alice);

  Lab alone{behaviour};
  alone.out(alice, server);
  alone.now += 30s;
  EXPECT_EQ(alone.box.mappings(alone.now), 0u);
}

TEST(NatBox, ForgetsAnUnansweredFlowNoLaterThanAnAnsweredOne) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.udp_unanswered_lifetime = 300s;
  Lab lab{behaviour};
  lab.out(alice, server);
  lab.now += 120s;
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
}

TEST(NatBox, ForgetsWhomItMayLetInAlthoughTheMappingLivesOn) {
  for (const auto filtering : {address_dependent, address_and_port_dependent}) {
    Lab lab{cone(filtering)};
    const auto start = lab.now;
    const auto external = lab.out(alice, server).value();
    lab.now = start + 10s;
    lab.out(alice, peer);
    for (const auto later : {70s, 119s, 125s}) {
      lab.now = start + later;
      EXPECT_EQ(lab.out(alice, server), external);
      EXPECT_EQ(lab.in(peer, external), alice);
    }
    lab.now = start + 130s;
    EXPECT_FALSE(lab.in(peer, external));
    EXPECT_EQ(lab.in(server, external), alice);
  }
}

TEST(NatBox, KeepsAnAddressOpenForAsLongAsAnyOfItsPortsWasSentTo) {
  Lab lab{cone(address_dependent)};
  const auto start = lab.now;
  const auto external = lab.out(alice, with_port(peer, 1)).value();
  lab.now = start + 100s;
  lab.out(alice, with_port(peer, 2));
  lab.now = start + 200s;
  EXPECT_EQ(lab.in(with_port(peer, 3), external), alice);
  lab.out(alice, server);
  lab.now = start + 220s;
  EXPECT_FALSE(lab.in(with_port(peer, 3), external)) << "what came in opens nothing";
  EXPECT_EQ(lab.in(server, external), alice);
}

TEST(NatBox, KeepsAnAddressOpenForAsLongAsAnyOfItsPortsSendsWhereBothDirectionsRefresh) {
  auto behaviour = cone(address_dependent);
  behaviour.refresh = Refresh::both_directions;
  Lab lab{behaviour};
  const auto external = lab.out(alice, with_port(peer, 1)).value();
  for (int i = 0; i < 4; ++i) {
    lab.now += 100s;
    EXPECT_EQ(lab.in(with_port(peer, 3), external), alice);
  }
  EXPECT_EQ(lab.in(with_port(peer, 1), external), alice);
  EXPECT_FALSE(lab.in(server, external));
}

TEST(NatBox, KeepsAnEstablishedConnectionLongerThanOneThatOpens) {
  Lab lab{cone(address_and_port_dependent)};
  const auto opening = lab.syn_out(bob, server).value();
  const auto established = lab.connect(alice, server);
  lab.now += 4min;
  EXPECT_FALSE(lab.in(Protocol::tcp, server, opening, syn_ack));
  lab.now += 2h - 1ns;
  EXPECT_EQ(lab.in(Protocol::tcp, server, established, ack), alice) << "and so it is kept awake from outside";
  lab.now += 2h + 3min;
  EXPECT_EQ(lab.out(Protocol::tcp, alice, server, ack), established);
  lab.now += 2h + 4min;
  EXPECT_FALSE(lab.out(Protocol::tcp, alice, server, ack));
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
}

TEST(NatBox, TakesASimultaneouslyOpenedConnectionForEstablished) {
  Lab lab{cone(address_and_port_dependent)};
  const auto external = lab.syn_out(alice, peer).value();
  EXPECT_EQ(lab.syn_in(peer, external), alice);
  lab.out(Protocol::tcp, alice, peer, syn_ack);
  EXPECT_EQ(lab.in(Protocol::tcp, peer, external, syn_ack), alice);
  lab.now += 1h;
  EXPECT_EQ(lab.in(Protocol::tcp, peer, external, ack), alice);
}

TEST(NatBox, TakesAConnectionBegunOutsideForEstablished) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.syn_out(alice, server).value();
  EXPECT_EQ(lab.syn_in(peer, external), alice);
  EXPECT_EQ(lab.out(Protocol::tcp, alice, peer, syn_ack), external);
  EXPECT_EQ(lab.in(Protocol::tcp, peer, external, ack), alice);
  lab.now += 1h;
  EXPECT_EQ(lab.in(Protocol::tcp, peer, external, ack), alice);
  EXPECT_FALSE(lab.in(Protocol::tcp, server, external, syn_ack)) << "that one never was";
}

TEST(NatBox, ForgetsAConnectionSoonAfterBothSidesHaveClosedIt) {
  Lab lab{cone(address_and_port_dependent)};
  const auto half = lab.connect(bob, server), closed = lab.connect(alice, server);
  lab.now += 10min;
  lab.out(Protocol::tcp, bob, server, fin);
  lab.out(Protocol::tcp, alice, server, fin);
  lab.in(Protocol::tcp, server, closed, fin);
  EXPECT_EQ(lab.out(Protocol::tcp, alice, server, ack), closed);
  lab.now += 4min;
  EXPECT_EQ(lab.box.mappings(lab.now), 1u);
  EXPECT_FALSE(lab.in(Protocol::tcp, server, closed, ack));
  EXPECT_EQ(lab.syn_out(with_port(alice, closed.port.number), server), closed) << "its port is free";
  EXPECT_EQ(lab.in(Protocol::tcp, server, half, ack), bob);
}

TEST(NatBox, ForgetsAConnectionSoonAfterAReset) {
  Lab lab{cone(address_and_port_dependent)};
  const auto external = lab.connect(alice, server);
  EXPECT_EQ(lab.in(Protocol::tcp, server, external, rst), alice);
  lab.now += 4min - 1ns;
  EXPECT_EQ(lab.box.mappings(lab.now), 1u);
  lab.now += 1ns;
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
}

TEST(NatBox, TracksANewAttemptAnewAfterAReset) {
  Lab lab{cone(address_and_port_dependent)};
  const auto external = lab.syn_out(alice, server).value();
  lab.in(Protocol::tcp, server, external, rst);
  EXPECT_EQ(lab.connect(alice, server), external);
  lab.now += 1h;
  EXPECT_EQ(lab.in(Protocol::tcp, server, external, ack), alice);
}

TEST(NatBox, BeginsAConnectionAnewAtTheInnerHostsSynOnly) {
  Lab lab{cone(address_and_port_dependent)};
  const auto external = lab.connect(alice, server);
  EXPECT_EQ(lab.syn_in(server, external), alice);
  lab.now += 1h;
  EXPECT_EQ(lab.in(Protocol::tcp, server, external, ack), alice) << "a stranger's SYN ends nothing";
  EXPECT_EQ(lab.syn_out(alice, server), external) << "the inner host has forgotten the connection";
  lab.now += 4min;
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
}

TEST(NatBox, ForgetsAnAttemptAlthoughAnotherConnectionKeepsTheMapping) {
  Lab lab{cone(address_and_port_dependent)};
  const auto start = lab.now;
  const auto external = lab.connect(alice, server);
  lab.now = start + 10s;
  EXPECT_EQ(lab.syn_out(alice, peer), external);
  lab.now = start + 245s;
  EXPECT_EQ(lab.in(Protocol::tcp, server, external, ack), alice);
  lab.now = start + 250s;
  EXPECT_FALSE(lab.out(Protocol::tcp, alice, peer, ack));
  EXPECT_FALSE(lab.in(Protocol::tcp, peer, external, syn_ack));
  EXPECT_EQ(lab.out(Protocol::tcp, alice, server, ack), external);
}

TEST(NatBox, KeepsThePortOfAMappingForAsLongAsOneConnectionUsesIt) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.ports = PortChoice::sequential;
  Lab lab{behaviour};
  const auto external = lab.connect(alice, server);
  EXPECT_EQ(lab.syn_out(alice, peer), external);
  lab.now += 1h;
  EXPECT_FALSE(lab.syn_in(peer, external)) << "that attempt is long over";
  EXPECT_EQ(lab.syn_out(alice, peer), external);
}

TEST(NatBox, DropsSegmentsOfConnectionsThatItDoesNotKnow) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.syn_out(alice, server).value();
  for (const auto& segment : {ack, syn_ack, fin, rst}) {
    EXPECT_FALSE(lab.out(Protocol::tcp, bob, server, segment));
    EXPECT_FALSE(lab.out(Protocol::tcp, alice, peer, segment));
    EXPECT_FALSE(lab.in(Protocol::tcp, peer, external, segment));
  }
  EXPECT_EQ(lab.box.mappings(lab.now), 1u);
}

// SYNs that nobody asked for.

TEST(NatBox, LetsASynIntoAFullConesMapping) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.syn_out(alice, server).value();
  EXPECT_EQ(lab.syn_in(peer, external), alice);
  EXPECT_FALSE(lab.syn_in(peer, outside(4711))) << "which nobody has";
}

std::vector<NatBox::Action> answer_to_unsolicited_syn(UnsolicitedSyn policy) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.unsolicited_syn = policy;
  Lab lab{behaviour};
  lab.syn_out(alice, server);
  auto answers = lab.give(Side::outside, packet(Protocol::tcp, peer, outside(4700), syn));
  const auto at_unmapped_port = lab.give(Side::outside, packet(Protocol::tcp, peer, outside(4711), syn));
  EXPECT_EQ(answers.size(), at_unmapped_port.size());
  EXPECT_THAT(lab.give(Side::outside, packet(Protocol::tcp, peer, outside(4711), ack)), IsEmpty()) << "only a SYN is answered";
  EXPECT_EQ(lab.box.deadline().has_value(), policy == UnsolicitedSyn::icmp_after_wait);
  return answers;
}

TEST(NatBox, AnswersAnUnsolicitedSynWithSilence) { EXPECT_THAT(answer_to_unsolicited_syn(UnsolicitedSyn::silence), IsEmpty()); }

TEST(NatBox, AnswersAnUnsolicitedSynWithAReset) {
  const auto answers = answer_to_unsolicited_syn(UnsolicitedSyn::reset);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].to, Side::outside);
  EXPECT_EQ(answers[0].packet.flow, (Flow{Protocol::tcp, outside(4700), peer}));
  EXPECT_TRUE(answers[0].packet.tcp.rst);
  EXPECT_EQ(answers[0].packet.tcp.acknowledgement, syn.sequence + 1);
}

TEST(NatBox, AnswersAnUnsolicitedSynWithAnError) {
  const auto answers = answer_to_unsolicited_syn(UnsolicitedSyn::icmp);
  ASSERT_THAT(answers, SizeIs(1));
  ASSERT_TRUE(answers[0].packet.error);
  EXPECT_EQ(answers[0].packet.error->kind, IcmpError::Kind::prohibited);
  EXPECT_EQ(answers[0].packet.error->quoted, (Flow{Protocol::tcp, peer, outside(4700)}));
  EXPECT_EQ(answers[0].packet.flow.from.address, outside_address);
  EXPECT_EQ(answers[0].packet.flow.to.address, peer.address);
}

NatBehaviour waits_with_icmp() {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.unsolicited_syn = UnsolicitedSyn::icmp_after_wait;
  return behaviour;
}

TEST(NatBox, AnswersAnUnsolicitedSynWithAnErrorAfterSixSeconds) {  // RFC 5382 REQ-4
  Lab lab{waits_with_icmp()};
  const auto start = lab.now;
  EXPECT_THAT(lab.give(Side::outside, packet(Protocol::tcp, peer, outside(4700), syn)), IsEmpty());
  EXPECT_EQ(lab.box.deadline(), start + 6s);
  lab.now = start + 3s;  // sent again
  EXPECT_THAT(lab.give(Side::outside, packet(Protocol::tcp, peer, outside(4700), syn)), IsEmpty());
  lab.now = start + 6s - 1ns;
  lab.box.expire(lab.now);
  EXPECT_THAT(lab.taken(), IsEmpty());
  lab.now = start + 6s;
  lab.box.expire(lab.now);
  const auto answers = lab.taken();
  ASSERT_THAT(answers, SizeIs(1));
  ASSERT_TRUE(answers[0].packet.error);
  EXPECT_EQ(answers[0].packet.error->kind, IcmpError::Kind::port_unreachable);
  EXPECT_EQ(answers[0].packet.error->quoted, (Flow{Protocol::tcp, peer, outside(4700)}));
  EXPECT_FALSE(lab.box.deadline());
}

TEST(NatBox, DoesNotAnswerAnUnsolicitedSynOnceTheInnerHostsOwnHasGoneOut) {  // RFC 5382 REQ-4
  Lab lab{waits_with_icmp()};
  lab.syn_in(peer, outside(4700));
  lab.syn_in(with_port(peer, 1), outside(4700));
  lab.now += 1s;
  EXPECT_EQ(lab.syn_out(alice, peer), outside(4700));
  lab.now += 10s;
  lab.box.expire(lab.now);
  const auto answers = lab.taken();
  ASSERT_THAT(answers, SizeIs(1)) << "the other one is answered";
  EXPECT_EQ(answers[0].packet.error.value().quoted.from, with_port(peer, 1));
}

TEST(NatBox, LetsSynsMeetUnlessItKnowsNoSimultaneousOpen) {
  for (const auto filtering : {endpoint_independent, address_dependent, address_and_port_dependent}) {
    for (const bool simultaneous_open : {true, false}) {
      auto behaviour = cone(filtering);
      behaviour.simultaneous_open = simultaneous_open, behaviour.unsolicited_syn = UnsolicitedSyn::reset;
      Lab lab{behaviour};
      const auto external = lab.syn_out(alice, peer).value();
      const auto actions = lab.give(Side::outside, packet(Protocol::tcp, peer, external, syn));
      ASSERT_THAT(actions, SizeIs(1));
      EXPECT_EQ(actions[0].to, simultaneous_open ? Side::inside : Side::outside);
      EXPECT_EQ(actions[0].packet.tcp.rst, !simultaneous_open);
      EXPECT_EQ(lab.in(Protocol::tcp, peer, external, syn_ack), alice);
    }
  }
}

TEST(NatBox, LetsInASynThatIsFirstWithoutSimultaneousOpen) {
  auto behaviour = cone(endpoint_independent);
  behaviour.simultaneous_open = false;
  Lab lab{behaviour};
  const auto external = lab.syn_out(alice, server).value();
  EXPECT_EQ(lab.syn_in(peer, external), alice);
  EXPECT_EQ(lab.syn_in(peer, external), alice) << "sent again";
  EXPECT_EQ(lab.out(Protocol::tcp, alice, peer, syn_ack), external);
  EXPECT_EQ(lab.in(Protocol::tcp, peer, external, ack), alice);
}

TEST(NatBox, ForgetsAConnectionAtOnceWhereAResetEndsIt) {
  for (const auto from : {Side::inside, Side::outside}) {
    auto behaviour = cone(address_and_port_dependent);
    behaviour.reset_ends_mapping = true;
    Lab lab{behaviour};
    const auto external = lab.connect(alice, peer);
    lab.connect(alice, server);
    const auto give_rst = [&](const Endpoint& remote) {
      return from == Side::inside ? lab.out(Protocol::tcp, alice, remote, rst) : lab.in(Protocol::tcp, remote, external, rst);
    };
    EXPECT_TRUE(give_rst(peer)) << "the reset itself passes";
    EXPECT_FALSE(lab.syn_in(peer, external));
    EXPECT_FALSE(lab.out(Protocol::tcp, alice, peer, ack));
    EXPECT_EQ(lab.in(Protocol::tcp, server, external, ack), alice) << "another connection";
    EXPECT_EQ(lab.box.mappings(lab.now), 1u);
    EXPECT_TRUE(give_rst(server));
    EXPECT_EQ(lab.box.mappings(lab.now), 0u);
    EXPECT_EQ(lab.syn_out(bob, server), external) << "the port is free";
  }
}

// Hairpinning.

std::vector<NatBox::Action> hairpinned(Lab& lab, Protocol protocol, const Endpoint& from, const Endpoint& to) {
  return lab.give(Side::inside, packet(protocol, from, to, Lab::first(protocol)));
}

TEST(NatBox, SendsNothingBackInsideWithoutHairpinning) {
  Lab lab{cone(endpoint_independent)};
  const auto of_bob = lab.out(bob, server).value();
  EXPECT_THAT(hairpinned(lab, Protocol::udp, alice, of_bob), IsEmpty());
}

TEST(NatBox, SendsBackInsideWithTheSourceThatItsHairpinningSays) {
  for (const auto hairpinning : {Hairpinning::external_source, Hairpinning::internal_source}) {
    for (const auto protocol : {Protocol::udp, Protocol::tcp}) {
      auto behaviour = cone(endpoint_independent);
      behaviour.hairpinning = hairpinning;
      Lab lab{behaviour};
      const auto of_bob = lab.open(protocol, bob, server).value();
      const auto actions = hairpinned(lab, protocol, alice, of_bob);
      ASSERT_THAT(actions, SizeIs(1));
      EXPECT_EQ(actions[0].to, Side::inside);
      EXPECT_EQ(actions[0].packet.flow.to, bob);
      const auto of_alice = lab.open(protocol, alice, server).value();
      EXPECT_EQ(actions[0].packet.flow.from, hairpinning == Hairpinning::external_source ? of_alice : alice);
    }
  }
}

TEST(NatBox, FiltersWhatItSendsBackInside) {
  for (const auto hairpinning : {Hairpinning::external_source, Hairpinning::internal_source}) {
    auto behaviour = cone(address_and_port_dependent);
    behaviour.hairpinning = hairpinning;
    Lab lab{behaviour};
    const auto of_bob = lab.out(bob, server).value(), of_alice = lab.out(alice, server).value();
    EXPECT_THAT(hairpinned(lab, Protocol::udp, alice, of_bob), IsEmpty());
    EXPECT_THAT(hairpinned(lab, Protocol::udp, bob, of_alice), SizeIs(1)) << "alice's packet has opened her own filter";
    EXPECT_THAT(hairpinned(lab, Protocol::udp, alice, of_bob), SizeIs(1));
  }
}

TEST(NatBox, SendsNoEchoRequestBackInside) {
  auto behaviour = cone(endpoint_independent);
  behaviour.hairpinning = Hairpinning::external_source;
  Lab lab{behaviour};
  EXPECT_THAT(hairpinned(lab, Protocol::icmp_echo, alice, outside(4700)), IsEmpty());
}

TEST(NatBox, RefusesAHairpinnedSynTowardsTheInside) {
  for (const auto policy : {UnsolicitedSyn::reset, UnsolicitedSyn::icmp}) {
    auto behaviour = cone(address_and_port_dependent);
    behaviour.hairpinning = Hairpinning::external_source, behaviour.unsolicited_syn = policy;
    Lab lab{behaviour};
    const auto of_bob = lab.syn_out(bob, server).value();
    const auto actions = hairpinned(lab, Protocol::tcp, alice, of_bob);
    ASSERT_THAT(actions, SizeIs(1));
    EXPECT_EQ(actions[0].to, Side::inside);
    EXPECT_EQ(actions[0].packet.flow.to.address, alice.address);
    if (policy == UnsolicitedSyn::reset) {
      EXPECT_EQ(actions[0].packet.flow, (Flow{Protocol::tcp, of_bob, alice}));
    } else {
      EXPECT_EQ(actions[0].packet.error.value().quoted, (Flow{Protocol::tcp, alice, of_bob}));
    }
  }
}

// ICMP errors.

Packet error(IpAddress from, IpAddress to, const Flow& quoted) {
  Packet made;
  made.flow = {quoted.protocol, {from, {}}, {to, {}}};
  made.error = IcmpError{.kind = IcmpError::Kind::time_exceeded, .quoted = quoted, .quoted_tcp = {}, .mtu = 0};
  return made;
}
const IpAddress router = address("81.2.64.1");

TEST(NatBox, TranslatesAnErrorFromOutsideBack) {
  for (const auto protocol : {Protocol::udp, Protocol::tcp, Protocol::icmp_echo}) {
    Lab lab{cone(address_and_port_dependent)};
    lab.open(protocol, bob, protocol == Protocol::icmp_echo ? with_port(server, 4700) : server);  // so that alice's port is another one
    const auto target = protocol == Protocol::icmp_echo ? with_port(server, 4700) : server;
    const auto sent = lab.give(Side::inside, packet(protocol, alice, target, Lab::first(protocol)));
    ASSERT_THAT(sent, SizeIs(1));
    EXPECT_EQ(sent[0].packet.flow.from, outside(4701));
    const auto told = lab.give(Side::outside, error(router, outside_address, sent[0].packet.flow));
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].to, Side::inside);
    EXPECT_EQ(told[0].packet.flow.from.address, router);
    EXPECT_EQ(told[0].packet.flow.to.address, alice.address);
    EXPECT_EQ(told[0].packet.error.value().quoted, (Flow{protocol, alice, target}));
  }
}

TEST(NatBox, DropsAnErrorAboutWhatItNeverSent) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.out(alice, server).value();
  EXPECT_THAT(lab.give(Side::outside, error(router, outside_address, {Protocol::udp, external, peer})), IsEmpty());
  EXPECT_THAT(lab.give(Side::outside, error(router, outside_address, {Protocol::udp, outside(999), server})), IsEmpty());
  EXPECT_THAT(lab.give(Side::outside, error(router, outside_address, {Protocol::tcp, external, server})), IsEmpty());
  lab.now += 120s;
  EXPECT_THAT(lab.give(Side::outside, error(router, outside_address, {Protocol::udp, external, server})), IsEmpty());
}

TEST(NatBox, TranslatesAnErrorFromInsideAndShowsOneAddressForWhoeverReportsIt) {
  for (const auto* const reporter : {"10.0.0.2", "10.0.0.254"}) {
    Lab lab{cone(endpoint_independent)};
    lab.out(bob, server);
    const auto external = lab.out(alice, server).value();
    ASSERT_EQ(lab.in(peer, external), alice);
    const auto told = lab.give(Side::inside, error(address(reporter), peer.address, {Protocol::udp, peer, alice}));
    ASSERT_THAT(told, SizeIs(1));
    EXPECT_EQ(told[0].to, Side::outside);
    EXPECT_EQ(told[0].packet.flow.from.address, outside_address);
    EXPECT_EQ(told[0].packet.flow.to.address, peer.address);
    EXPECT_EQ(told[0].packet.error.value().quoted, (Flow{Protocol::udp, peer, external}));
  }
}

TEST(NatBox, DropsAnErrorFromInsideAboutWhatNeverCameIn) {
  Lab lab{cone(endpoint_independent)};
  lab.out(alice, server);
  EXPECT_THAT(lab.give(Side::inside, error(alice.address, peer.address, {Protocol::udp, peer, alice})), IsEmpty());
  EXPECT_THAT(lab.give(Side::inside, error(bob.address, server.address, {Protocol::udp, server, bob})), IsEmpty());
  EXPECT_EQ(lab.box.mappings(lab.now), 1u);
}

TEST(NatBox, NeitherKeepsNorEndsAMappingForAnError) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.refresh = Refresh::both_directions, behaviour.reset_ends_mapping = true, behaviour.udp_unanswered_lifetime = 30s;
  Lab lab{behaviour};
  const auto udp = lab.out(alice, server).value(), tcp = lab.syn_out(alice, server).value();
  lab.now += 29s;
  EXPECT_THAT(lab.give(Side::outside, error(router, outside_address, {Protocol::udp, udp, server})), SizeIs(1));
  EXPECT_THAT(lab.give(Side::outside, error(router, outside_address, {Protocol::tcp, tcp, server})), SizeIs(1));
  EXPECT_EQ(lab.in(Protocol::tcp, server, tcp, syn_ack), alice);
  lab.now += 1s;
  EXPECT_FALSE(lab.in(server, udp));
}

TEST(NatBox, TranslatesAnErrorBetweenTwoInnerHosts) {
  auto behaviour = cone(endpoint_independent);
  behaviour.hairpinning = Hairpinning::external_source;
  Lab lab{behaviour};
  const auto of_bob = lab.out(bob, server).value();
  const auto hairpin = hairpinned(lab, Protocol::udp, alice, of_bob);
  ASSERT_THAT(hairpin, SizeIs(1));
  const auto told = lab.give(Side::inside, error(bob.address, outside_address, hairpin[0].packet.flow));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].to, Side::inside);
  EXPECT_EQ(told[0].packet.flow, (Flow{Protocol::udp, {outside_address, {}}, {alice.address, {}}}));
  EXPECT_EQ(told[0].packet.error.value().quoted, (Flow{Protocol::udp, alice, of_bob}));
}

// A full table, what may leave, restarts.

TEST(NatBox, RefusesAMappingWhenTheTableIsFull) {
  auto behaviour = symmetric();
  behaviour.table_limit = 3;
  Lab lab{behaviour};
  for (unsigned i = 1; i <= 3; ++i) {
    lab.now += 1s;
    EXPECT_TRUE(lab.out(alice, with_port(server, i)));
  }
  EXPECT_FALSE(lab.out(alice, with_port(server, 4)));
  EXPECT_FALSE(lab.syn_out(alice, server));
  EXPECT_FALSE(lab.out(endpoint("[2001:db8::2]:4700"), endpoint("[2001:db8:1::1]:80"))) << "a firewall's state takes room as well";
  EXPECT_TRUE(lab.out(alice, with_port(server, 1))) << "which has its place";
  lab.now += 119s;
  EXPECT_TRUE(lab.out(alice, with_port(server, 4))) << "in the place of one that has expired";
}

TEST(NatBox, EvictsTheMappingThatHasBeenIdleForLongestWhenTheTableIsFull) {
  auto behaviour = symmetric();
  behaviour.table_limit = 3, behaviour.table_full = TableFull::evicts_oldest;
  Lab lab{behaviour};
  std::map<unsigned, Endpoint> external;
  for (unsigned i = 1; i <= 3; ++i) external[i] = lab.out(alice, with_port(server, i)).value();
  lab.out(alice, with_port(server, 1));
  EXPECT_TRUE(lab.out(alice, with_port(server, 4)));
  EXPECT_EQ(lab.in(with_port(server, 1), external[1]), alice);
  EXPECT_FALSE(lab.in(with_port(server, 2), external[2]));
  EXPECT_EQ(lab.in(with_port(server, 3), external[3]), alice);
  EXPECT_EQ(lab.box.mappings(lab.now), 3u);
}

TEST(NatBox, LetsNoUdpOutWhereItIsBlocked) {
  auto behaviour = cone(endpoint_independent);
  behaviour.lets_udp_out = false;
  Lab lab{behaviour};
  EXPECT_FALSE(lab.out(alice, server));
  EXPECT_TRUE(lab.syn_out(alice, server));
  EXPECT_TRUE(lab.out(Protocol::icmp_echo, alice, with_port(server, 4700)));
}

TEST(NatBox, OpensConnectionsToAllowedPortsOnly) {
  auto behaviour = cone(endpoint_independent);
  behaviour.tcp_ports_out = {{Port{80}, Port{443}}};
  Lab lab{behaviour};
  EXPECT_THAT(lab.give(Side::inside, packet(Protocol::tcp, alice, with_port(server, 22), syn)), IsEmpty()) << "without a word";
  const auto external = lab.syn_out(alice, with_port(server, 443));
  ASSERT_TRUE(external);
  EXPECT_EQ(lab.syn_in(peer, *external), alice);
  EXPECT_EQ(lab.out(Protocol::tcp, alice, peer, syn_ack), external) << "that connection was opened from outside";
}

TEST(NatBox, ForgetsEverythingWhenItRestarts) {
  Lab lab{sequential()};
  const auto external = lab.out(alice, server).value();
  const auto connection = lab.connect(alice, server);
  ASSERT_TRUE(lab.box.add_rule({.external = {80}, .internal = bob}, lab.now));
  lab.out(endpoint("[2001:db8::2]:4700"), endpoint("[2001:db8:1::1]:80"));
  lab.box.reboot(lab.now);
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
  EXPECT_THAT(lab.box.rules(), IsEmpty());
  EXPECT_FALSE(lab.in(server, external));
  EXPECT_FALSE(lab.in(peer, outside(80)));
  EXPECT_FALSE(lab.out(Protocol::tcp, alice, server, ack));
  EXPECT_FALSE(lab.in(Protocol::tcp, server, connection, ack));
  EXPECT_FALSE(lab.in(endpoint("[2001:db8:1::1]:80"), endpoint("[2001:db8::2]:4700")));
  EXPECT_EQ(lab.out(bob, server), outside(1024)) << "it counts from the beginning";
}

TEST(NatBox, ForgetsWhatWasMappedWhenItsAddressChanges) {
  Lab lab{cone(endpoint_independent)};
  const auto before = lab.out(alice, server).value();
  ASSERT_TRUE(lab.box.add_rule({.external = {80}, .internal = bob}, lab.now));
  const auto new_address = address("81.2.64.9");
  lab.out(endpoint("[2001:db8::2]:4700"), endpoint("[2001:db8:1::1]:80"));
  lab.box.change_external({new_address}, lab.now);
  EXPECT_TRUE(lab.in(endpoint("[2001:db8:1::1]:80"), endpoint("[2001:db8::2]:4700"))) << "that was not mapped";
  EXPECT_EQ(lab.box.behaviour().external, std::vector{new_address});
  EXPECT_FALSE(lab.in(server, before));
  EXPECT_FALSE(lab.in(server, {new_address, before.port}));
  EXPECT_EQ(lab.out(alice, server), (Endpoint{new_address, before.port}));
  EXPECT_EQ(lab.in(peer, {new_address, {80}}), bob) << "rules move along";
  EXPECT_FALSE(lab.in(peer, outside(80)));
}

TEST(NatBox, ForgetsStrangersWhenItRestartsOrItsAddressChanges) {
  for (const bool restarts : {true, false}) {
    auto behaviour = sequential();
    behaviour.unsolicited_syn = UnsolicitedSyn::icmp_after_wait, behaviour.early_packet_claims_port = 30s;
    Lab lab{behaviour};
    lab.out(alice, server);
    lab.syn_in(peer, outside(1024));
    lab.in(peer, outside(1024));
    if (restarts) {
      lab.box.reboot(lab.now);
    } else {
      lab.box.change_external({outside_address}, lab.now);
    }
    EXPECT_FALSE(lab.box.deadline());
    EXPECT_EQ(lab.out(alice, peer), outside(1024));
  }
}

TEST(NatBox, ChangesItsBehaviourWithoutForgetting) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.out(alice, server).value();
  auto behaviour = lab.box.behaviour();
  behaviour.udp.filtering = address_and_port_dependent, behaviour.udp_lifetime = 20s;
  lab.box.change(behaviour);
  EXPECT_FALSE(lab.in(peer, external));
  lab.now += 19s;
  EXPECT_EQ(lab.in(server, external), alice);
  lab.now += 1s;
  EXPECT_FALSE(lab.in(server, external));
  EXPECT_EQ(lab.out(bob, server), external) << "its port is free";
  behaviour.external = {address("81.2.64.9")};
  lab.box.change(behaviour);
  EXPECT_EQ(lab.box.mappings(lab.now), 0u);
}

// Rules and the exposed host.

TEST(NatBox, ForwardsToARulesHostWhoeverSends) {
  Lab lab{symmetric()};
  ASSERT_TRUE(lab.box.add_rule({.protocol = Protocol::udp, .external = {80}, .internal = alice}, lab.now));
  ASSERT_TRUE(lab.box.add_rule({.protocol = Protocol::tcp, .external = {80}, .internal = bob}, lab.now));
  EXPECT_EQ(lab.in(server, outside(80)), alice);
  EXPECT_EQ(lab.in(peer, outside(80)), alice);
  EXPECT_EQ(lab.syn_in(peer, outside(80)), bob);
  EXPECT_EQ(lab.out(Protocol::tcp, bob, peer, syn_ack), outside(80));
  EXPECT_EQ(lab.in(Protocol::tcp, peer, outside(80), ack), bob);
  EXPECT_EQ(lab.out(alice, server), outside(80)) << "and what it sends leaves from there, to whomever";
  EXPECT_EQ(lab.out(alice, endpoint("81.2.71.1:9")), outside(80));
  EXPECT_NE(lab.out(with_port(alice, 4701), server), outside(80)) << "from the rule's port only";
  EXPECT_EQ(lab.box.mappings(lab.now), 1u);
}

TEST(NatBox, RefusesARuleForAPortThatIsAnothers) {
  Lab lab{cone(endpoint_independent)};
  const auto external = lab.out(alice, server).value();
  EXPECT_FALSE(lab.box.add_rule({.external = external.port, .internal = bob}, lab.now));
  EXPECT_TRUE(lab.box.add_rule({.external = external.port, .internal = alice}, lab.now));
  EXPECT_FALSE(lab.box.add_rule({.external = external.port, .internal = bob}, lab.now));
  EXPECT_TRUE(lab.box.add_rule({.protocol = Protocol::tcp, .external = external.port, .internal = bob}, lab.now));
  EXPECT_FALSE(lab.box.add_rule({.external = {80}, .internal = endpoint("[2001:db8::2]:80")}, lab.now));
  EXPECT_THAT(lab.box.rules(), SizeIs(2));
}

TEST(NatBox, EndsARuleWhenItsTimeHasComeOrHasBeenPutOff) {
  Lab lab{cone(address_and_port_dependent)};
  NatBox::Rule rule{.external = {80}, .internal = alice, .ends_at = lab.now + 60s};
  ASSERT_TRUE(lab.box.add_rule(rule, lab.now));
  EXPECT_EQ(lab.box.rule(Protocol::udp, {80}), rule);
  EXPECT_FALSE(lab.box.rule(Protocol::tcp, {80}));
  rule.ends_at = lab.now + 100s;
  ASSERT_TRUE(lab.box.add_rule(rule, lab.now));
  EXPECT_EQ(lab.box.deadline(), rule.ends_at);
  lab.now += 99s;
  EXPECT_EQ(lab.in(peer, outside(80)), alice);
  lab.now += 1s;
  EXPECT_FALSE(lab.in(server, outside(80)));
  EXPECT_THAT(lab.box.rules(), IsEmpty());
  EXPECT_FALSE(lab.box.deadline());
}

TEST(NatBox, KeepsOutStrangersButNoRunningFlowWhenARuleIsRemoved) {
  Lab lab{cone(address_and_port_dependent)};
  ASSERT_TRUE(lab.box.add_rule({.protocol = Protocol::tcp, .external = {80}, .internal = alice}, lab.now));
  lab.syn_in(peer, outside(80));
  lab.out(Protocol::tcp, alice, peer, syn_ack);
  lab.in(Protocol::tcp, peer, outside(80), ack);
  lab.box.remove_rule(Protocol::tcp, {80});
  EXPECT_FALSE(lab.syn_in(server, outside(80)));
  EXPECT_EQ(lab.in(Protocol::tcp, peer, outside(80), ack), alice);
  EXPECT_EQ(lab.out(Protocol::tcp, alice, peer, ack), outside(80));
  EXPECT_EQ(lab.syn_out(alice, server), outside(4700)) << "what is new is mapped as usual";
  lab.now += 3h;
  EXPECT_TRUE(lab.box.add_rule({.protocol = Protocol::tcp, .external = {80}, .internal = bob}, lab.now)) << "the port is free in the end";
}

TEST(NatBox, KeepsOutAStrangerWhoWasNeverAnsweredWhenARuleIsRemoved) {
  Lab lab{cone(address_and_port_dependent)};
  ASSERT_TRUE(lab.box.add_rule({.external = {80}, .internal = alice}, lab.now));
  EXPECT_EQ(lab.in(peer, outside(80)), alice);
  EXPECT_EQ(lab.in(server, outside(80)), alice);
  lab.out(alice, server);
  lab.box.remove_rule(Protocol::udp, {80});
  EXPECT_FALSE(lab.in(peer, outside(80)));
  EXPECT_EQ(lab.in(server, outside(80)), alice);
}

TEST(NatBox, FreesThePortOfAnUnusedRuleAtOnce) {
  Lab lab{cone(address_and_port_dependent)};
  ASSERT_TRUE(lab.box.add_rule({.external = {80}, .internal = alice}, lab.now));
  lab.box.remove_rule(Protocol::udp, {80});
  EXPECT_TRUE(lab.box.add_rule({.external = {80}, .internal = bob}, lab.now));
}

TEST(NatBox, LeavesAFlowWhereItBeganWhenARuleComesLater) {
  Lab lab{cone(address_and_port_dependent)};
  const auto external = lab.connect(alice, server);
  ASSERT_TRUE(lab.box.add_rule({.protocol = Protocol::tcp, .external = {80}, .internal = alice}, lab.now));
  EXPECT_EQ(lab.out(Protocol::tcp, alice, server, ack), external);
  EXPECT_EQ(lab.syn_out(alice, peer), outside(80));
}

TEST(NatBox, AnswersFromThePortWhereItWasAskedFirstForAsLongAsThatFlowLives) {
  auto behaviour = cone(endpoint_independent);
  behaviour.refresh = Refresh::both_directions;
  Lab lab{behaviour};
  const auto start = lab.now;
  const auto external = lab.out(alice, server).value();
  ASSERT_TRUE(lab.box.add_rule({.external = {80}, .internal = alice}, lab.now));
  lab.now = start + 10s;
  EXPECT_EQ(lab.in(peer, outside(80)), alice);
  lab.now = start + 100s;
  EXPECT_EQ(lab.in(peer, external), alice);
  EXPECT_EQ(lab.in(endpoint("81.2.71.1:9"), outside(80)), alice);
  lab.now = start + 129s;
  EXPECT_EQ(lab.in(peer, external), alice);
  lab.now = start + 130s;
  EXPECT_EQ(lab.in(peer, external), alice);
  EXPECT_EQ(lab.out(alice, peer), external) << "the flow through the rule is over";

  Lab twin{behaviour};
  twin.out(alice, server);
  ASSERT_TRUE(twin.box.add_rule({.external = {80}, .internal = alice}, twin.now));
  twin.in(peer, outside(80));
  twin.in(peer, external);
  EXPECT_EQ(twin.out(alice, peer), outside(80));
}

TEST(NatBox, NeverForgetsARule) {
  Lab lab{cone(address_and_port_dependent)};
  ASSERT_TRUE(lab.box.add_rule({.external = {80}, .internal = alice}, lab.now));
  for (int day = 0; day < 3; ++day) {
    lab.now += 24h;
    EXPECT_EQ(lab.in(peer, outside(80)), alice);
  }
}

TEST(NatBox, GivesTheExposedHostWhateverNobodyAskedFor) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.dmz = bob.address;
  Lab lab{behaviour};
  const auto of_alice = lab.out(alice, server).value();
  EXPECT_EQ(lab.in(server, of_alice), alice);
  EXPECT_FALSE(lab.in(peer, of_alice)) << "the port is hers";
  EXPECT_EQ(lab.in(peer, outside(80)), with_port(bob, 80));
  EXPECT_EQ(lab.in(server, outside(80)), with_port(bob, 80));
  EXPECT_EQ(lab.out(with_port(bob, 80), peer), outside(80));
  EXPECT_EQ(lab.syn_in(peer, outside(22)), with_port(bob, 22));
  EXPECT_EQ(lab.out(Protocol::tcp, with_port(bob, 22), peer, syn_ack), outside(22));
  EXPECT_FALSE(lab.in(endpoint("[2001:db8:1::1]:80"), endpoint("[2001:db8::2]:4700")));
  EXPECT_FALSE(lab.in(Protocol::tcp, peer, outside(5000), ack));
  EXPECT_EQ(lab.syn_out(with_port(alice, 5000), server), outside(5000)) << "that was no flow, and took no port";
  EXPECT_EQ(lab.out(bob, server), outside(4701)) << "what he sends unasked is mapped as usual";
  EXPECT_EQ(lab.in(peer, outside(4701)), bob) << "and is open as well";
}

TEST(NatBox, GivesTheExposedHostNothingNewWhenTheTableIsFull) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.dmz = bob.address, behaviour.table_limit = 1;
  Lab lab{behaviour};
  EXPECT_EQ(lab.in(peer, outside(80)), with_port(bob, 80));
  EXPECT_FALSE(lab.in(peer, outside(81)));
}

// Early packets.

NatBehaviour without_firewall() {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.early_packet_claims_port = 30s;
  return behaviour;
}

TEST(NatBox, AnswersFromAnotherPortOnceAnEarlyPacketHasClaimedTheUsualOne) {
  Lab lab{without_firewall()};
  ASSERT_EQ(lab.out(alice, server), outside(4700));
  EXPECT_FALSE(lab.in(peer, outside(4700)));
  const auto for_peer = lab.out(alice, peer);
  EXPECT_EQ(for_peer, outside(4701));
  EXPECT_EQ(lab.in(peer, outside(4701)), alice);
  EXPECT_FALSE(lab.in(peer, outside(4700))) << "which is still the router's own";
  EXPECT_EQ(lab.out(alice, peer), for_peer);
  EXPECT_EQ(lab.out(alice, endpoint("81.2.71.1:9")), outside(4700)) << "others find the usual port";
}

TEST(NatBox, KeepsTheUsualPortForOthersWhenTheFirstFlowOfAnEndpointIsClaimed) {
  Lab lab{without_firewall()};
  EXPECT_FALSE(lab.in(peer, outside(4700)));
  EXPECT_EQ(lab.out(alice, peer), outside(4701));
  EXPECT_EQ(lab.out(alice, server), outside(4700));
  EXPECT_EQ(lab.out(alice, peer), outside(4701));
}

TEST(NatBox, ForgetsAnEarlyPacketAWhileAfterTheLastOne) {
  Lab lab{without_firewall()};
  lab.in(peer, outside(4700));
  lab.now += 20s;
  lab.in(peer, outside(4700));
  lab.now += 20s;
  EXPECT_EQ(lab.out(alice, peer), outside(4701));
  Lab again{without_firewall()};
  again.in(peer, outside(4700));
  again.now += 30s;
  EXPECT_EQ(again.out(alice, peer), outside(4700));
}

TEST(NatBox, RemembersManyEarlyPackets) {
  Lab lab{without_firewall()};
  for (unsigned i = 1; i <= 200; ++i) lab.in(with_port(peer, i), outside(4700));
  for (unsigned i = 1; i <= 200; ++i) EXPECT_NE(lab.out(alice, with_port(peer, i)), outside(4700));
}

TEST(NatBox, LeavesTcpAloneWhenAnEarlyUdpPacketHasClaimedAPort) {
  Lab lab{without_firewall()};
  lab.in(peer, outside(4700));
  EXPECT_EQ(lab.syn_out(alice, server), outside(4700));
  EXPECT_EQ(lab.syn_out(alice, peer), outside(4700));
}

TEST(NatBox, RemembersNoEarlyPacketBehindAFirewall) {
  Lab lab{cone(address_and_port_dependent)};
  lab.in(peer, outside(4700));
  EXPECT_EQ(lab.out(alice, peer), outside(4700));
  EXPECT_EQ(lab.in(peer, outside(4700)), alice);
}

TEST(NatBox, TakesNoPacketOfARunningFlowForAnEarlyOne) {
  Lab lab{without_firewall()};
  ASSERT_EQ(lab.out(alice, peer), outside(4700));
  EXPECT_EQ(lab.in(peer, outside(4700)), alice);
  EXPECT_EQ(lab.out(alice, peer), outside(4700));
}

// IPv6: a firewall.

const Endpoint alice_v6 = endpoint("[2001:db8::2]:4700"), server_v6 = endpoint("[2001:db8:1::1]:3478"), peer_v6 = endpoint("[2001:db8:2::1]:5000");

TEST(NatBox, TranslatesNoIpv6ButFiltersIt) {
  for (const auto protocol : {Protocol::udp, Protocol::tcp}) {
    for (const auto filtering : {endpoint_independent, address_dependent, address_and_port_dependent}) {
      Lab lab{{.udp = {.mapping = address_and_port_dependent, .filtering = filtering}}};
      EXPECT_FALSE(lab.knock(protocol, server_v6, alice_v6)) << "before anything went out";
      EXPECT_EQ(lab.open(protocol, alice_v6, server_v6), alice_v6);
      EXPECT_EQ(lab.knock(protocol, server_v6, alice_v6), alice_v6);
      EXPECT_EQ(lab.knock(protocol, with_port(server_v6, 1), alice_v6).has_value(), filtering != address_and_port_dependent);
      EXPECT_EQ(lab.knock(protocol, peer_v6, alice_v6).has_value(), filtering == endpoint_independent);
      EXPECT_EQ(lab.open(protocol, alice_v6, peer_v6), alice_v6);
      EXPECT_EQ(lab.knock(protocol, peer_v6, alice_v6), alice_v6);
      lab.now += 4min;
      EXPECT_FALSE(lab.knock(protocol, server_v6, alice_v6));
    }
  }
}

TEST(NatBox, RefusesAnUnsolicitedSynOverIpv6AsItDoesOverIpv4) {
  auto behaviour = cone(address_and_port_dependent);
  behaviour.unsolicited_syn = UnsolicitedSyn::reset;
  Lab lab{behaviour};
  const auto answers = lab.give(Side::outside, packet(Protocol::tcp, peer_v6, alice_v6, syn));
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].to, Side::outside);
  EXPECT_EQ(answers[0].packet.flow, (Flow{Protocol::tcp, alice_v6, peer_v6}));
}

TEST(NatBox, LetsErrorsThroughOverIpv6AsTheyAreWhereTheyBelongToAFlow) {
  Lab lab{cone(address_and_port_dependent)};
  lab.out(alice_v6, server_v6);
  const auto hop = address("2001:db8:ffff::1"), inner_router = address("2001:db8::1");
  const auto told = lab.give(Side::outside, error(hop, alice_v6.address, {Protocol::udp, alice_v6, server_v6}));
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].packet.flow.to.address, alice_v6.address);
  EXPECT_THAT(lab.give(Side::outside, error(hop, alice_v6.address, {Protocol::udp, alice_v6, peer_v6})), IsEmpty());
  lab.in(server_v6, alice_v6);
  const auto reported = lab.give(Side::inside, error(inner_router, server_v6.address, {Protocol::udp, server_v6, alice_v6}));
  ASSERT_THAT(reported, SizeIs(1));
  EXPECT_EQ(reported[0].packet.flow.from.address, inner_router);
}

// Names.

TEST(NatPresets, AreAllThereByName) {
  for (const auto name : nat_preset_names()) EXPECT_TRUE(nat_preset(name)) << name;
  EXPECT_FALSE(nat_preset("cone"));
  EXPECT_THAT(nat_preset_names(), SizeIs(16));
}

TEST(NatPresets, DoWhatTheirNamesSay) {
  struct Expected { const char* name; Dependence mapping, filtering; PortChoice ports; };
  for (const auto& [name, mapping, filtering, ports] : {
           Expected{"full-cone", endpoint_independent, endpoint_independent, PortChoice::preserving},
           Expected{"address-restricted", endpoint_independent, address_dependent, PortChoice::preserving},
           Expected{"port-restricted", endpoint_independent, address_and_port_dependent, PortChoice::preserving},
           Expected{"sym-seq", address_and_port_dependent, address_and_port_dependent, PortChoice::sequential},
           Expected{"sym-rnd", address_and_port_dependent, address_and_port_dependent, PortChoice::random},
           Expected{"masq", endpoint_independent, address_and_port_dependent, PortChoice::preserving},
           Expected{"masq-rnd", address_and_port_dependent, address_and_port_dependent, PortChoice::random},
           Expected{"cgn-block", address_and_port_dependent, address_and_port_dependent, PortChoice::random},
       }) {
    const auto preset = nat_preset(name).value();
    EXPECT_EQ(preset.udp.mapping, mapping) << name;
    EXPECT_EQ(preset.udp.filtering, filtering) << name;
    EXPECT_EQ(preset.ports, ports) << name;
    EXPECT_FALSE(preset.tcp) << name;
  }
  EXPECT_EQ(nat_preset("masq").value().udp_unanswered_lifetime, 30s);
  EXPECT_EQ(nat_preset("cgn-block").value().block, 512);
}

TEST(NatPresets, AreHostileToTcpWhereTheirNamesSaySo) {
  struct Expected { const char* name; UnsolicitedSyn syn; bool simultaneous_open, reset_ends_mapping; };
  for (const auto& [name, unsolicited, simultaneous_open, reset_ends_mapping] : {
           Expected{"rst-syn", UnsolicitedSyn::reset, true, false},
           Expected{"icmp-syn", UnsolicitedSyn::icmp, true, false},
           Expected{"icmp-late-syn", UnsolicitedSyn::icmp_after_wait, true, false},
           Expected{"no-simopen", UnsolicitedSyn::silence, false, false},
           Expected{"rst-kills", UnsolicitedSyn::silence, true, true},
           Expected{"no-simopen-rst", UnsolicitedSyn::reset, false, false},
           Expected{"rst-kills-rst", UnsolicitedSyn::reset, true, true},
       }) {
    const auto preset = nat_preset(name).value();
    EXPECT_EQ(preset.unsolicited_syn, unsolicited) << name;
    EXPECT_EQ(preset.simultaneous_open, simultaneous_open) << name;
    EXPECT_EQ(preset.reset_ends_mapping, reset_ends_mapping) << name;
  }
}

// Whatever happens.

class AnyTraffic : public testing::TestWithParam<std::string_view> {
 protected:
  /// Few ports for many endpoints, so that they collide.
  NatBehaviour narrow() {
    auto behaviour = nat_preset(GetParam()).value();
    behaviour.external = {address("81.2.64.2"), address("81.2.64.3")};
    behaviour.first_port = {2000}, behaviour.last_port = {2063}, behaviour.block = behaviour.block != 0 ? 16 : 0;
    behaviour.hairpinning = Hairpinning::external_source, behaviour.early_packet_claims_port = 30s;
    return behaviour;
  }
  unsigned any(unsigned count) { return static_cast<unsigned>(random.below(count)); }
  Endpoint inner() { return endpoint("10.0.0." + std::to_string(1 + any(8)) + ":" + std::to_string(2000 + any(8))); }
  Endpoint remote() { return with_port(any(2) != 0 ? server : peer, 1 + any(4)); }
  Endpoint external() { return {any(2) != 0 ? address("81.2.64.2") : address("81.2.64.3"), {static_cast<std::uint16_t>(2000 + any(64))}}; }
  Packet from_inside() { return of_any_protocol(inner(), any(4) != 0 ? remote() : external()); }
  Packet from_outside() { return of_any_protocol(remote(), external()); }
  Packet of_any_protocol(const Endpoint& from, const Endpoint& to) {
    const TcpHeader segments[] = {syn, syn, syn_ack, ack, fin, rst};
    const auto protocol = static_cast<Protocol>(any(3));
    return packet(protocol, from, to, protocol == Protocol::tcp ? segments[any(6)] : TcpHeader{});
  }
  void anything_else(Lab& lab) {
    switch (any(400)) {
      case 0: lab.now += std::chrono::seconds{any(200)}; break;
      case 1: lab.box.add_rule({.protocol = Protocol::tcp, .external = external().port, .internal = inner(), .ends_at = lab.now + 60s},
                               lab.now);
        break;
      case 2: lab.box.remove_rule(Protocol::tcp, external().port); break;
      case 3: lab.box.change(lab.box.behaviour()); break;
      case 4: lab.box.expire(lab.now); break;
    }
  }
  SeededRandom random{4711};
};

TEST_P(AnyTraffic, NeverGivesTwoInnerEndpointsOneExternalEndpoint) {
  Lab lab{narrow()};
  struct Owner { Endpoint internal; TimePoint sent_at; };
  std::map<std::pair<Protocol, Endpoint>, Owner> owners;
  for (int i = 0; i < 20'000; ++i) {
    anything_else(lab);
    lab.give(Side::outside, from_outside());
    const auto sent = from_inside();
    const auto protocol = sent.flow.protocol;
    for (const auto& action : lab.give(Side::inside, sent)) {
      if (action.to == Side::inside) continue;
      const auto [owner, is_first] = owners.try_emplace({protocol, action.packet.flow.from}, Owner{sent.flow.from, lab.now});
      const bool may_have_ended = owner->second.sent_at + 30s <= lab.now || (protocol == Protocol::tcp && lab.box.behaviour().reset_ends_mapping);
      ASSERT_TRUE(is_first || may_have_ended || owner->second.internal == sent.flow.from);
      owner->second = {sent.flow.from, lab.now};
    }
  }
  EXPECT_THAT(owners, SizeIs(Ge(100u)));
}

TEST_P(AnyTraffic, NeverMakesMoreMappingsThanFit) {
  auto behaviour = narrow();
  behaviour.table_limit = 40, behaviour.table_full = TableFull::evicts_oldest;
  Lab lab{behaviour};
  std::size_t most = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (any(400) == 0) lab.now += std::chrono::seconds{any(200)};
    if (any(5000) == 0) lab.box.reboot(lab.now);
    lab.give(Side::outside, from_outside());
    lab.give(Side::inside, from_inside());
    most = std::max(most, lab.box.mappings(lab.now));
  }
  EXPECT_EQ(most, 40u);
}

std::string name_of_preset(const testing::TestParamInfo<std::string_view>& preset) {
  std::string name{preset.param};
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(NatBox, AnyTraffic, testing::ValuesIn(nat_preset_names().begin(), nat_preset_names().end()), name_of_preset);

}  // namespace
}  // namespace pshare::sim
