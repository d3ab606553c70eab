// Where this internet meets a real kernel: a TUN device in some network namespace. The device belongs to the namespace, its other end to
// this process.
#pragma once

#include <string>

#include "network/wire.hpp"

namespace pshare::natlab {

class TunEdge final : public sim::Node {
 public:
  struct Settings {
    std::string name;       // in this internet
    std::string space;      // path of the network namespace; empty: the one we are in
    std::string device;     // in there
    std::uint32_t mtu = 1500;
  };

  /// Makes the device and brings it up, without addresses and with the queue that
  /// the kernel gives it: those are for the namespace's owner to set. Throws std::system_error.
  explicit TunEdge(Settings settings);
  ~TunEdge() override;

  const std::string& name() const { return settings_.name; }
  sim::Interface& interface() { return interface_; }
  int descriptor() const { return descriptor_; }

  /// Passes on what the kernel has sent, at most so many packets. False when there is nothing more for now.
  bool pump(unsigned packets);
  /// To the kernel.
  void receive(sim::Packet packet, sim::Interface& at) override;

  std::uint64_t not_forwarded() const { return not_forwarded_; }

 private:
  Settings settings_;
  sim::Interface interface_;
  int descriptor_ = -1;
  std::uint64_t not_forwarded_ = 0;
};

}  // namespace pshare::natlab
