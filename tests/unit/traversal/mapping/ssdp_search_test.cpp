// Looking for a gateway on a LAN where anybody may answer.
#include "traversal/mapping/ssdp_search.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "story.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

static_assert(Core<SsdpSearch>);

const auto gateway = ip("192.168.1.1"), other = ip("192.168.1.7");
const Endpoint from_gateway{gateway, SsdpSearch::port};

std::string answer(std::string_view location) {
  return "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLocation: " + std::string{location} +
         "\r\nSERVER: Debian UPnP/1.1 MiniUPnPd/2.3.1\r\nEXT:\r\n\r\n";
}

struct SsdpSearchTest : ::testing::Test {
  SsdpSearch search{gateway, SsdpSearch::Sought::port_mapping, start};
  void hears(std::string_view text, const Endpoint& from = from_gateway, TimePoint now = start) { search.receive(from, bytes_of(text), now); }
  std::vector<HttpLocation> found() {
    std::vector<HttpLocation> out;
    for (auto& each : drained_of<SsdpSearch::Found>(search)) out.push_back(each.description);
    return out;
  }
};

TEST_F(SsdpSearchTest, AsksEverybodyAndTheGatewayItselfAtOnce) {
  const auto sends = drained_of<SsdpSearch::Send>(search);
  ASSERT_THAT(sends, SizeIs(6));
  EXPECT_TRUE(std::ranges::any_of(sends, [](const auto& send) { return send.to == from_gateway; }));
  EXPECT_TRUE(std::ranges::any_of(sends, [](const auto& send) { return send.to == at("239.255.255.250:1900"); }));
  EXPECT_THAT(sends[0].bytes, HasSubstr("M-SEARCH * HTTP/1.1\r\n"));
  EXPECT_THAT(sends[0].bytes, HasSubstr("\r\nMAN: \"ssdp:discover\"\r\n"));
}

TEST(SsdpSearch, AsksForFirewallsByBothMulticastAddressesOfIpv6) {
  SsdpSearch search{ip("fe80::1"), SsdpSearch::Sought::firewall, start};
  std::vector<std::string> to;
  for (const auto& send : drained_of<SsdpSearch::Send>(search)) {
    to.push_back(send.to.text());
    const auto host = send.to.address == ip("fe80::1") ? "[ff02::c]:1900" : send.to.text();
    EXPECT_THAT(send.bytes, HasSubstr("\r\nHOST: " + host + "\r\n"));
    EXPECT_THAT(send.bytes, ::testing::AnyOf(HasSubstr("\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:2\r\n"),
                                             HasSubstr("\r\nST: urn:schemas-upnp-org:service:WANIPv6FirewallControl:1\r\n")));
  }
  EXPECT_THAT(to, ::testing::UnorderedElementsAre("[fe80::1]:1900", "[ff02::c]:1900", "[ff05::c]:1900", "[fe80::1]:1900", "[ff02::c]:1900", "[ff05::c]:1900"));
}

TEST(SsdpSearch, BelievesAFirewallOnlyOnTheHostThatAnsweredOverIpv6Too) {
  SsdpSearch search{ip("fe80::1"), SsdpSearch::Sought::firewall, start};
  drained(search);
  const auto hears = [&](std::string_view location, std::string_view from) { search.receive(at(from), bytes_of(answer(location)), start); };
  hears("http://[2001:db8:66::6]:80/steal", "[fe80::1]:1900");
  hears("http://192.168.1.1:5000/d.xml", "[fe80::1]:1900");
  EXPECT_THAT(drained(search), IsEmpty());
  hears("http://[2001:db8:70::1]:5000/d.xml", "[2001:db8:70::1]:1900");  // the gateway's address on the internet, which our routes do not name
  EXPECT_THAT(drained(search), IsEmpty());
  search.expire(start + SsdpSearch::preference);
  const auto found = drained_of<SsdpSearch::Found>(search);
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].description, (HttpLocation{at("[2001:db8:70::1]:5000"), "/d.xml"}));
}

TEST_F(SsdpSearchTest, FindsTheGatewaysDescription) {
  hears(answer("http://192.168.1.1:5000/rootDesc.xml"));
  EXPECT_THAT(found(), ::testing::ElementsAre(HttpLocation{at("192.168.1.1:5000"), "/rootDesc.xml"}));
  hears(answer("http://192.168.1.1:5000/again.xml"));
  EXPECT_THAT(drained(search), IsEmpty());
  EXPECT_EQ(search.deadline(), std::nullopt);
}

TEST_F(SsdpSearchTest, BelievesNobodyWhoSendsUsElsewhere) {
  hears(answer("http://81.2.69.10:80/steal"));
  hears(answer("http://192.168.1.1:5000/rootDesc.xml"), {other, SsdpSearch::port});
  EXPECT_THAT(found(), IsEmpty());
}

