// A NAT with every axis of RFC 4787 (UDP) and RFC 5382 (TCP) on its own, as a core: packets go in on one side with the time, and come
// out translated, answered, or not at all. For IPv6 it is a stateful firewall that translates nothing (RFC 6092). The simulator and
// the kernel laboratory run this same class.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "network/packet.hpp"
#include "wire/random.hpp"
#include "wire/time.hpp"

namespace pshare::sim {

/// What a mapping or a filter depends on, besides the inner endpoint (RFC 4787 sections 4.1 and 5).
enum class Dependence { endpoint_independent, address_dependent, address_and_port_dependent };

/// How external ports are chosen (RFC 4787 section 4.2).
enum class PortChoice {
  preserving,  // the inner port where it is free, else the next free one
  sequential,  // a counter that goes on by `port_step`
  random,
};

enum class Hairpinning {
  none,
  internal_source,  // the receiver sees the sender's inner endpoint (RFC 4787 section 6 advises against it)
  external_source,  // and here its external one
};

/// Which of several external addresses a mapping gets (RFC 4787 section 4.1).
enum class Pooling { paired, arbitrary };

/// Which packets keep a mapping alive (RFC 4787 section 4.3).
enum class Refresh { outbound, both_directions };

/// What a SYN gets that nobody asked for (RFC 5382 section 4.3).
enum class UnsolicitedSyn { silence, reset, icmp, icmp_after_wait };

/// What a new mapping gets when the table is full.
enum class TableFull { refuses, evicts_oldest };

/// RFC 5382 section 4.3, REQ-4: how long a NAT waits for the inner host's own SYN before it says that nobody wants this one.
inline constexpr Duration unsolicited_syn_wait = std::chrono::seconds{6};

struct NatBehaviour {
  struct Axes {
    Dependence mapping = Dependence::endpoint_independent;
    Dependence filtering = Dependence::address_and_port_dependent;
  };
  Axes udp{};
  std::optional<Axes> tcp{};                        // nothing: as for UDP
  PortChoice ports = PortChoice::preserving;
  unsigned port_step = 1;                           // sequential
  double other_traffic = 0;                         // sequential: ports that other people take each second
  Port first_port{1024}, last_port{65535};          // what it chooses from
  std::uint16_t block = 0;                          // each inner address has so many ports of its own (a carrier's customer); 0: all share
  std::vector<IpAddress> external{};                // its addresses outside (IPv4); at least one unless it only ever sees IPv6
  Pooling pooling = Pooling::paired;
  Hairpinning hairpinning = Hairpinning::none;
  Duration udp_lifetime = std::chrono::seconds{120};
  std::optional<Duration> udp_unanswered_lifetime{};  // before the first packet from outside (Linux: 30 s); nothing: the same
  Refresh refresh = Refresh::outbound;
  Duration tcp_established_lifetime = std::chrono::hours{2} + std::chrono::minutes{4};  // RFC 5382 REQ-5
  Duration tcp_transitory_lifetime = std::chrono::minutes{4};
  UnsolicitedSyn unsolicited_syn = UnsolicitedSyn::silence;
  bool simultaneous_open = true;                    // false: a SYN that meets ours is as good as unsolicited
  /// Linux without a firewall: a UDP packet that nobody asked for is remembered as a flow to the router itself, for as long from its
  /// last packet; and what an inner host then sends to its sender has to leave from another port. nat-lessons: "early packet".
  std::optional<Duration> early_packet_claims_port{};
  bool reset_ends_mapping = false;                  // a reset from either side makes it forget at once
  std::size_t table_limit = 65536;                  // mappings
  TableFull table_full = TableFull::refuses;
  bool lets_udp_out = true;
  std::optional<std::set<Port>> tcp_ports_out{};    // nothing: all
  std::optional<IpAddress> dmz{};                   // an inner host that gets whatever nobody asked for, at the same port
};

class NatBox {
 public:
  enum class Side { inside, outside };
  struct Send { Side to; Packet packet; };
  using Action = Send;

  /// A rule made by request (PCP, NAT-PMP, UPnP, or by hand): what comes to `external` goes to `internal`, whoever sends it, and what
  /// `internal` sends leaves from `external`.
  struct Rule {
    Protocol protocol = Protocol::udp;
    Port external;
    Endpoint internal;
    std::optional<TimePoint> ends_at{};  // nothing: for ever
    friend bool operator==(const Rule&, const Rule&) = default;
  };

  /// `random` lives longer.
  NatBox(NatBehaviour behaviour, Random& random, TimePoint now);

  void receive(Side at, Packet packet, TimePoint now);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  /// False when the port is another's. The same rule again changes its end.
  bool add_rule(const Rule& rule, TimePoint now);
  void remove_rule(Protocol protocol, Port external);
  std::optional<Rule> rule(Protocol protocol, Port external) const;
  const std::vector<Rule>& rules() const { return rules_; }

  /// All mappings are forgotten. Rules made by request too, since that is what home routers do.
  void reboot(TimePoint now);
  /// The provider has given it other addresses: nothing that was mapped works any more.
  void change_external(std::vector<IpAddress> addresses, TimePoint now);
  const NatBehaviour& behaviour() const { return behaviour_; }
  void change(NatBehaviour behaviour) { behaviour_ = std::move(behaviour); }
  /// That live now.
  std::size_t mappings(TimePoint now) const;

 private:
  struct Key {  // what makes a packet from inside use the same mapping as an earlier one
    Protocol protocol;
    Endpoint internal;
    std::optional<IpAddress> to_address;  // set as far as the mapping depends on it
    std::optional<Port> to_port;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Session {  // what filtering knows of one remote endpoint
    TimePoint last_out;
    bool syn_out = false, syn_in = false, established = false, closing = false, answered = false;
  };
  struct Mapping {
    Key key;
    Endpoint external;
    TimePoint made_at, refreshed_at;
    std::map<Endpoint, Session> sessions;  // by remote endpoint
    bool permanent = false;                // by a rule
  };
  struct ExternalKey {
    Protocol protocol;
    Endpoint external;
    friend auto operator<=>(const ExternalKey&, const ExternalKey&) = default;
  };
  struct LateRefusal { TimePoint at; Packet syn; };

  void outbound(Packet packet, TimePoint now);
  void inbound(Packet packet, TimePoint now, std::optional<Endpoint> hairpinned_from);
  void error_outbound(Packet packet, TimePoint now);
  void error_inbound(Packet packet, TimePoint now);
  void refuse(const Packet& packet, TimePoint now);
  // … the helpers of the implementation

  NatBehaviour behaviour_;
  Random& random_;
  std::vector<Rule> rules_;
  std::deque<LateRefusal> late_refusals_;
  std::deque<Action> actions_;
};

}  // namespace pshare::sim
