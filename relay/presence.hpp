// Who is online: which connections belong to which key. Several devices of one key may be online at once.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "wire/ids.hpp"

namespace pshare {

/// Devices of one key at once; the oldest gives way to a newcomer, since it is the likeliest to be dead. A person with a few machines
/// and a dozen `pshare send` beside each other stays below.
inline constexpr std::size_t max_devices_of_a_key = 32;

class Presence {
 public:
  /// What a device is there for. One that only asks, or waits for the answer to what it sent itself, must not swallow an offer that
  /// another device of the same person would have taken.
  enum class Attention { offers, answers_only };

  /// Gives the device that has to go, if there are too many.
  std::optional<DeviceId> appear(const PublicKey& key, const PeerId& id, DeviceId device, Attention attention);
  /// Nothing happens if it is not there.
  void disappear(const PeerId& id, DeviceId device);

  /// Whether an offer would be taken.
  bool online(const PeerId& id) const { return !devices(id, Attention::offers).empty(); }
  /// Of a key that has any device here.
  std::optional<PublicKey> key_of(const PeerId& id) const;
  bool has(const PeerId& id, DeviceId device) const;
  /// From now on this device takes the offers of that peer (wire/control.hpp: TakeOffers), and of one only.
  void take_offers(const PeerId& id, DeviceId device, const PeerId& from);
  /// Those that an offer of `from` is for: the ones that said that they take that peer's, else all that take offers.
  std::vector<DeviceId> takers_of(const PeerId& id, const PeerId& from) const;
  /// In the order of their coming: those that take offers, or (answers_only) all.
  std::vector<DeviceId> devices(const PeerId& id, Attention at_least) const;

 private:
  struct Device {
    DeviceId id;
    Attention attention;
    std::optional<PeerId> takes_offers_of = {};
  };
  struct Peer {
    PublicKey key;
    std::vector<Device> devices;  // in the order of their coming
  };
  std::map<PeerId, Peer> peers_;
};

}  // namespace pshare
