// Changes one line of a configuration file that people write, and leaves all others, with their comments, as they are.
#pragma once

#include <string>
#include <string_view>

#include "wire/result.hpp"

namespace pshare {

/// `key = "value"` above all tables. Where the key stands already, its value is replaced, and a comment behind it stays. Else the line goes below one that
/// has it commented out ("#key = ..."), else below the last line above all tables, else to the top. Line ends are as they were.
/// Errors: malformed, for a text that is no TOML, or that cannot be changed in this way.
Result<std::string> with_line(std::string_view text, std::string_view key, std::string_view value);

}  // namespace pshare
