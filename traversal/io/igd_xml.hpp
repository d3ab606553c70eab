// What a UPnP gateway says in XML: its description, and the answers to actions. The only way to miniupnpc, whose parsers read it; miniupnpc's
// sockets are not used, because they block, for seconds and without an end that we set (docs/decisions/0016). Texts are a stranger's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traversal/mapping/igd_request.hpp"

namespace pshare {

/// The services by which a gateway maps ports, the first to be tried first; all on the server of its description. Empty: this is no gateway.
std::vector<IgdService> services_in(const HttpLocation& description, std::string_view xml);

/// The service that has pinholes made in the firewall for IPv6; on the server of its description. Nothing: there is none.
std::optional<IgdService> firewall_in(const HttpLocation& description, std::string_view xml);

/// Nothing: it is no answer to GetFirewallStatus.
std::optional<FirewallStatus> firewall_status_in(std::string_view xml);

/// Nothing: it is no answer to AddPinhole.
std::optional<PinholeId> pinhole_id_in(std::string_view xml);

/// Nothing: it has none, or it is no address.
std::optional<IpAddress> external_address_in(std::string_view xml);

struct SoapError {
  int code = 0;
  std::string words;  // printable
};
/// Nothing: it is no UPnP error.
std::optional<SoapError> soap_error_in(std::string_view xml);

}  // namespace pshare
