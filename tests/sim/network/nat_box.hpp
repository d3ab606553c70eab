// A NAT with every axis of RFC 4787 (UDP) and RFC 5382 (TCP) on its own, as a core: packets go in on one side with the time, and come
// out translated, answered, or not at all. For IPv6 it is a stateful firewall that translates nothing (RFC 6092), with the same filters
// and timers. The simulator and the kernel laboratory run this same class. It looks at no TTL, keeps size and body as they are, and
// routes nothing: that is for the box around it.
//
// What the RFCs leave open, decided here:
// - A TCP segment that belongs to no known connection, and opens none, is dropped on either side, and so is an echo reply. (Linux picks
//   such connections up again, after a reboot for instance; stricter boxes do not.) A connection that was cut off ends by timeout.
// - A reset ends one connection, not others of the same mapping.
// - A flow stays with the mapping that it began with, even when a rule made later would lead it elsewhere.
// - An echo request to one of the own addresses is for the box itself, and never comes back inside.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "network/nat_behaviour.hpp"
#include "network/nat_mappings.hpp"
#include "network/nat_ports.hpp"
#include "network/packet.hpp"
#include "wire/random.hpp"
#include "wire/time.hpp"

namespace pshare::sim {

class NatBox {
 public:
  using Side = NatSide;
  struct Send { Side to; Packet packet; };
  using Action = Send;

  /// A rule made by request (PCP, NAT-PMP, UPnP, or by hand), for IPv4: what comes to `external` goes to `internal`, whoever sends it,
  /// and what `internal` sends leaves from `external`.
  struct Rule {
    Protocol protocol = Protocol::udp;
    Port external;
    Endpoint internal;
    std::optional<TimePoint> ends_at{};  // nothing: for ever
    friend bool operator==(const Rule&, const Rule&) = default;
  };

  /// `random` lives longer.
  NatBox(NatBehaviour behaviour, Random& random, TimePoint now);
  NatBox(const NatBox&) = delete;

  void receive(Side at, Packet packet, TimePoint now);
  void expire(TimePoint now);
  /// When a rule ends, or a SYN that had to wait is refused. Mappings need no deadline: each packet finds them as they are by then.
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  /// False when the port is another's, or there is no address to have it on. The same rule again changes its end.
  bool add_rule(const Rule& rule, TimePoint now);
  /// Strangers are kept out from now on; what goes through it already goes on, as any mapping would.
  void remove_rule(Protocol protocol, Port external);
  std::optional<Rule> rule(Protocol protocol, Port external) const;
  const std::vector<Rule>& rules() const { return rules_; }
  /// The address outside at which rules for `inner` are, for who has to tell it. Nothing: there is none.
  std::optional<IpAddress> external_address(const IpAddress& inner) { return ports_.address_of(inner); }

  /// All mappings are forgotten. Rules made by request too, since that is what home routers do.
  void reboot(TimePoint now);
  /// The provider has given it other addresses: nothing that was mapped works any more. Rules move to the new addresses.
  void change_external(std::vector<IpAddress> addresses, TimePoint now);
  const NatBehaviour& behaviour() const { return behaviour_; }
  /// From now on; mappings stay as they are, unless the addresses are others.
  void change(NatBehaviour behaviour);
  /// That live now. Those of rules are not counted.
  std::size_t mappings(TimePoint now) const { return mappings_.living(now); }

 private:
  struct LateRefusal { TimePoint at; Packet syn; };

  void outbound(Packet packet, TimePoint now);
  /// `hairpinned_from`: the inner endpoint of the sender, if it is inside as well.
  void inbound(Packet packet, TimePoint now, const std::optional<Endpoint>& hairpinned_from);
  void error_outbound(Packet packet, TimePoint now);
  void error_inbound(Packet packet, TimePoint now);

  NatBehaviour::Axes axes(Protocol protocol) const;
  bool may_leave(const Packet& packet) const;
  bool lets_in(NatMapping& mapping, const Packet& packet, TimePoint now);
  bool filter_passes(NatMapping& mapping, const Endpoint& remote, TimePoint now);
  NatMapping* mapping_for(const Flow& flow, TimePoint now);
  NatMapping* mapping_for_dmz(const Packet& packet, TimePoint now);
  NatMapping* mapping_of_rule(Protocol protocol, const Endpoint& internal);
  bool place(const Rule& rule);
  bool make_room();

  void refuse(Packet packet, TimePoint now);
  void answer(std::optional<Packet> reply, TimePoint now);
  void call_off_refusal(const Flow& syn);
  void claim(const Flow& early, TimePoint now);
  bool is_claimed(const Endpoint& external, const Endpoint& remote, TimePoint now) const;
  void renumber();
  void forget_strangers();
  void send(Side to, Packet packet) { actions_.push_back({to, std::move(packet)}); }

  NatBehaviour behaviour_;
  TimePoint latest_;  // that anything happened
  NatPorts ports_;
  NatMappings mappings_;
  std::vector<Rule> rules_;
  std::list<LateRefusal> late_refusals_;  // all wait equally long, so they are in order
  std::unordered_map<Flow, std::list<LateRefusal>::iterator, FlowHash> late_refusal_of_;
  std::unordered_map<Flow, TimePoint, FlowHash> claims_;  // of external endpoints by early packets, by remote endpoint: until when
  std::size_t claims_to_look_at_ = 64;                    // when there are so many, those that have ended are thrown out
  std::deque<Action> actions_;
};

}  // namespace pshare::sim
