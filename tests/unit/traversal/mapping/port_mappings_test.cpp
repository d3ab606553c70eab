// Who is asked, who maps, and what is told of it. The gateway is played by the test.
#include "traversal/mapping/port_mappings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "story.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using State = ProtocolReport::State;
using Verify = PortMappings::Verify;

static_assert(Core<PortMappings>);

const auto gateway = ip("192.168.1.1"), own = ip("192.168.1.10"), outside = ip("81.2.70.2");
const Endpoint server{gateway, pcp_server_port};
constexpr Port local{4700};

/// A gateway that says yes to what it speaks. Time stands still unless a test moves it.
struct PortMappingsTest : ::testing::Test {
  bool pcp = false, nat_pmp = false, upnp = false;     // what it speaks
  std::optional<PcpResult> pcp_refuses{};
  bool refuses_udp = false;                            // by PCP and NAT-PMP
  IpAddress told = outside;                            // as its own
  SeededRandom random{7};
  TimePoint now = start, booted = start - 100s;
  std::optional<PortMappings> mappings;
  std::vector<PortMappings::Action> seen;
  std::vector<std::string> maps;                       // "pcp tcp", in the order in which they were asked for
  std::vector<std::string> unmaps;
  bool removals_are_heard = true, answers_are_lost = false;  // PCP's, about mappings

  void begin(PortMappings::Settings settings = {.gateway = gateway, .own = own, .local = local}) {
    mappings.emplace(std::move(settings), random, now);
    play();
  }
  void play() {
    while (auto action = mappings->take()) {
      seen.push_back(*action);
      std::visit([this](const auto& what) { answer(what); }, *action);
    }
  }
  void pass(Duration time) {
    const auto until = now + time;
    while (mappings->deadline() && *mappings->deadline() <= until) {
      now = std::max(now, *mappings->deadline());
      mappings->expire(now);
      play();
    }
    now = until;
    mappings->expire(now);
    play();
  }

  void answer(const PortMappings::Send& send) {
    if (send.protocol == MappingProtocol::pcp && pcp) answer_pcp(std::get<PcpRequest>(value_or_throw(decode_pcp_request(send.bytes))));
    if (send.protocol == MappingProtocol::nat_pmp && nat_pmp)
      answer_nat_pmp(std::get<NatPmpRequest>(value_or_throw(decode_nat_pmp_request(send.bytes))));
  }
  std::chrono::seconds epoch() const { return std::chrono::floor<std::chrono::seconds>(now - booted); }
  void answer_pcp(const PcpRequest& request) {
    PcpResponse response{.lifetime = request.lifetime, .epoch = epoch(), .operation = request.operation};
    if (auto* const map = std::get_if<PcpMap>(&response.operation)) {
      note("pcp", map->protocol == IpProtocol::tcp ? Transport::tcp : Transport::udp, request.lifetime == 0s);
      if ((request.lifetime == 0s && !removals_are_heard) || answers_are_lost) return;
      map->external.address = told;
      if (pcp_refuses && request.lifetime != 0s) response.result = *pcp_refuses;
      if (refuses_udp && map->protocol == IpProtocol::udp) response.result = PcpResult::unsupported_protocol;
    }
    mappings->receive(MappingProtocol::pcp, server, encode(response), now);
  }
  void answer_nat_pmp(const NatPmpRequest& request) {
    NatPmpResponse response{epoch(), NatPmpAddress{told}};
    if (const auto* const map = std::get_if<NatPmpMapRequest>(&request)) {
      note("nat-pmp", map->transport, map->lifetime == 0s);
      response.outcome = NatPmpMapping{map->transport, map->internal, map->suggested, map->lifetime};
      if (refuses_udp && map->transport == Transport::udp) response.outcome = NatPmpRefused{NatPmpOpcode::map_udp, NatPmpResult::not_authorized};
    }
    mappings->receive(MappingProtocol::nat_pmp, server, encode(response), now);
  }
  void answer(IgdClient::Search) {
    if (upnp) mappings->igd_found(told, now);
  }
  void answer(const IgdClient::Add& add) {
    note("upnp", add.transport, false);
    mappings->igd_added(add.transport, now);
  }
  void answer(const IgdClient::Delete& remove) {
    note("upnp", remove.transport, true);
    mappings->igd_deleted(remove.transport, now);
  }
  template <typename Pinhole>
  void answer(const Pinhole&) {
    ADD_FAILURE() << "of IPv6, and this is IPv4";
  }
  void answer(const Verify&) {}
  void answer(PortMappings::Changed) {}
  void note(std::string by, Transport transport, bool removal) {
    (removal ? unmaps : maps).push_back(std::move(by) + " " + std::string{word(transport)});
  }

