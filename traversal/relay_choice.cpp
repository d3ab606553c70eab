#include "traversal/relay_choice.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace pshare {

std::vector<NearRelay> relays_for_both(const std::vector<NearRelay>& ours, const std::vector<RelaysNear::Distance>& theirs, const PeerId& us,
                                       const PeerId& them) {
  struct Both { Duration sum; const NearRelay* relay; };
  std::vector<Both> both;
  for (const auto& each : ours) {
    if (each.listing.relay == us || each.listing.relay == them) continue;
    const auto found = std::ranges::find(theirs, each.listing.relay, &RelaysNear::Distance::relay);
    if (found != theirs.end()) both.push_back({each.round_trip + found->round_trip, &each});
  }
  std::ranges::sort(both, {}, [](const Both& each) { return std::tuple{each.sum, each.relay->listing.relay}; });
  std::vector<NearRelay> order;
  order.reserve(both.size());
  for (const auto& each : both) order.push_back(*each.relay);
  return order;
}

}  // namespace pshare
