// Which of two paths is preferred, before anything was measured on them. Pure comparison.
#pragma once

#include "traversal/path.hpp"

namespace pshare {

/// Paths of one tier that came up within this of each other count as equally quick; then TCP is taken, which costs less CPU.
inline constexpr Duration near_tie = std::chrono::milliseconds{300};

/// True if bytes travel to an address of the peer's own side: not through a machine that forwards them.
constexpr bool is_straight(Tier tier) { return tier < Tier::supernode; }

/// A better tier first. Within a tier TCP before UDP on a near tie, otherwise the path that came up sooner.
bool better(const Path& a, const Path& b);

}  // namespace pshare
