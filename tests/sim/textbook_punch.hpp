// The hole punching of the textbooks, as traffic for the simulated internet: it proves that the world behaves, and measures how fast it
// runs. Each of two peers asks a server by STUN how it is seen, tells it so that the server can introduce the two, and both talk to the
// address they were told until each has heard the other. No prediction, no candidates of a LAN: not pshare's way.
#pragma once

#include <optional>

#include "network/machine.hpp"

namespace pshare::sim {

/// Answers STUN binding requests, and introduces the two that say hello: over UDP, and over TCP on the same port.
class Introducer {
 public:
  Introducer(Machine& machine, Port port);
  ~Introducer();
  Endpoint at(const IpAddress& address) const { return {address, port_}; }

 private:
  struct Guests;
  Port port_;
  std::unique_ptr<Guests> guests_;
};

struct PunchTimes {
  std::optional<Duration> left, right;  // since the beginning; nothing: it never heard the other
  bool connected() const { return left && right; }
};

/// Both begin now. Runs the world until both have heard each other, or for `patience`.
PunchTimes punch_udp(World& world, Machine& left, Machine& right, const Endpoint& introducer, Duration patience = std::chrono::seconds{5});
/// The same by TCP simultaneous open: listening and connecting from the port that the introducer has seen, again every 100 ms.
PunchTimes punch_tcp(World& world, Machine& left, Machine& right, const Endpoint& introducer, Duration patience = std::chrono::seconds{5});

}  // namespace pshare::sim
