// Gateways that make port mappings on request, asked by machines over simulated UDP: whether a stranger's packets come in by them, when
// they end, what is refused how, and each habit that routers are known for.
#include "network/mapping_service.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "network/internet.hpp"
#include "network/mapping_igd.hpp"
#include "network/nat_presets.hpp"
#include "wire/nat_pmp.hpp"
#include "wire/pcp.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using AtReboot = MappingHabits::AtReboot;
using Igd = InternetGatewayDevice;

IpAddress ip(std::string_view text) { return value_or_throw(IpAddress::parse(text)); }

NatBehaviour port_restricted(std::vector<IpAddress> external = {}) {
  auto behaviour = *nat_preset("port-restricted");
  behaviour.external = std::move(external);
  return behaviour;
}

constexpr Port service_port{4700};  // of alice and bob, for UDP and TCP
constexpr PcpNonce first_nonce{{std::byte{1}}}, second_nonce{{std::byte{2}}};

PcpMap map_of(Port internal, Port external = {}, IpProtocol protocol = IpProtocol::udp) {
  return {.nonce = first_nonce, .protocol = protocol, .internal = internal, .external = {{}, external}};
}

/// Somebody on the LAN who sends whatever he likes, and keeps all that arrives at his port of the switch.
class Probe : public Node {
 public:
  Probe(World& world, Lan& lan)
      : world_(world),
        interface_(*this, "probe"),
        wire_(world.events(), world.random(), interface_, lan.net->add_interface("probe"), Wire::both_ways({})) {}
  void receive(Packet packet, Interface&) override {
    times.push_back(world_.now());
    packets.push_back(std::move(packet));
  }
  void send(const Endpoint& from, const Endpoint& to, ByteBuffer bytes) {
    Packet packet;
    packet.flow = {Protocol::udp, from, to};
    packet.size = 28 + static_cast<std::uint32_t>(bytes.size());
    packet.body = std::move(bytes);
    interface_.send(std::move(packet));
  }

 private:
  World& world_;
  Interface interface_;
  Wire wire_;

 public:
  std::vector<Packet> packets;
  std::vector<TimePoint> times;
};

/// Alice and bob at home, a gateway that makes mappings, and a stranger on the internet.
struct Home {
  explicit Home(const MappingService::Settings& settings = {}, NatBehaviour behaviour = port_restricted())
      : lan(net.add_lan("home", std::move(behaviour))),
        alice(net.add_machine(lan, "alice")),
        bob(net.add_machine(lan, "bob")),
        stranger(net.add_public("stranger")),
        probe(world, lan),
        service(world.events(), *lan.gateway, settings) {
    for (auto* machine : {&alice, &bob}) {
      sockets.push_back(value_or_throw(machine->udp({.port = service_port})));
      sockets.back().on_datagram([this, machine](const Endpoint&, const Endpoint&, ByteView) { heard.push_back(machine->name()); });
      listeners.push_back(value_or_throw(machine->listen({.port = service_port})));
      listeners.back().on_accept([this, machine](TcpSocket socket) {
        heard.push_back(machine->name());
        socket.close();
      });
    }
  }

  void run_for(Duration time) { world.events().run_to(world.now() + time); }
  IpAddress gateway_address() const { return lan.address(1); }
  IpAddress external_address() const { return lan.gateway->external_address(); }
  static IpAddress address_of(const Machine& machine) { return machine.addresses().front().address; }

  /// What comes back for one datagram; nothing: silence.
  std::optional<ByteBuffer> ask(Machine& client, ByteView request) { return ask_at(client, {gateway_address(), pcp_server_port}, request); }
  std::optional<ByteBuffer> ask_at(Machine& client, const Endpoint& server, ByteView request) {
    auto socket = value_or_throw(client.udp());
    std::optional<ByteBuffer> answer;
    socket.on_datagram([&](const Endpoint& from, const Endpoint&, ByteView bytes) {
      EXPECT_EQ(from, server);
      EXPECT_FALSE(answer.has_value());
      answer = buffer_of(bytes);
    });
    socket.send_to(server, request);
    run_for(1s);
    return answer;
  }

  PcpResponse pcp(Machine& client, const PcpRequest& request) {
    const auto answer = ask(client, encode(request));
    if (!answer) throw std::runtime_error{"no answer from PCP"};
    auto response = std::get<PcpResponse>(value_or_throw(decode_pcp_answer(*answer)));
    EXPECT_TRUE(answers(response.operation, request.operation));
    return response;
  }
  PcpResponse map(Machine& client, const PcpMap& wanted, std::chrono::seconds lifetime = 1h, PcpOptions options = {}) {
    return pcp(client, {.lifetime = lifetime, .client = address_of(client), .operation = wanted, .options = std::move(options)});
  }
  NatPmpResponse nat_pmp(Machine& client, const NatPmpRequest& request) {
    const auto answer = ask(client, encode(request));
    if (!answer) throw std::runtime_error{"no answer from NAT-PMP"};
    return std::get<NatPmpResponse>(value_or_throw(decode_nat_pmp_answer(*answer)));
  }

  /// Who hears what a stranger sends to this port, from a port of his that nobody has seen before; empty: nobody.
  std::string who_hears_udp(Port external) {
    heard.clear();
    auto socket = value_or_throw(stranger.udp());
    socket.send_to({external_address(), external}, bytes_of("hello"));
    run_for(1s);
    return heard.empty() ? "" : heard.front();
  }
  std::string who_hears_tcp(Port external) {
    heard.clear();
    auto socket = stranger.connect({external_address(), external});
    run_for(1s);
    socket.abort();
    return heard.empty() ? "" : heard.front();
  }
  std::size_t listed() { return service.table().all(world.now()).size(); }
  const std::vector<NatBox::Rule>& rules() { return lan.gateway->nat().rules(); }

  World world{Seed{1}};
  Internet net{world};
  Lan& lan;
  Machine& alice;
  Machine& bob;
  Machine& stranger;
  Probe probe;
  MappingService service;
  std::vector<std::string> heard;
  std::deque<UdpSocket> sockets;
  std::deque<TcpListener> listeners;
};

MappingService::Settings with(const MappingHabits& habits) { return {.habits = habits}; }

PcpMap mapping_in(const PcpResponse& response) { return std::get<PcpMap>(response.operation); }
NatPmpMapping mapping_in(const NatPmpResponse& response) { return std::get<NatPmpMapping>(response.outcome); }
NatPmpRefused refusal_in(const NatPmpResponse& response) { return std::get<NatPmpRefused>(response.outcome); }

// ---- PCP ----

TEST(Pcp, LetsAStrangersPacketsInOverUdp) {
  Home home;
  ASSERT_EQ(home.who_hears_udp(service_port), "");
  const auto answer = home.map(home.alice, map_of(service_port, service_port), 2h);
  EXPECT_EQ(answer.result, PcpResult::success);
  EXPECT_EQ(answer.lifetime, 2h);
  EXPECT_EQ(mapping_in(answer).external, (Endpoint{home.external_address(), service_port}));
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
  EXPECT_EQ(home.who_hears_tcp(service_port), "");
}

