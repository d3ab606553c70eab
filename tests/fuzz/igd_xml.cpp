// Fuzzes what UPnP gateways say in XML: services are on the server of the description, errors are printable.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "traversal/io/igd_xml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size > 128 * 1024) return 0;  // max_http_body
  const auto xml = text_of(std::as_bytes(std::span{data, size}));
  const IpAddress ipv4{IpAddress::V4{std::byte{192}, std::byte{168}, std::byte{1}, std::byte{1}}}, ipv6{IpAddress::V6{std::byte{0xfe}, std::byte{0x80}}};
  for (const auto& address : {ipv4, ipv6}) {
    const HttpLocation description{{address, Port{5000}}, "/d.xml"};
    auto services = services_in(description, xml);
    if (auto firewall = firewall_in(description, xml)) services.push_back(std::move(*firewall));
    for (const auto& service : services)
      if (service.control.server.address != address || service.type.empty()) std::abort();
  }
  (void)firewall_status_in(xml);
  if (const auto id = pinhole_id_in(xml); id && xml.find(std::to_string(id->number)) == std::string_view::npos) std::abort();
  if (const auto address = external_address_in(xml); address && !address->is_v4()) std::abort();
  if (const auto error = soap_error_in(xml))
    if (std::ranges::any_of(error->words, [](char each) { return static_cast<unsigned char>(each) < ' '; })) std::abort();
  return 0;
}
