// What became of each part of a climb, kept for the words with which a search without a path ends (traversal/ascent).
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "traversal/ladder.hpp"
#include "wire/address.hpp"
#include "wire/error.hpp"
#include "wire/reason.hpp"

namespace pshare {

/// The most addresses that the words for no path list for one tier.
inline constexpr std::size_t max_told_addresses = 4;

/// What a dial that ended like this has come to.
Reason reason_of(Errc code);

/// Of two reasons why a tier failed the one that says more: that of the attempt that got further.
Reason more_telling(Reason a, Reason b);

class ClimbRecord {
 public:
  /// `pair` numbers the dials of a climb. Until there is more to say, it gets no answer.
  void dialled(std::size_t pair, Tier tier, const Endpoint& remote) { dials_[pair] = {tier, remote, Reason::timeout}; }
  void dial_failed(std::size_t pair, Reason reason) {
    if (const auto found = dials_.find(pair); found != dials_.end()) found->second.reason = reason;
  }
  /// Then it is no part of a failure.
  void dial_led_to_lane(std::size_t pair) { dials_.erase(pair); }

  /// The latest attempt at this tier over this transport has come to nothing.
  void came_to_nothing(Tier tier, Transport transport, Reason reason) { parts_[{tier, transport}].reason = reason; }
  /// More of that for people; may be empty.
  void explained(Tier tier, Transport transport, std::string words) { parts_[{tier, transport}].words = std::move(words); }
  /// It was cut short. Gives what an earlier attempt came to, if there was one, else `reason`.
  Reason cut_short(Tier tier, Transport transport, Reason reason) { return parts_.try_emplace({tier, transport}, Part{reason, {}}).first->second.reason; }

  /// All that was tried, in words. `reasons`: the ladder's, for tiers of which nothing else is known.
  Error no_path(const std::vector<Ladder::TierReason>& reasons) const;

 private:
  struct Dial { Tier tier; Endpoint remote; Reason reason; };
  struct Part { Reason reason = Reason::none; std::string words{}; };

  std::string addresses(Tier tier) const;
  std::string what_became_of(Tier tier, Reason otherwise) const;

  std::map<std::size_t, Dial> dials_;
  std::map<std::pair<Tier, Transport>, Part> parts_;
};

}  // namespace pshare
