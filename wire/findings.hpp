// What `pshare doctor --with NAME` asks a contact's program, and what that answers: kinds of networks, no addresses and no ports. Enough to say which tier
// the two will get (traversal/nat/prognosis.hpp). Signals like any other: sealed for the one, signed by the other; only contacts get an answer.
//
//   one who asks                          contact, who runs `pshare receive` or `pshare doctor --with`
//     | -- Inquiry{session} ----------------> |
//     | <- Findings{session, network} ------- |
#pragma once

#include <optional>

#include "wire/cbor.hpp"
#include "wire/ids.hpp"
#include "wire/nat.hpp"

namespace pshare {

/// How a NAT gives ports over one transport.
struct PortHabit {
  PortForecast::Kind kind = PortForecast::Kind::unknown;
  bool small_block = false;  // random, but out of a block of 1024 ports at most
  friend bool operator==(const PortHabit&, const PortHabit&) = default;
};

/// One side, as it knows itself.
struct NetworkFindings {
  PortHabit udp = {}, tcp = {};
  bool reachable = false;       // at an IPv4 address of its own or by a port that the user forwarded: the server has dialled it
  bool mapped = false;          // by a port that its router opened on request
  bool ipv6 = false;            // a global address, and nothing that speaks against it
  bool ipv6_reachable = false;  // and the server has dialled it
  friend bool operator==(const NetworkFindings&, const NetworkFindings&) = default;
};

struct Inquiry {
  SessionId session;
  friend bool operator==(const Inquiry&, const Inquiry&) = default;
};
struct Findings {
  SessionId session;
  NetworkFindings network;
  friend bool operator==(const Findings&, const Findings&) = default;
};

CborMap encode(const NetworkFindings& findings);
/// What is missing or unknown counts as not known, or no.
NetworkFindings findings_from(const CborMap& map);

}  // namespace pshare
