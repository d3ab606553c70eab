// A simulated computer: a kernel with interfaces, addresses, default routes, UDP and TCP, and one process on it (Host) that can be killed
// and started. It behaves as Linux does where nothing else is said. What is not here: ARP (a wire leads to the next box, and that box
// knows), receiving multicast, rate limits for ICMP, several processes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host.hpp"
#include "network/packet.hpp"
#include "network/tcp_stack.hpp"
#include "network/udp_stack.hpp"
#include "network/wire.hpp"
#include "world.hpp"

namespace pshare::sim {

/// 0.0.0.0 or ::, which mean "all of the machine's" where a socket is bound.
bool is_unspecified(const IpAddress& address);
/// How closely what is bound to `bound` (nothing: all of both families) fits `address`: the more the closer; nothing if not at all.
std::optional<int> bind_fit(const std::optional<IpAddress>& bound, const IpAddress& address);
/// Whether there is an address that both fit.
bool binds_overlap(const std::optional<IpAddress>& a, const std::optional<IpAddress>& b);

/// An address of an interface, and how much of it names the subnet, which is reached without the gateway: 24 for 192.0.2.7/24.
struct LocalAddress {
  IpAddress address;
  unsigned prefix_length = 0;

  /// "192.0.2.7/24". A test's own text: asserts that it is well-formed.
  static LocalAddress of(std::string_view text);
  bool subnet_contains(const IpAddress& other) const;
  friend bool operator==(const LocalAddress&, const LocalAddress&) = default;
};

struct InterfaceSettings {
  std::vector<LocalAddress> addresses{};
  std::vector<IpAddress> gateways{};  // at most one of each family: this interface has the default route
};

struct MachineSettings {
  TcpSettings tcp{};
  /// A packet leaves by the interface that has its source address (Windows, macOS, Linux with policy routing); else by where it goes to.
  bool routes_by_source = false;
};

/// Also the Host of its process: timers and drivers of cores are planned on it. No event happens after it is destroyed (Node), so it is
/// declared after the world, and the world no longer runs when it goes.
class Machine final : public Node, public Host {
 public:
  Machine(World& world, std::string name, MachineSettings settings = {});
  ~Machine() override;

  // The process. What it opened ends with it: the kernel closes its sockets, and its callbacks are not called any more.
  void start();  // needs power
  void kill();   // on the Machine: Host's own kill() knows of no sockets

  Result<UdpSocket> udp(const UdpSettings& settings = {}) { return udp_.bind(settings); }
  /// Errors: busy (another listener is there), unreachable (the address is not the machine's), failed (no process runs).
  Result<TcpListener> listen(const TcpListenSettings& settings = {}) { return tcp_.listen(settings); }
  /// Always gives a socket; what is wrong at once comes through its on_closed, one event later.
  TcpSocket connect(const Endpoint& to, const TcpConnectSettings& settings = {}) { return tcp_.connect(to, settings); }

  // Addresses and routes. Where several interfaces have a default route, the one added first wins.
  Interface& add_interface(std::string name, InterfaceSettings settings = {});
  /// Sockets that use an address that is gone stay open and reach nobody, until it comes back or TCP gives up.
  void change(Interface& interface, InterfaceSettings settings);
  void down(Interface& interface);
  void up(Interface& interface);
  /// Of all interfaces that are up, in order.
  std::vector<LocalAddress> addresses() const;
  std::vector<IpAddress> gateways() const;
  /// The process wants to know when either changes. Called one event later.
  void on_addresses_changed(std::function<void()> call);

  // The whole machine.
  void power_off();  // nobody hears of it, nothing is answered
  void power_on();   // as after booting: the process has to be started
  bool powered() const { return powered_; }

  void receive(Packet packet, Interface& at) override;

  // For the parts of the kernel.
  EventQueue& events() { return world_.events(); }
  Random& random() { return world_.random(); }
  bool has(const IpAddress& address) const;
  /// Which of its addresses a packet to `to` leaves from; nothing when there is no route.
  std::optional<IpAddress> source_for(const IpAddress& to) const;
  bool has_route(const IpAddress& to, const IpAddress& source) const { return has(to) || way_to(to, source) != nullptr; }
  /// One that is not `taken`; nothing when all are.
  std::optional<Port> free_port(const std::function<bool(Port)>& taken);
  /// False when there is no route, or the source is not an address of this machine. To itself it goes without a wire.
  bool transmit(Packet packet);

 private:
  struct Attached {
    std::unique_ptr<Interface> interface;
    InterfaceSettings settings;
    bool up = true;
    bool has(const IpAddress& address) const;  // and is up
  };

  Attached& attached(const Interface& interface);
  /// The longest prefix; of equally long ones the first.
  const Attached* way_to(const IpAddress& to, const std::optional<IpAddress>& source) const;
  void addresses_changed();
  void take(const Packet& packet);

  World& world_;
  MachineSettings settings_;
  bool powered_ = true;
  std::deque<Attached> interfaces_;
  std::shared_ptr<std::function<void()>> on_addresses_changed_;
  UdpStack udp_{*this};
  TcpStack tcp_;
};

}  // namespace pshare::sim
