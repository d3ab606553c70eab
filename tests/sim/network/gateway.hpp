// A home router or a carrier's NAT as a box between two wires: the NAT core, its place in the path (it takes one off the TTL, answers on
// its own address inside, sends back what is addressed to nobody), and where somebody may answer requests for mappings.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "network/nat_box.hpp"
#include "network/wire.hpp"

namespace pshare::sim {

class Gateway : public Node {
 public:
  struct Settings {
    std::string name;
    std::vector<IpAddress> addresses_inside{};   // IPv4 and perhaps IPv6
    NatBehaviour behaviour{};
  };
  /// Gets each UDP packet that is sent to the gateway itself from inside, or by multicast, with the time, and says whether it was for it.
  using Service = std::function<bool(const Packet&, TimePoint)>;

  Gateway(EventQueue& events, Random& random, Settings settings);

  Interface& inside() { return inside_; }
  Interface& outside() { return outside_; }
  const std::string& name() const { return settings_.name; }
  NatBox& nat() { return nat_; }
  const NatBox& nat() const { return nat_; }
  /// The first of its addresses outside.
  IpAddress external_address() const;
  const std::vector<IpAddress>& addresses_inside() const { return settings_.addresses_inside; }

  /// Before any machine asks for it.
  void add_address_inside(IpAddress address) { settings_.addresses_inside.push_back(address); }

  void add_service(Service service) { services_.push_back(std::move(service)); }
  void reboot();
  void change_external(std::vector<IpAddress> addresses);
  enum class Upheaval { reboot, new_addresses };
  /// Called after each, for services that hold state of their own.
  void set_on_upheaval(std::function<void(Upheaval)> call) { on_upheaval_ = std::move(call); }
  /// Passes on what the NAT has to say, and plans for its deadline: after somebody else than a service that was just called changed its rules.
  void drain();

  void receive(Packet packet, Interface& at) override;

 private:
  void answer_itself(const Packet& packet);

  EventQueue& events_;
  Settings settings_;
  NatBox nat_;
  Interface inside_, outside_;
  std::vector<Service> services_;
  std::function<void(Upheaval)> on_upheaval_;
  std::optional<TimePoint> planned_;
};

}  // namespace pshare::sim
