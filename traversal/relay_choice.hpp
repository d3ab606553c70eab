// Which supernode two peers meet at: the one that is nearest to both together. Pure: distances in, an order out.
#pragma once

#include <vector>

#include "wire/control.hpp"
#include "wire/ids.hpp"
#include "wire/signal.hpp"
#include "wire/time.hpp"

namespace pshare {

/// A supernode that we have a reason to trust, and could reach.
struct NearRelay {
  RelayListing listing;
  Duration round_trip{};
};

/// Those that both sides trust and can reach, by the sum of the two round trips; on a tie by ID, so that it is the same each time. The peers themselves
/// are no relays.
std::vector<NearRelay> relays_for_both(const std::vector<NearRelay>& ours, const std::vector<RelaysNear::Distance>& theirs, const PeerId& us,
                                       const PeerId& them);

}  // namespace pshare
