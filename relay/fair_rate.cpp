#include "relay/fair_rate.hpp"

#include <algorithm>

namespace pshare {

Duration FairRate::time_of(std::size_t bytes) const {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>{static_cast<double>(bytes) / static_cast<double>(rate_.count)});
}

FairRate::Cut FairRate::ask(TimePoint now) {
  ++asking_;
  const auto share = std::chrono::duration<double>{round_of_cuts}.count() * static_cast<double>(rate_.count) / static_cast<double>(asking_);
  const auto most = static_cast<std::size_t>(std::clamp(share, static_cast<double>(smallest_cut), static_cast<double>(largest_cut)));
  const auto at = std::max(free_at_, now - rate_burst);
  free_at_ = at + time_of(most);
  return {most, at};
}

void FairRate::used(const Cut& cut, std::size_t bytes) {
  --asking_;
  free_at_ -= time_of(cut.most - bytes);
}

}  // namespace pshare