TEST(Pcp, LetsAStrangerConnectOverTcp) {
  Home home;
  ASSERT_EQ(home.who_hears_tcp(service_port), "");
  EXPECT_EQ(home.map(home.bob, map_of(service_port, {}, IpProtocol::tcp)).result, PcpResult::success);
  EXPECT_EQ(home.who_hears_tcp(service_port), "bob");
  EXPECT_EQ(home.who_hears_udp(service_port), "");
}

TEST(Pcp, GivesTheSuggestedPortWhereItIsFreeAndAnotherWhereItIsNot) {
  Home home;
  EXPECT_EQ(mapping_in(home.map(home.alice, map_of(service_port, {6000}))).external.port, Port{6000});
  const auto other = mapping_in(home.map(home.bob, map_of(service_port, {6000}))).external.port;
  EXPECT_NE(other, Port{6000});
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  EXPECT_EQ(home.who_hears_udp(other), "bob");
}

TEST(Pcp, TakesNoPortThatAnOrdinaryMappingOfAnotherHostHas) {
  Home home;
  home.sockets[0].send_to({Home::address_of(home.stranger), {9}}, bytes_of("alice's own 4700"));
  home.run_for(1s);
  const auto external = mapping_in(home.map(home.bob, map_of(service_port, service_port))).external.port;
  EXPECT_NE(external, service_port);
  EXPECT_EQ(home.who_hears_udp(external), "bob");
}

TEST(Pcp, GivesExactlyWhatIsSuggestedOrNothingUnderPreferFailure) {
  Home home;
  const PcpOptions exactly{.prefer_failure = true};
  const auto given = home.map(home.alice, map_of(service_port, {6000}), 1h, exactly);
  EXPECT_EQ(given.result, PcpResult::success);
  EXPECT_EQ(given.options, exactly);
  const auto taken = home.map(home.bob, map_of(service_port, {6000}), 1h, exactly);
  EXPECT_EQ(taken.result, PcpResult::cannot_provide_external);
  EXPECT_EQ(taken.lifetime, 30s);
  auto elsewhere = map_of(service_port, {6001});
  elsewhere.external.address = ip("81.2.99.99");
  EXPECT_EQ(home.map(home.bob, elsewhere, 1h, exactly).result, PcpResult::cannot_provide_external);
  EXPECT_EQ(home.map(home.alice, map_of(service_port, {6002}), 1h, exactly).result, PcpResult::cannot_provide_external);
  EXPECT_EQ(home.map(home.bob, map_of(service_port), 1h, exactly).result, PcpResult::malformed_option);
  EXPECT_EQ(home.listed(), 1u);
}

TEST(Pcp, EndsALeaseThatNobodyRenews) {
  Home home;
  home.map(home.alice, map_of(service_port, service_port), 120s);
  home.run_for(110s);
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
  home.run_for(10s);
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  EXPECT_EQ(home.listed(), 0u);
  EXPECT_THAT(home.rules(), IsEmpty());
}

TEST(Pcp, RenewsALeaseAndKeepsItsPortWhateverIsSuggested) {
  Home home;
  home.map(home.alice, map_of(service_port, {6000}), 120s);
  home.run_for(100s);
  const auto renewed = home.map(home.alice, map_of(service_port, {6001}), 120s);
  EXPECT_EQ(renewed.lifetime, 120s);
  EXPECT_EQ(mapping_in(renewed).external.port, Port{6000});
  home.run_for(100s);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  home.run_for(30s);
  EXPECT_EQ(home.who_hears_udp({6000}), "");
}

TEST(Pcp, EndsAMappingWithALifetimeOfZeroAlsoWhenThereIsNone) {
  Home home;
  home.map(home.alice, map_of(service_port, service_port));
  const auto ended = home.map(home.alice, map_of(service_port, service_port), 0s);
  EXPECT_EQ(ended.result, PcpResult::success);
  EXPECT_EQ(ended.lifetime, 0s);
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  EXPECT_EQ(home.listed(), 0u);
  EXPECT_EQ(home.map(home.alice, map_of(service_port, service_port), 0s).result, PcpResult::success);
}

TEST(Pcp, LetsNobodyWithAnotherNonceRenewOrEndAMapping) {
  Home home;
  home.map(home.alice, map_of(service_port, service_port), 600s);
  auto other = map_of(service_port, service_port);
  other.nonce = second_nonce;
  home.run_for(99s);  // and each question takes one
  const auto renewal = home.map(home.alice, other, 3600s);
  EXPECT_EQ(renewal.result, PcpResult::not_authorized);
  EXPECT_THAT(renewal.lifetime.count(), testing::AllOf(testing::Ge(498), testing::Le(500)));  // what is left of the mapping
  EXPECT_EQ(home.map(home.alice, other, 0s).result, PcpResult::not_authorized);
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
  home.run_for(500s);
  EXPECT_EQ(home.listed(), 0u);
}

TEST(Pcp, AnswersAnAnnounceWithItsEpoch) {
  Home home;
  home.run_for(100s);
  const auto answer = home.pcp(home.alice, {.client = Home::address_of(home.alice), .operation = PcpAnnounce{}});
  EXPECT_EQ(answer.result, PcpResult::success);
  EXPECT_EQ(answer.epoch, 100s);
}

TEST(Pcp, RefusesWithTheResultThatSaysWhy) {
  Home home;
  const auto alice = Home::address_of(home.alice);
  const auto result = [&](const PcpOperation& operation, PcpOptions options = {}) {
    return home.pcp(home.alice, {.lifetime = 1h, .client = alice, .operation = operation, .options = std::move(options)}).result;
  };
  EXPECT_EQ(result(PcpPeer{map_of({5000}), {ip("81.2.1.1"), {7}}}), PcpResult::unsupported_opcode);
  EXPECT_EQ(result(map_of({5000}), {.filters = {{}}}), PcpResult::unsupported_option);
  EXPECT_EQ(result(map_of({5000}), {.third_party = Home::address_of(home.bob)}), PcpResult::unsupported_option);
  EXPECT_EQ(result(map_of({5000}, {}, IpProtocol{132})), PcpResult::unsupported_protocol);
  EXPECT_EQ(result(map_of({0}, {}, IpProtocol::every)), PcpResult::unsupported_protocol);
  EXPECT_EQ(result(map_of({0})), PcpResult::unsupported_protocol);
  const auto mismatch = home.pcp(home.alice, {.lifetime = 1h, .client = ip("10.1.1.1"), .operation = map_of({5000})});
  EXPECT_EQ(mismatch.result, PcpResult::address_mismatch);
  EXPECT_EQ(mismatch.lifetime, 30min);
  EXPECT_EQ(home.listed(), 0u);
  EXPECT_THAT(home.rules(), IsEmpty());
}

TEST(Pcp, SaysThatThereIsNoAddressOutside) {
  Home home;
  home.lan.gateway->change_external({});
  const auto answer = home.map(home.alice, map_of(service_port));
  EXPECT_EQ(answer.result, PcpResult::network_failure);
  EXPECT_EQ(answer.lifetime, 30s);
  EXPECT_EQ(refusal_in(home.nat_pmp(home.alice, NatPmpAddressRequest{})).why, NatPmpResult::network_failure);
}

