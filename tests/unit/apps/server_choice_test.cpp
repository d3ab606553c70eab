#include "apps/pshare/server_choice.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

const std::string key = PeerId{}.text();

TEST(ServerSpec, IsHostPortAndFingerprint) {
  const auto whole = ServerSpec::parse("example.org:4800#" + key);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->host, "example.org");
  EXPECT_EQ(whole->port, Port{4800});
  EXPECT_EQ(whole->fingerprint, PeerId{});
  EXPECT_EQ(whole->host_and_port(), "example.org:4800");
}

TEST(ServerSpec, NeedsNeitherPortNorFingerprint) {
  const auto host = ServerSpec::parse("example.org");
  ASSERT_TRUE(host);
  EXPECT_EQ(host->port, default_server_port);
  EXPECT_EQ(host->fingerprint, std::nullopt);
  EXPECT_EQ(ServerSpec::parse("192.0.2.1#" + key)->host, "192.0.2.1");
}

TEST(ServerSpec, TakesIPv6InBrackets) {
  const auto bracketed = ServerSpec::parse("[2001:db8::1]:4700");
  ASSERT_TRUE(bracketed);
  EXPECT_EQ(bracketed->host, "2001:db8::1");
  EXPECT_EQ(bracketed->host_and_port(), "[2001:db8::1]:4700");
  EXPECT_EQ(ServerSpec::parse("[2001:db8::1]")->port, default_server_port);
}

TEST(ServerSpec, SaysWhatIsWrongWithIt) {
  auto mistyped = key;
  mistyped[2] = mistyped[2] == 'A' ? 'B' : 'A';
  for (const auto& text : {std::string{""}, std::string{":4700"}, std::string{"host:"}, std::string{"host:0"}, std::string{"host:70000"}, std::string{"host:http"},
                           std::string{"[::1:4700"}, std::string{"[[x]:4700"}, std::string{"[example.org]:4700"}, std::string{"one\nline:4700"}, std::string{"one line"}, std::string{"2001:db8::1"}, "host:4700#" + mistyped, std::string{"host:4700#"}}) {
    const auto parsed = ServerSpec::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::usage) << text;
    EXPECT_FALSE(parsed.error().hint.empty());
  }
}

TEST(ServerSpec, ComesSeveralTimesByCommas) {
  const auto both = parse_servers("one.example#" + key + ",[2001:db8::1]:4800");
  ASSERT_TRUE(both);
  ASSERT_EQ(both->size(), 2u);
  EXPECT_EQ((*both)[0].fingerprint, PeerId{});
  EXPECT_EQ((*both)[1].host_and_port(), "[2001:db8::1]:4800");
  EXPECT_FALSE(parse_servers("one.example,"));
  EXPECT_FALSE(parse_servers(""));
}

TEST(ServerSpec, ComesAtMostMaxServersTimes) {
  std::string list = "server.example";
  for (std::size_t i = 1; i < max_servers; ++i) list += ",server.example";
  EXPECT_TRUE(parse_servers(list));
  EXPECT_EQ(parse_servers(list + ",server.example").error().code, Errc::usage);
}

}  // namespace
}  // namespace pshare
