// What packets pass through between two boxes: a line in each direction with delay, jitter, rate, queue and loss, a number of routers
// (so that a packet with a small TTL dies on the way), and the largest packet that fits. A box has interfaces, and a wire joins two.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "link.hpp"
#include "network/packet.hpp"

namespace pshare::sim {

class Interface;
class Wire;

/// A box that packets reach. It outlives the events that it planned.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  virtual ~Node() = default;
  virtual void receive(Packet packet, Interface& at) = 0;
};

/// Where a box meets a wire. Not plugged in, it swallows what is sent.
class Interface {
 public:
  Interface(Node& owner, std::string name) : owner_(owner), name_(std::move(name)) {}
  Interface(const Interface&) = delete;

  const std::string& name() const { return name_; }
  void send(Packet packet);
  void receive(Packet packet) { owner_.receive(std::move(packet), *this); }

 private:
  friend class Wire;
  Node& owner_;
  std::string name_;
  Wire* wire_ = nullptr;
};

class Wire {
 public:
  struct Settings {
    DatagramLink::Settings there{}, back{};  // from the first interface to the second, and the other way
    unsigned hops = 0;                       // routers on the way, each of which takes one off the TTL
    std::uint32_t mtu = 1500;
    bool reports_mtu = true;                 // "packet too big" for what does not fit; else it just vanishes (a black hole)
    IpAddress routers{IpAddress::V4{std::byte{81}, std::byte{2}, std::byte{64}, std::byte{1}}};  // who reports deaths on the way
  };
  struct Traffic { std::uint64_t packets = 0, bytes = 0; };

  /// Settings alike in both directions.
  static Settings both_ways(DatagramLink::Settings line, unsigned hops = 0);

  Wire(EventQueue& events, Random& random, Interface& first, Interface& second, Settings settings);
  ~Wire();

  void cut() { cut_ = true; }
  void mend() { cut_ = false; }
  /// From now on; what is under way arrives as planned.
  void change(const Settings& settings);
  const Settings& settings() const { return settings_; }
  /// By loss, by a full queue, or because the wire was cut.
  std::uint64_t dropped() const { return there_.dropped() + back_.dropped() + lost_at_cut_; }
  /// What was put on the wire by its first and by its second interface.
  Traffic there() const { return traffic_there_; }
  Traffic back() const { return traffic_back_; }
  /// What was dropped is forgotten too.
  void reset_traffic();

 private:
  friend class Interface;
  void send(Packet packet, Interface& from);

  EventQueue& events_;
  Interface& first_;
  Interface& second_;
  Settings settings_;
  DatagramLink there_, back_;
  Traffic traffic_there_, traffic_back_;
  std::uint64_t lost_at_cut_ = 0;
  bool cut_ = false;
};

}  // namespace pshare::sim
