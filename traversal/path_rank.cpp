#include "traversal/path_rank.hpp"

namespace pshare {

bool better(const Path& a, const Path& b) {
  if (a.tier != b.tier) return a.tier < b.tier;
  const auto apart = a.elapsed < b.elapsed ? b.elapsed - a.elapsed : a.elapsed - b.elapsed;
  if (a.transport != b.transport && apart <= near_tie) return a.transport == Transport::tcp;
  return a.elapsed < b.elapsed;
}

}  // namespace pshare
