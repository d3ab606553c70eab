// What is sent to a UPnP gateway over HTTP: the request for its description, and the actions of WANIPConnection:1 and WANIPv6FirewallControl:1 as
// SOAP 1.1 (UPnP Device Architecture 1.1 section 3.1). Their answers: http_answer.hpp; the XML in them is read by traversal/io/igd.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "traversal/mapping/igd_client.hpp"
#include "traversal/mapping/pinhole_client.hpp"
#include "traversal/mapping/ssdp_search.hpp"

namespace pshare {

/// A service of a gateway, as its description names it.
struct IgdService {
  HttpLocation control;
  std::string type;  // "urn:schemas-upnp-org:service:WANIPConnection:1"
  friend bool operator==(const IgdService&, const IgdService&) = default;
};

/// Each is one whole HTTP request.
std::string description_request(const HttpLocation& description);
std::string external_address_request(const IgdService& service);
std::string add_mapping_request(const IgdService& service, const IgdClient::Add& mapping, const IpAddress& own, std::string_view description);
std::string delete_mapping_request(const IgdService& service, const IgdClient::Delete& mapping);

std::string firewall_status_request(const IgdService& service);
/// From anybody, at any port of theirs, to `own`.
std::string add_pinhole_request(const IgdService& service, const PinholeClient::Add& pinhole, const IpAddress& own);
std::string update_pinhole_request(const IgdService& service, const PinholeClient::Update& pinhole);
std::string delete_pinhole_request(const IgdService& service, const PinholeClient::Delete& pinhole);

/// The service whose control URL and type a description gives; `control` may be relative to `description`'s server (section 2.3). It must
/// be on that very server. Errors: malformed, limit.
Result<IgdService> service_from(const HttpLocation& description, std::string_view control, std::string_view type);

}  // namespace pshare
