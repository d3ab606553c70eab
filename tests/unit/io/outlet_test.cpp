#include "io/outlet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr TimePoint start{};

Environment with(std::map<std::string, std::string> variables) {
  return [variables](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional{found->second};
  };
}

ProxySettings settings(const std::optional<std::string>& option, std::map<std::string, std::string> variables) {
  return *proxy_settings(option, with(std::move(variables)));
}

constexpr WayOut straight(int port) { return {.through_proxy = false, .port = Port{static_cast<std::uint16_t>(port)}}; }
constexpr WayOut by_proxy(int port) { return {.through_proxy = true, .port = Port{static_cast<std::uint16_t>(port)}}; }

std::vector<WayOut> in_order(const std::vector<PlannedWay>& planned) {
  std::vector<WayOut> out;
  for (const auto& each : planned) out.push_back(each.way);
  return out;
}

std::vector<WayOut> tried(WaysRace& race, const std::vector<PlannedWay>& planned) {
  std::vector<WayOut> out;
  while (const auto action = race.take())
    if (const auto* one = std::get_if<WaysRace::Try>(&*action)) out.push_back(planned[one->way].way);
  return out;
}

TEST(ProxySettings, ComeFromTheEnvironmentTheMoreSpecialVariableFirst) {
  EXPECT_EQ(settings({}, {}).proxy, std::nullopt);
  EXPECT_EQ(settings({}, {{"ALL_PROXY", "socks5://a"}}).proxy->host, "a");
  EXPECT_EQ(settings({}, {{"ALL_PROXY", "socks5://a"}, {"HTTPS_PROXY", "http://b"}}).proxy->host, "b");
  EXPECT_EQ(settings({}, {{"HTTPS_PROXY", "http://b"}, {"https_proxy", "http://c"}}).proxy->host, "c");
  EXPECT_EQ(settings({}, {{"HTTP_PROXY", "http://d"}}).proxy, std::nullopt);  // for what is not encrypted
  EXPECT_EQ(settings({}, {{"HTTPS_PROXY", "http://b"}}).use, ProxySettings::Use::beside);
}

TEST(ProxySettings, OfTheCommandLineStandAboveTheEnvironment) {
  const auto chosen = settings("socks5://a", {{"HTTPS_PROXY", "http://b"}});
  EXPECT_EQ(chosen.proxy->host, "a");
  EXPECT_EQ(chosen.use, ProxySettings::Use::only);
  EXPECT_EQ(settings("none", {{"HTTPS_PROXY", "http://b"}}).proxy, std::nullopt);
  EXPECT_EQ(proxy_settings("ftp://a", with({})).error().code, Errc::usage);
}

TEST(ProxySettings, OfTheEnvironmentThatMakeNoSenseAreIgnoredAndTold) {
  const auto ignored = settings({}, {{"HTTPS_PROXY", "https://b"}});
  EXPECT_EQ(ignored.proxy, std::nullopt);
  EXPECT_THAT(ignored.ignored.value_or(""), HasSubstr("https://"));
}

TEST(NoProxy, NamesHostsInTheUsualWays) {
  const auto excepted = [](std::string list, std::string_view host, int port = 4700) {
    return is_excepted(settings({}, {{"no_proxy", std::move(list)}}).except, host, Port{static_cast<std::uint16_t>(port)});
  };
  EXPECT_TRUE(excepted("*", "example.org"));
  EXPECT_TRUE(excepted("other.test, Example.org", "EXAMPLE.org."));
  EXPECT_TRUE(excepted("example.org", "a.example.org"));
  EXPECT_TRUE(excepted(".example.org", "a.example.org"));
  EXPECT_TRUE(excepted("*.example.org", "a.example.org"));
  EXPECT_FALSE(excepted("example.org", "badexample.org"));
  EXPECT_FALSE(excepted("", "example.org"));
  EXPECT_TRUE(excepted("example.org:4700", "example.org"));
  EXPECT_FALSE(excepted("example.org:443", "example.org"));
  EXPECT_TRUE(excepted("192.0.2.7", "192.0.2.7"));
  EXPECT_TRUE(excepted("10.0.0.0/8", "10.200.3.4"));
  EXPECT_FALSE(excepted("10.0.0.0/8", "11.0.0.1"));
  EXPECT_FALSE(excepted("10.0.0.0/8", "fd00::1"));
  EXPECT_FALSE(excepted("10.0.0.0/99,10.0.0.0/x,/8", "10.0.0.1"));
  EXPECT_TRUE(excepted("2001:db8::/32", "2001:db8:1::1"));
  EXPECT_TRUE(excepted("[2001:db8::1]:4700", "2001:db8::1"));
  EXPECT_FALSE(excepted("2.7", "192.0.2.7"));
}

TEST(Outlet, WithoutAProxyTriesThePortOfHttpsASecondAfterTheServersOwn) {
  const Outlet outlet;
  const auto planned = outlet.ways("example.org", Port{4700}, Outlet::OtherPort::https);
  EXPECT_THAT(in_order(planned), ElementsAre(straight(4700), straight(443)));
  WaysRace race{planned, start};
  EXPECT_THAT(tried(race, planned), ElementsAre(straight(4700)));
  EXPECT_EQ(race.deadline(), start + https_head_start);
  race.expire(start + https_head_start);
  EXPECT_THAT(tried(race, planned), ElementsAre(straight(443)));
  EXPECT_EQ(race.deadline(), std::nullopt);
  EXPECT_THAT(outlet.ways("example.org", Port{443}, Outlet::OtherPort::https), SizeIs(1));
  EXPECT_THAT(outlet.ways("192.0.2.1", Port{4701}, Outlet::OtherPort::none), SizeIs(1));
}

