// Which server, and is it the one we know: HOST:PORT#FINGERPRINT from the command line, the environment or the settings; a key
// seen for the first time is pinned, a changed one is a hard error.
#pragma once

#include <vector>

#include "apps/pshare/program.hpp"
#include "apps/pshare/server_spec.hpp"
#include "traversal/io/rendezvous_client.hpp"

namespace pshare {

/// --server, else PSHARE_SERVER, else those of pshare.toml, where `init` has put them. Throws usage when there is none.
std::vector<ServerSpec> chosen_servers(const Program& program);

/// With its key: the fingerprint that was given, else the pinned one, else the one it shows now, which is then pinned and told.
/// Throws unreachable, local_io.
awaitable<ServerAddress> pinned_server(Program& program, ServerSpec spec);
/// Where a code leads to, if it says so (--server is stronger), else chosen_servers(). Throws usage.
std::vector<ServerSpec> servers_for(const Program& program, const std::optional<std::string>& of_code);
/// Those of these servers whose keys are known or can be learned, at least one; of the others the user is told. Throws what the last came to.
awaitable<std::vector<ServerAddress>> pinned_servers(Program& program, std::vector<ServerSpec> specs);
/// The same of chosen_servers().
awaitable<std::vector<ServerAddress>> pinned_servers(Program& program);

}  // namespace pshare
