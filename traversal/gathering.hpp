// Which candidates we have to offer (RFC 8445 section 5.1.1), from what is known by now. Pure: whoever learns an address calls again.
#pragma once

#include <optional>
#include <vector>

#include "wire/address.hpp"
#include "wire/candidate.hpp"

namespace pshare {

/// An address of one of our interfaces.
struct LocalAddress {
  IpAddress address;
  unsigned prefix_length = 0;  // of its subnet
  unsigned zone = 0;           // the interface, as sockets number it
  friend bool operator==(const LocalAddress&, const LocalAddress&) = default;
};

/// Where the peer may be, as far as loopback addresses are concerned.
enum class PeerHost {
  anywhere,
  may_be_this,  // the server is reached over loopback, so the peer may be on this very host
};

/// A port that a router forwards to us because we asked it to.
struct ForwardedPort {
  Transport transport = Transport::tcp;
  Endpoint external = {};
  bool beyond_another_nat = false;  // the router itself is behind a NAT: only who is behind that one too can reach it
  friend bool operator==(const ForwardedPort&, const ForwardedPort&) = default;
};

/// What is known of ourselves.
struct Surroundings {
  std::vector<LocalAddress> addresses = {};
  Port listening = {};                     // for lanes over TCP, on every address
  std::optional<Port> udp = {};            // for lanes over UDP
  std::optional<IpAddress> observed = {};  // where the server sees us
  std::optional<Port> manual = {};         // the user forwarded this port to us (--port)
  PeerHost peer_host = PeerHost::anywhere;
  std::optional<Endpoint> reflexive_tcp = {}, reflexive_udp = {};        // of those ports, as a server on the internet sees them: IPv4
  std::optional<Endpoint> reflexive_tcp_v6 = {}, reflexive_udp_v6 = {};  // and IPv6
  std::vector<ForwardedPort> mapped = {};
  std::optional<IpAddress> router_wan = {};  // of a router that forwards nothing
  bool tcp_allowed = true, udp_allowed = true;  // --transport
  bool direct_allowed = true;                   // --tiers. Without it our own addresses stay unsaid: the peer would dial them
};

/// At most max_candidates, each endpoint once for each transport, the most useful first: manual, global host, mapped, server-reflexive, then
/// the other host addresses by scope (private, shared, link-local), and what only a peer behind the same carrier can reach: ports mapped
/// beyond another NAT, and our own port at the router's address, since most routers keep a port's number if they can. Those last ones
/// keep their place on machines with many interfaces. Loopback only if the peer may be on this host, or if there is no other address at all.
std::vector<Candidate> gather(const Surroundings& surroundings);

}  // namespace pshare
