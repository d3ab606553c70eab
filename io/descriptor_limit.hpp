// How many files and sockets this process may have open at once: what a shell allows by default (1024) is little for whoever serves many.
#pragma once

#include <cstddef>

namespace pshare {

/// Raises the limit to `wanted` if it is lower, as far as the system lets us: the hard limit is the operator's. Gives how many may be open now, which is
/// `wanted` where that cannot be found out.
std::size_t allow_descriptors(std::size_t wanted);

}  // namespace pshare
