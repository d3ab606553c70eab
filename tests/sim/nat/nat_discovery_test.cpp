// What is found out about a simulated NAT is what that NAT is: every preset, every kind of site, with one address of the server's and with two,
// with other people's traffic and with loss.
#include "traversal/nat/nat_discovery.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "nat/stun_server.hpp"
#include "network/nat_presets.hpp"
#include "network/site_kinds.hpp"
#include "traversal/nat/mapping_lifetime.hpp"
#include "traversal/nat/udp_measurement.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using Kind = PortForecast::Kind;
using Axis = sim::Dependence;

pshare::Dependence said(Axis axis) {
  switch (axis) {
    case Axis::endpoint_independent: return pshare::Dependence::endpoint_independent;
    case Axis::address_dependent: return pshare::Dependence::address_dependent;
    case Axis::address_and_port_dependent: return pshare::Dependence::address_and_port_dependent;
  }
  std::abort();
}

struct Laboratory {
  explicit Laboratory(Seed seed, std::size_t server_addresses = 2)
      : world(seed), internet(world), server(add_server(server_addresses)) {}

  Machine& behind(NatBehaviour behaviour, AccessLine line = {}) {
    return internet.add_machine(internet.add_lan("home", std::move(behaviour), line), "machine");
  }

  /// On a chosen number of fresh sockets, against the server's two ports, or all four endpoints.
  UdpMeasurement::Measured measure(Machine& machine, std::size_t sockets = sockets_to_measure_with, UdpMeasurement::Settings settings = {}) {
    auto& surveyor = keep<UdpMeasurement>(machine, sockets, [&](const std::vector<Endpoint>& locals) {
      std::vector<Port> ports;
      for (const auto& each : locals) ports.push_back(each.port);
      std::vector<Endpoint> destinations{server.primary(), server.alternate()};
      if (const auto other = server.alternate_address()) destinations.push_back({*other, StunServer::alternate_port});
      return UdpMeasurement{ports, destinations, settings, world.random(), world.now()};
    });
    world.events().run_until([&] { return surveyor.last<UdpMeasurement::Measured>() != nullptr; }, world.now() + 1min);
    const auto* const measured = surveyor.last<UdpMeasurement::Measured>();
    if (measured == nullptr) throw std::logic_error{"the measurement never ended"};
    return *measured;
  }

  struct Discovered { pshare::NatBehaviour behaviour; Duration took; };
  Discovered discover(Machine& machine) {
    auto& surveyor = keep<NatDiscovery>(machine, NatDiscovery::sockets, [&](const std::vector<Endpoint>& locals) {
      std::array<Endpoint, NatDiscovery::sockets> own;
      std::copy(locals.begin(), locals.end(), own.begin());
      return NatDiscovery{own, {server.primary(), StunServer::alternate_port, server.alternate_address()}, {}, world.random(), world.now()};
    });
    const auto began = world.now();
    world.events().run_until([&] { return surveyor.last<NatDiscovery::Found>() != nullptr; }, world.now() + 1min);
    const auto* const found = surveyor.last<NatDiscovery::Found>();
    if (found == nullptr) throw std::logic_error{"the discovery never ended"};
    return {found->behaviour, world.now() - began};
  }

  std::optional<MappingLifetime> lifetime(Machine& machine, Duration limit) {
    const auto waits = lifetimes_to_try(limit);
    auto& surveyor = keep<LifetimeMeasurement>(machine, waits.size() + 1, [&](const std::vector<Endpoint>&) {
      return LifetimeMeasurement{waits, server.primary(), {}, world.random(), world.now()};
    });
    world.events().run_until([&] { return surveyor.last<LifetimeMeasurement::Measured>() != nullptr; }, world.now() + 1h);
    const auto* const measured = surveyor.last<LifetimeMeasurement::Measured>();
    if (measured == nullptr) throw std::logic_error{"the measurement never ended"};
    return measured->lifetime;
  }

  World world;
  Internet internet;
  StunServer server;

