// Who counts as one when we count addresses: an IPv4 address, but of IPv6 the /64 that a provider gives to the smallest customer
// (RFC 6177), since whoever has one address of it has them all.
#pragma once

#include <algorithm>

#include "wire/address.hpp"

namespace pshare {

/// The address itself, or the first of its /64.
inline IpAddress subscriber_of(const IpAddress& address) {
  if (address.is_v4()) return address;
  IpAddress::V6 prefix{};
  std::ranges::copy(address.bytes().first(8), prefix.begin());
  return IpAddress{prefix};
}

}  // namespace pshare