  std::vector<std::string> ports() const {
    std::vector<std::string> out;
    for (const auto& port : mappings->ports().ports)
      out.push_back(std::string{word(port.protocol)} + " " + std::string{word(port.transport)} + " " + port.external.text() +
                    (port.proved ? " proved" : "") + (port.behind_another ? " behind another" : ""));
    return out;
  }
  ProtocolReport of(MappingProtocol protocol) const {
    for (const auto& report : mappings->ports().protocols)
      if (report.protocol == protocol) return report;
    throw std::runtime_error{"not asked"};
  }
  std::vector<Verify> to_verify() { return only<Verify>(std::exchange(seen, {})); }
};

TEST_F(PortMappingsTest, AsksAllThreeProtocolsAtTheSameMoment) {
  begin();
  EXPECT_THAT(only<PortMappings::Send>(seen), ElementsAre(Field(&PortMappings::Send::protocol, MappingProtocol::pcp),
                                                          Field(&PortMappings::Send::protocol, MappingProtocol::nat_pmp)));
  EXPECT_THAT(only<IgdClient::Search>(seen), SizeIs(1));
}

TEST_F(PortMappingsTest, MapsTcpAndUdpByTheBestThatAnswersAndByNoneBesides) {
  pcp = nat_pmp = upnp = true;
  begin();
  pass(1min);
  EXPECT_THAT(ports(), ElementsAre("pcp tcp 81.2.70.2:4700", "pcp udp 81.2.70.2:4700"));
  EXPECT_THAT(maps, ElementsAre("pcp tcp", "pcp udp"));
  EXPECT_EQ(of(MappingProtocol::pcp).state, State::maps);
  EXPECT_EQ(of(MappingProtocol::nat_pmp).state, State::answers);
  EXPECT_EQ(of(MappingProtocol::upnp).state, State::answers);
  EXPECT_EQ(mappings->ports().reason(), Reason::none);
  EXPECT_TRUE(mappings->ports().settled);
}

TEST_F(PortMappingsTest, GivesABetterProtocolAShortHeadStartOnly) {
  nat_pmp = true;
  begin();
  EXPECT_THAT(maps, IsEmpty());
  pass(PortMappings::head_start - 1ms);
  EXPECT_THAT(maps, IsEmpty());
  pass(1ms);
  EXPECT_THAT(ports(), ElementsAre("nat-pmp tcp 81.2.70.2:4700", "nat-pmp udp 81.2.70.2:4700"));
}

TEST_F(PortMappingsTest, MapsByUpnpWhereNothingElseAnswers) {
  upnp = true;
  begin();
  pass(PortMappings::head_start);
  EXPECT_THAT(ports(), ElementsAre("upnp tcp 81.2.70.2:4700", "upnp udp 81.2.70.2:4700"));
  pass(silence_of_gateway);
  EXPECT_EQ(of(MappingProtocol::pcp).reason, Reason::no_igd);
}

TEST_F(PortMappingsTest, DoesNotWaitForAProtocolThatIsKnownToBeOfNoUse) {
  nat_pmp = true;
  begin();
  mappings->receive(MappingProtocol::pcp, server,
                    ByteBuffer{std::byte{0}, std::byte{128}, std::byte{0}, std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{9}}, now);
  play();
  EXPECT_THAT(ports(), SizeIs(2)) << "the gateway has said that it speaks NAT-PMP and not PCP";
  EXPECT_EQ(of(MappingProtocol::pcp).reason, Reason::unsupported);
}

TEST_F(PortMappingsTest, TurnsToTheNextProtocolWhenOneRefuses) {
  pcp = nat_pmp = true;
  pcp_refuses = PcpResult::not_authorized;
  begin();
  pass(1s);
  EXPECT_THAT(ports(), ElementsAre("nat-pmp tcp 81.2.70.2:4700", "nat-pmp udp 81.2.70.2:4700"));
  EXPECT_EQ(of(MappingProtocol::pcp).reason, Reason::igd_refused);
  EXPECT_EQ(of(MappingProtocol::pcp).said, "not-authorized");
}

