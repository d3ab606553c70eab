#include <winsock2.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#undef interface  // a macro of theirs, and a name of ours

#include <array>
#include <bit>
#include <memory>
#include <span>

#include "io/gateway.hpp"
#include "wire/wide_text.hpp"

namespace pshare {

namespace {

struct TableGone {
  void operator()(MIB_IPFORWARD_TABLE2* table) const { FreeMibTable(table); }
};

IpAddress address_of(const SOCKADDR_INET& from) {
  if (from.si_family == AF_INET6) return IpAddress{std::bit_cast<IpAddress::V6>(from.Ipv6.sin6_addr)};
  return IpAddress{std::bit_cast<IpAddress::V4>(from.Ipv4.sin_addr)};
}

/// A route's own metric counts on top of its interface's; nothing where the interface is not connected.
std::optional<std::uint64_t> metric_of(const MIB_IPFORWARD_ROW2& route) {
  MIB_IPINTERFACE_ROW way_out{};
  way_out.Family = route.DestinationPrefix.Prefix.si_family;
  way_out.InterfaceLuid = route.InterfaceLuid;
  way_out.InterfaceIndex = route.InterfaceIndex;
  if (GetIpInterfaceEntry(&way_out) != NO_ERROR) return route.Metric;
  if (!way_out.Connected) return std::nullopt;
  return std::uint64_t{route.Metric} + way_out.Metric;
}

std::string name_of(const NET_LUID& interface_luid) {
  std::array<wchar_t, IF_MAX_STRING_SIZE + 1> alias{};
  if (ConvertInterfaceLuidToAlias(&interface_luid, alias.data(), alias.size()) != NO_ERROR) return {};
  return utf8_of(alias.data());
}

}  // namespace

std::optional<DefaultRoute> default_route(IpFamily family) {
  MIB_IPFORWARD_TABLE2* table = nullptr;
  if (GetIpForwardTable2(family == IpFamily::v4 ? AF_INET : AF_INET6, &table) != NO_ERROR) return std::nullopt;
  const std::unique_ptr<MIB_IPFORWARD_TABLE2, TableGone> owner{table};
  const MIB_IPFORWARD_ROW2* best = nullptr;
  std::uint64_t best_metric = 0;
  for (const auto& route : std::span{table->Table, table->NumEntries}) {
    if (route.DestinationPrefix.PrefixLength != 0 || route.Loopback || address_of(route.NextHop).scope() == Scope::unusable) continue;
    const auto metric = metric_of(route);
    if (!metric || (best != nullptr && *metric >= best_metric)) continue;
    best = &route;
    best_metric = *metric;
  }
  if (best == nullptr) return std::nullopt;
  return DefaultRoute{address_of(best->NextHop), name_of(best->InterfaceLuid)};
}

}  // namespace pshare
