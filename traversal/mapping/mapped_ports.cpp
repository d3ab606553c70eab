#include "traversal/mapping/mapped_ports.hpp"

#include <algorithm>

namespace pshare {

namespace {

/// Which of two protocols' reasons says more.
int weight(Reason reason) {
  switch (reason) {
    case Reason::double_nat: return 5;
    case Reason::unreachable: return 4;
    case Reason::igd_refused: return 3;
    case Reason::timeout: return 2;
    case Reason::no_igd:
    case Reason::unsupported: return 1;  // another version alone is no refusal
    default: return 0;
  }
}

}  // namespace

std::string_view word(ProtocolReport::State state) {
  switch (state) {
    case ProtocolReport::State::asked: return "asked";
    case ProtocolReport::State::answers: return "answers";
    case ProtocolReport::State::maps: return "maps";
    case ProtocolReport::State::unneeded: return "unneeded";
    case ProtocolReport::State::useless: return "useless";
  }
  return "unknown";
}

Reason MappedPorts::reason() const {
  if (std::ranges::any_of(ports, [](const MappedPort& port) { return !port.behind_another; })) return Reason::none;
  if (!ports.empty()) return Reason::double_nat;
  if (!settled) return Reason::none;
  auto most = Reason::no_igd;
  for (const auto& protocol : protocols)
    if (weight(protocol.reason) > weight(most)) most = protocol.reason;
  return most;
}

MappedPorts merged(MappedPorts ipv4, const MappedPorts& ipv6) {
  ipv4.ports.insert(ipv4.ports.end(), ipv6.ports.begin(), ipv6.ports.end());
  ipv4.protocols.insert(ipv4.protocols.end(), ipv6.protocols.begin(), ipv6.protocols.end());
  ipv4.settled = ipv4.settled && ipv6.settled;
  return ipv4;
}

}  // namespace pshare