TEST(Pcp, MapsNothingForIpv6) {
  Home home;
  home.net.give_ipv6(home.lan);
  auto& carol = home.net.add_machine(home.lan, "carol");
  const auto inside = home.lan.gateway->addresses_inside().back();
  const PcpRequest request{.lifetime = 1h, .client = *carol.source_for(inside), .operation = map_of(service_port)};
  const auto answer = home.ask_at(carol, {inside, pcp_server_port}, encode(request));
  ASSERT_TRUE(answer);
  EXPECT_EQ(std::get<PcpResponse>(value_or_throw(decode_pcp_answer(*answer))).result, PcpResult::not_authorized);
  EXPECT_FALSE(home.ask_at(carol, {inside, pcp_server_port}, encode(NatPmpRequest{NatPmpAddressRequest{}})));
}

// ---- NAT-PMP ----

TEST(NatPmp, TellsTheExternalAddressAndItsEpoch) {
  Home home;
  home.run_for(50s);
  const auto answer = home.nat_pmp(home.alice, NatPmpAddressRequest{});
  EXPECT_EQ(std::get<NatPmpAddress>(answer.outcome).external, home.external_address());
  EXPECT_EQ(answer.epoch, 50s);
}

TEST(NatPmp, LetsAStrangersPacketsInOverUdpAndTcp) {
  Home home;
  const auto udp = mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port, .suggested = {6000}, .lifetime = 600s}));
  EXPECT_EQ(udp, (NatPmpMapping{Transport::udp, service_port, {6000}, 600s}));
  const auto tcp = mapping_in(home.nat_pmp(home.bob, NatPmpMapRequest{.transport = Transport::tcp, .internal = service_port}));
  EXPECT_EQ(tcp, (NatPmpMapping{Transport::tcp, service_port, service_port, nat_pmp_recommended_lifetime}));
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  EXPECT_EQ(home.who_hears_tcp(service_port), "bob");
}

TEST(NatPmp, EndsALeaseThatNobodyRenewsAndNoOther) {
  Home home;
  home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port, .lifetime = 60s});
  home.nat_pmp(home.bob, NatPmpMapRequest{.internal = service_port, .suggested = {6000}, .lifetime = 60s});
  home.run_for(40s);
  home.nat_pmp(home.bob, NatPmpMapRequest{.internal = service_port, .suggested = {6000}, .lifetime = 60s});
  home.run_for(30s);
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  EXPECT_EQ(home.who_hears_udp({6000}), "bob");
}

TEST(NatPmp, EndsOneMappingOrAllOfAClientAndTransport) {
  Home home;
  for (const Port port : {Port{5000}, Port{5001}, service_port}) home.nat_pmp(home.alice, NatPmpMapRequest{.internal = port});
  home.nat_pmp(home.alice, NatPmpMapRequest{.transport = Transport::tcp, .internal = service_port});
  home.nat_pmp(home.bob, NatPmpMapRequest{.internal = service_port, .suggested = {6000}});
  const auto one = mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = {5000}, .lifetime = 0s}));
  EXPECT_EQ(one, (NatPmpMapping{Transport::udp, {5000}, {0}, 0s}));
  EXPECT_EQ(home.listed(), 4u);
  const auto all = mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.lifetime = 0s}));
  EXPECT_EQ(all, NatPmpMapping{});
  EXPECT_EQ(home.listed(), 2u);
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  EXPECT_EQ(home.who_hears_tcp(service_port), "alice");
  EXPECT_EQ(home.who_hears_udp({6000}), "bob");
  EXPECT_EQ(mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = {5000}, .lifetime = 0s})).lifetime, 0s);
}

TEST(NatPmp, RefusesToMapPortZero) {
  Home home;
  const auto refused = refusal_in(home.nat_pmp(home.alice, NatPmpMapRequest{.transport = Transport::tcp, .suggested = {6000}}));
  EXPECT_EQ(refused, (NatPmpRefused{NatPmpOpcode::map_tcp, NatPmpResult::not_authorized}));
}

// ---- Versions ----

ByteBuffer pcp_announce_of(const Machine& client) { return encode(PcpRequest{.client = Home::address_of(client), .operation = PcpAnnounce{}}); }
const ByteBuffer& nat_pmp_address_request() {
  static const ByteBuffer bytes = encode(NatPmpRequest{NatPmpAddressRequest{}});
  return bytes;
}

TEST(MappingService, TellsWhoSpeaksTheOtherProtocolWhichOneItSpeaks) {
  Home only_nat_pmp{{.pcp = false}};
  const auto to_pcp = only_nat_pmp.ask(only_nat_pmp.alice, pcp_announce_of(only_nat_pmp.alice));
  ASSERT_TRUE(to_pcp);
  EXPECT_EQ(std::get<PcpVersionMismatch>(value_or_throw(decode_pcp_answer(*to_pcp))).version, nat_pmp_version);
  EXPECT_TRUE(only_nat_pmp.ask(only_nat_pmp.alice, nat_pmp_address_request()));

  Home only_pcp{{.nat_pmp = false}};
  const auto to_nat_pmp = only_pcp.ask(only_pcp.alice, nat_pmp_address_request());
  ASSERT_TRUE(to_nat_pmp);
  EXPECT_EQ(std::get<NatPmpVersionMismatch>(value_or_throw(decode_nat_pmp_answer(*to_nat_pmp))).version, pcp_version);
  EXPECT_TRUE(only_pcp.ask(only_pcp.alice, pcp_announce_of(only_pcp.alice)));

  Home both;
  auto of_version_1 = pcp_announce_of(both.alice);
  of_version_1[0] = std::byte{1};
  const auto to_version_1 = both.ask(both.alice, of_version_1);
  ASSERT_TRUE(to_version_1);
  EXPECT_EQ(std::get<PcpVersionMismatch>(value_or_throw(decode_pcp_answer(*to_version_1))).version, pcp_version);
}

TEST(MappingService, CanBeSilentAboutVersions) {
  Home home{{.pcp = false, .says_which_version = false}};
  EXPECT_FALSE(home.ask(home.alice, pcp_announce_of(home.alice)));
  EXPECT_TRUE(home.ask(home.alice, nat_pmp_address_request()));
}

TEST(MappingService, ListensNowhereWhereItSpeaksNeither) {
  Home home{{.pcp = false, .nat_pmp = false}};
  auto socket = value_or_throw(home.alice.udp());
  std::optional<IcmpError::Kind> error;
  socket.on_error([&](const IcmpError& heard) { error = heard.kind; });
  socket.send_to({home.gateway_address(), pcp_server_port}, nat_pmp_address_request());
  home.run_for(1s);
  EXPECT_EQ(error, IcmpError::Kind::port_unreachable);
}

// ---- Who is heard ----

TEST(MappingService, HearsNobodyOutside) {
  Home home;
  const Endpoint outside{home.external_address(), pcp_server_port};
  EXPECT_FALSE(home.ask_at(home.stranger, outside, nat_pmp_address_request()));
  EXPECT_FALSE(home.ask_at(home.stranger, outside, encode(NatPmpRequest{NatPmpMapRequest{.internal = service_port}})));
  EXPECT_FALSE(home.ask_at(home.alice, outside, nat_pmp_address_request()));
  EXPECT_EQ(home.listed(), 0u);
}