 private:
  /// As long as the world goes on: what a driver has planned is still to come.
  template <typename C, typename Make>
  Surveyor<C>& keep(Machine& machine, std::size_t sockets, Make make) {
    auto surveyor = std::make_shared<Surveyor<C>>(machine, sockets, std::function<C(const std::vector<Endpoint>&)>{make});
    kept_.push_back(surveyor);
    return *surveyor;
  }

  std::vector<std::shared_ptr<void>> kept_;
  Machine& add_server(std::size_t addresses) {
    std::vector<std::string> all{"81.2.69.10", "81.2.69.11"};
    all.resize(addresses);
    return internet.add_server("server", all);
  }
};

/// The hard ones among presets, by the way they choose ports.
Kind kind_of(const NatBehaviour& box) {
  if (box.udp.mapping == Axis::endpoint_independent) return Kind::stable;
  return box.ports == PortChoice::sequential ? Kind::stepping : Kind::random;
}

TEST(UdpMeasurementBehindEveryPreset, ForecastsPortsAsTheBoxGivesThem) {
  for (const auto preset : nat_preset_names())
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      SCOPED_TRACE(std::string{preset} + ", seed " + std::to_string(seed));
      Laboratory laboratory{{seed}};
      const auto box = nat_preset(preset).value();
      const auto measured = laboratory.measure(laboratory.behind(box));
      EXPECT_EQ(measured.forecast.kind, kind_of(box));
      EXPECT_EQ(measured.forecast.external.address.text(), "81.2.70.2");
      if (measured.forecast.kind == Kind::stepping) {
        EXPECT_EQ(measured.forecast.step, 1);
        EXPECT_EQ(measured.forecast.external.port, Port{1024 + 3 * sockets_to_measure_with - 1});
        EXPECT_EQ(measured.forecast.strangers, 0u);
      }
      if (box.block != 0) {
        EXPECT_EQ(measured.forecast.lowest, Port{1024});
        EXPECT_EQ(measured.forecast.highest, Port{1535});
      } else {
        EXPECT_EQ(measured.forecast.lowest, lowest_nat_port);
        EXPECT_EQ(measured.forecast.highest, highest_nat_port);
      }
    }
}

TEST(UdpMeasurementAtEverySite, SeesWhatTheChainOfNatsComesTo) {
  for (const auto& kind : site_kinds) {
    SCOPED_TRACE(kind.name);
    Laboratory laboratory{{1}};
    const auto forecast = laboratory.measure(add_site(laboratory.internet, kind, "here")).forecast;
    auto expected = Kind::stable;
    for (const auto preset : {kind.home, kind.carrier})
      if (!preset.empty()) expected = std::max(expected, kind_of(nat_preset(preset).value()));
    EXPECT_EQ(forecast.kind, kind.lets_udp_out ? expected : Kind::blocked);
  }
}

TEST(UdpMeasurement, FindsStepAndStrangersWhateverTheyAre) {
  for (const unsigned step : {1u, 2u, 5u, 64u})
    for (const double strangers : {0.0, 20.0, 200.0, 1000.0}) {
      SCOPED_TRACE("step " + std::to_string(step) + ", strangers " + std::to_string(strangers));
      Laboratory laboratory{{1}};
      auto box = nat_preset("sym-seq").value();
      box.port_step = step;
      box.other_traffic = strangers;
      const auto forecast = laboratory.measure(laboratory.behind(box)).forecast;
      EXPECT_EQ(forecast.kind, Kind::stepping);
      EXPECT_EQ(forecast.step, static_cast<int>(step));
      EXPECT_NEAR(forecast.strangers, strangers, 20);
    }
}

