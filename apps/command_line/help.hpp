// What `--help` says of a command, for a terminal of 80 columns.
#pragma once

#include <string>

#include "apps/command_line/command.hpp"

namespace pshare {

/// `common`: the command whose options every verb takes as well, named here in a line; nothing for that command itself.
std::string help_text(const Command& command, const Command* common = nullptr);

/// "-q, --quiet", "--dir DIR", "--server HOST:PORT".
std::string spelt(const CommandOption& option);

}  // namespace pshare
