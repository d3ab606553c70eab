#include "traversal/gathering.hpp"

#include <algorithm>

namespace pshare {

namespace {

using enum Candidate::Type;

/// Place in the offer; the order matters when there are more than max_candidates.
int rank(Scope scope) {
  switch (scope) {
    case Scope::global: return 0;
    case Scope::private_use: return 1;
    case Scope::shared: return 2;
    case Scope::link_local: return 3;
    case Scope::loopback: return 4;
    case Scope::unusable: return 5;
  }
  return 5;
}

bool holds(const std::vector<Candidate>& candidates, Transport transport, const Endpoint& endpoint) {
  return std::any_of(candidates.begin(), candidates.end(),
                     [&](const Candidate& each) { return each.transport == transport && each.endpoint == endpoint; });
}

/// The candidates of one offer, in three parts: what comes first and last stays whatever there is between.
class Offered {
 public:
  Offered(const Surroundings& surroundings, bool loopback_counts) : surroundings_(surroundings), loopback_counts_(loopback_counts) {}

  void add(std::vector<Candidate>& part, Candidate::Type type, Transport transport, const Endpoint& endpoint) const {
    const bool allowed = transport == Transport::tcp ? surroundings_.tcp_allowed : surroundings_.udp_allowed;
    const auto scope = endpoint.address.scope();
    const bool kept_back = !surroundings_.direct_allowed && (type == host || type == manual);
    if (!allowed || kept_back || endpoint.port == Port{0} || scope == Scope::unusable || (scope == Scope::loopback && !loopback_counts_)) return;
    if (holds(first, transport, endpoint) || holds(middle, transport, endpoint) || holds(last, transport, endpoint)) return;
    part.push_back({.type = type, .transport = transport, .endpoint = endpoint});
  }
  /// That address with our own ports.
  void add_own(std::vector<Candidate>& part, Candidate::Type type, const IpAddress& address) const {
    add(part, type, Transport::tcp, {address, surroundings_.listening});
    if (surroundings_.udp) add(part, type, Transport::udp, {address, *surroundings_.udp});
  }

  std::vector<Candidate> whole() && {
    const auto fixed = first.size() + last.size();
    middle.resize(std::min(middle.size(), max_candidates - std::min(max_candidates, fixed)));
    auto out = std::move(first);
    out.insert(out.end(), middle.begin(), middle.end());
    out.insert(out.end(), last.begin(), last.end());
    out.resize(std::min(out.size(), max_candidates));
    return out;
  }

  std::vector<Candidate> first{}, middle{}, last{};

 private:
  const Surroundings& surroundings_;
  bool loopback_counts_;
};

}  // namespace

std::vector<Candidate> gather(const Surroundings& surroundings) {
  std::vector<IpAddress> hosts;
  for (const auto& each : surroundings.addresses)
    if (each.address.scope() != Scope::unusable) hosts.push_back(each.address);
  const bool loopback_alone =
      std::all_of(hosts.begin(), hosts.end(), [](const IpAddress& host) { return host.scope() == Scope::loopback; });
  std::stable_sort(hosts.begin(), hosts.end(),
                   [](const IpAddress& a, const IpAddress& b) { return rank(a.scope()) < rank(b.scope()); });

  Offered offered{surroundings, loopback_alone || surroundings.peer_host == PeerHost::may_be_this};
  // A forwarded port is one of the router's, and the router's address is where the server sees us.
  if (surroundings.manual && surroundings.observed) {
    offered.add(offered.first, manual, Transport::tcp, {*surroundings.observed, *surroundings.manual});
    if (surroundings.udp) offered.add(offered.first, manual, Transport::udp, {*surroundings.observed, *surroundings.manual});
  }
  for (const auto& address : hosts)
    if (address.scope() == Scope::global) offered.add_own(offered.first, host, address);
  for (const auto& each : surroundings.mapped)
    if (!each.beyond_another_nat) offered.add(offered.first, mapped, each.transport, each.external);
  // What equals an address of ours is no candidate of its own (RFC 8445 section 5.1.3): those are offered as what they are.
  const auto is_host = [&](const Endpoint& endpoint, std::optional<Port> port) {
    return endpoint.port == port && std::find(hosts.begin(), hosts.end(), endpoint.address) != hosts.end();
  };
  for (const auto& each : {surroundings.reflexive_udp_v6, surroundings.reflexive_udp})
    if (each && !is_host(*each, surroundings.udp)) offered.add(offered.first, server_reflexive, Transport::udp, *each);
  for (const auto& each : {surroundings.reflexive_tcp_v6, surroundings.reflexive_tcp})
    if (each && !is_host(*each, surroundings.listening)) offered.add(offered.first, server_reflexive, Transport::tcp, *each);
  for (const auto& address : hosts)
    if (address.scope() != Scope::global) offered.add_own(offered.middle, host, address);
  for (const auto& each : surroundings.mapped)
    if (each.beyond_another_nat) offered.add(offered.last, mapped, each.transport, each.external);
  if (const auto& wan = surroundings.router_wan) {
    // Where a server sees us at that very address, its port is known and need not be guessed.
    const auto seen = [&](const std::optional<Endpoint>& reflexive) { return reflexive && reflexive->address == *wan; };
    if (!seen(surroundings.reflexive_tcp)) offered.add(offered.last, server_reflexive, Transport::tcp, {*wan, surroundings.listening});
    if (surroundings.udp && !seen(surroundings.reflexive_udp)) offered.add(offered.last, server_reflexive, Transport::udp, {*wan, *surroundings.udp});
  }
  return std::move(offered).whole();
}

}  // namespace pshare
