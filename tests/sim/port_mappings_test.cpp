// pshare's port mappings against simulated routers and their habits: the cores ask, and what counts is whether a stranger gets in.
#include "traversal/mapping/port_mappings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "network/internet.hpp"
#include "network/mapping_igd.hpp"
#include "network/nat_presets.hpp"
#include "traversal/overloaded.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Igd = InternetGatewayDevice;
using AtReboot = MappingHabits::AtReboot;

constexpr Port local{4700};

/// What a router speaks and how.
struct Speech {
  bool pcp = false, nat_pmp = false, upnp = false;
  MappingHabits habits{};
  Igd::Settings igd{};
  bool says_which_version = true;
};

enum class DialBack { never, real };

/// A machine, pshare's core on it, and the sockets that it needs; the server's dial-back is a real dial from `stranger`.
class Mapper {
 public:
  Mapper(Machine& machine, const Lan& lan, Igd* igd, Machine& stranger, DialBack dial_back, std::chrono::seconds lifetime)
      : machine_(machine), igd_(igd), stranger_(stranger), dial_back_(dial_back), own_(machine.addresses().front().address) {
    gateway_ = lan.address(1);
    PortMappings mappings{{.gateway = gateway_, .own = own_, .local = local, .lifetime = lifetime}, random_, machine.now()};
    driver_.emplace(machine, std::move(mappings), [this](PortMappings::Action action) { perform(std::move(action)); });
    for (const auto protocol : {MappingProtocol::pcp, MappingProtocol::nat_pmp}) {
      sockets_.push_back(value_or_throw(machine.udp()));
      sockets_.back().on_datagram([this, protocol](const Endpoint& from, const Endpoint&, ByteView bytes) {
        feed([&](PortMappings& core) { core.receive(protocol, from, bytes, machine_.now()); });
      });
      sockets_.back().on_error([this, protocol](const IcmpError&) { feed([&](PortMappings& core) { core.refused(protocol, machine_.now()); }); });
    }
    feed([this](PortMappings& core) { core.expire(machine_.now()); });
  }

  template <typename Input>
  void feed(Input input) {
    driver_->feed(input);
  }
  const PortMappings& core() const { return driver_->core(); }
  std::size_t dials = 0;

 private:
  void perform(PortMappings::Action action) {
    std::visit(Overloaded{
                   [&](const PortMappings::Send& send) { sockets_[static_cast<std::size_t>(send.protocol)].send_to({gateway_, pcp_server_port}, send.bytes); },
                   [&](IgdClient::Search) { search(); },
                   [&](const IgdClient::Add& add) { this->add(add); },
                   [&](const IgdClient::Delete& remove) { this->remove(remove); },
                   [&](const PortMappings::Verify& verify) { dial(verify); },
                   [](PinholeClient::Search) {},  // this internet is one of IPv4
                   [](const PinholeClient::Add&) {},
                   [](const PinholeClient::Update&) {},
                   [](const PinholeClient::Delete&) {},
                   [](PortMappings::Changed) {},
               },
               action);
  }
  auto now() const { return machine_.now(); }
  static std::string name(Transport transport) { return transport == Transport::tcp ? "TCP" : "UDP"; }

  void search() {
    if (igd_ == nullptr) return machine_.in(silence_of_gateway, [this] { feed([this](PortMappings& core) { core.igd_absent(now()); }); });
    igd_->get_external_ip_address(own_, [this](const Igd::Response<std::string>& answer) {
      const auto* const text = std::get_if<std::string>(&answer);
      const auto address = IpAddress::parse(text != nullptr ? *text : "");
      feed([&](PortMappings& core) { core.igd_found(address ? std::optional{*address} : std::nullopt, now()); });
    });
  }
  void add(const IgdClient::Add& add) {
    const Igd::Entry entry{.external_port = add.external,
                           .protocol = name(add.transport),
                           .internal_port = add.internal,
                           .internal_client = own_.text(),
                           .lease_duration = static_cast<std::uint32_t>(add.lifetime.count())};
    igd_->add_port_mapping(own_, entry, [this, transport = add.transport](const Igd::Response<Igd::Done>& answer) {
      feed([&](PortMappings& core) {
        const auto* const error = std::get_if<UpnpError>(&answer);
        error == nullptr ? core.igd_added(transport, now()) : core.igd_denied(transport, static_cast<int>(*error), "", now());
      });
    });
  }
  void remove(const IgdClient::Delete& remove) {
    igd_->delete_port_mapping(own_, "", remove.external, name(remove.transport), [this, transport = remove.transport](const Igd::Response<Igd::Done>&) {
      feed([&](PortMappings& core) { core.igd_deleted(transport, now()); });
    });
  }
  /// As the server's dial-back: it tries for two seconds.
  void dial(const PortMappings::Verify& verify) {
    ++dials;
    if (dial_back_ == DialBack::never) return;
    auto arrived = std::make_shared<bool>(false);
    if (verify.transport == Transport::tcp) {
      calls_.push_back(stranger_.connect(verify.external));
      calls_.back().on_connected([arrived] { *arrived = true; });
    } else {
      nonces_.push_back(value_or_throw(stranger_.udp()));
      nonces_.back().send_to(verify.external, bytes_of("nonce"));
      on_udp_ = [arrived] { *arrived = true; };
    }
    machine_.in(2s, [this, arrived, verify] {
      feed([&](PortMappings& core) { core.dialled(verify.transport, verify.external, *arrived, now()); });
    });
  }

