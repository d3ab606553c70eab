// Fuzzes servers as people write them, one and several: what is accepted has a host and a port, and reads the same when it is written out again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "apps/pshare/server_spec.hpp"
#include "traversal/server_order.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto servers = parse_servers({reinterpret_cast<const char*>(data), size});
  if (!servers) {
    if (servers.error().code != Errc::usage) std::abort();
    return 0;
  }
  if (servers->empty() || servers->size() > max_servers) std::abort();
  for (const auto& server : *servers) {
    if (server.host.empty() || server.port == Port{0}) std::abort();
    const auto again = ServerSpec::parse(server.host_and_port() + (server.fingerprint ? "#" + server.fingerprint->text() : ""));
    if (!again || again->host != server.host || again->port != server.port || again->fingerprint != server.fingerprint) std::abort();
  }
  return 0;
}
