// The way out of this network: whom the default route leads to. The router at home, as a rule.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "wire/address.hpp"

namespace pshare {

struct DefaultRoute {
  IpAddress gateway;
  std::string interface;  // "eth0", or on Windows "Wi-Fi"
  friend bool operator==(const DefaultRoute&, const DefaultRoute&) = default;
};

/// The preferred one of those that name a gateway. Nothing: there is none, or this system is not asked yet (Linux and Windows are).
std::optional<DefaultRoute> default_route(IpFamily family);

/// The same in the words of Linux's /proc/net/route and /proc/net/ipv6_route.
std::optional<DefaultRoute> default_route_in(std::string_view table, IpFamily family);

}  // namespace pshare