  Machine& machine_;
  Igd* igd_;
  Machine& stranger_;
  DialBack dial_back_;
  IpAddress own_, gateway_;
  SeededRandom random_{11};
  std::optional<Driver<PortMappings>> driver_;
  std::deque<UdpSocket> sockets_, nonces_;
  std::deque<TcpSocket> calls_;

 public:
  std::function<void()> on_udp_ = [] {};
};

struct House {
  explicit House(const Speech& speech, DialBack dial_back = DialBack::never, std::chrono::seconds lifetime = 1200s, bool behind_carrier = false)
      : carrier(behind_carrier ? &net.add_carrier("isp", *nat_preset("port-restricted")) : nullptr),
        lan(carrier != nullptr ? net.add_lan_behind(*carrier, "home", *nat_preset("port-restricted")) : net.add_lan("home", *nat_preset("port-restricted"))),
        alice(net.add_machine(lan, "alice")),
        bob(net.add_machine(lan, "bob")),
        stranger(net.add_public("stranger")),
        service(world.events(), *lan.gateway,
                {.pcp = speech.pcp, .nat_pmp = speech.nat_pmp, .says_which_version = speech.says_which_version, .habits = speech.habits}),
        igd(service, speech.igd),
        udp(value_or_throw(alice.udp({.port = local}))),
        listener(value_or_throw(alice.listen({.port = local}))),
        mapper(alice, lan, speech.upnp ? &igd : nullptr, stranger, dial_back, lifetime) {
    udp.on_datagram([this](const Endpoint&, const Endpoint&, ByteView) {
      heard_udp = true;
      mapper.on_udp_();
    });
    listener.on_accept([this](TcpSocket socket) {
      heard_tcp = true;
      socket.close();
    });
  }

  void run_for(Duration time) { world.events().run_to(world.now() + time); }
  IpAddress public_address() const { return (carrier != nullptr ? carrier : &lan)->gateway->external_address(); }
  void server_sees_us() {
    mapper.feed([this](PortMappings& core) { core.observed(public_address(), world.now()); });
  }
  const MappedPorts& ports() const { return mapper.core().ports(); }
  std::vector<std::string> words() const {
    std::vector<std::string> out;
    for (const auto& port : ports().ports) out.push_back(std::string{word(port.protocol)} + " " + std::string{word(port.transport)});
    return out;
  }
  Endpoint external(Transport transport) const {
    for (const auto& port : ports().ports)
      if (port.transport == transport) return port.external;
    throw std::runtime_error{"not mapped"};
  }
  /// Whether somebody whom alice never wrote to gets to her, over both transports.
  bool lets_in(const Endpoint& for_tcp, const Endpoint& for_udp, Machine& who) {
    heard_udp = heard_tcp = false;
    auto socket = value_or_throw(who.udp());
    socket.send_to(for_udp, bytes_of("uninvited"));
    auto call = who.connect(for_tcp);
    run_for(500ms);
    call.abort();
    EXPECT_EQ(heard_udp, heard_tcp);
    return heard_udp && heard_tcp;
  }
  bool lets_in() { return lets_in(external(Transport::tcp), external(Transport::udp), stranger); }
  std::size_t listed() { return service.table().all(world.now()).size(); }
  void give_back() {
    mapper.feed([this](PortMappings& core) { core.give_back(world.now()); });
  }

  World world{Seed{5}};
  Internet net{world};
  Lan* carrier;
  Lan& lan;
  Machine& alice;
  Machine& bob;
  Machine& stranger;
  MappingService service;
  Igd igd;
  bool heard_udp = false, heard_tcp = false;
  UdpSocket udp;
  TcpListener listener;
  Mapper mapper;
};

