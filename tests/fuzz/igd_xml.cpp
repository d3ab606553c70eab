// Fuzzes what UPnP gateways say in XML: services are on the server of the description, errors are printable.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "traversal/io/igd_xml.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size > 128 * 1024) return 0;  // max_http_body
  const auto xml = text_of(std::as_bytes(std::span{data, size}));
  const HttpLocation description{{IpAddress{IpAddress::V4{std::byte{192}, std::byte{168}, std::byte{1}, std::byte{1}}}, Port{5000}}, "/d.xml"};
  for (const auto& service : services_in(description, xml))
    if (service.control.server.address != description.server.address || service.type.empty()) std::abort();
  if (const auto address = external_address_in(xml); address && !address->is_v4()) std::abort();
  if (const auto error = soap_error_in(xml))
    if (std::ranges::any_of(error->words, [](char each) { return static_cast<unsigned char>(each) < ' '; })) std::abort();
  return 0;
}
