// 1024 English words made for pshare: 3 to 6 letters, easy to say and to spell, each told from all others by its first four letters, and no
// two a single slip apart. What fingerprints are read out with; ten bits each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace pshare {

std::span<const std::string_view, 1024> words();

/// Position of a word in the list; case does not matter.
std::optional<std::uint16_t> word_index(std::string_view word);

}  // namespace pshare
