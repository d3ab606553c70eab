// Boxes that only forward: a router (longest prefix first), and a switch to which the hosts of one LAN are plugged. Both count who
// sent how much to whom, so that a test can prove where bytes did not go.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "network/wire.hpp"

namespace pshare::sim {

struct Prefix {
  IpAddress address;
  unsigned length = 0;

  /// "81.2.70.0/24", or a bare address for itself alone. Errors: malformed.
  static Result<Prefix> parse(std::string_view text);
  static Prefix only(const IpAddress& address) { return {address, address.is_v4() ? 32u : 128u}; }
  bool contains(const IpAddress& other) const;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

/// Bytes from one interface of a box to another.
struct PairTraffic {
  std::uint64_t packets = 0, bytes = 0, udp_bytes = 0, tcp_bytes = 0;
};

class TrafficTable {
 public:
  struct Pair {
    const Interface* from = nullptr;
    const Interface* to = nullptr;
    PairTraffic traffic;
  };
  void count(const Interface& from, const Interface& to, const Packet& packet);
  /// In order of first appearance.
  const std::vector<Pair>& pairs() const { return pairs_; }
  void reset() { pairs_.clear(); }

 private:
  std::vector<Pair> pairs_;  // a handful
};

class Router : public Node {
 public:
  Router(std::string name, IpAddress address) : name_(std::move(name)), address_(address) {}

  /// Lives as long as the router.
  Interface& add_interface(std::string name) { return interfaces_.emplace_back(*this, std::move(name)); }
  Interface* interface(std::string_view name);
  /// A prefix that has a route already is led elsewhere.
  void route(const Prefix& prefix, Interface& to);
  void no_route(const Prefix& prefix);

  void receive(Packet packet, Interface& at) override;
  TrafficTable& traffic() { return traffic_; }
  const std::string& name() const { return name_; }

 private:
  Interface* way_to(const IpAddress& address);

  std::string name_;
  IpAddress address_;  // from which it reports errors
  std::deque<Interface> interfaces_;
  std::map<std::pair<bool, unsigned>, std::map<IpAddress, Interface*>, std::greater<>> routes_;  // by family and length, longest first
  TrafficTable traffic_;
};

/// IPv4 subnets here are /24s, whose last address is everybody's.
class Switch : public Node {
 public:
  enum class Between { hosts_too, default_only };  // default_only: clients are isolated from one another, as in guest networks

  explicit Switch(std::string name, Between between = Between::hosts_too) : name_(std::move(name)), between_(between) {}

  Interface& add_interface(std::string name) { return interfaces_.emplace_back(*this, std::move(name)); }
  Interface* interface(std::string_view name);
  void plug(const IpAddress& address, Interface& host) { hosts_[address] = &host; }
  /// Where everything goes that is for nobody here.
  void set_default(Interface& gateway) { default_ = &gateway; }

  /// To its host; multicast and broadcast to all others; everything else to the default. The TTL stays as it is.
  void receive(Packet packet, Interface& at) override;
  TrafficTable& traffic() { return traffic_; }
  const std::string& name() const { return name_; }

 private:
  bool is_broadcast(const IpAddress& address) const;
  void forward(Packet packet, Interface& from, Interface& to);

  std::string name_;
  Between between_;
  std::deque<Interface> interfaces_;
  std::map<IpAddress, Interface*> hosts_;
  Interface* default_ = nullptr;
  TrafficTable traffic_;
};

}  // namespace pshare::sim
