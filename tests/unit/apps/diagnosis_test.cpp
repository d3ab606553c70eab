// What the doctor concludes from what was found, and that words and JSON say the same.
#include "apps/pshare/diagnosis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = PortForecast::Kind;

Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }

/// Behind an ordinary home router without UPnP.
Diagnosis at_home() {
  Diagnosis home{.server = {.address = "example.org:4700", .endpoint = endpoint("81.2.69.10:4700"), .version = "pshare-server 0.1.0", .round_trip = 51ms, .clock_ahead = 0s, .stun = true},
                 .port = Port{41'000}};
  home.addresses = {{.address = endpoint("192.168.1.10:1").address, .prefix_length = 24, .interface = 2, .name = "eth0"}};
  home.translated = true;
  home.udp = {.forecast = {.kind = Kind::stable, .external = endpoint("81.2.70.2:41000")},
              .external = endpoint("81.2.70.2:41000"),
              .mapping = exactly(Dependence::endpoint_independent),
              .filtering = exactly(Dependence::address_and_port_dependent),
              .preserves_ports = true,
              .strangers_get_in = false};
  home.tcp = home.udp;
  home.hairpinning = Hairpinning::none;
  home.routers_asked = true;
  home.mappings.settled = true;
  for (const auto protocol : all_mapping_protocols)
    home.mappings.protocols.push_back({.protocol = protocol, .state = ProtocolReport::State::useless, .reason = Reason::no_igd});
  return home;
}

Diagnosis concluded(Diagnosis diagnosis) {
  conclude(diagnosis);
  return diagnosis;
}

std::vector<std::string_view> advised(const Diagnosis& diagnosis) {
  std::vector<std::string_view> all;
  for (const auto& each : diagnosis.advice) all.push_back(each.what);
  return all;
}

TEST(Diagnosis, OfAHomeWithoutUpnpIsToSwitchItOn) {
  const auto home = concluded(at_home());
  EXPECT_EQ(home.network, (NetworkFindings{.udp = {Kind::stable}, .tcp = {Kind::stable}}));
  EXPECT_THAT(advised(home), ElementsAre("enable-port-mapping", "forward-port"));
  EXPECT_EQ(home.expected.size(), typical_peers().size());
}

TEST(Diagnosis, OfARouterThatOpensPortsFindsNothingToChange) {
  auto home = at_home();
  home.mappings.protocols[2] = {.protocol = MappingProtocol::upnp, .state = ProtocolReport::State::maps};
  home.mappings.ports = {{.transport = Transport::tcp, .protocol = MappingProtocol::upnp, .external = endpoint("81.2.70.2:41000"), .proved = true}};
  const auto upnp = concluded(home);
  EXPECT_TRUE(upnp.network.mapped);
  EXPECT_FALSE(upnp.network.reachable);
  EXPECT_THAT(upnp.advice, IsEmpty());
  home.mappings.ports[0].behind_another = true;
  const auto twice = concluded(home);
  EXPECT_FALSE(twice.network.mapped);
  EXPECT_THAT(advised(twice), ElementsAre("bridge-mode", "use-ipv6"));
}

TEST(Diagnosis, KnowsWhoCanBeReached) {
  auto open = at_home();
  open.tcp.strangers_get_in = true;
  EXPECT_FALSE(concluded(open).network.reachable) << "at the NAT's port of the moment, not at an address of its own";
  open.translated = false;
  EXPECT_TRUE(concluded(open).network.reachable);
  auto forwarded = at_home();
  forwarded.manual_port = Port{41'000};
  forwarded.manual_port_works = true;
  EXPECT_TRUE(concluded(forwarded).network.reachable);
  forwarded.manual_port_works = false;
  EXPECT_FALSE(concluded(forwarded).network.reachable);
  EXPECT_THAT(advised(concluded(forwarded)), ElementsAre("check-forward", "enable-port-mapping"));
  auto v6 = at_home();
  v6.ipv6 = {.address = true, .server_reached = true, .strangers_get_in = true};
  EXPECT_TRUE(concluded(v6).network.ipv6_reachable);
  v6.ipv6.server_reached = std::nullopt;
  EXPECT_TRUE(concluded(v6).network.ipv6) << "the two may have it though the server has not";
  v6.ipv6.server_reached = false;
  EXPECT_FALSE(concluded(v6).network.ipv6);
}

TEST(Diagnosis, TellsAWrongClock) {
  auto home = at_home();
  home.server.clock_ahead = 60s;
  EXPECT_THAT(advised(concluded(home)), Not(::testing::Contains("set-clock")));
  for (const auto ahead : {61s, -61s}) {
    home.server.clock_ahead = ahead;
    EXPECT_THAT(advised(concluded(home)), ::testing::Contains("set-clock"));
    EXPECT_THAT(diagnosis_words(concluded(home)), HasSubstr(ahead > 0s ? "1 min 1 s ahead of its clock" : "1 min 1 s behind its clock"));
  }
}

TEST(Diagnosis, OfAServerInTheOwnNetworkPromisesNothingOfTheInternet) {
  for (const auto* seen : {"192.168.1.10:41000", "127.0.0.1:41000", "[fe80::1]:41000"}) {
    auto home = at_home();
    home.translated = false;
    home.udp.external = home.tcp.external = home.udp.forecast.external = home.tcp.forecast.external = endpoint(seen);
    home.udp.strangers_get_in = home.tcp.strangers_get_in = true;
    home = concluded(home);
    EXPECT_FALSE(home.network.reachable) << seen;
    EXPECT_EQ(home.network.tcp.kind, Kind::unknown);
    EXPECT_EQ(advised(home).front(), "ask-outside");
    EXPECT_THAT(diagnosis_words(home), HasSubstr("own network"));
    for (const auto* part : {"no NAT", "From outside"}) EXPECT_THAT(diagnosis_words(home), Not(HasSubstr(part)));
  }
  auto public_host = at_home();
  public_host.translated = false;
  public_host.tcp.strangers_get_in = true;
  EXPECT_TRUE(concluded(public_host).network.reachable);
}

TEST(DiagnosisWords, FitThePageAndNameEverything) {
  auto home = at_home();
  home.lifetime = MappingLifetime{.at_least = 28s, .less_than = 45s};
  home.manual_port = Port{41'000};
  const auto words = diagnosis_words(concluded(home));
  std::istringstream lines{words};
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
  for (const auto* part : {"example.org:4700", "51 ms", "Your clock agrees", "192.168.1.10", "81.2.70.2", "mapping endpoint-independent", "filtering address-and-port-dependent",
                           "keeps port numbers", "PCP: no answer", "UPnP: no answer", "Hairpinning  none", "at least 28 s, less than 45 s", "port 41000", "IPv6", "What to expect", "punched",
                           "What you could change"})
    EXPECT_THAT(words, HasSubstr(part));
}

TEST(DiagnosisWords, OfBlockedUdpAndOfAServerWithoutStunAreNotTheSame) {
  auto home = at_home();
  home.udp = {.forecast = {.kind = Kind::blocked}};
  EXPECT_THAT(diagnosis_words(concluded(home)), HasSubstr("UDP          blocked"));
  home.udp = {};
  EXPECT_THAT(diagnosis_words(concluded(home)), HasSubstr("UDP          unknown"));
}

TEST(DiagnosisWords, WithoutTheServerAreNotMoreThanIsKnown) {
  auto home = at_home();
  home.server = {.address = "example.org:4700", .trouble = "connecting to example.org:4700: timed out"};
  home.udp = home.tcp = {};
  home.ipv6 = {.address = true};
  const auto words = diagnosis_words(home);
  for (const auto* part : {"example.org:4700 is not reached.", "192.168.1.10", "UDP          unknown", "PCP: no answer", "nothing could be tried"}) EXPECT_THAT(words, HasSubstr(part));
  for (const auto* part : {"What to expect", "What you could change", "Your clock"}) EXPECT_THAT(words, Not(HasSubstr(part)));
  const auto event = json::parse(diagnosis_json(home));
  EXPECT_EQ(event["server"]["trouble"], "connecting to example.org:4700: timed out");
  EXPECT_EQ(event["network"], nullptr);
  EXPECT_TRUE(event["expected"].empty() && event["advice"].empty());
}

TEST(DiagnosisWords, NameWhatUpnpSaysOfAnIpv6Firewall) {
  auto home = at_home();
  home.mappings.protocols = {{.protocol = MappingProtocol::upnp, .ipv6 = true, .state = ProtocolReport::State::unneeded}};
  EXPECT_THAT(diagnosis_words(concluded(home)), HasSubstr("UPnP for IPv6: the firewall is off, nothing to open."));
  home.mappings.protocols[0].state = ProtocolReport::State::maps;
  EXPECT_THAT(diagnosis_words(concluded(home)), HasSubstr("UPnP for IPv6: opens ports."));
  home.mappings.protocols[0] = {.protocol = MappingProtocol::upnp, .ipv6 = true, .state = ProtocolReport::State::useless, .reason = Reason::igd_refused, .said = "606 not-authorized"};
  EXPECT_THAT(diagnosis_words(concluded(home)), HasSubstr("UPnP for IPv6: refused (606 not-authorized)."));
}

TEST(DiagnosisWords, MakeWhatOthersSaidPrintable) {
  auto home = at_home();
  home.server.version = "evil\x1b[2J";
  home.mappings.protocols[0].said = "no\x07";
  home.with = Diagnosis::With{.name = "bob\x1b[2J", .network = {}, .prognosis = {}};
  EXPECT_THAT(diagnosis_words(concluded(home)), Not(::testing::ContainsRegex("[\x01-\x09\x0b-\x1f]")));
}

TEST(DiagnosisJson, IsOneLineWithAllThatIsDocumented) {
  auto home = at_home();
  home.with = Diagnosis::With{.name = "bob", .network = {.udp = {Kind::random}, .tcp = {Kind::random}}, .prognosis = {}};
  const auto text = diagnosis_json(concluded(home));
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto event = json::parse(text);
  EXPECT_EQ(event["event"], "doctor");
  EXPECT_EQ(event["server"]["round_trip_ms"], 51.0);
  EXPECT_EQ(event["server"]["trouble"], nullptr);
  EXPECT_EQ(event["nat"]["udp"]["mapping"], "endpoint-independent");
  EXPECT_EQ(event["nat"]["tcp"]["filtering"], "address-and-port-dependent");
  EXPECT_EQ(event["nat"]["udp"]["ports"]["kind"], "stable");
  EXPECT_EQ(event["nat"]["udp"]["external"], "81.2.70.2:41000");
  EXPECT_EQ(event["router"]["reason"], "no-igd");
  EXPECT_EQ(event["router"]["protocols"][0]["state"], "useless");
  EXPECT_EQ(event["udp_out"], true);
  EXPECT_EQ(event["tcp_443_out"], nullptr);
  EXPECT_EQ(event["ipv6"]["server_reached"], nullptr);
  EXPECT_EQ(event["expected"][1]["tier"], "punched");
  EXPECT_EQ(event["expected"][1]["way"], "plain");
  EXPECT_EQ(event["with"]["prognosis"]["way"], "birthday");
  EXPECT_EQ(event["advice"][0]["what"], "enable-port-mapping");
  for (const auto* field : {"port", "addresses", "forwarded_port", "network"}) EXPECT_TRUE(event.contains(field)) << field;
}

TEST(DiagnosisJson, KnowsUdpToBeOutBlockedOrUnknown) {
  auto home = at_home();
  home.udp = {.forecast = {.kind = Kind::blocked}};
  EXPECT_EQ(json::parse(diagnosis_json(concluded(home)))["udp_out"], false);
  home.udp = {};
  EXPECT_EQ(json::parse(diagnosis_json(concluded(home)))["udp_out"], nullptr);
}

}  // namespace
}  // namespace pshare