TEST(MappingService, DoesNothingForAddressesThatNobodyInsideCanHave) {
  Home home;
  const auto request = encode(NatPmpRequest{NatPmpMapRequest{.internal = service_port}});
  const Endpoint server{home.gateway_address(), pcp_server_port};
  for (const auto* from : {"0.0.0.0", "224.0.0.1", "255.255.255.255", "127.0.0.1", "81.2.70.2", "8.8.8.8"})
    home.probe.send({ip(from), {4000}}, server, request);
  home.probe.send({home.gateway_address(), {4000}}, server, request);
  home.probe.send({ip("192.168.11.77"), {0}}, server, request);
  home.probe.send({ip("192.168.11.77"), {4000}}, {ip("224.0.0.1"), pcp_server_port}, request);
  home.run_for(1s);
  EXPECT_EQ(home.listed(), 0u);
  EXPECT_THAT(home.rules(), IsEmpty());
}

TEST(MappingService, AnswersBrokenRequestsWithAnErrorOrNotAtAllAndChangesNothing) {
  Home home;
  home.map(home.alice, map_of(service_port, service_port));
  const auto rules = home.rules();
  const auto alice = Home::address_of(home.alice);
  const auto map = encode(PcpRequest{.lifetime = 1h, .client = alice, .operation = map_of({5000}, {5000}), .options = {.prefer_failure = true}});
  const auto nat_pmp = encode(NatPmpRequest{NatPmpMapRequest{.internal = {5000}}});
  std::vector<ByteBuffer> broken;
  for (const auto& whole : {map, nat_pmp})
    for (std::size_t size = 0; size < whole.size(); ++size) broken.push_back(buffer_of(ByteView{whole}.first(size)));
  std::erase_if(broken, [&](const ByteBuffer& each) { return each.size() == map.size() - 4; });  // without its option it is whole
  for (auto answer : {map, nat_pmp}) {
    answer[1] |= std::byte{128};
    broken.push_back(answer);
  }
  for (auto unknown : {map, nat_pmp}) {
    unknown[1] = std::byte{99};
    broken.push_back(unknown);
  }
  broken.emplace_back(1200, std::byte{2});
  auto long_nat_pmp = nat_pmp;
  long_nat_pmp.resize(1101);
  broken.push_back(long_nat_pmp);

  for (const auto& each : broken) {
    const auto answer = home.ask(home.alice, each);
    if (!answer) continue;
    if ((*answer)[0] == std::byte{nat_pmp_version})
      EXPECT_NE(refusal_in(std::get<NatPmpResponse>(value_or_throw(decode_nat_pmp_answer(*answer)))).why, NatPmpResult::success);
    else
      EXPECT_NE((*answer)[3], std::byte{0});  // the result
    EXPECT_LE(answer->size(), max_pcp_message);
  }
  EXPECT_EQ(home.rules(), rules);
  EXPECT_EQ(home.listed(), 1u);
}

TEST(MappingService, SurvivesNoise) {
  Home home{with({.limit = 10'000})};
  SeededRandom random{7};
  for (int i = 0; i < 2000; ++i) {
    ByteBuffer noise(random.below(80));
    random.fill(noise);
    if (noise.size() > 1) noise[0] = static_cast<std::byte>(random.below(3)), noise[1] = static_cast<std::byte>(random.below(4));
    home.probe.send({ip("192.168.11.77"), {4000}}, {home.gateway_address(), pcp_server_port}, std::move(noise));
  }
  home.run_for(1s);
  for (const auto& mapping : home.service.table().all(home.world.now())) EXPECT_EQ(mapping.internal.address, ip("192.168.11.77"));
  EXPECT_EQ(home.map(home.alice, map_of(service_port)).result, PcpResult::success);
}

TEST(MappingService, LeavesRulesAloneThatWereMadeByHand) {
  Home home;
  const NatBox::Rule by_hand{Protocol::udp, {6000}, {Home::address_of(home.alice), service_port}};
  ASSERT_TRUE(home.lan.gateway->nat().add_rule(by_hand, home.world.now()));
  EXPECT_EQ(home.map(home.alice, map_of(service_port, {6000}), 0s).result, PcpResult::not_authorized);
  const auto another = mapping_in(home.map(home.alice, map_of(service_port, {6000}), 120s)).external.port;
  EXPECT_NE(another, Port{6000});
  home.run_for(200s);
  EXPECT_THAT(home.rules(), ElementsAre(by_hand));
}

// ---- One table ----

TEST(MappingService, ShowsAllProtocolsOneTable) {
  Home home;
  home.map(home.alice, map_of(service_port, {6000}), 600s);
  // Asked for again by NAT-PMP it is the same mapping, which that can make longer, not shorter, and not end.
  EXPECT_EQ(mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port, .lifetime = 10s})).external, Port{6000});
  EXPECT_EQ(home.listed(), 1u);
  home.run_for(60s);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  EXPECT_EQ(refusal_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port, .lifetime = 0s})).why, NatPmpResult::not_authorized);
  EXPECT_EQ(mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.lifetime = 0s})).lifetime, 0s);
  EXPECT_EQ(home.listed(), 1u);
  EXPECT_EQ(mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port, .lifetime = 1h})).lifetime, 1h);
  home.run_for(1000s);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  // And a port that one has given away is taken for the other.
  EXPECT_NE(mapping_in(home.nat_pmp(home.bob, NatPmpMapRequest{.internal = service_port, .suggested = {6000}})).external, Port{6000});
  // What NAT-PMP has made has no nonce until PCP asks for it.
  EXPECT_EQ(home.map(home.bob, map_of(service_port), 0s).result, PcpResult::success);
  EXPECT_EQ(home.listed(), 1u);
}

// ---- Restarts ----

TEST(MappingService, ForgetsEverythingAtARebootAndBeginsANewEpoch) {
  Home home;
  home.map(home.alice, map_of(service_port, service_port));
  home.run_for(100s);
  home.lan.gateway->reboot();
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  EXPECT_EQ(home.listed(), 0u);
  const auto again = home.map(home.alice, map_of(service_port, service_port));
  EXPECT_LE(again.epoch, 2s);
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
}

TEST(MappingService, CanKeepItsMappingsOverAReboot) {
  Home home{with({.at_reboot = AtReboot::keeps})};
  home.map(home.alice, map_of(service_port, service_port), 300s);
  home.run_for(100s);
  home.lan.gateway->reboot();
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
  EXPECT_GE(home.nat_pmp(home.alice, NatPmpAddressRequest{}).epoch, 100s);
  home.run_for(200s);
  EXPECT_EQ(home.who_hears_udp(service_port), "");
}

TEST(MappingService, CanKeepOnlyTheListOverARebootSoThatAMappingIsDeadUntilMadeAgain) {
  Home home{with({.at_reboot = AtReboot::keeps_the_list_only})};
  home.map(home.alice, map_of(service_port, service_port));
  home.lan.gateway->reboot();
  EXPECT_EQ(home.listed(), 1u);
  EXPECT_EQ(home.map(home.alice, map_of(service_port, service_port)).result, PcpResult::success);
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  home.map(home.alice, map_of(service_port, service_port), 0s);
  home.map(home.alice, map_of(service_port, service_port));
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
}

