#include "relay/volunteers.hpp"

#include <algorithm>

namespace pshare {

Volunteers::Verdict Volunteers::offered(const Offer& offer) {
  const auto known = volunteers_.find(offer.id);
  if (known != volunteers_.end() && known->second.offer.device == offer.device && known->second.offer.at == offer.at) {
    auto& volunteer = known->second;
    volunteer.offer = offer;
    return volunteer.found && offer.full ? Verdict::known : Verdict::look;
  }
  if (known != volunteers_.end()) forget(known);
  if (volunteers_.size() >= max_volunteers) return Verdict::too_many;
  auto& of_address = of_address_[offer.subscriber];
  if (of_address >= max_volunteers_of_an_address) return Verdict::too_many;
  ++of_address;
  volunteers_.emplace(offer.id, Volunteer{offer});
  return Verdict::look;
}

void Volunteers::looked(DeviceId device, const PeerId& id, const Endpoint& at, bool found) {
  const auto known = volunteers_.find(id);
  if (known == volunteers_.end() || known->second.offer.device != device || known->second.offer.at != at) return;
  known->second.found = found;
}

void Volunteers::gone(DeviceId device, const PeerId& id) {
  const auto known = volunteers_.find(id);
  if (known != volunteers_.end() && known->second.offer.device == device) forget(known);
}

void Volunteers::forget(std::map<PeerId, Volunteer>::iterator place) {
  if (const auto count = of_address_.find(place->second.offer.subscriber); --count->second == 0) of_address_.erase(count);
  volunteers_.erase(place);
}

bool Volunteers::lists(const PeerId& id) const {
  const auto known = volunteers_.find(id);
  return known != volunteers_.end() && known->second.listed();
}

std::vector<RelayListing> Volunteers::list_for(const PeerId& asker, std::span<const PeerId> trusted) {
  std::vector<RelayListing> list;
  const auto add = [&](const Volunteer& volunteer) {
    const auto& offer = volunteer.offer;
    const bool there = std::ranges::any_of(list, [&](const RelayListing& each) { return each.relay == offer.id; });
    if (volunteer.listed() && offer.id != asker && !there && list.size() < max_relays) list.push_back({offer.id, {offer.at}, offer.for_anyone});
  };
  for (const auto& id : trusted)
    if (const auto known = volunteers_.find(id); known != volunteers_.end()) add(known->second);
  auto next = volunteers_.upper_bound(last_listed_);
  for (std::size_t seen = 0; seen < volunteers_.size() && list.size() < max_relays; ++seen, ++next) {
    if (next == volunteers_.end()) next = volunteers_.begin();
    if (!next->second.offer.for_anyone) continue;
    add(next->second);
    last_listed_ = next->first;
  }
  return list;
}

}  // namespace pshare
