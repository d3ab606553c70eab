#include "relay/presence.hpp"

namespace pshare {

std::optional<DeviceId> Presence::appear(const PublicKey& key, const PeerId& id, DeviceId device) {
  auto& peer = peers_[id];
  peer.key = key;
  peer.devices.push_back(device);
  if (peer.devices.size() <= max_devices_of_a_key) return std::nullopt;
  return peer.devices.front();
}

void Presence::disappear(const PeerId& id, DeviceId device) {
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return;
  std::erase(peer->second.devices, device);
  if (peer->second.devices.empty()) peers_.erase(peer);
}

std::optional<PublicKey> Presence::key_of(const PeerId& id) const {
  const auto peer = peers_.find(id);
  return peer == peers_.end() ? std::nullopt : std::optional{peer->second.key};
}

std::vector<DeviceId> Presence::devices(const PeerId& id) const {
  const auto peer = peers_.find(id);
  return peer == peers_.end() ? std::vector<DeviceId>{} : peer->second.devices;
}

}  // namespace pshare
