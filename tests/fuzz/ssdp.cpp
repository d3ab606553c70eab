// Fuzzes what is read of answers to a search for a UPnP gateway: a location is a literal address, a port and a path that cannot end a line of HTTP,
// and is read again as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "traversal/mapping/igd_request.hpp"
#include "traversal/mapping/ssdp_search.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto datagram = std::as_bytes(std::span{data, size});
  for (const auto& location : {parse_ssdp_answer(datagram), parse_http_location(text_of(datagram))}) {
    if (!location) continue;
    const auto& [server, path] = *location;
    const bool plain = std::ranges::all_of(path, [](char each) { return each > ' ' && each < '\x7f'; });
    if (server.port == Port{} || path.empty() || path.front() != '/' || !plain) std::abort();
    if (parse_http_location("http://" + server.text() + path).value() != *location) std::abort();
    const auto service = service_from(*location, text_of(datagram), text_of(datagram));
    if (service && service->control.server.address != server.address) std::abort();
  }
  for (const auto& gateway : {IpAddress{}, IpAddress{IpAddress::V6{}}}) {
    SsdpSearch search{gateway, SsdpSearch::Sought::firewall, TimePoint{}};
    search.receive({gateway, SsdpSearch::port}, datagram, TimePoint{});
  }
  return 0;
}
