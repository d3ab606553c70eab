// What somebody may have meant who typed a verb or an option that is not there.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/command_line/command.hpp"
#include "wire/error.hpp"

namespace pshare {

/// Those of `words` that `typed` is the fewest slips away from, or the beginning of; none if it is far from all of them, and three at most.
std::vector<std::string> nearest(std::string_view typed, std::span<const std::string> words);

/// Of words that nobody expected, for `command` (the verb that was understood) within `root`. The words are those that the parser had no use for.
Error misspelt(const Command& root, const Command& command, std::span<const std::string> unexpected);

}  // namespace pshare
