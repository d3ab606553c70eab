// Which server, and is it the one we know: HOST:PORT#FINGERPRINT from the command line, the environment or the settings; a key
// seen for the first time is pinned, a changed one is a hard error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "apps/pshare/program.hpp"
#include "traversal/io/rendezvous_client.hpp"

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

/// --server, else PSHARE_SERVER, else the one that `init` remembered. Throws usage when there is none.
ServerSpec chosen_server(const Program& program);

/// With its key: the fingerprint that was given, else the pinned one, else the one it shows now, which is then pinned and told.
/// Throws unreachable, local_io.
awaitable<ServerAddress> pinned_server(Program& program, ServerSpec spec);

}  // namespace pshare
