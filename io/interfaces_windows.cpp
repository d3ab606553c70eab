#include <winsock2.h>
#include <ws2tcpip.h>

#include <iphlpapi.h>
#undef interface  // a macro of theirs, and a name of ours

#include <algorithm>
#include <bit>
#include <optional>

#include "io/interfaces.hpp"
#include "wire/wide_text.hpp"

namespace pshare {

namespace {

// What GetAdaptersAddresses() wants: 15 KiB to begin with, and a few more tries, since the list may grow between two of them.
constexpr ULONG usual_size = 15 * 1024;
constexpr int tries = 4;
constexpr ULONG unicast_alone = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;

std::optional<IpAddress> address_of(const SOCKET_ADDRESS& from) {
  if (from.lpSockaddr == nullptr) return std::nullopt;
  if (from.lpSockaddr->sa_family == AF_INET)
    return IpAddress{std::bit_cast<IpAddress::V4>(reinterpret_cast<const sockaddr_in*>(from.lpSockaddr)->sin_addr)};
  if (from.lpSockaddr->sa_family == AF_INET6)
    return IpAddress{std::bit_cast<IpAddress::V6>(reinterpret_cast<const sockaddr_in6*>(from.lpSockaddr)->sin6_addr)};
  return std::nullopt;
}

/// One that is being looked for on the link, or was found to be somebody else's, cannot be used.
bool is_ours(const IP_ADAPTER_UNICAST_ADDRESS& address) { return address.DadState == IpDadStatePreferred || address.DadState == IpDadStateDeprecated; }

}  // namespace

Result<std::vector<InterfaceAddress>> interface_addresses() {
  std::vector<std::max_align_t> memory;
  const auto list = [&] { return reinterpret_cast<IP_ADAPTER_ADDRESSES*>(memory.data()); };
  ULONG size = usual_size;
  ULONG trouble = ERROR_BUFFER_OVERFLOW;
  for (int i = 0; i < tries && trouble == ERROR_BUFFER_OVERFLOW; ++i) {
    memory.resize(size / sizeof(std::max_align_t) + 1);
    size = static_cast<ULONG>(memory.size() * sizeof(std::max_align_t));
    trouble = GetAdaptersAddresses(AF_UNSPEC, unicast_alone, nullptr, list(), &size);
  }
  if (trouble == ERROR_NO_DATA) return std::vector<InterfaceAddress>{};
  if (trouble != NO_ERROR)
    return Unexpected{{.code = Errc::local_io, .doing = "listing the addresses of this machine", .cause = {static_cast<int>(trouble), std::system_category()}}};
  std::vector<InterfaceAddress> out;
  for (const auto* adapter = list(); adapter != nullptr; adapter = adapter->Next) {
    if (adapter->OperStatus != IfOperStatusUp) continue;
    for (const auto* entry = adapter->FirstUnicastAddress; entry != nullptr; entry = entry->Next) {
      const auto address = address_of(entry->Address);
      if (!address || address->scope() == Scope::unusable || !is_ours(*entry)) continue;
      InterfaceAddress found{.address = *address,
                             .prefix_length = entry->OnLinkPrefixLength,
                             .interface = address->is_v4() ? adapter->IfIndex : adapter->Ipv6IfIndex,
                             .name = utf8_of(adapter->FriendlyName)};
      const bool known = std::any_of(out.begin(), out.end(), [&](const InterfaceAddress& other) {
        return other.address == found.address && other.interface == found.interface;
      });
      if (!known) out.push_back(std::move(found));
    }
  }
  return out;
}

unsigned interface_index(const std::string& name) {
  NET_LUID interface_luid{};
  NET_IFINDEX index = 0;
  if (ConvertInterfaceAliasToLuid(wide_of(name).c_str(), &interface_luid) != NO_ERROR) return 0;
  return ConvertInterfaceLuidToIndex(&interface_luid, &index) == NO_ERROR ? index : 0;
}

}  // namespace pshare
