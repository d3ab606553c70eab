// How a NAT behaves: every axis of RFC 4787 (UDP) and RFC 5382 (TCP) on its own, and some habits that neither knows. Named sets are
// in nat_presets.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "wire/address.hpp"
#include "wire/time.hpp"

namespace pshare::sim {

/// What a mapping or a filter depends on, besides the inner endpoint (RFC 4787 sections 4.1 and 5).
enum class Dependence { endpoint_independent, address_dependent, address_and_port_dependent };

/// How external ports are chosen (RFC 4787 section 4.2).
enum class PortChoice {
  preserving,  // the inner port where it is free, else the next free one
  sequential,  // a counter that starts at the first port and goes on by `port_step`
  random,
};

enum class Hairpinning {
  none,             // RFC 4787 REQ-9 demands it, many have none
  internal_source,  // the receiver sees the sender's inner endpoint (RFC 4787 REQ-9a forbids it, some do)
  external_source,  // and here its external one
};

/// Which of several external addresses a mapping gets (RFC 4787 section 4.1).
enum class Pooling {
  paired,     // all of an inner address get the same one
  arbitrary,  // one after the other
};

/// Which packets keep a UDP mapping alive (RFC 4787 section 4.3), those that a filter drops aside. A TCP connection is kept by either
/// side's.
enum class Refresh { outbound, both_directions };

/// What a SYN gets that nobody asked for (RFC 5382 section 4.3).
enum class UnsolicitedSyn {
  silence,
  reset,
  icmp,             // "prohibited", at once
  icmp_after_wait,  // "port unreachable", unless the inner host's own SYN comes within unsolicited_syn_wait
};

/// What a new mapping gets when the table is full.
enum class TableFull {
  refuses,
  evicts_oldest,  // the place of the mapping that nothing has refreshed for the longest time
};

/// RFC 5382 section 4.3, REQ-4: how long a NAT waits for the inner host's own SYN before it says that nobody wants this one.
inline constexpr Duration unsolicited_syn_wait = std::chrono::seconds{6};

struct NatBehaviour {
  struct Axes {
    Dependence mapping = Dependence::endpoint_independent;
    Dependence filtering = Dependence::address_and_port_dependent;
  };
  Axes udp{};                                       // echoes are filtered so too; their mapping is endpoint-independent
  std::optional<Axes> tcp{};                        // nothing: as for UDP
  PortChoice ports = PortChoice::preserving;
  unsigned port_step = 1;                           // sequential
  double other_traffic = 0;                         // sequential, without blocks: ports that other people take each second, for a moment
  Port first_port{1024}, last_port{65535};          // what it chooses from
  std::uint16_t block = 0;                          // each inner address has so many ports of its own (a carrier's customer); 0: all share
  std::vector<IpAddress> external{};                // its addresses outside (IPv4); at least one unless it only ever sees IPv6
  Pooling pooling = Pooling::paired;
  Hairpinning hairpinning = Hairpinning::none;
  Duration udp_lifetime = std::chrono::seconds{120};
  std::optional<Duration> udp_unanswered_lifetime{};  // before the first packet from outside (Linux: 30 s); nothing: the same
  Refresh refresh = Refresh::outbound;
  Duration tcp_established_lifetime = std::chrono::hours{2} + std::chrono::minutes{4};  // RFC 5382 REQ-5
  Duration tcp_transitory_lifetime = std::chrono::minutes{4};                           // opening, closing, reset
  UnsolicitedSyn unsolicited_syn = UnsolicitedSyn::silence;
  bool simultaneous_open = true;                    // false: a SYN that meets ours is as good as unsolicited, whatever the filter says
  /// Linux without a firewall: a UDP packet that nobody asked for is remembered as a flow to the router itself, for as long from its
  /// last packet; and what an inner host then sends to its sender has to leave from another port.
  std::optional<Duration> early_packet_claims_port{};
  bool reset_ends_mapping = false;                  // a reset from either side makes it forget that connection at once, and with the last
                                                    // connection the mapping
  std::size_t table_limit = 65536;                  // mappings, those of rules not counted
  TableFull table_full = TableFull::refuses;
  bool lets_udp_out = true;
  std::optional<std::set<Port>> tcp_ports_out{};    // to which connections may be opened from inside; nothing: all
  std::optional<IpAddress> dmz{};                   // an inner host that gets whatever nobody asked for, at the same port
};

}  // namespace pshare::sim
