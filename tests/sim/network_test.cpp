// Wires, routers and switches of the simulated network, against arithmetic.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "network/gateway.hpp"
#include "network/nat_presets.hpp"
#include "network/router.hpp"
#include "network/wire.hpp"
#include "world.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

IpAddress address(std::string_view text) { return value_or_throw(IpAddress::parse(text)); }
Endpoint endpoint(std::string_view text) { return value_or_throw(Endpoint::parse(text)); }

Packet packet(std::string_view from, std::string_view to, std::uint32_t size = 100, std::uint8_t ttl = 64) {
  Packet made;
  made.flow = {Protocol::udp, endpoint(from), endpoint(to)};
  made.size = size;
  made.ttl = ttl;
  return made;
}

/// Keeps what it gets, and when.
class Probe : public Node {
 public:
  Probe(World& world, std::string name) : world_(world), interface(*this, std::move(name)), began_(world.now()) {}
  void receive(Packet packet, Interface&) override {
    times.push_back(world_.now() - began_);
    packets.push_back(std::move(packet));
  }

 private:
  World& world_;

 public:
  Interface interface;
  std::vector<Packet> packets;
  std::vector<Duration> times;

 private:
  TimePoint began_;
};

void run(World& world) {
  while (world.events().step()) {}
}

class WireTest : public testing::Test {
 protected:
  World world{Seed{1}};
  Probe left{world, "left"}, right{world, "right"};
  Wire wire_with(Wire::Settings settings) { return {world.events(), world.random(), left.interface, right.interface, settings}; }
};

