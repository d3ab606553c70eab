#include "io/interfaces.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

namespace pshare {

namespace {

/// The address of a sockaddr of either family; nothing for other families.
std::optional<IpAddress> address_of(const sockaddr* from) {
  if (from == nullptr) return std::nullopt;
  if (from->sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, from, sizeof in);
    IpAddress::V4 bytes;
    std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
    return IpAddress{bytes};
  }
  if (from->sa_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, from, sizeof in);
    IpAddress::V6 bytes;
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return IpAddress{bytes};
  }
  return std::nullopt;
}

/// How many bits of a netmask are set.
unsigned prefix_of(const sockaddr* mask, const IpAddress& address) {
  if (mask == nullptr) return static_cast<unsigned>(address.bytes().size() * 8);
  // A netmask's own family field is not filled in everywhere: the address tells which form it has.
  const auto offset = address.is_v4() ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr);
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), reinterpret_cast<const char*>(mask) + offset, address.bytes().size());
  unsigned bits = 0;
  for (const auto byte : bytes) bits += static_cast<unsigned>(std::popcount(byte));
  return bits;
}

}  // namespace

Result<std::vector<InterfaceAddress>> interface_addresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0)
    return Unexpected{{.code = Errc::local_io,
                       .doing = "listing the addresses of this machine",
                       .cause = {errno, std::system_category()}}};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner{list, &freeifaddrs};
  std::vector<InterfaceAddress> out;
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if ((entry->ifa_flags & IFF_UP) == 0) continue;
    const auto address = address_of(entry->ifa_addr);
    if (!address || address->scope() == Scope::unusable) continue;
    InterfaceAddress found{.address = *address,
                           .prefix_length = prefix_of(entry->ifa_netmask, *address),
                           .interface = if_nametoindex(entry->ifa_name),
                           .name = entry->ifa_name};
    const bool known = std::any_of(out.begin(), out.end(), [&](const InterfaceAddress& other) {
      return other.address == found.address && other.interface == found.interface;
    });
    if (!known) out.push_back(std::move(found));
  }
  return out;
}

unsigned interface_index(const std::string& name) { return if_nametoindex(name.c_str()); }

}  // namespace pshare
