// How far two words are apart, for "perhaps you meant".
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pshare {

/// What is longer is meant for none of our words.
inline constexpr std::size_t longest_compared = 32;

/// Insertions, losses, changes and swaps of neighbours that make one of the other. Nothing where one of them is longer than longest_compared.
std::optional<std::size_t> slips_between(std::string_view a, std::string_view b);

}  // namespace pshare
