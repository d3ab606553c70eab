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

/// What is known of ourselves.
struct Surroundings {
  std::vector<LocalAddress> addresses = {};
  Port listening = {};                     // for lanes, on every address
  std::optional<IpAddress> observed = {};  // where the server sees us
  std::optional<Port> manual = {};         // the user forwarded this port to us (--port)
  PeerHost peer_host = PeerHost::anywhere;
};

/// At most max_candidates TCP candidates, each endpoint once, the likeliest first: manual, then host by scope (global, private,
/// shared, link-local). Loopback only if the peer may be on this host, or if there is no other address at all.
std::vector<Candidate> gather(const Surroundings& surroundings);

}  // namespace pshare
