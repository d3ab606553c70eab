// The addresses that this machine has.
#pragma once

#include <string>
#include <vector>

#include "wire/address.hpp"
#include "wire/result.hpp"

namespace pshare {

struct InterfaceAddress {
  IpAddress address;
  unsigned prefix_length = 0;  // of the subnet: 24 for 192.0.2.7/24
  unsigned interface = 0;      // the system's index; the zone of a link-local IPv6 address
  std::string name;            // "eth0", or on Windows "Wi-Fi"
  friend bool operator==(const InterfaceAddress&, const InterfaceAddress&) = default;
};

/// Every usable address of every interface that is up, each once, in the system's order. Errors: local_io.
Result<std::vector<InterfaceAddress>> interface_addresses();

/// The index of the interface of that name; 0 if there is none.
unsigned interface_index(const std::string& name);

}  // namespace pshare
