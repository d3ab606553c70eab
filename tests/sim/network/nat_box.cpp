#include "network/nat_box.hpp"

#include <algorithm>
#include <utility>

namespace pshare::sim {
namespace {

/// An echo has one identifier: whichever end of a flow gets another one, the other end gets it too.
void put_from(Flow& flow, const Endpoint& endpoint) {
  flow.from = endpoint;
  if (flow.protocol == Protocol::icmp_echo) flow.to.port = endpoint.port;
}

void put_to(Flow& flow, const Endpoint& endpoint) {
  flow.to = endpoint;
  if (flow.protocol == Protocol::icmp_echo) flow.from.port = endpoint.port;
}

/// Of an echo, only the address says who the other one is.
Endpoint remote_end(Protocol protocol, Endpoint endpoint) {
  if (protocol == Protocol::icmp_echo) endpoint.port = {};
  return endpoint;
}

bool opens_connection(const Packet& packet) { return packet.flow.protocol == Protocol::tcp && packet.tcp.opens(); }

}  // namespace

NatBox::NatBox(NatBehaviour behaviour, Random& random, TimePoint now)
    : behaviour_(std::move(behaviour)), latest_(now), ports_(behaviour_, random, now), mappings_(behaviour_, ports_) {}

void NatBox::receive(Side at, Packet packet, TimePoint now) {
  expire(now);
  if (is_multicast(packet.flow.to.address)) return;
  const bool inside = at == Side::inside;
  if (packet.error) return inside ? error_outbound(std::move(packet), now) : error_inbound(std::move(packet), now);
  return inside ? outbound(std::move(packet), now) : inbound(std::move(packet), now, std::nullopt);
}

std::optional<NatBox::Action> NatBox::take() {
  if (actions_.empty()) return std::nullopt;
  auto next = std::move(actions_.front());
  actions_.pop_front();
  return next;
}

// Time.

void NatBox::expire(TimePoint now) {
  latest_ = std::max(latest_, now);
  mappings_.expire(now);
  const auto ended = [now](const Rule& rule) { return rule.ends_at && *rule.ends_at <= now; };
  for (auto at = std::ranges::find_if(rules_, ended); at != rules_.end(); at = std::ranges::find_if(rules_, ended)) {
    remove_rule(at->protocol, at->external);
  }
  while (!late_refusals_.empty() && late_refusals_.front().at <= now) {
    const auto syn = std::move(late_refusals_.front().syn);
    call_off_refusal(syn.flow);
    answer(error_about(syn, IcmpError::Kind::port_unreachable, syn.flow.to.address), now);  // REQ-4 names this kind
  }
}

std::optional<TimePoint> NatBox::deadline() const {
  std::optional<TimePoint> next;
  const auto consider = [&next](TimePoint when) { next = next ? std::min(*next, when) : when; };
  if (!late_refusals_.empty()) consider(late_refusals_.front().at);
  for (const auto& rule : rules_) {
    if (rule.ends_at) consider(*rule.ends_at);
  }
  return next;
}

// From inside.

bool NatBox::may_leave(const Packet& packet) const {
  switch (packet.flow.protocol) {
    case Protocol::udp: return behaviour_.lets_udp_out;
    case Protocol::tcp: return !packet.tcp.opens() || !behaviour_.tcp_ports_out || behaviour_.tcp_ports_out->contains(packet.flow.to.port);
    case Protocol::icmp_echo: break;
  }
  return true;
}

void NatBox::outbound(Packet packet, TimePoint now) {
  const auto inner = packet.flow;
  const auto remote = remote_end(inner.protocol, inner.to);
  const bool to_itself = ports_.is_own(inner.to.address);
  if (to_itself && (behaviour_.hairpinning == Hairpinning::none || inner.protocol == Protocol::icmp_echo)) return;
  if (!may_leave(packet)) return;

  auto* mapping = mappings_.by_flow({inner.protocol, inner.from, remote}, now);
  if (mapping == nullptr) {
    if ((inner.protocol == Protocol::tcp && !packet.tcp.opens()) || packet.echo_reply) return;
    mapping = mapping_for({inner.protocol, inner.from, remote}, now);
    if (mapping == nullptr) return;
  }
  auto& session = mappings_.session(*mapping, remote, now);
  session.admitted = true;
  if (inner.protocol == Protocol::tcp) session.connection.see(Side::inside, packet.tcp);
  mappings_.refresh(*mapping, session, now);
  put_from(packet.flow, mapping->external);
  if (packet.tcp.rst && behaviour_.reset_ends_mapping) mappings_.end_session(*mapping, remote);
  if (opens_connection(packet)) call_off_refusal(packet.flow.reversed());

  if (to_itself) return inbound(std::move(packet), now, inner.from);
  send(Side::outside, std::move(packet));
}

NatMapping* NatBox::mapping_for(const Flow& flow, TimePoint now) {
  Flow key{flow.protocol, flow.from, {}};
  if (flow.from.address.is_v6()) {
    if (auto* const known = mappings_.by_external(flow.protocol, flow.from)) return known;
    return make_room() ? &mappings_.add(flow.protocol, flow.from, flow.from, key, now) : nullptr;
  }
  const auto dependence = axes(flow.protocol).mapping;
  if (dependence != Dependence::endpoint_independent) key.to.address = flow.to.address;
  if (dependence == Dependence::address_and_port_dependent) key.to.port = flow.to.port;

  auto* known = mapping_of_rule(flow.protocol, flow.from);
  if (known == nullptr) known = mappings_.by_key(key);
  const auto claimed = [&](const Endpoint& external) { return is_claimed(external, flow.to, now); };
  if (known != nullptr && (flow.protocol != Protocol::udp || !claimed(known->external))) return known;

  if (!make_room()) return nullptr;
  auto external = ports_.choose(flow.protocol, flow.from, now);
  // A port that an early packet has claimed is only of no use for this one flow: other flows of the inner endpoint may have it.
  bool for_this_flow_only = known != nullptr;
  if (external && flow.protocol == Protocol::udp && claimed(*external)) {
    external = ports_.choose(flow.protocol, flow.from, now, claimed);
    for_this_flow_only = true;
  }
  if (!external) return nullptr;
  return &mappings_.add(flow.protocol, flow.from, *external, for_this_flow_only ? std::nullopt : std::optional{key}, now);
}

NatBehaviour::Axes NatBox::axes(Protocol protocol) const {
  auto axes = protocol == Protocol::tcp ? behaviour_.tcp.value_or(behaviour_.udp) : behaviour_.udp;
  if (protocol == Protocol::icmp_echo) axes.mapping = Dependence::endpoint_independent;
  return axes;
}

bool NatBox::make_room() {
  if (mappings_.size() < behaviour_.table_limit) return true;
  if (behaviour_.table_full == TableFull::refuses || mappings_.size() == 0) return false;
  mappings_.evict_oldest();
  return true;
}

// From outside, and from inside by way of the own address.

void NatBox::inbound(Packet packet, TimePoint now, const std::optional<Endpoint>& hairpinned_from) {
  const auto protocol = packet.flow.protocol;
  const auto remote = remote_end(protocol, packet.flow.from);
  if (packet.flow.to.address.is_v4() && !ports_.is_own(packet.flow.to.address)) return;
  auto* mapping = mappings_.by_external(protocol, packet.flow.to);
  if (mapping == nullptr) mapping = mapping_for_dmz(packet, now);
  if (mapping == nullptr || !lets_in(*mapping, packet, now)) return refuse(std::move(packet), now);

  auto& session = mappings_.session(*mapping, remote, now);
  session.answered = mapping->answered = true;
  if (protocol == Protocol::tcp) session.connection.see(Side::outside, packet.tcp);
  if (protocol == Protocol::tcp || behaviour_.refresh == Refresh::both_directions) {
    session.admitted = true;
    mappings_.refresh(*mapping, session, now);
  }
  put_to(packet.flow, mapping->internal);
  if (packet.tcp.rst && behaviour_.reset_ends_mapping) mappings_.end_session(*mapping, remote);

  if (hairpinned_from && behaviour_.hairpinning == Hairpinning::internal_source) packet.flow.from = *hairpinned_from;
  send(Side::inside, std::move(packet));
}

bool NatBox::lets_in(NatMapping& mapping, const Packet& packet, TimePoint now) {
  const auto remote = remote_end(packet.flow.protocol, packet.flow.from);
  if (packet.flow.protocol != Protocol::tcp) return filter_passes(mapping, remote, now);
  const auto* const session = mappings_.live_session(mapping, remote, now);
  if (session == nullptr) return packet.tcp.opens() && filter_passes(mapping, remote, now);
  return !packet.tcp.opens() || behaviour_.simultaneous_open || session->connection.opened_by() != Side::inside;
}

bool NatBox::filter_passes(NatMapping& mapping, const Endpoint& remote, TimePoint now) {
  if (mapping.permanent || mapping.internal.address == behaviour_.dmz) return true;
  switch (axes(mapping.protocol).filtering) {
    case Dependence::endpoint_independent: return true;
    case Dependence::address_dependent: return mappings_.admits_address(mapping, remote.address, now);
    case Dependence::address_and_port_dependent: break;
  }
  const auto* const session = mappings_.live_session(mapping, remote, now);
  return session != nullptr && session->admitted;
}

NatMapping* NatBox::mapping_for_dmz(const Packet& packet, TimePoint now) {
  const auto& [protocol, from, to] = packet.flow;
  if (!behaviour_.dmz || to.address.is_v6()) return nullptr;
  if ((protocol == Protocol::tcp && !packet.tcp.opens()) || !make_room()) return nullptr;
  return &mappings_.add(protocol, {*behaviour_.dmz, to.port}, to, std::nullopt, now);
}

// What nobody asked for.

void NatBox::refuse(Packet packet, TimePoint now) {
  if (packet.flow.protocol == Protocol::udp && behaviour_.early_packet_claims_port) claim(packet.flow, now);
  if (!opens_connection(packet)) return;
  switch (behaviour_.unsolicited_syn) {
    case UnsolicitedSyn::silence: return;
    case UnsolicitedSyn::reset: return answer(reset_for(packet), now);
    case UnsolicitedSyn::icmp: return answer(error_about(packet, IcmpError::Kind::prohibited, packet.flow.to.address), now);
    case UnsolicitedSyn::icmp_after_wait: {
      const auto flow = packet.flow;
      if (late_refusal_of_.contains(flow)) return;  // sent again; the answer to the first is the answer to both
      late_refusals_.push_back({now + unsolicited_syn_wait, std::move(packet)});
      late_refusal_of_[flow] = std::prev(late_refusals_.end());
    }
  }
}

void NatBox::answer(std::optional<Packet> reply, TimePoint now) {
  if (!reply) return;
  if (!ports_.is_own(reply->flow.to.address)) return send(Side::outside, *std::move(reply));
  // It was an inner host that came by way of the own address.
  return reply->error ? error_inbound(*std::move(reply), now) : inbound(*std::move(reply), now, std::nullopt);
}

void NatBox::call_off_refusal(const Flow& syn) {
  const auto waiting = late_refusal_of_.find(syn);
  if (waiting == late_refusal_of_.end()) return;
  late_refusals_.erase(waiting->second);
  late_refusal_of_.erase(waiting);
}

void NatBox::claim(const Flow& early, TimePoint now) {
  claims_[early.reversed()] = now + *behaviour_.early_packet_claims_port;
  if (claims_.size() < claims_to_look_at_) return;
  std::erase_if(claims_, [now](const auto& entry) { return entry.second <= now; });
  claims_to_look_at_ = std::max<std::size_t>(64, 2 * claims_.size());
}

bool NatBox::is_claimed(const Endpoint& external, const Endpoint& remote, TimePoint now) const {
  const auto known = claims_.find({Protocol::udp, external, remote});
  return known != claims_.end() && now < known->second;
}

// Errors. They change nothing: no mapping begins, lasts longer or ends by one.

void NatBox::error_outbound(Packet packet, TimePoint now) {
  auto& quoted = packet.error->quoted;  // it came in, so its inner end is its destination
  const auto* const mapping = mappings_.by_flow({quoted.protocol, quoted.to, remote_end(quoted.protocol, quoted.from)}, now);
  if (mapping == nullptr) return;
  put_to(quoted, mapping->external);
  // Whoever reports it, the inner host itself or a router before it: outside there is one address for both.
  if (mapping->external.address.is_v4()) packet.flow.from.address = mapping->external.address;
  if (ports_.is_own(packet.flow.to.address)) return error_inbound(std::move(packet), now);
  send(Side::outside, std::move(packet));
}

void NatBox::error_inbound(Packet packet, TimePoint now) {
  auto& quoted = packet.error->quoted;  // it went out, so the inner end is its source
  auto* const mapping = mappings_.by_external(quoted.protocol, quoted.from);
  if (mapping == nullptr || mappings_.live_session(*mapping, remote_end(quoted.protocol, quoted.to), now) == nullptr) return;
  put_from(quoted, mapping->internal);
  packet.flow.to.address = mapping->internal.address;
  send(Side::inside, std::move(packet));
}

// Rules.

bool NatBox::add_rule(const Rule& rule, TimePoint now) {
  expire(now);
  const auto same_port = [&](const Rule& other) { return other.protocol == rule.protocol && other.external == rule.external; };
  const auto known = std::ranges::find_if(rules_, same_port);
  if (known != rules_.end()) {
    if (known->internal != rule.internal) return false;
    known->ends_at = rule.ends_at;
    return true;
  }
  if (rule.internal.address.is_v6() || !place(rule)) return false;
  rules_.push_back(rule);
  return true;
}

bool NatBox::place(const Rule& rule) {
  const auto address = ports_.address_of(rule.internal.address);
  if (!address) return false;
  const Endpoint external{*address, rule.external};
  auto* mapping = mappings_.by_external(rule.protocol, external);
  if (mapping != nullptr && mapping->internal != rule.internal) return false;
  if (mapping == nullptr) mapping = &mappings_.add(rule.protocol, rule.internal, external, std::nullopt, latest_);
  mappings_.make_permanent(*mapping);
  return true;
}

void NatBox::remove_rule(Protocol protocol, Port external) {
  const auto known = std::ranges::find_if(rules_, [&](const Rule& rule) { return rule.protocol == protocol && rule.external == external; });
  if (known == rules_.end()) return;
  const auto address = ports_.address_of(known->internal.address);
  rules_.erase(known);
  auto* const mapping = address ? mappings_.by_external(protocol, {*address, external}) : nullptr;
  if (mapping != nullptr) mappings_.make_ordinary(*mapping);
}

std::optional<NatBox::Rule> NatBox::rule(Protocol protocol, Port external) const {
  const auto known = std::ranges::find_if(rules_, [&](const Rule& rule) { return rule.protocol == protocol && rule.external == external; });
  return known == rules_.end() ? std::nullopt : std::optional{*known};
}

NatMapping* NatBox::mapping_of_rule(Protocol protocol, const Endpoint& internal) {
  const auto known = std::ranges::find_if(rules_, [&](const Rule& rule) { return rule.protocol == protocol && rule.internal == internal; });
  const auto address = known == rules_.end() ? std::nullopt : ports_.address_of(internal.address);
  return address ? mappings_.by_external(protocol, {*address, known->external}) : nullptr;
}

// Upheavals.

void NatBox::reboot(TimePoint now) {
  expire(now);
  rules_.clear();
  mappings_.clear();
  ports_.reboot(now);
  forget_strangers();
}

void NatBox::change_external(std::vector<IpAddress> addresses, TimePoint now) {
  expire(now);
  behaviour_.external = std::move(addresses);
  renumber();
}

void NatBox::change(NatBehaviour behaviour) {
  const bool moves = behaviour.external != behaviour_.external || behaviour.pooling != behaviour_.pooling;
  behaviour_ = std::move(behaviour);
  if (moves) renumber();
  mappings_.look_at_all();
}

void NatBox::renumber() {
  mappings_.remove_translating();
  ports_.renumber();
  forget_strangers();
  // The ports of all rules are different ones, so each finds its place, unless there is no address at all.
  for (const auto& rule : rules_) place(rule);
}

void NatBox::forget_strangers() {
  late_refusals_.clear();
  late_refusal_of_.clear();
  claims_.clear();
}

}  // namespace pshare::sim
