#include "network/nat_mappings.hpp"

#include <algorithm>
#include <cstring>

namespace pshare::sim {

void TrackedConnection::see(NatSide from, const TcpHeader& tcp) {
  // A SYN begins a connection anew when there is none, or when the inner host has forgotten it. A stranger's cannot take one over.
  if (tcp.opens() && (!opened_by_ || ended() || (from == NatSide::inside && established()))) {
    *this = {};
    opened_by_ = from;
  }
  auto& seen = from == NatSide::inside ? inside_ : outside_;
  seen.syn |= tcp.syn, seen.ack |= tcp.ack, seen.fin |= tcp.fin;
  reset_ |= tcp.rst;
}

std::size_t FlowHash::operator()(const Flow& flow) const {
  auto sum = static_cast<std::uint64_t>(flow.protocol);
  const auto mix = [&sum](std::uint64_t number) {
    sum = (sum ^ number) * 0x9E3779B97F4A7C15u;  // Fibonacci hashing: 2^64 by the golden ratio
    sum ^= sum >> 32;
  };
  const auto mix_endpoint = [&mix](const Endpoint& endpoint) {
    const auto bytes = endpoint.address.bytes();
    std::uint64_t words[2] = {endpoint.port.number, 0};
    if (bytes.size() == 4) {
      std::uint32_t address = 0;
      std::memcpy(&address, bytes.data(), sizeof address);
      return mix(words[0] << 32 | address);
    }
    mix(words[0]);
    std::memcpy(words, bytes.data(), sizeof words);
    mix(words[0]), mix(words[1]);
  };
  mix_endpoint(flow.from), mix_endpoint(flow.to);
  return sum;
}

namespace {

NatMapping* found(const std::unordered_map<Flow, NatMapping*, FlowHash>& in, const Flow& flow) {
  const auto at = in.find(flow);
  return at == in.end() ? nullptr : at->second;
}

}  // namespace

Duration NatMappings::udp_lifetime(bool answered) const {
  // An answer never shortens it.
  const auto unanswered = std::min(behaviour_.udp_lifetime, behaviour_.udp_unanswered_lifetime.value_or(behaviour_.udp_lifetime));
  return answered ? behaviour_.udp_lifetime : unanswered;
}

Duration NatMappings::lifetime(const NatMapping& mapping, const NatSession& session) const {
  if (mapping.protocol != Protocol::tcp) return udp_lifetime(session.answered);
  const auto& connection = session.connection;
  return connection.established() && !connection.ended() ? behaviour_.tcp_established_lifetime : behaviour_.tcp_transitory_lifetime;
}

TimePoint NatMappings::ends_at(const NatMapping& mapping) const {
  if (mapping.protocol != Protocol::tcp) return mapping.refreshed_at + udp_lifetime(mapping.answered);
  auto last = TimePoint::min();
  for (const auto& [remote, session] : mapping.sessions) last = std::max(last, session.refreshed_at + lifetime(mapping, session));
  return last;
}

NatMapping* NatMappings::by_external(Protocol protocol, const Endpoint& external) { return found(by_external_, {protocol, external, {}}); }

NatMapping* NatMappings::by_key(const Flow& key) { return found(by_key_, key); }

NatMapping* NatMappings::by_flow(const Flow& flow, TimePoint now) {
  auto* const mapping = found(by_flow_, flow);
  return mapping != nullptr && live_session(*mapping, flow.to, now) != nullptr ? mapping : nullptr;
}

NatSession* NatMappings::live_session(NatMapping& mapping, const Endpoint& remote, TimePoint now) {
  const auto at = mapping.sessions.find(remote);
  return at != mapping.sessions.end() && lives(mapping, at->second, now) ? &at->second : nullptr;
}

bool NatMappings::admits_address(const NatMapping& mapping, const IpAddress& remote, TimePoint now) const {
  for (auto at = mapping.sessions.lower_bound({remote, {}}); at != mapping.sessions.end() && at->first.address == remote; ++at) {
    if (at->second.admitted && lives(mapping, at->second, now)) return true;
  }
  return false;
}

NatMapping& NatMappings::add(Protocol protocol, const Endpoint& internal, const Endpoint& external, const std::optional<Flow>& key,
                          TimePoint now) {
  auto& mapping = ordinary_.emplace_back();
  mapping.protocol = protocol, mapping.internal = internal, mapping.external = external;
  mapping.refreshed_at = now;
  mapping.self = std::prev(ordinary_.end());
  mapping.number = next_number_++;
  mapping.look_at = now + (protocol == Protocol::tcp ? behaviour_.tcp_transitory_lifetime : udp_lifetime(false));
  looks_.emplace(std::pair{mapping.look_at, mapping.number}, &mapping);
  by_external_[{protocol, external, {}}] = &mapping;
  mapping.key = key;
  if (key) by_key_[*key] = &mapping;
  if (external.address.is_v4()) ports_.take(protocol, external);
  return mapping;
}

NatSession& NatMappings::session(NatMapping& mapping, const Endpoint& remote, TimePoint now) {
  // What the inner host sends stays with the mapping that it has used so far, though others may lead from the remote endpoint to it.
  auto*& indexed = by_flow_[{mapping.protocol, mapping.internal, remote}];
  if (indexed != &mapping && (indexed == nullptr || live_session(*indexed, remote, now) == nullptr)) indexed = &mapping;
  if (auto* const live = live_session(mapping, remote, now)) return *live;
  auto& fresh = mapping.sessions[remote] = {};
  fresh.refreshed_at = now;
  return fresh;
}

void NatMappings::refresh(NatMapping& mapping, NatSession& session, TimePoint now) {
  mapping.refreshed_at = session.refreshed_at = now;
  auto& list = mapping.permanent ? permanent_ : ordinary_;
  list.splice(list.end(), list, mapping.self);
  // A connection that is over may end sooner than it would have. No other timer is ever shortened.
  const auto ends = now + lifetime(mapping, session);
  if (mapping.protocol == Protocol::tcp && ends < mapping.look_at) look_at(mapping, ends);
}

void NatMappings::end_session(NatMapping& mapping, const Endpoint& remote) {
  forget_flow(mapping, remote);
  mapping.sessions.erase(remote);
  if (mapping.sessions.empty() && !mapping.permanent) remove(mapping);
}

void NatMappings::make_permanent(NatMapping& mapping) {
  if (mapping.permanent) return;
  mapping.permanent = true;
  permanent_.splice(permanent_.end(), ordinary_, mapping.self);
}

void NatMappings::make_ordinary(NatMapping& mapping) {
  if (!mapping.permanent) return;
  mapping.permanent = false;
  ordinary_.splice(ordinary_.end(), permanent_, mapping.self);
  if (mapping.sessions.empty()) remove(mapping);
}

void NatMappings::expire(TimePoint now) {
  while (!looks_.empty() && looks_.begin()->first.first <= now) look(*looks_.begin()->second, now);
}

void NatMappings::look(NatMapping& mapping, TimePoint now) {
  const auto ends = ends_at(mapping);
  if (ends <= now && !mapping.permanent) return remove(mapping);
  std::erase_if(mapping.sessions, [&](const auto& entry) {
    const auto& [remote, session] = entry;
    if (lives(mapping, session, now)) return false;
    forget_flow(mapping, remote);
    return true;
  });
  look_at(mapping, ends > now ? ends : now + std::chrono::minutes{1});
}

void NatMappings::look_at(NatMapping& mapping, TimePoint when) {
  auto entry = looks_.extract({mapping.look_at, mapping.number});
  entry.key().first = mapping.look_at = when;
  looks_.insert(std::move(entry));
}

void NatMappings::look_at_all() {
  for (auto* const list : {&ordinary_, &permanent_}) {
    for (auto& mapping : *list) look_at(mapping, TimePoint::min());
  }
}

void NatMappings::forget_flow(const NatMapping& mapping, const Endpoint& remote) {
  const auto at = by_flow_.find({mapping.protocol, mapping.internal, remote});
  if (at != by_flow_.end() && at->second == &mapping) by_flow_.erase(at);
}

void NatMappings::remove(NatMapping& mapping) {
  for (const auto& [remote, session] : mapping.sessions) forget_flow(mapping, remote);
  looks_.erase({mapping.look_at, mapping.number});
  by_external_.erase({mapping.protocol, mapping.external, {}});
  if (mapping.key) by_key_.erase(*mapping.key);
  if (mapping.external.address.is_v4()) ports_.release(mapping.protocol, mapping.external);
  (mapping.permanent ? permanent_ : ordinary_).erase(mapping.self);
}

void NatMappings::remove_translating() {
  for (auto* const list : {&ordinary_, &permanent_}) {
    for (auto next = list->begin(); next != list->end();) {
      auto& mapping = *next++;
      if (mapping.external.address.is_v4()) remove(mapping);
    }
  }
}

void NatMappings::clear() {
  for (auto* const list : {&ordinary_, &permanent_}) {
    while (!list->empty()) remove(list->front());
  }
}

std::size_t NatMappings::living(TimePoint now) const {
  return static_cast<std::size_t>(std::ranges::count_if(ordinary_, [&](const NatMapping& mapping) { return ends_at(mapping) > now; }));
}

}  // namespace pshare::sim
