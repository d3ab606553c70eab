#include "traversal/mapping/mapping.hpp"

namespace pshare {

std::string_view word(MappingProtocol protocol) {
  switch (protocol) {
    case MappingProtocol::pcp: return "pcp";
    case MappingProtocol::nat_pmp: return "nat-pmp";
    case MappingProtocol::upnp: return "upnp";
  }
  return "unknown";
}

bool is_behind_another_nat(const IpAddress& told, const std::optional<IpAddress>& observed) {
  if (told.scope() != Scope::global) return true;
  return observed && observed->is_v4() == told.is_v4() && *observed != told;
}

}  // namespace pshare
