#include "network/nat_box.hpp"

namespace pshare::sim {

NatBox::NatBox(NatBehaviour behaviour, Random& random, TimePoint) : behaviour_(std::move(behaviour)), random_(random) {}

std::optional<NatBox::Action> NatBox::take() {
  if (actions_.empty()) return std::nullopt;
  auto next = std::move(actions_.front());
  actions_.pop_front();
  return next;
}

}  // namespace pshare::sim
