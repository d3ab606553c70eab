#include "wire/nat.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using Kind = PortForecast::Kind;

PortForecast of(Kind kind) { return {.kind = kind, .external = Endpoint::parse("192.0.2.1:40000").value()}; }

TEST(PortForecast, IsReadBackWhole) {
  auto stepping = of(Kind::stepping);
  stepping.step = -longest_port_step;
  stepping.strangers = 200;
  auto block = of(Kind::random);
  block.lowest = Port{2048};
  block.highest = Port{2048};
  for (const auto& forecast : {PortForecast{.kind = Kind::unknown}, PortForecast{.kind = Kind::blocked}, of(Kind::stable), stepping, of(Kind::random), block})
    EXPECT_EQ(forecast_from(encode(forecast)), forecast) << word(forecast.kind);
}

TEST(PortForecast, OfAKindFromTheFutureIsUnknown) {
  auto map = encode(of(Kind::stable));
  map.set("kind", "quantum");
  EXPECT_EQ(forecast_from(map)->kind, Kind::unknown);
}

TEST(PortForecast, ThatMakesNoSenseIsRefused) {
  auto no_address = encode(of(Kind::stable));
  no_address.set_bytes("address", bytes_of("abc"));
  EXPECT_FALSE(forecast_from(no_address));
  auto everywhere = of(Kind::stable);
  everywhere.external.address = IpAddress{};
  EXPECT_FALSE(forecast_from(encode(everywhere)));
  auto no_port = encode(of(Kind::random));
  no_port.set("port", std::uint64_t{0});
  EXPECT_FALSE(forecast_from(no_port));
  auto no_step = encode(of(Kind::stepping));
  no_step.set("step", std::uint64_t{0});
  EXPECT_FALSE(forecast_from(no_step));
  auto long_step = encode(of(Kind::stepping));
  long_step.set("step", std::uint64_t{longest_port_step + 1});
  EXPECT_FALSE(forecast_from(long_step));
  auto empty = of(Kind::random);
  empty.lowest = Port{5000};
  empty.highest = Port{4999};
  EXPECT_FALSE(forecast_from(encode(empty)));
}

TEST(PortForecast, BelievesNoAbsurdNumberOfStrangers) {
  auto map = encode(of(Kind::stepping));
  map.set("strangers", ~std::uint64_t{0});
  EXPECT_EQ(forecast_from(map)->strangers, 10'000u);
}

TEST(PortForecast, IsHardWhenEachDestinationGetsAPort) {
  EXPECT_TRUE(is_hard(of(Kind::stepping)));
  EXPECT_TRUE(is_hard(of(Kind::random)));
  for (const auto kind : {Kind::unknown, Kind::blocked, Kind::stable}) EXPECT_FALSE(is_hard(of(kind)));
}

}  // namespace
}  // namespace pshare
