// The file that `pshare-server --config FILE` reads: what can stand in it. No I/O.
#pragma once

#include <string>

#include "apps/config_file/config_file.hpp"

namespace pshare {

struct Command;

/// `root`: pshare_server_command(). The keys in it are what pshare-server.toml(5) is made of.
ConfigGrammar server_config_grammar(const Command& root);
/// A file with everything in it, explained and commented out.
std::string server_config_sample(const Command& root);

}  // namespace pshare