TEST(MappingService, AnnouncesARebootToEverybodyInsideTenTimes) {
  Home home;
  home.run_for(10s);
  const auto rebooted_at = home.world.now();
  home.lan.gateway->reboot();
  home.run_for(10min);
  std::vector<Duration> times;
  for (std::size_t i = 0; i < home.probe.packets.size(); ++i) {
    const auto& packet = home.probe.packets[i];
    ASSERT_EQ(packet.flow.from, (Endpoint{home.gateway_address(), pcp_server_port}));
    ASSERT_EQ(packet.flow.to, (Endpoint{ip("224.0.0.1"), pcp_client_port}));
    const auto elapsed = home.probe.times[i] - rebooted_at;
    if (packet.body[0] == std::byte{nat_pmp_version}) {
      EXPECT_EQ(std::get<NatPmpResponse>(value_or_throw(decode_nat_pmp_answer(packet.body))).outcome,
                (decltype(NatPmpResponse::outcome){NatPmpAddress{home.external_address()}}));
      continue;
    }
    const auto announced = std::get<PcpResponse>(value_or_throw(decode_pcp_answer(packet.body)));
    EXPECT_EQ(announced.operation, PcpOperation{PcpAnnounce{}});
    EXPECT_EQ(announced.epoch, std::chrono::floor<std::chrono::seconds>(elapsed));
    times.push_back(std::chrono::floor<std::chrono::milliseconds>(elapsed));
  }
  EXPECT_THAT(times, ElementsAre(0ms, 250ms, 750ms, 1750ms, 3750ms, 7750ms, 15750ms, 31750ms, 63750ms, 127750ms));
  EXPECT_THAT(home.probe.packets, SizeIs(20));
}

TEST(MappingService, AnnouncesOnlyTheLatestOfTwoReboots) {
  Home home{{.nat_pmp = false, .announcements = 4}};
  home.lan.gateway->reboot();
  home.run_for(500ms);  // two of the first series: at 0 and 250 ms
  home.lan.gateway->reboot();
  home.run_for(1min);
  EXPECT_THAT(home.probe.packets, SizeIs(2 + 4));
}

TEST(MappingService, AnnouncesANewAddressAndTakesItsMappingsThere) {
  Home home{{.announcements = 1}};
  home.map(home.alice, map_of(service_port, service_port));
  home.run_for(100s);
  const auto before = home.external_address();
  home.lan.gateway->change_external({ip("81.2.70.200")});
  home.run_for(1s);
  EXPECT_THAT(home.probe.packets, SizeIs(2));
  const auto renewed = home.map(home.alice, map_of(service_port, service_port));
  EXPECT_NE(before, home.external_address());
  EXPECT_EQ(mapping_in(renewed).external, (Endpoint{ip("81.2.70.200"), service_port}));
  EXPECT_LE(renewed.epoch, 3s);
}

TEST(MappingService, AnswersSlowlyAndNotAtAllAfterAReboot) {
  Home home{{.answers_after = 700ms, .announcements = 0}};
  const auto asked_at = home.world.now();
  const auto request = encode(NatPmpRequest{NatPmpMapRequest{.internal = {5000}}});
  home.probe.send({ip("192.168.11.77"), {4000}}, {home.gateway_address(), pcp_server_port}, request);
  home.run_for(600ms);
  EXPECT_EQ(home.listed(), 0u);
  home.run_for(400ms);
  EXPECT_EQ(home.listed(), 1u);
  // Nobody is plugged in at 192.168.11.77, so the answer is lost; alice's is not.
  EXPECT_EQ(home.map(home.alice, map_of(service_port)).result, PcpResult::success);
  EXPECT_GE(home.world.now() - asked_at, 1700ms);
  home.world.events().in(300ms, [&] { home.lan.gateway->reboot(); });
  EXPECT_FALSE(home.ask(home.alice, nat_pmp_address_request()));
}

// ---- Habits ----

TEST(Habits, ListsAMappingThatIsDeadUntilItIsEndedAndMadeAgain) {
  Home home{with({.dead_at_first = 1})};
  EXPECT_EQ(mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port})).external, service_port);
  EXPECT_EQ(home.listed(), 1u);
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port});
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port, .lifetime = 0s});
  home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port});
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
}

TEST(Habits, GivesAnotherPortThanTheOneAskedForUnlessOnlyThatWillDo) {
  Home home{with({.gives_other_port = true})};
  const auto given = mapping_in(home.map(home.alice, map_of(service_port, service_port))).external.port;
  EXPECT_NE(given, service_port);
  EXPECT_EQ(home.who_hears_udp(given), "alice");
  EXPECT_EQ(home.who_hears_udp(service_port), "");
  EXPECT_EQ(mapping_in(home.map(home.bob, map_of(service_port, service_port), 1h, {.prefer_failure = true})).external.port, service_port);
}

TEST(Habits, MapsNoMoreThanTheLimit) {
  Home home{with({.limit = 2})};
  home.map(home.alice, map_of({5000}), 60s);
  home.map(home.alice, map_of({5001}));
  EXPECT_EQ(home.map(home.alice, map_of({5002})).result, PcpResult::no_resources);
  EXPECT_EQ(refusal_in(home.nat_pmp(home.bob, NatPmpMapRequest{.internal = {5002}})).why, NatPmpResult::out_of_resources);
  EXPECT_EQ(home.map(home.alice, map_of({5001})).result, PcpResult::success);  // a renewal needs no room
  home.run_for(60s);
  EXPECT_EQ(home.map(home.alice, map_of({5002})).result, PcpResult::success);
}

TEST(Habits, RefusesLowPorts) {
  Home home{with({.lowest_port = {1024}})};
  EXPECT_EQ(home.map(home.alice, map_of({80}, {8080})).result, PcpResult::not_authorized);
  EXPECT_EQ(refusal_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = {1023}})).why, NatPmpResult::not_authorized);
  EXPECT_EQ(home.map(home.alice, map_of(service_port, {443}), 1h, {.prefer_failure = true}).result, PcpResult::not_authorized);
  EXPECT_EQ(home.listed(), 0u);
  EXPECT_GE(mapping_in(home.map(home.alice, map_of(service_port, {443}))).external.port, Port{1024});
  EXPECT_EQ(home.map(home.bob, map_of({1024})).result, PcpResult::success);
}

TEST(Habits, ShortensAndLengthensLifetimes) {
  Home home{with({.shortest_lifetime = 120s, .longest_lifetime = 600s})};
  EXPECT_EQ(home.map(home.alice, map_of({5000}), 24h).lifetime, 600s);
  EXPECT_EQ(home.map(home.alice, map_of({5001}), 5s).lifetime, 120s);
  EXPECT_EQ(mapping_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = {5002}, .lifetime = 0xffffffffs})).lifetime, 600s);
  home.run_for(700s);
  EXPECT_EQ(home.listed(), 0u);
}

TEST(Habits, MapsForAnotherHostOnlyWhereItIsToldTo) {
  Home home{with({.for_requester_only = false})};
  const auto mapped = home.map(home.alice, map_of(service_port, service_port), 1h, {.third_party = Home::address_of(home.bob)});
  EXPECT_EQ(mapped.result, PcpResult::success);
  EXPECT_EQ(mapped.options.third_party, Home::address_of(home.bob));
  EXPECT_EQ(home.who_hears_udp(service_port), "bob");
  EXPECT_EQ(home.map(home.alice, map_of(service_port), 1h, {.third_party = Home::address_of(home.alice)}).result, PcpResult::malformed_request);
  EXPECT_EQ(home.map(home.alice, map_of(service_port), 1h, {.third_party = ip("8.8.8.8")}).result, PcpResult::not_authorized);
  EXPECT_EQ(home.listed(), 1u);
}