TEST_F(PortMappingsTest, TriesEachProtocolOnceForATransportThatItRefuses) {
  pcp = nat_pmp = upnp = refuses_udp = true;
  begin();
  pass(1min);
  EXPECT_THAT(ports(), ElementsAre("pcp tcp 81.2.70.2:4700", "upnp udp 81.2.70.2:4700"));
  EXPECT_THAT(maps, ElementsAre("pcp tcp", "pcp udp", "nat-pmp udp", "upnp udp"));
}

TEST_F(PortMappingsTest, SaysThatThereIsNoGatewayWhenNobodyAnswers) {
  begin();
  mappings->igd_absent(now);
  pass(silence_of_gateway);
  EXPECT_TRUE(mappings->ports().settled);
  EXPECT_EQ(mappings->ports().reason(), Reason::no_igd);
}

TEST_F(PortMappingsTest, MarksWhatIsMappedBehindAnotherNatAndKeepsIt) {
  nat_pmp = true;
  told = ip("100.64.3.2");
  begin();
  pass(1s);
  EXPECT_THAT(ports(), ElementsAre("nat-pmp tcp 100.64.3.2:4700 behind another", "nat-pmp udp 100.64.3.2:4700 behind another"));
  EXPECT_EQ(mappings->ports().reason(), Reason::double_nat);
  EXPECT_EQ(mappings->ports().router_address, told);
}

TEST_F(PortMappingsTest, SeesByTheServersEyesThatThereIsAnotherNat) {
  pcp = true;
  begin();
  EXPECT_EQ(mappings->ports().reason(), Reason::none);
  mappings->observed(ip("81.2.99.9"), now);
  EXPECT_THAT(ports(), ElementsAre("pcp tcp 81.2.70.2:4700 behind another", "pcp udp 81.2.70.2:4700 behind another"));
  EXPECT_EQ(mappings->ports().reason(), Reason::double_nat);
  play();
  EXPECT_THAT(to_verify(), IsEmpty()) << "the server cannot get there";
}

TEST_F(PortMappingsTest, LearnsOfAnotherNatFromARefusalThatTellsTheRoutersAddress) {
  pcp = true;
  pcp_refuses = PcpResult::no_resources;
  told = ip("100.64.3.2");
  begin();
  mappings->igd_absent(now);
  pass(silence_of_gateway);
  EXPECT_EQ(mappings->ports().reason(), Reason::double_nat);
  EXPECT_EQ(mappings->ports().router_address, told);
  EXPECT_THAT(ports(), IsEmpty());
}

TEST_F(PortMappingsTest, TakesARouterWithoutAnAddressForOneBehindAnotherNatOnceTheServerSeesUs) {
  begin();
  mappings->igd_found(std::nullopt, now);
  pass(silence_of_gateway);
  EXPECT_EQ(mappings->ports().reason(), Reason::igd_refused);
  mappings->observed(outside, now);
  EXPECT_EQ(mappings->ports().reason(), Reason::double_nat);
}

TEST_F(PortMappingsTest, HasEachMappingVerifiedOnceTheServerSeesUs) {
  pcp = true;
  begin();
  EXPECT_THAT(to_verify(), IsEmpty());
  mappings->observed(outside, now);
  play();
  EXPECT_THAT(to_verify(), ElementsAre(Field(&Verify::transport, Transport::tcp), Field(&Verify::transport, Transport::udp)));
  mappings->dialled(Transport::tcp, {outside, local}, true, now);
  play();
  EXPECT_THAT(ports(), ElementsAre("pcp tcp 81.2.70.2:4700 proved", "pcp udp 81.2.70.2:4700"));
  pass(2h);
  EXPECT_THAT(to_verify(), IsEmpty()) << "renewals need no proof";
}

TEST_F(PortMappingsTest, VerifiesAgainWhatCouldNotBeTriedWhenTheServerIsBack) {
  pcp = true;
  begin();
  mappings->observed(outside, now);
  play();
  ASSERT_THAT(to_verify(), SizeIs(2));
  mappings->observed(outside, now);
  play();
  EXPECT_THAT(to_verify(), SizeIs(2));
}

