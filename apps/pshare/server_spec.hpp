// A server as people write it: HOST:PORT, HOST:PORT#FINGERPRINT, several with commas between them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/ids.hpp"
#include "wire/result.hpp"
#include "wire/units.hpp"

namespace pshare {

inline constexpr Port default_server_port{4700};

struct ServerSpec {
  std::string host;
  Port port = default_server_port;
  std::optional<PeerId> fingerprint;

  /// "example.org", "example.org:4700", "[2001:db8::1]:4700#FINGERPRINT". Errors: usage.
  static Result<ServerSpec> parse(std::string_view text);
  /// Without the fingerprint: what pins and settings are filed under.
  std::string host_and_port() const;
};

/// Several, separated by commas, in the order in which they are tried. Errors: usage; more than max_servers.
Result<std::vector<ServerSpec>> parse_servers(std::string_view list);

}  // namespace pshare