/// Alice's router is a customer of a carrier that translates too.
struct BehindCarrier {
  explicit BehindCarrier(const MappingHabits& habits)
      : carrier(net.add_carrier("carrier", port_restricted())),
        lan(net.add_lan_behind(carrier, "home", port_restricted())),
        alice(net.add_machine(lan, "alice")),
        service(world.events(), *lan.gateway, with(habits)) {}

  ByteBuffer ask(ByteView request) {
    auto socket = value_or_throw(alice.udp());
    ByteBuffer answer;
    socket.on_datagram([&](const Endpoint&, const Endpoint&, ByteView bytes) { answer = buffer_of(bytes); });
    socket.send_to({lan.address(1), pcp_server_port}, request);
    world.events().run_to(world.now() + 1s);
    return answer;
  }
  PcpResponse map() {
    const PcpRequest request{.lifetime = 1h, .client = Home::address_of(alice), .operation = map_of(service_port)};
    return std::get<PcpResponse>(value_or_throw(decode_pcp_answer(ask(encode(request)))));
  }
  NatPmpResponse nat_pmp(const NatPmpRequest& request) {
    return std::get<NatPmpResponse>(value_or_throw(decode_nat_pmp_answer(ask(encode(request)))));
  }

  World world{Seed{1}};
  Internet net{world};
  Lan& carrier;
  Lan& lan;
  Machine& alice;
  MappingService service;
};

TEST(Habits, MapsUnderAPrivateAddressAndSaysSo) {
  BehindCarrier home{{}};
  const auto outside = home.lan.gateway->external_address();
  ASSERT_EQ(outside.scope(), Scope::shared);
  EXPECT_EQ(mapping_in(home.map()).external, (Endpoint{outside, service_port}));
  EXPECT_EQ(std::get<NatPmpAddress>(home.nat_pmp(NatPmpAddressRequest{}).outcome).external, outside);
}

TEST(Habits, RefusesUnderAPrivateAddressAsMiniupnpdDoes) {
  BehindCarrier home{{.refuses_reserved_address = true}};
  EXPECT_EQ(refusal_in(home.nat_pmp(NatPmpAddressRequest{})), (NatPmpRefused{NatPmpOpcode::address, NatPmpResult::network_failure}));
  EXPECT_EQ(refusal_in(home.nat_pmp(NatPmpMapRequest{.internal = service_port})),
            (NatPmpRefused{NatPmpOpcode::map_udp, NatPmpResult::network_failure}));
  const auto refused = home.map();
  EXPECT_EQ(refused.result, PcpResult::no_resources);
  EXPECT_EQ(refused.lifetime, 30s);
  EXPECT_EQ(mapping_in(refused).external.address, home.lan.gateway->external_address());
  EXPECT_THAT(home.lan.gateway->nat().rules(), IsEmpty());
}

TEST(Habits, TakesAddressesOfDocumentationForPrivateToo) {
  for (const auto* reserved : {"192.0.2.7", "198.51.100.7", "203.0.113.7", "198.19.1.1", "10.1.1.1"}) {
    Home home{with({.refuses_reserved_address = true}), port_restricted({ip(reserved)})};
    EXPECT_EQ(home.map(home.alice, map_of(service_port)).result, PcpResult::no_resources) << reserved;
  }
  Home home{with({.refuses_reserved_address = true})};
  EXPECT_EQ(home.map(home.alice, map_of(service_port)).result, PcpResult::success);
}

TEST(Habits, TellsTheAddressThatItWasToldToTellWhateverItHas) {
  BehindCarrier home{{.tells_address = ip("81.2.99.1"), .refuses_reserved_address = true}};
  EXPECT_EQ(mapping_in(home.map()).external, (Endpoint{ip("81.2.99.1"), service_port}));
  EXPECT_EQ(std::get<NatPmpAddress>(home.nat_pmp(NatPmpAddressRequest{}).outcome).external, ip("81.2.99.1"));
}

// ---- UPnP ----

struct UpnpHome : Home {
  explicit UpnpHome(Igd::Settings igd_settings = {}, const MappingHabits& habits = {})
      : Home({.pcp = false, .nat_pmp = false, .habits = habits}), igd(service, igd_settings) {}

  Igd::Entry entry(const Machine& client, Port external, std::string protocol = "UDP") const {
    return {.external_port = external,
            .protocol = std::move(protocol),
            .internal_port = service_port,
            .internal_client = address_of(client).text(),
            .description = "pshare"};
  }
  template <typename T>
  Igd::Response<T> wait(const std::function<void(Igd::OnResponse<T>)>& call) {
    std::optional<Igd::Response<T>> response;
    call([&](const Igd::Response<T>& given) { response = given; });
    EXPECT_FALSE(response.has_value());
    run_for(1s);
    if (!response) throw std::runtime_error{"no response from UPnP"};
    return *response;
  }
  Igd::Response<Igd::Done> add(const Machine& from, const Igd::Entry& entry) {
    return wait<Igd::Done>([&](auto call) { igd.add_port_mapping(address_of(from), entry, call); });
  }
  Igd::Response<Port> add_any(const Machine& from, const Igd::Entry& entry) {
    return wait<Port>([&](auto call) { igd.add_any_port_mapping(address_of(from), entry, call); });
  }
  Igd::Response<Igd::Done> remove(const Machine& from, Port external, const std::string& protocol = "UDP") {
    return wait<Igd::Done>([&](auto call) { igd.delete_port_mapping(address_of(from), "", external, protocol, call); });
  }
  Igd::Response<Igd::Entry> specific(Port external, const std::string& protocol = "UDP") {
    return wait<Igd::Entry>([&](auto call) { igd.get_specific_port_mapping_entry(address_of(alice), "", external, protocol, call); });
  }
  Igd::Response<Igd::Entry> generic(std::uint16_t index) {
    return wait<Igd::Entry>([&](auto call) { igd.get_generic_port_mapping_entry(address_of(alice), index, call); });
  }
  Igd::Response<std::string> address() {
    return wait<std::string>([&](auto call) { igd.get_external_ip_address(address_of(alice), call); });
  }

  Igd igd;
};

const Igd::Response<Igd::Done> done = Igd::Done{};
Igd::Response<Igd::Done> error(UpnpError code) { return code; }

TEST(Upnp, LetsAStrangersPacketsInOverUdpAndTcpUntilItIsTold) {
  UpnpHome home;
  EXPECT_EQ(home.address(), Igd::Response<std::string>{home.external_address().text()});
  EXPECT_EQ(home.add(home.alice, home.entry(home.alice, {6000})), done);
  EXPECT_EQ(home.add(home.bob, home.entry(home.bob, {6000}, "TCP")), done);
  home.run_for(48h);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  EXPECT_EQ(home.who_hears_tcp({6000}), "bob");
  EXPECT_EQ(home.remove(home.alice, {6000}), done);
  EXPECT_EQ(home.remove(home.bob, {6000}, "TCP"), done);
  EXPECT_EQ(home.who_hears_udp({6000}), "");
  EXPECT_EQ(home.who_hears_tcp({6000}), "");
  EXPECT_EQ(home.remove(home.alice, {6000}), error(UpnpError::no_such_entry_in_array));
}