TEST_F(PortMappingsTest, MakesADeadMappingAnewOnceAndThenTurnsToTheNextProtocol) {
  pcp = nat_pmp = true;
  begin({.gateway = gateway, .own = own, .local = local});
  mappings->observed(outside, now);
  play();
  maps.clear();
  mappings->dialled(Transport::tcp, {outside, local}, false, now);
  play();
  EXPECT_THAT(unmaps, ElementsAre("pcp tcp"));
  EXPECT_THAT(maps, ElementsAre("pcp tcp"));
  EXPECT_THAT(to_verify(), SizeIs(3)) << "two at first, and the new one";
  mappings->dialled(Transport::tcp, {outside, local}, false, now);
  play();
  EXPECT_THAT(unmaps, ElementsAre("pcp tcp", "pcp tcp"));
  EXPECT_THAT(ports(), ElementsAre("nat-pmp tcp 81.2.70.2:4700", "pcp udp 81.2.70.2:4700"));
  EXPECT_EQ(of(MappingProtocol::pcp).reason, Reason::unreachable);
}

TEST_F(PortMappingsTest, TakesAnOldVerdictForWhatItIs) {
  pcp = true;
  begin();
  mappings->observed(outside, now);
  play();
  mappings->dialled(Transport::tcp, {ip("81.2.70.7"), local}, false, now);
  play();
  EXPECT_THAT(unmaps, IsEmpty());
}

TEST_F(PortMappingsTest, AsksForEverythingAgainWhenTheGatewayAnnouncesThatItHasForgotten) {
  pcp = true;
  begin();
  pass(1min);
  maps.clear();
  booted = now;
  mappings->announced(server, encode(PcpResponse{.epoch = epoch(), .operation = PcpAnnounce{}}), now);
  play();
  EXPECT_THAT(maps, ElementsAre("pcp tcp", "pcp udp"));
}

TEST_F(PortMappingsTest, DoesNotTakeAnAnnouncementOfNatPmpForAWordOnPcpsVersion) {
  begin();
  mappings->announced(server, encode(NatPmpResponse{0s, NatPmpAddress{outside}}), now);
  play();
  EXPECT_EQ(of(MappingProtocol::pcp).state, State::asked);
  EXPECT_EQ(of(MappingProtocol::nat_pmp).state, State::answers);
}

TEST_F(PortMappingsTest, DoesNotTakeAnAnnouncementOfPcpForAWordOnNatPmpsVersion) {
  begin();
  mappings->announced(server, encode(PcpResponse{.epoch = 0s, .operation = PcpAnnounce{}}), now);
  play();
  EXPECT_EQ(of(MappingProtocol::nat_pmp).state, State::asked);
  EXPECT_EQ(of(MappingProtocol::pcp).state, State::answers);
}

TEST_F(PortMappingsTest, TakesAwayWhatItAskedForInVainSinceTheAnswerMayHaveBeenLost) {
  pcp = true;
  answers_are_lost = true;
  begin();
  pass(PortLease::patience);
  EXPECT_THAT(ports(), IsEmpty());
  EXPECT_EQ(of(MappingProtocol::pcp).reason, Reason::timeout);
  EXPECT_THAT(unmaps, ElementsAre("pcp tcp", "pcp udp"));
}

TEST_F(PortMappingsTest, RenewsAtHalfOfTheLease) {
  pcp = true;
  begin({.gateway = gateway, .own = own, .local = local, .lifetime = 100s});
  maps.clear();
  pass(49s);
  EXPECT_THAT(maps, IsEmpty());
  pass(2s);
  EXPECT_THAT(maps, ElementsAre("pcp tcp", "pcp udp"));
}

TEST_F(PortMappingsTest, TriesEverythingAgainAfterAWhile) {
  begin();
  mappings->igd_absent(now);
  pass(3min);
  EXPECT_THAT(ports(), IsEmpty());
  pcp = true;
  seen.clear();
  pass(PortMappings::retry_pause);
  EXPECT_THAT(ports(), ElementsAre("pcp tcp 81.2.70.2:4700", "pcp udp 81.2.70.2:4700"));
  EXPECT_THAT(only<IgdClient::Search>(seen), SizeIs(1));
}

TEST_F(PortMappingsTest, GivesEverythingBackAndMapsNothingAfterThat) {
  for (auto* const speaks : {&pcp, &nat_pmp, &upnp}) {
    *speaks = true;
    begin();
    pass(1min);
    ASSERT_THAT(ports(), SizeIs(2));
    EXPECT_FALSE(mappings->is_given_back());
    unmaps.clear();
    mappings->give_back(now);
    play();
    EXPECT_THAT(unmaps, SizeIs(2));
    EXPECT_TRUE(mappings->is_given_back());
    EXPECT_THAT(ports(), IsEmpty());
    maps.clear();
    pass(1h);
    EXPECT_THAT(maps, IsEmpty());
    *speaks = false;
    now = start;
  }
}

