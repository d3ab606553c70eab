// The default route, from tables as kernels print them.
#include "io/gateway.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <string>

namespace pshare {
namespace {

std::optional<DefaultRoute> route(std::string_view gateway, std::string_view interface) {
  return DefaultRoute{value_or_throw(IpAddress::parse(gateway)), std::string{interface}};
}

constexpr std::string_view head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

TEST(DefaultRoute, IsTheOneWithTheLowestMetricThatNamesAGateway) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "the table below is a little-endian machine's";
  const auto in = [](std::string_view rows) { return default_route_in(std::string{head} + std::string{rows}, IpFamily::v4); };
  const std::string wifi = "wlan0\t00000000\t0102A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n", cable = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
  EXPECT_EQ(in(wifi + cable), route("192.168.1.1", "eth0"));
  EXPECT_EQ(in(cable + wifi), route("192.168.1.1", "eth0"));
  EXPECT_EQ(in("eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"), std::nullopt) << "a subnet";
  EXPECT_EQ(in("tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"), std::nullopt) << "a device without a gateway";
  EXPECT_EQ(in("tun0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"), std::nullopt) << "half of the internet, as VPNs have it";
  EXPECT_EQ(in("*\t00000000\t00000000\t0200\t0\t0\t0\t00000000\t0\t0\t0\n"), std::nullopt) << "a route that rejects";
  EXPECT_EQ(in(""), std::nullopt);
  EXPECT_EQ(in("what is this\n"), std::nullopt);
}

TEST(DefaultRoute, IsFoundForIpv6) {
  const auto in = [](std::string_view rows) { return default_route_in(rows, IpFamily::v6); };
  const std::string zero(32, '0');
  const auto row = [&](std::string gateway, std::string metric, std::string flags, std::string device) {
    return zero + " 00 " + zero + " 00 " + gateway + " " + metric + " 00000001 00000000 " + flags + " " + device + "\n";
  };
  const std::string router = "fe800000000000000000000000000001";
  EXPECT_EQ(in(row(router, "00000064", "00450003", "eth0") + row("fe800000000000000000000000000002", "00000400", "00450003", "wlan0")),
            route("fe80::1", "eth0"));
  EXPECT_EQ(in(row(zero, "ffffffff", "00200200", "lo")), std::nullopt) << "the one that rejects, which every kernel has";
  EXPECT_EQ(in(zero + " 40 " + zero + " 00 " + router + " 00000064 00000001 00000000 00000003 eth0\n"), std::nullopt) << "a prefix";
  EXPECT_EQ(in("nonsense"), std::nullopt);
}

}  // namespace
}  // namespace pshare
