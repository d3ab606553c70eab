#include <fstream>
#include <iterator>

#include "io/gateway.hpp"

namespace pshare {

std::optional<DefaultRoute> default_route(IpFamily family) {
  // Only Linux has these files; elsewhere nothing is read, and nothing found.
  std::ifstream file{family == IpFamily::v4 ? "/proc/net/route" : "/proc/net/ipv6_route"};
  const std::string table{std::istreambuf_iterator<char>{file}, {}};
  return default_route_in(table, family);
}

}  // namespace pshare