TEST(UdpMeasurement, AimsAtWhereTheNextMappingWillBe) {
  // The next new socket of ours, 100 ms after the measurement: its port lies among those that step and strangers say.
  for (const double strangers : {0.0, 20.0, 200.0}) {
    Laboratory laboratory{{1}};
    auto box = nat_preset("sym-seq").value();
    box.port_step = 2;
    box.other_traffic = strangers;
    auto& machine = laboratory.behind(box);
    const auto measured = laboratory.measure(machine);
    laboratory.world.events().run_to(laboratory.world.now() + 100ms);
    const auto elapsed = std::chrono::duration<double>{laboratory.world.now() - measured.taken}.count();
    auto probe = value_or_throw(machine.udp());
    std::optional<Endpoint> seen;
    probe.on_datagram([&](const Endpoint&, const Endpoint&, ByteView datagram) { seen = decode_stun(datagram).value().message.xor_mapped_address; });
    probe.send_to(laboratory.server.primary(), encode(padded_request(laboratory.world.random())));
    laboratory.world.events().run_to(laboratory.world.now() + 1s);
    ASSERT_TRUE(seen);
    const auto steps = (seen->port.number - measured.forecast.external.port.number) / 2;
    EXPECT_EQ((seen->port.number - measured.forecast.external.port.number) % 2, 0) << "the residue is right";
    EXPECT_NEAR(steps, 1 + measured.forecast.strangers * elapsed, 4) << strangers;
  }
}

TEST(UdpMeasurement, IsRightThoughTheLineLosesPackets) {
  int right = 0, all = 0;
  for (const auto preset : {"port-restricted", "sym-seq", "sym-rnd", "masq-rnd", "full-cone"})
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
      Laboratory laboratory{{seed}};
      const auto box = nat_preset(preset).value();
      const auto measured = laboratory.measure(laboratory.behind(box, {.more = {.jitter = 5ms, .loss = 0.1}}));
      EXPECT_NE(measured.forecast.kind, Kind::blocked) << preset << ", seed " << seed;
      right += measured.forecast.kind == kind_of(box) && std::abs(measured.forecast.step) == 1 ? 1 : 0;
      ++all;
    }
  EXPECT_GE(right, all * 98 / 100);
}

TEST(UdpMeasurement, OfOneSocketTellsHardFromStable) {
  for (const auto preset : nat_preset_names()) {
    Laboratory laboratory{{3}, 1};
    const auto box = nat_preset(preset).value();
    const auto began = laboratory.world.now();
    const auto measured = laboratory.measure(laboratory.behind(box), 1);
    EXPECT_EQ(is_hard(measured.forecast), kind_of(box) != Kind::stable) << preset;
    EXPECT_EQ(laboratory.world.now() - began, 50ms + 2 * 0.2ms) << "one round trip";
    EXPECT_EQ(measured.round_trip, 50ms + 2 * 0.2ms);
  }
}

TEST(UdpMeasurement, SeesThatAMappingDependsOnTheAddressIfTheServerHasTwo) {
  auto box = nat_preset("sym-rnd").value();
  box.udp.mapping = Axis::address_dependent;
  Laboratory two{{1}, 2}, one{{1}, 1};
  EXPECT_EQ(two.measure(two.behind(box)).forecast.kind, Kind::random);
  EXPECT_EQ(one.measure(one.behind(box)).forecast.kind, Kind::stable) << "nobody can tell";
}

TEST(NatDiscoveryBehindEveryPreset, FindsWhatTheBoxIs) {
  for (const auto preset : nat_preset_names())
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      SCOPED_TRACE(std::string{preset} + ", seed " + std::to_string(seed));
      Laboratory laboratory{{seed}};
      const auto box = nat_preset(preset).value();
      const auto [found, took] = laboratory.discover(laboratory.behind(box));
      EXPECT_EQ(found.mapping, exactly(said(box.udp.mapping)));
      EXPECT_EQ(found.filtering, exactly(said(box.udp.filtering)));
      EXPECT_EQ(found.translates, true);
      EXPECT_EQ(found.preserves_ports, box.ports == PortChoice::preserving);
      EXPECT_EQ(found.hairpinning, box.udp.mapping == Axis::endpoint_independent ? std::optional{pshare::Hairpinning::none} : std::nullopt);
      EXPECT_LE(took, 3s);
    }
}

