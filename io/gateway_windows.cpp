#include <winsock2.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#undef interface  // a macro of theirs, and a name of ours

#include <array>
#include <bit>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

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

/// Its own metric of each interface that is connected. (GetIpInterfaceEntry() says it as well, and is not in Wine.)
std::map<std::uint64_t, std::uint64_t> metrics_of_interfaces(IpFamily family) {
  constexpr ULONG no_lists = GAA_FLAG_SKIP_UNICAST | GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
  std::vector<std::max_align_t> memory(16 * 1024 / sizeof(std::max_align_t));
  ULONG said = ERROR_BUFFER_OVERFLOW;
  for (int tries = 0; said == ERROR_BUFFER_OVERFLOW && tries < 3; ++tries) {
    auto size = static_cast<ULONG>(memory.size() * sizeof(std::max_align_t));
    said = GetAdaptersAddresses(AF_UNSPEC, no_lists, nullptr, reinterpret_cast<IP_ADAPTER_ADDRESSES*>(memory.data()), &size);
    if (said == ERROR_BUFFER_OVERFLOW) memory.resize(size / sizeof(std::max_align_t) + 1);
  }
  std::map<std::uint64_t, std::uint64_t> metrics;
  if (said != NO_ERROR) return metrics;
  for (const auto* each = reinterpret_cast<const IP_ADAPTER_ADDRESSES*>(memory.data()); each != nullptr; each = each->Next)
    if (each->OperStatus == IfOperStatusUp) metrics[each->Luid.Value] = family == IpFamily::v4 ? each->Ipv4Metric : each->Ipv6Metric;
  return metrics;
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
  const auto of_interfaces = metrics_of_interfaces(family);
  const MIB_IPFORWARD_ROW2* best = nullptr;
  std::uint64_t best_metric = 0;
  for (const auto& route : std::span{table->Table, table->NumEntries}) {
    if (route.DestinationPrefix.PrefixLength != 0 || route.Loopback || address_of(route.NextHop).scope() == Scope::unusable) continue;
    // A route's own metric counts on top of its interface's. With an interface that is not connected there is no way out.
    const auto of_interface = of_interfaces.find(route.InterfaceLuid.Value);
    if (of_interface == of_interfaces.end()) continue;
    const auto metric = std::uint64_t{route.Metric} + of_interface->second;
    if (best != nullptr && metric >= best_metric) continue;
    best = &route;
    best_metric = metric;
  }
  if (best == nullptr) return std::nullopt;
  return DefaultRoute{address_of(best->NextHop), name_of(best->InterfaceLuid)};
}

}  // namespace pshare
