#include "relay/presence.hpp"

#include <algorithm>

namespace pshare {

std::optional<DeviceId> Presence::appear(const PublicKey& key, const PeerId& id, DeviceId device, Attention attention) {
  auto& peer = peers_[id];
  peer.key = key;
  peer.devices.push_back({.id = device, .attention = attention});
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

void Presence::take_offers(const PeerId& id, DeviceId device, const PeerId& from) {
  const auto peer = peers_.find(id);
  if (peer == peers_.end()) return;
  if (const auto ours = std::ranges::find(peer->second.devices, device, &Device::id); ours != peer->second.devices.end()) ours->takes_offers_of = from;
}

std::vector<DeviceId> Presence::takers_of(const PeerId& id, const PeerId& from) const {
  std::vector<DeviceId> found;
  if (const auto peer = peers_.find(id); peer != peers_.end())
    for (const auto& each : peer->second.devices)
      if (each.takes_offers_of == from) found.push_back(each.id);
  return found.empty() ? devices(id, Attention::offers) : found;
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