Speech speaking(MappingProtocol protocol) {
  return {.pcp = protocol == MappingProtocol::pcp, .nat_pmp = protocol == MappingProtocol::nat_pmp, .upnp = protocol == MappingProtocol::upnp};
}

struct EachProtocol : testing::TestWithParam<MappingProtocol> {};
INSTANTIATE_TEST_SUITE_P(Protocols, EachProtocol, testing::ValuesIn(all_mapping_protocols), [](const auto& each) {
  return each.param == MappingProtocol::nat_pmp ? std::string{"nat_pmp"} : std::string{word(each.param)};
});

TEST_P(EachProtocol, AloneLetsStrangersInWithinATenthOfASecondAndNobodyAfterItIsGivenBack) {
  House house{speaking(GetParam())};
  house.run_for(100ms);
  const auto name = std::string{word(GetParam())};
  ASSERT_THAT(house.words(), ElementsAre(name + " tcp", name + " udp"));
  const auto tcp = house.external(Transport::tcp), udp = house.external(Transport::udp);
  EXPECT_EQ(tcp, (Endpoint{house.public_address(), local}));
  EXPECT_TRUE(house.lets_in());
  house.give_back();
  house.run_for(100ms);
  EXPECT_TRUE(house.mapper.core().is_given_back());
  EXPECT_EQ(house.listed(), 0u);
  EXPECT_FALSE(house.lets_in(tcp, udp, house.stranger));
}

TEST_P(EachProtocol, IsKeptUpByRenewalsAndEndsWithItsLeaseWhenTheProgramIsKilled) {
  House house{speaking(GetParam()), DialBack::never, 60s};
  house.run_for(1s);
  const auto tcp = house.external(Transport::tcp), udp = house.external(Transport::udp);
  for (int minute = 0; minute < 10; ++minute) {
    house.run_for(59s);
    EXPECT_TRUE(house.lets_in());
  }
  house.alice.kill();
  house.run_for(61s);
  EXPECT_EQ(house.listed(), 0u);
  EXPECT_FALSE(house.lets_in(tcp, udp, house.stranger));
}

TEST_P(EachProtocol, ComesBackAfterTheRouterHasRebooted) {  // nothing announces it here: the renewal notices
  House house{speaking(GetParam()), DialBack::never, 60s};
  house.run_for(10s);
  house.lan.gateway->reboot();
  house.run_for(31s);
  EXPECT_TRUE(house.lets_in());
}

TEST_P(EachProtocol, IsMadeAnewWhereTheRouterListsItAndLetsNothingIn) {
  auto speech = speaking(GetParam());
  speech.habits.dead_at_first = 2;  // one of each transport
  House house{speech, DialBack::real};
  house.run_for(1s);
  ASSERT_THAT(house.words(), SizeIs(2));
  EXPECT_FALSE(house.lets_in());
  house.server_sees_us();
  house.run_for(10s);
  EXPECT_TRUE(house.lets_in());
  EXPECT_THAT(house.ports().ports, testing::Each(testing::Field(&MappedPort::proved, true)));
  EXPECT_EQ(house.mapper.dials, 4u);
}

TEST_P(EachProtocol, IsGivenUpWithAReasonWhereNothingEverComesIn) {
  auto speech = speaking(GetParam());
  speech.habits.dead_at_first = 1000;
  House house{speech, DialBack::real};
  house.run_for(1s);
  house.server_sees_us();
  house.run_for(20s);
  EXPECT_THAT(house.words(), IsEmpty());
  EXPECT_EQ(house.ports().reason(), Reason::unreachable);
  EXPECT_EQ(house.listed(), 0u) << "what is of no use is not left behind";
}

TEST_P(EachProtocol, UsesAnotherPortWhereAnotherHostHasOurs) {
  House house{speaking(GetParam())};
  for (const auto protocol : {Protocol::udp, Protocol::tcp})
    ASSERT_TRUE(std::holds_alternative<PortMapping>(house.service.table().lease(
        {.protocol = protocol, .internal = {house.bob.addresses().front().address, local}, .requester = house.bob.addresses().front().address, .external = local},
        house.world.now())));
  house.run_for(2s);
  ASSERT_THAT(house.words(), SizeIs(2));
  EXPECT_NE(house.external(Transport::tcp).port, local);
  EXPECT_TRUE(house.lets_in());
}