TEST(Upnp, EndsALeaseThatIsNotAddedAgain) {
  UpnpHome home;
  auto entry = home.entry(home.alice, {6000});
  entry.lease_duration = 100;
  home.add(home.alice, entry);
  home.run_for(79s);
  home.add(home.alice, entry);
  home.run_for(79s);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  const auto left = std::get<Igd::Entry>(home.specific({6000})).lease_duration;
  EXPECT_GE(left, 15u);
  EXPECT_LE(left, 20u);
  home.run_for(20s);
  EXPECT_EQ(home.who_hears_udp({6000}), "");
  EXPECT_EQ(home.specific({6000}), Igd::Response<Igd::Entry>{UpnpError::no_such_entry_in_array});
}

TEST(Upnp, ListsWhatThereIs) {
  UpnpHome home;
  const auto first = home.entry(home.alice, {6000});
  auto second = home.entry(home.bob, {6001}, "TCP");
  second.enabled = false;
  home.add(home.alice, first);
  home.add(home.bob, second);
  EXPECT_EQ(home.generic(0), Igd::Response<Igd::Entry>{first});
  EXPECT_EQ(home.generic(1), Igd::Response<Igd::Entry>{second});
  EXPECT_EQ(home.generic(2), Igd::Response<Igd::Entry>{UpnpError::specified_array_index_invalid});
  EXPECT_EQ(home.specific({6001}, "TCP"), Igd::Response<Igd::Entry>{second});
  EXPECT_EQ(home.specific({6001}, "UDP"), Igd::Response<Igd::Entry>{UpnpError::no_such_entry_in_array});
  EXPECT_EQ(home.specific({6001}, "SCTP"), Igd::Response<Igd::Entry>{UpnpError::invalid_args});
  EXPECT_EQ(home.who_hears_tcp({6001}), "");  // it is switched off
  second.enabled = true;
  home.add(home.bob, second);
  EXPECT_EQ(home.who_hears_tcp({6001}), "bob");
}

TEST(Upnp, GivesAPortToOneHostOnlyWhichMayLeadItElsewhere) {
  UpnpHome home;
  home.add(home.alice, home.entry(home.alice, {6000}));
  EXPECT_EQ(home.add(home.bob, home.entry(home.bob, {6000})), error(UpnpError::conflict_in_mapping_entry));
  auto moved = home.entry(home.alice, {6000});
  moved.internal_port = {5000};
  EXPECT_EQ(home.add(home.alice, moved), done);
  EXPECT_EQ(home.listed(), 1u);
  EXPECT_EQ(home.who_hears_udp({6000}), "");
  EXPECT_EQ(home.remove(home.alice, {6000}), done);
  // But not while it is in use: then it stays as it is.
  const auto used = home.entry(home.alice, {6001});
  home.add(home.alice, used);
  EXPECT_EQ(home.who_hears_udp({6001}), "alice");
  moved.external_port = {6001};
  EXPECT_EQ(home.add(home.alice, moved), error(UpnpError::conflict_in_mapping_entry));
  EXPECT_EQ(home.generic(0), Igd::Response<Igd::Entry>{used});
  EXPECT_EQ(home.who_hears_udp({6001}), "alice");
}

TEST(Upnp, RefusesWithTheCodeThatSaysWhy) {
  UpnpHome home;
  const auto good = home.entry(home.alice, {6000});
  const auto refused = [&](auto change) {
    auto entry = good;
    change(entry);
    return std::get<UpnpError>(home.add(home.alice, entry));
  };
  EXPECT_EQ(refused([](Igd::Entry& entry) { entry.protocol = "udp"; }), UpnpError::invalid_args);
  EXPECT_EQ(refused([](Igd::Entry& entry) { entry.internal_client = "alice's laptop"; }), UpnpError::invalid_args);
  EXPECT_EQ(refused([](Igd::Entry& entry) { entry.internal_port = {0}; }), UpnpError::invalid_args);
  EXPECT_EQ(refused([](Igd::Entry& entry) { entry.external_port = {0}; }), UpnpError::wildcard_not_permitted_in_ext_port);
  EXPECT_EQ(refused([](Igd::Entry& entry) { entry.remote_host = "81.2.1.1"; }), UpnpError::remote_host_only_supports_wildcard);
  EXPECT_EQ(refused([](Igd::Entry& entry) { entry.internal_client = "8.8.8.8"; }), UpnpError::conflict_in_mapping_entry);
  EXPECT_EQ(std::get<UpnpError>(home.remove(home.alice, {0})), UpnpError::invalid_args);
  EXPECT_EQ(std::get<UpnpError>(home.remove(home.alice, {6000}, "")), UpnpError::invalid_args);
  EXPECT_EQ(std::get<UpnpError>(home.add_any(home.alice, good)), UpnpError::invalid_action);
  EXPECT_EQ(home.listed(), 0u);
  EXPECT_THAT(home.rules(), IsEmpty());
}

