// Small internets as tests lay them out: who reaches whom, over which addresses, and what a cut does.
#include "network/internet.hpp"

#include <gtest/gtest.h>

#include "network/nat_presets.hpp"
#include "network/site_kinds.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

class SmallInternet : public testing::Test {
 protected:
  SmallInternet() : echo(value_or_throw(server.udp({.port = {7}}))) {
    echo.on_datagram([this](const Endpoint& from, const Endpoint& to, ByteView bytes) {
      seen = from;
      echo.send_to(from, bytes, {.source = to.address});
    });
  }
  /// How long an echo takes; nothing: it never comes back.
  std::optional<Duration> round_trip(Machine& machine, std::string_view to) {
    auto socket = value_or_throw(machine.udp());
    std::optional<Duration> took;
    const auto began = world.now();
    socket.on_datagram([&](const Endpoint&, const Endpoint&, ByteView) { took = world.now() - began; });
    socket.send_to({value_or_throw(IpAddress::parse(to)), {7}}, bytes_of("hello"));
    world.events().run_until([&] { return took.has_value(); }, world.now() + 10s);
    return took;
  }

  World world{Seed{1}};
  Internet internet{world};
  Machine& server = internet.add_server("server", {"81.2.69.10", "2001:db8:69::10"});
  UdpSocket echo;
  Endpoint seen;
};

TEST_F(SmallInternet, AHomeIsSeenByItsGatewaysAddressAndAsFarAwayAsItsLine) {
  auto& home = internet.add_lan("home", *nat_preset("port-restricted"));
  auto& machine = internet.add_machine(home, "machine");
  EXPECT_EQ(round_trip(machine, "81.2.69.10"), 2 * (100us + 100us + 20ms + 5ms));
  EXPECT_EQ(seen.address, home.gateway->external_address());
}

TEST_F(SmallInternet, AHomeBehindACarrierIsSeenByTheCarriersAddress) {
  auto& carrier = internet.add_carrier("carrier", *nat_preset("port-restricted"));
  auto& home = internet.add_lan_behind(carrier, "home", *nat_preset("masq"));
  auto& machine = internet.add_machine(home, "machine");
  EXPECT_EQ(round_trip(machine, "81.2.69.10"), 2 * (200us + 2ms + 100us + 20ms + 5ms));
  EXPECT_EQ(seen.address, carrier.gateway->external_address());
  EXPECT_EQ(home.gateway->external_address().scope(), Scope::shared);
}

TEST_F(SmallInternet, ACutOfAnyLineIsFeltAndMended) {
  auto& carrier = internet.add_carrier("carrier", *nat_preset("port-restricted"));
  auto& home = internet.add_lan_behind(carrier, "home", *nat_preset("masq"));
  auto& machine = internet.add_machine(home, "machine");
  for (const auto* line : {"home", "carrier", "server"}) {
    internet.access_of(line).cut();
    EXPECT_FALSE(round_trip(machine, "81.2.69.10")) << line;
    internet.access_of(line).mend();
    EXPECT_TRUE(round_trip(machine, "81.2.69.10")) << line;
  }
  EXPECT_THROW(internet.access_of("machine"), std::out_of_range);
}

TEST_F(SmallInternet, TwoHomesMayHaveOneSubnetAndEachItsOwnIpv6Prefix) {
  std::vector<Machine*> machines;
  for (const auto* name : {"left", "right"}) {
    internet.next_subnet(1);
    auto& lan = internet.add_lan(name, *nat_preset("port-restricted"));
    internet.give_ipv6(lan);
    machines.push_back(&internet.add_machine(lan, name));
  }
  EXPECT_EQ(machines[0]->addresses()[0], machines[1]->addresses()[0]);
  EXPECT_NE(machines[0]->addresses()[1], machines[1]->addresses()[1]);
  for (auto* machine : machines) {
    EXPECT_TRUE(round_trip(*machine, "2001:db8:69::10"));
    EXPECT_EQ(seen.address, machine->addresses()[1].address);
  }
}

TEST_F(SmallInternet, Ipv6LeadsToAHomeBehindACarrierTooAndIsNotTranslated) {
  auto& carrier = internet.add_carrier("carrier", *nat_preset("port-restricted"));
  auto& home = internet.add_lan_behind(carrier, "home", *nat_preset("masq"));
  internet.give_ipv6(home);
  auto& machine = internet.add_machine(home, "machine");
  EXPECT_TRUE(round_trip(machine, "2001:db8:69::10"));
  EXPECT_EQ(seen.address, machine.addresses()[1].address);
}

TEST_F(SmallInternet, OnlyHttpsGetsOutOfTheEleventhKindOfSite) {
  auto& machine = add_site(internet, only_443, "machine");
  EXPECT_FALSE(round_trip(machine, "81.2.69.10"));
  for (const std::uint16_t number : {std::uint16_t{443}, std::uint16_t{4700}}) {
    auto listener = value_or_throw(server.listen({.port = {number}}));
    auto socket = machine.connect({value_or_throw(IpAddress::parse("81.2.69.10")), {number}});
    world.events().run_until([&] { return socket.is_connected(); }, world.now() + 10s);
    EXPECT_EQ(socket.is_connected(), number == 443);
  }
}

}  // namespace
}  // namespace pshare::sim
