// Addresses and endpoints: their text forms and how far they reach.
#include "wire/address.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

Scope scope_of(std::string_view text) { return IpAddress::parse(text).value().scope(); }

TEST(IpAddress, ReadsAndWritesBothFamilies) {
  for (const auto* text : {"192.0.2.1", "0.0.0.0", "255.255.255.255", "2001:db8::1", "::1", "fe80::1:2:3:4"})
    EXPECT_EQ(IpAddress::parse(text).value().text(), text);
}

TEST(IpAddress, WritesIpv6InItsShortestForm) {  // RFC 5952
  EXPECT_EQ(IpAddress::parse("2001:0DB8:0:0:0:0:0:0001").value().text(), "2001:db8::1");
}

TEST(IpAddress, HoldsAMappedIpv4AddressAsIpv4) {
  const auto address = IpAddress::parse("::ffff:192.0.2.1").value();
  EXPECT_TRUE(address.is_v4());
  EXPECT_EQ(address, IpAddress::parse("192.0.2.1").value());
  EXPECT_EQ(address.bytes().size(), 4u);
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  for (const auto* text : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4x", "fe80::1%eth0", "::g", "1.2.3.4 "}) {
    const auto parsed = IpAddress::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::malformed);
  }
}

TEST(IpAddress, KnowsHowFarItReaches) {
  const std::pair<const char*, Scope> table[] = {
      {"127.0.0.1", Scope::loopback},      {"127.255.255.254", Scope::loopback}, {"::1", Scope::loopback},
      {"169.254.0.1", Scope::link_local},  {"fe80::1", Scope::link_local},       {"febf::1", Scope::link_local},
      {"10.0.0.1", Scope::private_use},    {"172.16.0.1", Scope::private_use},   {"172.31.255.255", Scope::private_use},
      {"192.168.1.1", Scope::private_use}, {"fc00::1", Scope::private_use},      {"fdff::1", Scope::private_use},
      {"100.64.0.1", Scope::shared},       {"100.127.255.255", Scope::shared},   {"0.0.0.0", Scope::unusable},
      {"::", Scope::unusable},             {"224.0.0.1", Scope::unusable},       {"255.255.255.255", Scope::unusable},
      {"ff02::1", Scope::unusable},        {"192.0.2.1", Scope::global},         {"2001:db8::1", Scope::global},
      // Just outside the ranges above.
      {"126.255.255.255", Scope::global},  {"128.0.0.1", Scope::global},         {"172.15.255.255", Scope::global},
      {"172.32.0.0", Scope::global},       {"100.63.255.255", Scope::global},    {"100.128.0.0", Scope::global},
      {"169.253.255.255", Scope::global},  {"192.167.1.1", Scope::global},       {"223.255.255.255", Scope::global},
      {"fec0::1", Scope::global},          {"fbff::1", Scope::global},           {"::2", Scope::global},
      {"::ffff:127.0.0.1", Scope::loopback}};
  for (const auto& [text, scope] : table) EXPECT_EQ(scope_of(text), scope) << text;
}

TEST(Endpoint, ReadsAndWritesBothFamilies) {
  for (const auto* text : {"192.0.2.1:4700", "[2001:db8::1]:4700", "[::1]:1", "0.0.0.0:0", "192.0.2.1:65535"})
    EXPECT_EQ(Endpoint::parse(text).value().text(), text);
}

TEST(Endpoint, RefusesWhatIsNoEndpoint) {
  for (const auto* text : {"", ":", "192.0.2.1", "192.0.2.1:", ":4700", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1: 1",
                           "192.0.2.1:1x", "2001:db8::1:4700x", "[192.0.2.1]:4700", "[2001:db8::1]", "[2001:db8::1:4700", "::1:4700:"}) {
    const auto parsed = Endpoint::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::malformed);
  }
}

TEST(Endpoint, RefusesIpv6WithoutBracketsSinceThePortWouldBeAGuess) {
  EXPECT_FALSE(Endpoint::parse("2001:db8::1:4700"));
}

}  // namespace
}  // namespace pshare