TEST_F(PortMappingsTest, SaysAgainWhatIsToBeTakenAwayUntilItIsHeard) {
  pcp = true;
  begin();
  removals_are_heard = false;
  mappings->give_back(now);
  play();
  pass(300ms);
  EXPECT_FALSE(mappings->is_given_back());
  EXPECT_THAT(unmaps, SizeIs(4));
  removals_are_heard = true;
  pass(700ms);
  EXPECT_TRUE(mappings->is_given_back());
}

TEST_F(PortMappingsTest, ForIpv6AsksForPinholesAtOurOwnAddress) {
  pcp = true;
  const auto ours = ip("2001:db8:70::10");
  told = ours;
  const auto inner = ip("fe80::1");
  mappings.emplace(PortMappings::Settings{.gateway = inner, .own = ours, .local = local, .protocols = {MappingProtocol::pcp}}, random, now);
  while (auto action = mappings->take()) {
    const auto* const send = std::get_if<PortMappings::Send>(&*action);
    if (send == nullptr) continue;
    const auto request = std::get<PcpRequest>(value_or_throw(decode_pcp_request(send->bytes)));
    EXPECT_EQ(request.client, ours);
    PcpResponse response{.lifetime = request.lifetime, .epoch = 1s, .operation = request.operation};
    if (auto* const map = std::get_if<PcpMap>(&response.operation)) {
      EXPECT_TRUE(map->external.address.is_v6()) << "the family says what is asked for";
      map->external.address = ours;
    }
    mappings->receive(MappingProtocol::pcp, {inner, pcp_server_port}, encode(response), now);
  }
  EXPECT_THAT(ports(), ElementsAre("pcp tcp [2001:db8:70::10]:4700", "pcp udp [2001:db8:70::10]:4700"));
  EXPECT_EQ(mappings->ports().router_address, std::nullopt);
}

/// A gateway of IPv6 whose UPnP answers what the test lets it, one question at a time.
struct PinholesTest : ::testing::Test {
  using Question = std::variant<PinholeClient::Search, PinholeClient::Add, PinholeClient::Update, PinholeClient::Delete>;

  void begin(std::vector<MappingProtocol> protocols = {MappingProtocol::upnp}) {
    mappings.emplace(PortMappings::Settings{.gateway = ip("fe80::1"), .own = ours, .local = local, .protocols = std::move(protocols)}, random, now);
    listen();
  }
  void listen() {
    while (auto action = mappings->take())
      std::visit(
          [this](auto& what) {
            if constexpr (std::is_constructible_v<Question, decltype(what)>) questions.emplace_back(what);
          },
          *action);
  }
  /// False: there is none.
  bool answer_one() {
    if (questions.empty()) return false;
    const auto question = questions.front();
    questions.pop_front();
    std::visit([this](const auto& what) { answer(what); }, question);
    listen();
    return true;
  }
  void answer_all() {
    for (int steps = 0; answer_one(); ++steps) ASSERT_LT(steps, 1000);
  }
  void answer(PinholeClient::Search) { mappings->firewall_found(status, now); }
  void answer(const PinholeClient::Add& add) {
    EXPECT_EQ(add.port, local);
    if (refuses_with) return mappings->igd_denied(add.transport, *refuses_with, "", now);
    open.insert(++last_id);
    mappings->pinhole_added(add.transport, PinholeId{last_id}, now);
  }
  void answer(const PinholeClient::Update& update) { mappings->pinhole_updated(update.transport, now); }
  void answer(const PinholeClient::Delete& remove) {
    open.erase(remove.id.number);
    mappings->igd_deleted(remove.transport, now);
  }
  void pass(Duration time) {
    for (const auto until = now + time; mappings->deadline() && *mappings->deadline() <= until;) {
      now = *mappings->deadline();
      mappings->expire(now);
      listen();
      answer_all();
    }
  }
  ProtocolReport report() const { return mappings->ports().protocols.back(); }

  const IpAddress ours = ip("2001:db8:70::10");
  FirewallStatus status;
  std::optional<int> refuses_with;
  SeededRandom random{7};
  TimePoint now = start;
  std::optional<PortMappings> mappings;
  std::deque<Question> questions;
  std::uint16_t last_id = 0;
  std::set<std::uint16_t> open;
};