TEST(NatDiscovery, FindsEveryCombinationOfMappingAndFiltering) {
  for (const auto mapping : {Axis::endpoint_independent, Axis::address_dependent, Axis::address_and_port_dependent})
    for (const auto filtering : {Axis::endpoint_independent, Axis::address_dependent, Axis::address_and_port_dependent})
      for (const auto ports : {PortChoice::preserving, PortChoice::sequential, PortChoice::random}) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(mapping) << static_cast<int>(filtering) << static_cast<int>(ports));
        Laboratory laboratory{{1}};
        NatBehaviour box;
        box.udp = {mapping, filtering};
        box.ports = ports;
        const auto found = laboratory.discover(laboratory.behind(box)).behaviour;
        EXPECT_EQ(found.mapping, exactly(said(mapping)));
        EXPECT_EQ(found.filtering, exactly(said(filtering)));
      }
}

TEST(NatDiscovery, SaysWhatAServerWithOneAddressCannotTell) {
  for (const auto mapping : {Axis::endpoint_independent, Axis::address_dependent, Axis::address_and_port_dependent})
    for (const auto filtering : {Axis::endpoint_independent, Axis::address_dependent, Axis::address_and_port_dependent}) {
      SCOPED_TRACE(testing::Message() << static_cast<int>(mapping) << static_cast<int>(filtering));
      Laboratory laboratory{{1}, 1};
      NatBehaviour box;
      box.udp = {mapping, filtering};
      box.ports = PortChoice::random;
      const auto found = laboratory.discover(laboratory.behind(box)).behaviour;
      const auto as_seen = [](Axis axis) {
        return axis == Axis::address_and_port_dependent ? exactly(said(axis))
                                                        : DependenceRange{pshare::Dependence::endpoint_independent, pshare::Dependence::address_dependent};
      };
      EXPECT_EQ(found.mapping, as_seen(mapping));
      EXPECT_EQ(found.filtering, as_seen(filtering));
    }
}

TEST(NatDiscovery, TakesNoServerThatDoesNotChangeForAFilter) {
  Laboratory laboratory{{1}};
  laboratory.server.understands_change_request = false;
  const auto found = laboratory.discover(laboratory.behind(nat_preset("full-cone").value())).behaviour;
  EXPECT_EQ(found.mapping, exactly(pshare::Dependence::endpoint_independent));
  EXPECT_EQ(found.filtering, std::nullopt);
}

TEST(NatDiscovery, TakesNoPortThatIsBlockedOnTheWayForAFilter) {
  for (const std::size_t addresses : {1u, 2u}) {
    Laboratory laboratory{{1}, addresses};
    laboratory.server.is_heard_at_alternate_port = false;
    const auto found = laboratory.discover(laboratory.behind(nat_preset("full-cone").value())).behaviour;
    EXPECT_EQ(found.filtering, std::nullopt);
    EXPECT_EQ(found.mapping, addresses == 2 ? std::optional{exactly(pshare::Dependence::endpoint_independent)} : std::nullopt);
  }
}

TEST(NatDiscovery, FindsHairpinningAndWhoseAddressItShows) {
  for (const auto filtering : {Axis::endpoint_independent, Axis::address_and_port_dependent})
    for (const auto& [is, said_to_be] : {std::pair{sim::Hairpinning::none, pshare::Hairpinning::none},
      {sim::Hairpinning::internal_source, pshare::Hairpinning::internal_source},
      {sim::Hairpinning::external_source, pshare::Hairpinning::external_source}}) {
      Laboratory laboratory{{1}};
      NatBehaviour box;
      box.udp.filtering = filtering;
      box.hairpinning = is;
      EXPECT_EQ(laboratory.discover(laboratory.behind(box)).behaviour.hairpinning, said_to_be) << static_cast<int>(is);
    }
}

TEST(NatDiscovery, OfAPublicHostFindsNoNat) {
  Laboratory laboratory{{1}};
  const auto [found, took] = laboratory.discover(laboratory.internet.add_public("here"));
  EXPECT_EQ(found.translates, false);
  EXPECT_EQ(found.mapping, exactly(pshare::Dependence::endpoint_independent));
  EXPECT_EQ(found.filtering, exactly(pshare::Dependence::endpoint_independent));
  EXPECT_EQ(found.preserves_ports, true);
  EXPECT_EQ(found.hairpinning, std::nullopt) << "there is nothing to turn round at";
  EXPECT_LE(took, 200ms);
}

