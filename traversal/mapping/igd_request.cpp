#include "traversal/mapping/igd_request.hpp"

#include <algorithm>

namespace pshare {

namespace {

using Argument = std::pair<std::string_view, std::string>;

constexpr std::size_t longest_type = 127;

std::string escaped(std::string_view text) {
  std::string out;
  for (const auto each : text) {
    switch (each) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += each;
    }
  }
  return out;
}

std::string soap_request(const IgdService& service, std::string_view action, const std::vector<Argument>& arguments) {
  std::string body =
      "<?xml version=\"1.0\"?>\r\n"
      "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:";
  body.append(action).append(" xmlns:u=\"").append(escaped(service.type)).append("\">");
  for (const auto& [name, value] : arguments) body.append("<").append(name).append(">").append(escaped(value)).append("</").append(name).append(">");
  body.append("</u:").append(action).append("></s:Body></s:Envelope>\r\n");
  return "POST " + service.control.path + " HTTP/1.1\r\nHost: " + service.control.server.text() +
         "\r\nUser-Agent: pshare UPnP/1.1\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nContent-Type: text/xml; charset=\"utf-8\"\r\nSOAPAction: \"" + service.type + "#" + std::string{action} +
         "\"\r\nConnection: close\r\n\r\n" + body;
}

std::string name_of(Transport transport) { return transport == Transport::tcp ? "TCP" : "UDP"; }

// IANA's numbers, by which WANIPv6FirewallControl:1 knows protocols (A_ARG_TYPE_Protocol).
std::string number_of(Transport transport) { return transport == Transport::tcp ? "6" : "17"; }

}  // namespace

std::string description_request(const HttpLocation& description) {
  return "GET " + description.path + " HTTP/1.1\r\nHost: " + description.server.text() + "\r\nUser-Agent: pshare UPnP/1.1\r\nConnection: close\r\n\r\n";
}

std::string external_address_request(const IgdService& service) { return soap_request(service, "GetExternalIPAddress", {}); }

std::string add_mapping_request(const IgdService& service, const IgdClient::Add& mapping, const IpAddress& own, std::string_view description) {
  // In this order: some routers read them by their place.
  return soap_request(service, "AddPortMapping",
                      {{"NewRemoteHost", ""},
                       {"NewExternalPort", std::to_string(mapping.external.number)},
                       {"NewProtocol", name_of(mapping.transport)},
                       {"NewInternalPort", std::to_string(mapping.internal.number)},
                       {"NewInternalClient", own.text()},
                       {"NewEnabled", "1"},
                       {"NewPortMappingDescription", std::string{description}},
                       {"NewLeaseDuration", std::to_string(mapping.lifetime.count())}});
}

std::string delete_mapping_request(const IgdService& service, const IgdClient::Delete& mapping) {
  return soap_request(service, "DeletePortMapping",
                      {{"NewRemoteHost", ""},
                       {"NewExternalPort", std::to_string(mapping.external.number)},
                       {"NewProtocol", name_of(mapping.transport)}});
}

std::string firewall_status_request(const IgdService& service) { return soap_request(service, "GetFirewallStatus", {}); }

std::string add_pinhole_request(const IgdService& service, const PinholeClient::Add& pinhole, const IpAddress& own) {
  return soap_request(service, "AddPinhole",
                      {{"RemoteHost", ""},
                       {"RemotePort", "0"},
                       {"InternalClient", own.text()},
                       {"InternalPort", std::to_string(pinhole.port.number)},
                       {"Protocol", number_of(pinhole.transport)},
                       {"LeaseTime", std::to_string(pinhole.lifetime.count())}});
}

std::string update_pinhole_request(const IgdService& service, const PinholeClient::Update& pinhole) {
  return soap_request(service, "UpdatePinhole",
                      {{"UniqueID", std::to_string(pinhole.id.number)}, {"NewLeaseTime", std::to_string(pinhole.lifetime.count())}});
}

std::string delete_pinhole_request(const IgdService& service, const PinholeClient::Delete& pinhole) {
  return soap_request(service, "DeletePinhole", {{"UniqueID", std::to_string(pinhole.id.number)}});
}

Result<IgdService> service_from(const HttpLocation& description, std::string_view control, std::string_view type) {
  const auto wrong = Unexpected{{.code = Errc::malformed, .doing = "reading the description of the gateway"}};
  const bool plain_type = !type.empty() && type.size() <= longest_type &&
                          std::ranges::all_of(type, [](char each) { return each > ' ' && each < '\x7f' && each != '"'; });
  if (!plain_type || control.empty()) return wrong;
  const bool absolute = control.find("://") != std::string_view::npos;
  std::string url{control};
  if (!absolute) url = "http://" + description.server.text() + (control.front() == '/' ? "" : "/") + url;
  auto location = parse_http_location(url);
  if (!location) return Unexpected{std::move(location).error()};
  if (location->server.address != description.server.address) return wrong;
  return IgdService{std::move(*location), std::string{type}};
}

}  // namespace pshare
