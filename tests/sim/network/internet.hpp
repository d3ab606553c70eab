// A small internet to put machines in: a backbone, hosts on it, and homes behind chains of gateways. It hands out addresses, and plugs
// everything together; what stands at an address can be found in address_plan below.
//
//   machine --- LAN --- gateway --- (carrier's LAN --- gateway ---) access line --- backbone --- server
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network/gateway.hpp"
#include "network/machine.hpp"
#include "network/router.hpp"
#include "world.hpp"

namespace pshare::sim {

/// The line between a home (or a host) and the backbone, one way.
struct AccessLine {
  Duration delay = std::chrono::milliseconds{20};
  unsigned hops = 3;                 // routers on it, so that a small TTL dies between the NATs
  DatagramLink::Settings more{};     // jitter, rate, queue, loss; its delay is not looked at
};

/// Several machines and the way out.
struct Lan {
  std::string name;
  Switch* net = nullptr;
  Gateway* gateway = nullptr;
  unsigned number = 0;               // its subnet is 192.168.number.0/24, or 100.64.number.0/24 if carriers' customers are in it
  bool of_carrier = false;
  Lan* carrier = nullptr;            // whose customer the gateway is
  unsigned ipv6_number = 0;          // its prefix is 2001:db8:ipv6_number::/64
  unsigned next_host = 10;
  IpAddress address(unsigned host) const;
};

class Internet {
 public:
  /// The world lives longer.
  explicit Internet(World& world);

  /// A host with public addresses.
  Machine& add_server(std::string name, const std::vector<std::string>& addresses, AccessLine line = {.delay = std::chrono::milliseconds{5}, .hops = 1});
  Machine& add_public(std::string name, AccessLine line = {});

  /// A LAN whose gateway touches the backbone. Where `behaviour` names no external address it gets one.
  Lan& add_lan(std::string name, NatBehaviour behaviour, AccessLine line = {});
  /// A LAN of a carrier: homes are plugged into it, not machines.
  Lan& add_carrier(std::string name, NatBehaviour behaviour, AccessLine line = {});
  /// A home whose gateway is a customer of `carrier`: 2 ms and a router away from it. Of `behaviour`'s external addresses only the number counts.
  Lan& add_lan_behind(Lan& carrier, std::string name, NatBehaviour behaviour);
  /// Gives the next LAN this subnet, 192.168.number.0/24, which others may have too.
  void next_subnet(unsigned number) { next_subnet_ = number; }

  Machine& add_machine(Lan& lan, std::string name);
  /// IPv6 too, for machines added from now on: a prefix of its own, and on each gateway up to the backbone a stateful firewall.
  void give_ipv6(Lan& lan);

  Router& backbone() { return backbone_; }
  /// The wire on the outer side of the LAN's gateway, or between a host and the backbone: to cut, or to make worse.
  Wire& access_of(const std::string& name);
  /// Bytes that the backbone passed on between the lines of these two; each named as a host or as a LAN.
  PairTraffic between(const std::string& from, const std::string& to);

 private:
  Wire& join(Interface& first, Interface& second, Wire::Settings settings);
  Lan& make_lan(std::string name, NatBehaviour behaviour, bool of_carrier);
  Lan& put_on_backbone(Lan& lan, AccessLine line);
  IpAddress next_public_address();

  World& world_;
  Router backbone_;
  std::deque<Lan> lans_;
  std::deque<Switch> switches_;
  std::deque<Gateway> gateways_;
  std::deque<Machine> machines_;
  struct NamedWire { std::string name; std::unique_ptr<Wire> wire; };
  std::vector<NamedWire> wires_;
  unsigned next_public_ = 70, next_carrier_ = 1, next_home_ = 11, next_ipv6_ = 0x70;
  std::optional<unsigned> next_subnet_;
};

}  // namespace pshare::sim