TEST_F(WireTest, DelaysByTimeOnTheLineAndDistanceAndCountsWhatIsPutOnIt) {
  auto settings = Wire::both_ways({.delay = 20ms, .rate = {10'000}});
  settings.back.delay = 50ms;
  const auto wire = wire_with(settings);
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1", 1000));
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1", 500));
  right.interface.send(packet("10.0.0.2:1", "10.0.0.1:1", 100));
  run(world);
  EXPECT_THAT(right.times, ElementsAre(120ms, 170ms));
  EXPECT_THAT(left.times, ElementsAre(60ms));
  EXPECT_EQ(wire.there().packets, 2u);
  EXPECT_EQ(wire.there().bytes, 1500u);
  EXPECT_EQ(wire.back().bytes, 100u);
}

TEST_F(WireTest, TakesOneOffTheTtlForEachHopAndReportsWhatDiesOnTheWay) {
  const auto wire = wire_with(Wire::both_ways({.delay = 40ms}, 3));
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1", 100, 4));
  left.interface.send(packet("10.0.0.1:7", "10.0.0.2:1", 100, 3));
  left.interface.send(packet("10.0.0.1:8", "10.0.0.2:1", 100, 1));
  run(world);
  ASSERT_EQ(right.packets.size(), 1u);
  EXPECT_EQ(right.packets[0].ttl, 1);
  // Three routers cut the wire in four: the first is 10 ms away, the third 30 ms.
  EXPECT_THAT(left.times, ElementsAre(20ms, 60ms));
  EXPECT_EQ(left.packets[0].error->kind, IcmpError::Kind::time_exceeded);
  EXPECT_EQ(left.packets[0].error->quoted.from, endpoint("10.0.0.1:8"));
  EXPECT_EQ(left.packets[1].error->quoted.from, endpoint("10.0.0.1:7"));
}

TEST_F(WireTest, ReportsWhatDoesNotFitUnlessItIsABlackHole) {
  auto settings = Wire::both_ways({});
  settings.mtu = 1280;
  auto wire = wire_with(settings);
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1", 1280));
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1", 1281));
  run(world);
  EXPECT_EQ(right.packets.size(), 1u);
  ASSERT_EQ(left.packets.size(), 1u);
  EXPECT_EQ(left.packets[0].error->kind, IcmpError::Kind::packet_too_big);
  EXPECT_EQ(left.packets[0].error->mtu, 1280u);
  settings.reports_mtu = false;
  wire.change(settings);
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1", 1281));
  run(world);
  EXPECT_EQ(right.packets.size(), 1u);
  EXPECT_EQ(left.packets.size(), 1u);
}

TEST_F(WireTest, CarriesNothingWhileItIsCutWhatWasUnderWayIncluded) {
  auto wire = wire_with(Wire::both_ways({.delay = 20ms}));
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1"));
  world.events().in(10ms, [&] { wire.cut(); });
  world.events().in(30ms, [&] { left.interface.send(packet("10.0.0.1:2", "10.0.0.2:1")); });
  world.events().in(50ms, [&] { wire.mend(), left.interface.send(packet("10.0.0.1:3", "10.0.0.2:1")); });
  run(world);
  ASSERT_EQ(right.packets.size(), 1u);
  EXPECT_EQ(right.packets[0].flow.from, endpoint("10.0.0.1:3"));
}

TEST_F(WireTest, CountsWhatIsLostAtACutAndForgetsItWhenToldTo) {
  auto wire = wire_with(Wire::both_ways({.delay = 20ms}));
  left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1"));
  world.events().in(10ms, [&] { wire.cut(), left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1")); });
  run(world);
  EXPECT_EQ(wire.dropped(), 2u);
  wire.reset_traffic();
  EXPECT_EQ(wire.dropped(), 0u);
  EXPECT_EQ(wire.there().packets, 0u);
}

TEST_F(WireTest, LosesEverythingInBurstsThatLastAndComeAsOftenAsAskedFor) {
  const auto wire = wire_with(Wire::both_ways({.bursts_every = 1s, .burst_lasts = 100ms}));
  constexpr int sent = 200'000;
  for (int i = 0; i < sent; ++i) world.events().in(i * 5ms, [&] { left.interface.send(packet("10.0.0.1:1", "10.0.0.2:1")); });
  run(world);
  // The share of the time in bursts: 0.1 of 1.1 s, over about 900 of them.
  EXPECT_NEAR(static_cast<double>(wire.dropped()) / sent, 1.0 / 11, 0.01);
  // They are bursts: behind one loss comes another with 1 - 5/100.
  std::vector<bool> arrived(sent);
  for (const auto time : right.times) arrived[static_cast<std::size_t>(time / 5ms)] = true;
  int lost = 0, lost_again = 0;
  for (std::size_t i = 0; i + 1 < sent; ++i)
    if (!arrived[i]) ++lost, lost_again += arrived[i + 1] ? 0 : 1;
  EXPECT_NEAR(static_cast<double>(lost_again) / lost, 0.95, 0.01);
}

TEST_F(WireTest, KeepsTheOrderUnderJitterWhenToldTo) {
  const auto wire = wire_with(Wire::both_ways({.delay = 10ms, .jitter = 5ms, .keeps_order = true}));
  for (std::uint16_t i = 1; i <= 500; ++i) {
    auto made = packet("10.0.0.1:1", "10.0.0.2:1");
    made.flow.from.port = {i};
    left.interface.send(made);
  }
  run(world);
  ASSERT_EQ(right.packets.size(), 500u);
  for (std::uint16_t i = 1; i <= 500; ++i) EXPECT_EQ(right.packets[i - 1u].flow.from.port, Port{i});
  EXPECT_LE(right.times.back(), 15ms);
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    for (auto* probe : {&a, &b, &c}) {
      auto& interface = router.add_interface(probe->interface.name());
      wires.push_back(std::make_unique<Wire>(world.events(), world.random(), probe->interface, interface, Wire::Settings{}));
      router.route(value_or_throw(Prefix::parse(probe == &a ? "192.0.2.0/24" : probe == &b ? "192.0.2.128/25" : "2001:db8::/32")), interface);
    }
  }
  World world{Seed{1}};
  Probe a{world, "a"}, b{world, "b"}, c{world, "c"};
  Router router{"r", address("192.0.2.254")};
  std::vector<std::unique_ptr<Wire>> wires;
};

TEST_F(RouterTest, SendsToTheLongestPrefixAndTakesOneOffTheTtl) {
  c.interface.send(packet("203.0.113.1:1", "192.0.2.127:1"));
  c.interface.send(packet("203.0.113.1:1", "192.0.2.128:1"));
  a.interface.send(packet("[2001:db9::1]:1", "[2001:db8:ffff::1]:1"));
  run(world);
  ASSERT_EQ(a.packets.size(), 1u);
  EXPECT_EQ(a.packets[0].ttl, 63);
  EXPECT_EQ(b.packets.size(), 1u);
  EXPECT_EQ(c.packets.size(), 1u);
}

TEST_F(RouterTest, SaysWhatItCannotDeliverToWhoSentItAndNothingAboutSuchWords) {
  a.interface.send(packet("192.0.2.1:1", "198.51.100.1:1"));
  a.interface.send(packet("192.0.2.1:2", "192.0.2.200:1", 100, 1));
  auto word = *error_about(packet("192.0.2.1:3", "198.51.100.1:1"), IcmpError::Kind::host_unreachable, address("192.0.2.9"));
  word.flow.to.address = address("198.51.100.7");
  a.interface.send(word);
  run(world);
  ASSERT_EQ(a.packets.size(), 2u);
  EXPECT_EQ(a.packets[0].error->kind, IcmpError::Kind::network_unreachable);
  EXPECT_EQ(a.packets[1].error->kind, IcmpError::Kind::time_exceeded);
}

TEST_F(RouterTest, ReportsOnIpv6FromAnAddressOfThatFamily) {
  a.interface.send(packet("[2001:db9::1]:1", "[2001:db8:ffff::1]:1", 100, 1));
  run(world);
  ASSERT_EQ(a.packets.size(), 1u);
  EXPECT_EQ(a.packets[0].error->kind, IcmpError::Kind::time_exceeded);
  EXPECT_TRUE(a.packets[0].flow.from.address.is_v6());
  EXPECT_EQ(a.packets[0].flow.to.address, address("2001:db9::1"));
}

TEST_F(RouterTest, CountsBytesFromWhomToWhomByProtocol) {
  a.interface.send(packet("192.0.2.1:1", "192.0.2.200:1", 300));
  auto segment = packet("192.0.2.1:1", "192.0.2.200:1", 40);
  segment.flow.protocol = Protocol::tcp;
  a.interface.send(segment);
  run(world);
  ASSERT_EQ(router.traffic().pairs().size(), 1u);
  const auto& [from, to, traffic] = router.traffic().pairs()[0];
  EXPECT_EQ(from->name(), "a");
  EXPECT_EQ(to->name(), "b");
  EXPECT_EQ(traffic.bytes, 340u);
  EXPECT_EQ(traffic.udp_bytes, 300u);
  EXPECT_EQ(traffic.tcp_bytes, 40u);
}

TEST_F(RouterTest, ForgetsARoute) {
  router.no_route(value_or_throw(Prefix::parse("192.0.2.128/25")));
  c.interface.send(packet("203.0.113.1:1", "192.0.2.128:1"));
  run(world);
  EXPECT_EQ(a.packets.size(), 1u);
  EXPECT_TRUE(b.packets.empty());
}

class SwitchTest : public testing::Test {
 protected:
  void make_lan(Switch::Between between = Switch::Between::hosts_too) {
    lan.emplace("lan", between);
    for (auto* probe : {&a, &b, &up}) {
      auto& interface = lan->add_interface(probe->interface.name());
      wires.push_back(std::make_unique<Wire>(world.events(), world.random(), probe->interface, interface, Wire::Settings{}));
      if (probe == &up) lan->set_default(interface);
      else lan->plug(address(probe == &a ? "10.0.0.1" : "10.0.0.2"), interface);
    }
  }
  World world{Seed{1}};
  Probe a{world, "a"}, b{world, "b"}, up{world, "up"};
  std::optional<Switch> lan;
  std::vector<std::unique_ptr<Wire>> wires;
};

TEST_F(SwitchTest, DeliversToHostsAndTheRestUpwardAndLeavesTheTtlAlone) {
  make_lan();
  a.interface.send(packet("10.0.0.1:1", "10.0.0.2:1"));
  a.interface.send(packet("10.0.0.1:1", "192.0.2.1:1"));
  up.interface.send(packet("192.0.2.1:1", "10.0.0.99:1"));  // for nobody here: back up it does not go
  run(world);
  ASSERT_EQ(b.packets.size(), 1u);
  EXPECT_EQ(b.packets[0].ttl, 64);
  EXPECT_EQ(up.packets.size(), 1u);
}

TEST_F(SwitchTest, CopiesMulticastAndBroadcastToAllOthers) {
  make_lan();
  a.interface.send(packet("10.0.0.1:1", "239.255.255.250:1900"));
  a.interface.send(packet("10.0.0.1:1", "255.255.255.255:67"));
  a.interface.send(packet("10.0.0.1:1", "10.0.0.255:67"));
  run(world);
  EXPECT_TRUE(a.packets.empty());
  EXPECT_EQ(b.packets.size(), 3u);
  EXPECT_EQ(up.packets.size(), 3u);
  a.interface.send(packet("10.0.0.1:1", "10.0.1.255:67"));  // another subnet's, if it is one at all
  run(world);
  EXPECT_EQ(b.packets.size(), 3u);
}

TEST_F(SwitchTest, KeepsClientsFromOneAnotherWhenTheyAreIsolated) {
  make_lan(Switch::Between::default_only);
  a.interface.send(packet("10.0.0.1:1", "10.0.0.2:1"));
  a.interface.send(packet("10.0.0.1:1", "192.0.2.1:1"));
  up.interface.send(packet("192.0.2.1:1", "10.0.0.2:1"));
  run(world);
  EXPECT_EQ(b.packets.size(), 1u);
  EXPECT_EQ(up.packets.size(), 1u);
}

class GatewayTest : public testing::Test {
 protected:
  GatewayTest()
      : gateway(world.events(), world.random(), {.name = "home", .addresses_inside = {address("10.0.0.1")}, .behaviour = behaviour()}),
        cable(world.events(), world.random(), inside.interface, gateway.inside(), {}),
        line(world.events(), world.random(), gateway.outside(), outside.interface, {}) {}
  static NatBehaviour behaviour() {
    auto made = *nat_preset("port-restricted");
    made.external = {address("81.2.70.2")};
    return made;
  }
  World world{Seed{1}};
  Probe inside{world, "inside"}, outside{world, "outside"};
  Gateway gateway;
  Wire cable, line;
};

TEST_F(GatewayTest, TakesOneOffTheTtlAndReportsWhatDiesInItFromTheSideItCameFrom) {
  inside.interface.send(packet("10.0.0.10:1", "192.0.2.1:1", 100, 2));
  run(world);
  ASSERT_EQ(outside.packets.size(), 1u);
  EXPECT_EQ(outside.packets[0].ttl, 1);
  inside.interface.send(packet("10.0.0.10:1", "192.0.2.1:1", 100, 1));
  outside.interface.send(packet("192.0.2.1:1", "81.2.70.2:1", 100, 1));
  run(world);
  EXPECT_EQ(outside.packets.size(), 2u);  // the report, and not the packet
  ASSERT_EQ(inside.packets.size(), 1u);
  for (const auto& [report, reporter] : {std::pair{inside.packets[0], "10.0.0.1"}, std::pair{outside.packets[1], "81.2.70.2"}}) {
    ASSERT_TRUE(report.error);
    EXPECT_EQ(report.error->kind, IcmpError::Kind::time_exceeded);
    EXPECT_EQ(report.flow.from.address, address(reporter));
  }
}

TEST_F(GatewayTest, AnswersOnItsOwnAddressInsideAndPassesNothingOfThatOn) {
  auto ping = packet("10.0.0.10:77", "10.0.0.1:77");
  ping.flow.protocol = Protocol::icmp_echo;
  inside.interface.send(ping);
  inside.interface.send(packet("10.0.0.10:1", "10.0.0.1:9"));
  auto syn = packet("10.0.0.10:1", "10.0.0.1:80");
  syn.flow.protocol = Protocol::tcp, syn.tcp.syn = true;
  inside.interface.send(syn);
  run(world);
  ASSERT_EQ(inside.packets.size(), 3u);
  EXPECT_TRUE(inside.packets[0].echo_reply);
  EXPECT_EQ(inside.packets[0].flow, ping.flow.reversed());
  ASSERT_TRUE(inside.packets[1].error);
  EXPECT_EQ(inside.packets[1].error->kind, IcmpError::Kind::port_unreachable);
  EXPECT_TRUE(inside.packets[2].tcp.rst);
  EXPECT_TRUE(outside.packets.empty());
}

TEST(Prefix, KnowsWhatLiesInItAndRefusesWhatIsNone) {
  EXPECT_TRUE(value_or_throw(Prefix::parse("10.1.2.3/8")).contains(address("10.255.0.1")));
  EXPECT_FALSE(value_or_throw(Prefix::parse("10.1.2.3/9")).contains(address("10.255.0.1")));
  EXPECT_TRUE(value_or_throw(Prefix::parse("0.0.0.0/0")).contains(address("192.0.2.1")));
  EXPECT_FALSE(value_or_throw(Prefix::parse("0.0.0.0/0")).contains(address("::1")));
  EXPECT_TRUE(value_or_throw(Prefix::parse("192.0.2.1")).contains(address("192.0.2.1")));
  for (const auto* wrong : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "10.0.0/8", "2001:db8::/129"}) EXPECT_FALSE(Prefix::parse(wrong)) << wrong;
}

}  // namespace
}  // namespace pshare::sim
