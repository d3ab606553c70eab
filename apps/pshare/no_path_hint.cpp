#include "apps/pshare/no_path_hint.hpp"

namespace pshare {

namespace {

bool blocked(const PortForecast& forecast) { return forecast.kind == PortForecast::Kind::blocked; }

std::string whose(const std::string& peer, bool mine, bool theirs) {
  if (mine && theirs) return "on either side";
  return mine ? "on your side" : "on " + peer + "'s side";
}

}  // namespace

std::string no_path_hint(const std::string& peer, const NatFacts& mine, const NatFacts& theirs) {
  const bool tcp = blocked(mine.tcp) || blocked(theirs.tcp), udp = blocked(mine.udp) || blocked(theirs.udp);
  if (tcp && udp)
    return "TCP is not to be had " + whose(peer, blocked(mine.tcp), blocked(theirs.tcp)) + ", and UDP not " + whose(peer, blocked(mine.udp), blocked(theirs.udp)) +
           ": look at --transport on both sides, and at the firewalls";
  return "run `pshare doctor --with " + peer + "` to see what stands in the way and what would help";
}

}  // namespace pshare
