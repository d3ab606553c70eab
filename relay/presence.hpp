// Who is online: which connections belong to which key. Several devices of one key may be online at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "wire/ids.hpp"

namespace pshare {

/// Devices of one key at once; the oldest gives way to a newcomer, since it is the likeliest to be dead.
inline constexpr std::size_t max_devices_of_a_key = 8;

class Presence {
 public:
  /// Gives the device that has to go, if there are too many.
  std::optional<DeviceId> appear(const PublicKey& key, const PeerId& id, DeviceId device);
  void disappear(const PeerId& id, DeviceId device);

  bool online(const PeerId& id) const { return peers_.contains(id); }
  std::optional<PublicKey> key_of(const PeerId& id) const;
  std::vector<DeviceId> devices(const PeerId& id) const;

 private:
  struct Peer {
    PublicKey key;
    std::vector<DeviceId> devices;  // in the order of their coming
  };
  std::map<PeerId, Peer> peers_;
};

}  // namespace pshare