TEST_P(EachProtocol, BehindACarrierIsMarkedAndServesItsNeighbours) {
  House house{speaking(GetParam()), DialBack::never, 1200s, true};
  auto& neighbours = house.net.add_lan_behind(*house.carrier, "next door", *nat_preset("full-cone"));
  auto& neighbour = house.net.add_machine(neighbours, "neighbour");
  house.run_for(2s);
  ASSERT_THAT(house.ports().ports, SizeIs(2));
  EXPECT_THAT(house.ports().ports, testing::Each(testing::Field(&MappedPort::behind_another, true)));
  EXPECT_EQ(house.ports().reason(), Reason::double_nat);
  const auto inner = Endpoint{*house.ports().router_address, local};
  EXPECT_EQ(inner.address.scope(), Scope::shared);
  EXPECT_TRUE(house.lets_in(inner, inner, neighbour));
  EXPECT_FALSE(house.lets_in({house.public_address(), local}, {house.public_address(), local}, house.stranger));
  house.server_sees_us();
  EXPECT_EQ(house.mapper.dials, 0u) << "the server is not sent where it cannot get";
}

TEST_P(EachProtocol, SaysDoubleNatWhereTheRouterMapsNothingUnderAReservedAddress) {
  auto speech = speaking(GetParam());
  speech.habits.refuses_reserved_address = true;
  House house{speech, DialBack::never, 1200s, true};
  house.run_for(3s);
  house.server_sees_us();
  EXPECT_THAT(house.words(), IsEmpty());
  EXPECT_EQ(house.ports().reason(), Reason::double_nat);
}

TEST(PortMappings, TakesWhatPortAndTimeItIsGiven) {
  Speech speech{.pcp = true, .habits = {.gives_other_port = true, .longest_lifetime = 40s}};
  House house{speech};
  house.run_for(1s);
  EXPECT_NE(house.external(Transport::tcp).port, local);
  house.run_for(5min);
  EXPECT_TRUE(house.lets_in()) << "renewed by the router's idea of a lease";
}

TEST(PortMappings, TurnsFromAFullTableToWhateverElseThereIs) {
  House house{{.pcp = true, .habits = {.limit = 0}}};
  house.run_for(3s);
  EXPECT_THAT(house.words(), IsEmpty());
  EXPECT_EQ(house.ports().reason(), Reason::igd_refused);
}

TEST(PortMappings, MapsByNatPmpWhereTheRouterSaysThatItSpeaksNoPcp) {
  House house{{.nat_pmp = true}};
  house.run_for(20ms);
  EXPECT_THAT(house.words(), ElementsAre("nat-pmp tcp", "nat-pmp udp")) << "told the version, it need not wait for PCP's head start";
}

TEST(PortMappings, MapsByNatPmpWhereTheRouterIsSilentToPcp) {
  House house{{.nat_pmp = true, .says_which_version = false}};
  house.run_for(100ms);
  EXPECT_THAT(house.words(), ElementsAre("nat-pmp tcp", "nat-pmp udp"));
}

TEST(PortMappings, MapsForEverWhereTheRouterKnowsNothingElseAndTakesItAway) {
  House house{{.upnp = true, .igd = {.only_permanent_leases = true}}};
  house.run_for(1h);
  EXPECT_TRUE(house.lets_in());
  house.give_back();
  house.run_for(1s);
  EXPECT_EQ(house.listed(), 0u);
}

TEST(PortMappings, SaysWhatUpnpRefusedWith) {
  House house{{.upnp = true, .igd = {.refuses_additions_with = UpnpError::not_authorized}}};
  house.run_for(3s);
  EXPECT_EQ(house.ports().reason(), Reason::igd_refused);
  EXPECT_EQ(house.ports().protocols.back().said, "606");
}

TEST(PortMappings, KnowsAtOnceThatARouterDoesNotListen) {
  House house{{}};
  house.run_for(silence_of_gateway);
  EXPECT_EQ(house.ports().reason(), Reason::no_igd);
  EXPECT_TRUE(house.ports().settled);
}

TEST(PortMappings, LeavesNothingBehindWhenItIsEndedAtAnyMoment) {
  for (const auto protocol : all_mapping_protocols)
    for (auto moment = 0ms; moment <= 120ms; moment += 1ms) {
      House house{speaking(protocol)};
      house.run_for(moment);
      house.give_back();
      house.run_for(1s);
      EXPECT_EQ(house.listed(), 0u) << word(protocol) << " after " << moment.count() << " ms";
      EXPECT_TRUE(house.mapper.core().is_given_back());
    }
}

}  // namespace
}  // namespace pshare::sim
