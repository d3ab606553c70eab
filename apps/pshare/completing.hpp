// The Tab key of a shell, with what the home knows: contacts, servers, receipts. No network, no word on standard error, and nothing is made or changed.
#pragma once

#include <string>
#include <string_view>

namespace pshare {

/// The answer to what a shell has written (apps/command_line/completion.hpp).
std::string completed(std::string_view line);

}  // namespace pshare
