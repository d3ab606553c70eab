#include "wire/nat.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace pshare {

namespace {


constexpr std::array kinds{PortForecast::Kind::blocked, PortForecast::Kind::stable, PortForecast::Kind::stepping, PortForecast::Kind::random};

PortForecast::Kind kind_from(std::string_view text) {
  for (const auto kind : kinds)
    if (word(kind) == text) return kind;
  return PortForecast::Kind::unknown;
}

std::optional<Port> port_from(const CborMap& map, std::string_view key) {
  const auto number = map.number(key);
  if (!number || *number == 0 || *number > 0xFFFF) return std::nullopt;
  return Port{static_cast<std::uint16_t>(*number)};
}

std::optional<IpAddress> address_from(const CborMap& map) {
  std::optional<IpAddress> address;
  if (const auto v4 = map.array<4>("address")) address = IpAddress{*v4};
  if (const auto v6 = map.array<16>("address")) address = IpAddress{*v6};
  if (address && address->scope() == Scope::unusable) return std::nullopt;
  return address;
}

/// More than that is no home's router any more, and would make nonsense of every aim.
constexpr std::uint64_t most_strangers = 10'000;

}  // namespace

std::string_view word(PortForecast::Kind kind) {
  switch (kind) {
    case PortForecast::Kind::unknown: return "unknown";
    case PortForecast::Kind::blocked: return "blocked";
    case PortForecast::Kind::stable: return "stable";
    case PortForecast::Kind::stepping: return "stepping";
    case PortForecast::Kind::random: return "random";
  }
  return "?";
}

CborMap encode(const PortForecast& forecast) {
  CborMap map;
  map.set("kind", word(forecast.kind));
  if (forecast.kind == PortForecast::Kind::unknown || forecast.kind == PortForecast::Kind::blocked) return map;
  map.set_bytes("address", forecast.external.address.bytes()).set("port", std::uint64_t{forecast.external.port.number});
  if (forecast.kind == PortForecast::Kind::stepping)
    map.set("step", static_cast<std::uint64_t>(std::abs(forecast.step))).set_flag("down", forecast.step < 0).set("strangers", std::uint64_t{forecast.strangers});
  if (forecast.kind == PortForecast::Kind::random)
    map.set("lowest", std::uint64_t{forecast.lowest.number}).set("highest", std::uint64_t{forecast.highest.number});
  return map;
}

std::optional<PortForecast> forecast_from(const CborMap& map) {
  PortForecast forecast{.kind = kind_from(map.text("kind").value_or(""))};
  if (forecast.kind == PortForecast::Kind::unknown || forecast.kind == PortForecast::Kind::blocked) return forecast;
  const auto address = address_from(map);
  const auto port = port_from(map, "port");
  if (!address || !port) return std::nullopt;
  forecast.external = {*address, *port};
  if (forecast.kind == PortForecast::Kind::stepping) {
    const auto step = map.number("step").value_or(1);
    if (step == 0 || step > static_cast<std::uint64_t>(longest_port_step)) return std::nullopt;
    forecast.step = static_cast<int>(step) * (map.flag("down").value_or(false) ? -1 : 1);
    forecast.strangers = static_cast<std::uint32_t>(std::min(map.number("strangers").value_or(0), most_strangers));
  }
  if (forecast.kind == PortForecast::Kind::random) {
    forecast.lowest = port_from(map, "lowest").value_or(lowest_nat_port);
    forecast.highest = port_from(map, "highest").value_or(highest_nat_port);
    if (forecast.lowest > forecast.highest) return std::nullopt;
  }
  return forecast;
}

}  // namespace pshare