TEST(Upnp, GivesAnyPortInItsSecondVersion) {
  UpnpHome home{{.version = Igd::Version::two}};
  EXPECT_EQ(std::get<Port>(home.add_any(home.alice, home.entry(home.alice, {6000}))), Port{6000});
  const auto other = std::get<Port>(home.add_any(home.bob, home.entry(home.bob, {6000})));
  EXPECT_NE(other, Port{6000});
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  EXPECT_EQ(home.who_hears_udp(other), "bob");
  EXPECT_NE(std::get<Port>(home.add_any(home.bob, home.entry(home.bob, {0}))), Port{0});
  EXPECT_THAT(std::get<Igd::Entry>(home.specific({6000})).lease_duration, testing::Gt(604'790u));  // there is no "for ever"
  auto entry = home.entry(home.alice, {6000});
  entry.internal_port = {};
  EXPECT_EQ(home.add(home.alice, entry), error(UpnpError::wildcard_not_permitted_in_int_port));
}

TEST(Upnp, LetsNobodyTouchWhatIsAnothersUnlessItIsCareless) {
  UpnpHome strict, strict_two{{.version = Igd::Version::two}}, careless{{}, {.for_requester_only = false}};
  EXPECT_EQ(strict.add(strict.alice, strict.entry(strict.bob, {6000})), error(UpnpError::conflict_in_mapping_entry));
  EXPECT_EQ(strict_two.add(strict_two.alice, strict_two.entry(strict_two.bob, {6000})), error(UpnpError::not_authorized));
  EXPECT_EQ(careless.add(careless.alice, careless.entry(careless.bob, {6000})), done);
  EXPECT_EQ(careless.who_hears_udp({6000}), "bob");
  EXPECT_EQ(careless.remove(careless.alice, {6000}), done);
  for (auto* home : {&strict, &strict_two}) {
    home->add(home->bob, home->entry(home->bob, {6000}));
    const auto wanted = home == &strict ? UpnpError::no_such_entry_in_array : UpnpError::not_authorized;
    EXPECT_EQ(home->remove(home->alice, {6000}), error(wanted));
    EXPECT_EQ(home->who_hears_udp({6000}), "bob");
  }
}

TEST(Upnp, LeasesOnlyForEverWhereARouterIsOld) {
  UpnpHome home{{.only_permanent_leases = true}};
  auto entry = home.entry(home.alice, {6000});
  entry.lease_duration = 3600;
  EXPECT_EQ(home.add(home.alice, entry), error(UpnpError::only_permanent_leases_supported));
  entry.lease_duration = 0;
  EXPECT_EQ(home.add(home.alice, entry), done);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
}

TEST(Upnp, MapsOnlyTheSamePortWhereARouterCannotDoMore) {
  UpnpHome home{{.only_same_ports = true}};
  EXPECT_EQ(home.add(home.alice, home.entry(home.alice, {6000})), error(UpnpError::same_port_values_required));
  EXPECT_EQ(home.add(home.alice, home.entry(home.alice, service_port)), done);
  EXPECT_EQ(home.who_hears_udp(service_port), "alice");
}

TEST(Upnp, ShortensLeasesWithoutAWord) {
  UpnpHome home{{.longest_lease = 60}};
  auto entry = home.entry(home.alice, {6000});
  entry.lease_duration = 3600;
  EXPECT_EQ(home.add(home.alice, entry), done);
  home.run_for(70s);
  EXPECT_EQ(home.who_hears_udp({6000}), "");
}

TEST(Upnp, CanRefuseEverything) {
  for (const auto code : {UpnpError::action_failed, UpnpError::not_authorized, UpnpError::wildcard_not_permitted_in_src_ip,
                          UpnpError::external_port_only_supports_wildcard, UpnpError::conflict_with_other_mechanisms}) {
    UpnpHome home{{.refuses_additions_with = code}};
    EXPECT_EQ(home.add(home.alice, home.entry(home.alice, {6000})), error(code));
    EXPECT_EQ(home.listed(), 0u);
  }
}

TEST(Upnp, SaysWhenThereIsNoRoomAndWhenPortsAreTooLow) {
  UpnpHome first{{}, {.limit = 1, .lowest_port = {1024}}}, second{{.version = Igd::Version::two}, {.limit = 1, .lowest_port = {1024}}};
  EXPECT_EQ(first.add(first.alice, first.entry(first.alice, {443})), error(UpnpError::conflict_in_mapping_entry));
  EXPECT_EQ(second.add(second.alice, second.entry(second.alice, {443})), error(UpnpError::not_authorized));
  for (auto* home : {&first, &second}) home->add(home->alice, home->entry(home->alice, {6000}));
  EXPECT_EQ(first.add(first.alice, first.entry(first.alice, {6001})), error(UpnpError::action_failed));
  EXPECT_EQ(second.add(second.alice, second.entry(second.alice, {6001})), error(UpnpError::no_port_maps_available));
}

TEST(Upnp, IsNotConnectedUnderAPrivateAddressThatItRefuses) {
  BehindCarrier home{{.refuses_reserved_address = true}};
  Igd igd{home.service, {}};
  std::vector<std::string> words;
  std::optional<Igd::Response<Igd::Done>> added;
  const auto alice = Home::address_of(home.alice);
  const auto keep = [&words](const Igd::Response<std::string>& response) { words.push_back(std::get<std::string>(response)); };
  igd.get_status_info(alice, keep);
  igd.get_external_ip_address(alice, keep);
  igd.add_port_mapping(alice, {.external_port = {6000}, .protocol = "UDP", .internal_port = {6000}, .internal_client = alice.text()},
                       [&](const auto& response) { added = response; });
  home.world.events().run_to(home.world.now() + 1s);
  EXPECT_THAT(words, ElementsAre("Disconnected", ""));
  EXPECT_EQ(added, error(UpnpError::action_failed));
}

TEST(Upnp, ListsAMappingThatIsDeadUntilItIsDeletedAndAddedAgain) {
  UpnpHome home{{}, {.dead_at_first = 1}};
  const auto entry = home.entry(home.alice, {6000});
  EXPECT_EQ(home.add(home.alice, entry), done);
  EXPECT_EQ(home.add(home.alice, entry), done);
  EXPECT_EQ(home.specific({6000}), Igd::Response<Igd::Entry>{entry});
  EXPECT_EQ(home.who_hears_udp({6000}), "");
  home.remove(home.alice, {6000});
  home.add(home.alice, entry);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
}

TEST(Upnp, AnswersAfterItsDelayAndNeverAfterAReboot) {
  UpnpHome home{{.answers_after = 2s}};
  int answers = 0;
  home.igd.add_port_mapping(Home::address_of(home.alice), home.entry(home.alice, {6000}), [&](const auto&) { ++answers; });
  home.run_for(1999ms);
  EXPECT_EQ(answers, 0);
  EXPECT_EQ(home.listed(), 0u);
  home.run_for(1ms);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(home.listed(), 1u);
  home.igd.add_port_mapping(Home::address_of(home.alice), home.entry(home.alice, {6001}), [&](const auto&) { ++answers; });
  home.run_for(1s);
  home.lan.gateway->reboot();
  home.run_for(2s);
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(home.listed(), 0u);
}

TEST(Upnp, HasOneTableWithPcpAndNatPmp) {
  Home home;
  Igd igd{home.service, {}};
  const auto alice = Home::address_of(home.alice);
  igd.add_port_mapping(alice, {.external_port = {6000}, .protocol = "UDP", .internal_port = service_port, .internal_client = alice.text()},
                       [](const auto&) {});
  home.run_for(1s);
  // For the others it is as if made by hand: theirs to use, not theirs to end.
  EXPECT_EQ(mapping_in(home.map(home.alice, map_of(service_port), 600s)).external.port, Port{6000});
  EXPECT_EQ(home.map(home.alice, map_of(service_port), 0s).result, PcpResult::not_authorized);
  EXPECT_EQ(refusal_in(home.nat_pmp(home.alice, NatPmpMapRequest{.internal = service_port, .lifetime = 0s})).why, NatPmpResult::not_authorized);
  home.run_for(1000s);
  EXPECT_EQ(home.who_hears_udp({6000}), "alice");
  home.nat_pmp(home.bob, NatPmpMapRequest{.internal = service_port, .suggested = {6001}});
  std::optional<Igd::Response<Igd::Entry>> found;
  igd.get_specific_port_mapping_entry(alice, "", {6001}, "UDP", [&](const auto& response) { found = response; });
  home.run_for(1s);
  ASSERT_TRUE(found);
  EXPECT_EQ(std::get<Igd::Entry>(*found).internal_client, Home::address_of(home.bob).text());
}

// ---- The same run every time ----

TEST(MappingService, RunsInTheSameWayEveryTime) {
  const auto run = [] {
    Home home;
    home.map(home.alice, map_of(service_port, service_port));
    home.lan.gateway->reboot();
    home.nat_pmp(home.bob, NatPmpMapRequest{.internal = service_port});
    home.who_hears_tcp(service_port);
    return std::pair{home.world.events().steps(), home.world.now()};
  };
  EXPECT_EQ(run(), run());
}

}  // namespace
}  // namespace pshare::sim
