// What has come of asking gateways for mappings, as of now: for candidates, for the ladder's reasons, and for the doctor.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traversal/mapping/mapping.hpp"

namespace pshare {

/// An external port that leads to our local one.
struct MappedPort {
  Transport transport = Transport::tcp;
  MappingProtocol protocol = MappingProtocol::pcp;
  Endpoint external;
  bool proved = false;         // the server has dialled it and got through
  bool behind_another = false; // double NAT: nobody on the internet reaches it, but whoever is behind the same outer NAT may
  friend bool operator==(const MappedPort&, const MappedPort&) = default;
};

/// What one protocol has said, for IPv4 or IPv6.
struct ProtocolReport {
  enum class State {
    asked,    // nothing has been heard yet
    answers,  // it is there; its mappings were not needed
    maps,
    unneeded,  // the firewall is switched off: everybody gets in anyway
    useless,   // see `reason`
  };
  MappingProtocol protocol = MappingProtocol::pcp;
  bool ipv6 = false;
  State state = State::asked;
  Reason reason = Reason::none;  // no_igd, unsupported, igd_refused, double_nat, unreachable (mapped, and nothing comes in), timeout
  std::string said{};             // the gateway's own words, printable; empty: none
  friend bool operator==(const ProtocolReport&, const ProtocolReport&) = default;
};
std::string_view word(ProtocolReport::State state);

struct MappedPorts {
  std::vector<MappedPort> ports{};
  std::vector<ProtocolReport> protocols{};  // empty: there is nothing to ask (no gateway, or addresses that need none)
  std::optional<IpAddress> router_address{};  // the router's IPv4 address outside, as it says; behind another NAT this is what neighbours there see
  bool settled = false;                     // nothing more is about to come of what was asked

  /// Why nothing is mapped that the internet can reach; Reason::none if something is, or while that is open.
  Reason reason() const;
  friend bool operator==(const MappedPorts&, const MappedPorts&) = default;
};

/// Both families' as one.
MappedPorts merged(MappedPorts ipv4, const MappedPorts& ipv6);

}  // namespace pshare