TEST_F(SsdpSearchTest, TakesAnotherHostOnlyWhenTheGatewaySaysNothing) {
  hears(answer("http://192.168.1.7:80/d.xml"), {other, SsdpSearch::port}, start + 10ms);
  EXPECT_THAT(found(), IsEmpty());
  search.expire(start + SsdpSearch::preference);
  EXPECT_THAT(found(), SizeIs(1));
}

TEST_F(SsdpSearchTest, PrefersTheGateway) {
  hears(answer("http://192.168.1.7:80/d.xml"), {other, SsdpSearch::port}, start + 10ms);
  hears(answer("http://192.168.1.1:80/d.xml"), from_gateway, start + 500ms);
  EXPECT_EQ(found().at(0).server.address, gateway);
}

TEST_F(SsdpSearchTest, AsksAgainAndGivesUp) {
  const auto story = lived(search, start + 1min);
  std::vector<Duration> rounds;
  for (const auto when : times_of<SsdpSearch::Send>(story))
    if (rounds.empty() || rounds.back() != when) rounds.push_back(when);
  EXPECT_THAT(rounds, ::testing::ElementsAre(0ms, 250ms, 1000ms));
  EXPECT_THAT(times_of<SsdpSearch::Nobody>(story), ::testing::ElementsAre(silence_of_gateway));
}

TEST(SsdpAnswer, IsReadWithoutTrust) {
  const auto reads = [](std::string_view text) { return parse_ssdp_answer(bytes_of(text)).has_value(); };
  EXPECT_TRUE(reads(answer("http://192.168.1.1:5000/rootDesc.xml")));
  EXPECT_TRUE(reads("HTTP/1.1 200 OK\nLOCATION:http://192.168.1.1/\n"));
  EXPECT_FALSE(reads("NOTIFY * HTTP/1.1\r\nLOCATION: http://192.168.1.1/\r\n\r\n"));
  EXPECT_FALSE(reads("HTTP/1.1 404 Not Found\r\nLOCATION: http://192.168.1.1/\r\n\r\n"));
  EXPECT_FALSE(reads("HTTP/1.1 200 OK\r\nST: x\r\n\r\n"));
  EXPECT_FALSE(reads(""));
  EXPECT_FALSE(reads(answer("http://192.168.1.1/" + std::string(4000, 'a'))));
}

TEST(HttpLocation, IsALiteralAddressAndAPlainPath) {
  const auto reads = [](std::string_view url) { return parse_http_location(url).has_value(); };
  EXPECT_EQ(value_or_throw(parse_http_location("http://192.168.1.1:5000/a/b.xml?c=d")), (HttpLocation{at("192.168.1.1:5000"), "/a/b.xml?c=d"}));
  EXPECT_EQ(value_or_throw(parse_http_location("HTTP://192.168.1.1")), (HttpLocation{at("192.168.1.1:80"), "/"}));
  EXPECT_FALSE(reads("https://192.168.1.1/"));
  EXPECT_FALSE(reads("http://router.example/"));
  EXPECT_FALSE(reads("http://user@192.168.1.1/"));
  EXPECT_FALSE(reads("http://192.168.1.1:0/"));
  EXPECT_FALSE(reads("http://192.168.1.1:99999/"));
  EXPECT_FALSE(reads("http://192.168.1.1:80x/"));
  EXPECT_EQ(value_or_throw(parse_http_location("http://[2001:db8::1]:5000/d.xml")), (HttpLocation{at("[2001:db8::1]:5000"), "/d.xml"}));
  EXPECT_EQ(value_or_throw(parse_http_location("http://[fe80::1]")), (HttpLocation{at("[fe80::1]:80"), "/"}));
  EXPECT_FALSE(reads("http://[fe80::1%25eth0]/"));
  EXPECT_FALSE(reads("http://[2001:db8::1/"));
  EXPECT_FALSE(reads("http://[2001:db8::1]5000/"));
  EXPECT_FALSE(reads("http://2001:db8::1/"));
  EXPECT_FALSE(reads("http://[192.168.1.1]/"));
  EXPECT_FALSE(reads("http://[::ffff:192.168.1.1]/"));
  EXPECT_FALSE(reads("http://[2001:db8::1]:/"));
  EXPECT_FALSE(reads("http://[]/"));
  EXPECT_FALSE(reads("http://192.168.1.1/a b"));
  EXPECT_FALSE(reads("http://192.168.1.1/a\r\nX-Injected: 1"));
  EXPECT_FALSE(reads("http://192.168.1.1/" + std::string(600, 'a')));
}

}  // namespace
}  // namespace pshare
