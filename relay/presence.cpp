#include "relay/presence.hpp"

#include <algorithm>

namespace pshare {

std::optional<DeviceId> Presence::appear(const PublicKey& key, const PeerId& id, DeviceId device, Attention attention) {
  auto& peer = peers_[id];
  peer.key = key;
  peer.devices.push_back({device, attention});
  if (peer.devices.size() <= max_devices_of_a_key) return std::nullopt;
  return peer.devices.front().id;
}

void Presence::disappear(const PeerId& id, DeviceId device) {
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return;
  std::erase_if(peer->second.devices, [&](const Device& each) { return each.id == device; });
  if (peer->second.devices.empty()) peers_.erase(peer);
}

std::optional<PublicKey> Presence::key_of(const PeerId& id) const {
  const auto peer = peers_.find(id);
  return peer == peers_.end() ? std::nullopt : std::optional{peer->second.key};
}

bool Presence::has(const PeerId& id, DeviceId device) const {
  return std::ranges::count(devices(id, Attention::answers_only), device) != 0;
}

std::vector<DeviceId> Presence::devices(const PeerId& id, Attention at_least) const {
  std::vector<DeviceId> found;
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return found;
  for (const auto& each : peer->second.devices)
    if (at_least == Attention::answers_only || each.attention == Attention::offers) found.push_back(each.id);
  return found;
}

}  // namespace pshare