TEST(NatDiscovery, NeedsNoSecondAddressToSeeThatThereIsNoNat) {
  Laboratory laboratory{{1}, 1};
  EXPECT_EQ(laboratory.discover(laboratory.internet.add_public("here")).behaviour.mapping, exactly(pshare::Dependence::endpoint_independent));
}

TEST(NatDiscovery, WhereUdpIsBlockedFindsNothingInTwoSeconds) {
  Laboratory laboratory{{1}};
  auto box = nat_preset("port-restricted").value();
  box.lets_udp_out = false;
  const auto [found, took] = laboratory.discover(laboratory.behind(box));
  EXPECT_EQ(found, pshare::NatBehaviour{});
  EXPECT_EQ(took, 2s);
}

TEST(NatDiscovery, IsRightThoughTheLineLosesPackets) {
  int right = 0, all = 0;
  for (const auto preset : {"full-cone", "address-restricted", "port-restricted", "sym-seq", "sym-rnd"})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      Laboratory laboratory{{seed}};
      const auto box = nat_preset(preset).value();
      const auto found = laboratory.discover(laboratory.behind(box, {.more = {.loss = 0.1}})).behaviour;
      right += found.mapping == exactly(said(box.udp.mapping)) && found.filtering == exactly(said(box.udp.filtering)) ? 1 : 0;
      ++all;
    }
  EXPECT_GE(right, all * 98 / 100);
}

TEST(LifetimeMeasurement, FindsBetweenWhichTimesAnIdleMappingDies) {
  for (const auto& [is, at_least, less_than] : {std::tuple{15s, 10s, 20s}, {30s, 28s, 45s}, {60s, 58s, 90s}, {120s, 118s, 150s}, {300s, 298s, 420s}}) {
    for (const auto mapping : {Axis::endpoint_independent, Axis::address_and_port_dependent}) {
      Laboratory laboratory{{1}};
      NatBehaviour box;
      box.udp.mapping = mapping;
      box.ports = PortChoice::random;
      box.udp_lifetime = is;
      EXPECT_EQ(laboratory.lifetime(laboratory.behind(box), 10min), (MappingLifetime{.at_least = at_least, .less_than = less_than}));
    }
  }
}

TEST(LifetimeMeasurement, IsBoundedByWhatWasAskedFor) {
  Laboratory laboratory{{1}};
  const auto began = laboratory.world.now();
  auto& machine = laboratory.behind(nat_preset("port-restricted").value());
  EXPECT_EQ(laboratory.lifetime(machine, 1min), (MappingLifetime{.at_least = 58s, .less_than = std::nullopt}));
  EXPECT_LE(laboratory.world.now() - began, 62s);
}

TEST(LifetimeMeasurement, IsRightThoughTheLineLosesPackets) {
  int right = 0;
  constexpr int all = 100;
  for (std::uint64_t seed = 1; seed <= all; ++seed) {
    Laboratory laboratory{{seed}};
    auto box = nat_preset("port-restricted").value();
    right += laboratory.lifetime(laboratory.behind(box, {.more = {.loss = 0.1}}), 5min) == MappingLifetime{.at_least = 118s, .less_than = 150s} ? 1 : 0;
  }
  EXPECT_GE(right, all - 1);
}

TEST(LifetimeMeasurement, SaysNothingWhereItCannotBeMeasured) {
  Laboratory blocked{{1}};
  auto box = nat_preset("port-restricted").value();
  box.lets_udp_out = false;
  EXPECT_EQ(blocked.lifetime(blocked.behind(box), 1min), std::nullopt);
  Laboratory old_server{{1}};
  old_server.server.understands_response_port = false;
  EXPECT_EQ(old_server.lifetime(old_server.behind(nat_preset("port-restricted").value()), 1min), std::nullopt);
}

}  // namespace
}  // namespace pshare::sim