TEST(Outlet, GoesStraightAheadOfTheEnvironmentsProxyAndThroughTheOptionsAlone) {
  const Outlet beside{settings({}, {{"HTTPS_PROXY", "http://proxy.example"}})};
  const auto planned = beside.ways("example.org", Port{4700}, Outlet::OtherPort::https);
  EXPECT_THAT(in_order(planned), ElementsAre(straight(4700), by_proxy(4700), straight(443), by_proxy(443)));
  WaysRace race{planned, start};
  EXPECT_THAT(tried(race, planned), ElementsAre(straight(4700)));
  race.expire(start + proxy_head_start);
  EXPECT_THAT(tried(race, planned), ElementsAre(by_proxy(4700)));
  const Outlet only{settings("http://proxy.example", {})};
  EXPECT_THAT(in_order(only.ways("example.org", Port{4700}, Outlet::OtherPort::https)), ElementsAre(by_proxy(4700), by_proxy(443)));
  EXPECT_TRUE(only.only_through_proxy("example.org", Port{4700}));
}

TEST(Outlet, NeverTakesAProxyToThisMachineOrToWhatIsExcepted) {
  const Outlet outlet{settings("http://proxy.example", {{"NO_PROXY", "example.org"}})};
  for (const auto* host : {"127.0.0.1", "::1", "localhost", "Server.localhost", "example.org"})
    EXPECT_THAT(in_order(outlet.ways(host, Port{4700}, Outlet::OtherPort::none)), ElementsAre(straight(4700))) << host;
  EXPECT_THAT(in_order(outlet.ways("example.net", Port{4700}, Outlet::OtherPort::none)), ElementsAre(by_proxy(4700)));
}

TEST(Outlet, BeginsWithTheWayThatWorkedLast) {
  Outlet outlet{settings({}, {{"HTTPS_PROXY", "http://proxy.example"}})};
  outlet.worked("example.org", Port{4700}, by_proxy(443));
  const auto planned = outlet.ways("example.org", Port{4700}, Outlet::OtherPort::https);
  EXPECT_THAT(in_order(planned), ElementsAre(by_proxy(443), straight(4700), by_proxy(4700), straight(443)));
  WaysRace race{planned, start};
  EXPECT_THAT(tried(race, planned), ElementsAre(by_proxy(443)));
  EXPECT_EQ(race.deadline(), start + https_head_start);
  race.failed(0, start + 10ms);
  EXPECT_THAT(tried(race, planned), ElementsAre(straight(4700), by_proxy(4700), straight(443)));
  EXPECT_THAT(in_order(outlet.ways("example.net", Port{4700}, Outlet::OtherPort::none)), ElementsAre(straight(4700), by_proxy(4700)));
}

TEST(Outlet, RemembersABoundedNumberOfHosts) {
  Outlet outlet;
  for (std::size_t i = 0; i <= max_remembered_ways; ++i) outlet.worked("host" + std::to_string(100 + i), Port{4700}, straight(443));
  EXPECT_EQ(outlet.ways("host100", Port{4700}, Outlet::OtherPort::https).front().way, straight(4700));
  EXPECT_EQ(outlet.ways("host101", Port{4700}, Outlet::OtherPort::https).front().way, straight(443));
}

TEST(Outlet, KnowsWhatTheLastLookUpOfAHostFound) {
  Outlet outlet;
  const auto first = *IpAddress::parse("192.0.2.1"), second = *IpAddress::parse("2001:db8::1");
  EXPECT_TRUE(outlet.last_addresses("server.example").empty());
  outlet.found("server.example", {first});
  outlet.found("server.example", {second, first});
  EXPECT_EQ(outlet.last_addresses("server.example"), (std::vector{second, first}));
  for (std::size_t i = 0; i < max_remembered_ways; ++i) outlet.found("host" + std::to_string(i), {first});
  std::size_t known = outlet.last_addresses("server.example").empty() ? 0 : 1;
  for (std::size_t i = 0; i < max_remembered_ways; ++i) known += outlet.last_addresses("host" + std::to_string(i)).size();
  EXPECT_EQ(known, max_remembered_ways);
}

TEST(WaysRace, StartsWhatStandsInThePlaceOfAWayThatFailed) {
  const Outlet outlet{settings({}, {{"HTTPS_PROXY", "http://proxy.example"}})};
  const auto planned = outlet.ways("example.org", Port{4700}, Outlet::OtherPort::https);
  WaysRace race{planned, start};
  race.expire(start + proxy_head_start);
  tried(race, planned);
  race.failed(1, start + 300ms);  // the proxy lets nobody through to 4700
  EXPECT_THAT(tried(race, planned), ElementsAre(by_proxy(443)));
  race.failed(0, start + 310ms);
  EXPECT_THAT(tried(race, planned), ElementsAre(straight(443)));
  race.failed(2, start + 320ms);
  EXPECT_EQ(race.take(), std::nullopt);
  race.failed(3, start + 330ms);
  const auto last = race.take();
  EXPECT_TRUE(last && std::holds_alternative<WaysRace::Exhausted>(*last));
}

}  // namespace
}  // namespace pshare