TEST_F(PinholesTest, AreHadByUpnpAtOurOwnAddress) {
  begin();
  answer_all();
  ASSERT_THAT(mappings->ports().ports, SizeIs(2));
  for (const auto& port : mappings->ports().ports) {
    EXPECT_EQ(port.external, (Endpoint{ours, local}));
    EXPECT_EQ(port.protocol, MappingProtocol::upnp);
  }
  EXPECT_TRUE(report().ipv6);
  EXPECT_EQ(report().state, State::maps);
  EXPECT_EQ(mappings->ports().router_address, std::nullopt);
}

TEST_F(PinholesTest, LeaveTheHeadStartToPcp) {
  begin({MappingProtocol::pcp, MappingProtocol::upnp});
  answer_all();
  EXPECT_THAT(open, IsEmpty());
  pass(PortMappings::head_start);
  EXPECT_THAT(open, SizeIs(2));
}

TEST_F(PinholesTest, AreKeptUpUnderTheSameNumbers) {
  begin();
  answer_all();
  pass(3h);
  EXPECT_THAT(mappings->ports().ports, SizeIs(2));
  EXPECT_EQ(last_id, 2);
}

TEST_F(PinholesTest, AreNotAskedOfAFirewallThatIsOffAndThatIsNoError) {
  status.enabled = false;
  begin();
  answer_all();
  EXPECT_EQ(last_id, 0);
  EXPECT_EQ(report().state, State::unneeded);
  EXPECT_EQ(report().reason, Reason::none);
  EXPECT_TRUE(mappings->ports().settled);
  status.enabled = true;  // somebody switches it on
  pass(PortMappings::retry_pause);
  EXPECT_THAT(open, SizeIs(2));
}

TEST_F(PinholesTest, AreAskedOfNoFirewallThatTellsSoOnlyWhenItRefuses) {
  refuses_with = 702;
  begin();
  answer_all();
  EXPECT_EQ(report().state, State::unneeded);
  EXPECT_EQ(report().reason, Reason::none);
}

TEST_F(PinholesTest, AreRefusedWithAReason) {
  refuses_with = 606;
  begin();
  answer_all();
  EXPECT_EQ(report().reason, Reason::igd_refused);
  EXPECT_EQ(report().said, "606 not-authorized");
}

TEST_F(PinholesTest, AreLeftBehindAtNoMoment) {
  for (int answered = 0; answered < 6; ++answered) {
    questions.clear();
    open.clear();
    begin();
    for (int each = 0; each < answered; ++each) answer_one();
    mappings->give_back(now);
    listen();
    answer_all();
    EXPECT_THAT(open, IsEmpty()) << "after " << answered << " answers";
    EXPECT_TRUE(mappings->is_given_back());
  }
}

TEST(MappedPorts, SaysTheReasonThatTellsMost) {
  MappedPorts ports{.settled = true};
  EXPECT_EQ(ports.reason(), Reason::no_igd);
  ports.protocols = {{.protocol = MappingProtocol::pcp, .reason = Reason::unsupported}, {.protocol = MappingProtocol::nat_pmp, .reason = Reason::igd_refused}};
  EXPECT_EQ(ports.reason(), Reason::igd_refused);
  ports.protocols.push_back({.protocol = MappingProtocol::upnp, .reason = Reason::double_nat});
  EXPECT_EQ(ports.reason(), Reason::double_nat);
  ports.settled = false;
  EXPECT_EQ(ports.reason(), Reason::none) << "while that is open";
  ports.ports = {{.external = at("100.64.1.1:4700"), .behind_another = true}};
  EXPECT_EQ(ports.reason(), Reason::double_nat);
  ports.ports.push_back({.external = at("81.2.70.2:4700")});
  EXPECT_EQ(ports.reason(), Reason::none);
}

TEST(BehindAnotherNat, IsTheRoutersAddressThatTells) {
  EXPECT_FALSE(is_behind_another_nat(outside, std::nullopt));
  EXPECT_FALSE(is_behind_another_nat(outside, outside));
  EXPECT_TRUE(is_behind_another_nat(outside, ip("81.2.70.3")));
  EXPECT_TRUE(is_behind_another_nat(ip("192.168.0.2"), std::nullopt));
  EXPECT_TRUE(is_behind_another_nat(ip("100.127.255.254"), std::nullopt));
  EXPECT_FALSE(is_behind_another_nat(outside, ip("2001:db8::1"))) << "the other family says nothing";
}

}  // namespace
}  // namespace pshare
