#include "traversal/gathering.hpp"

#include <algorithm>

namespace pshare {

namespace {

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

}  // namespace

std::vector<Candidate> gather(const Surroundings& surroundings) {
  std::vector<IpAddress> hosts;
  for (const auto& each : surroundings.addresses)
    if (each.address.scope() != Scope::unusable) hosts.push_back(each.address);
  const bool loopback_alone =
      std::all_of(hosts.begin(), hosts.end(), [](const IpAddress& host) { return host.scope() == Scope::loopback; });
  const bool loopback_counts = loopback_alone || surroundings.peer_host == PeerHost::may_be_this;
  std::erase_if(hosts, [&](const IpAddress& host) { return host.scope() == Scope::loopback && !loopback_counts; });
  std::stable_sort(hosts.begin(), hosts.end(),
                   [](const IpAddress& a, const IpAddress& b) { return rank(a.scope()) < rank(b.scope()); });

  std::vector<Candidate> out;
  const auto offer = [&](Candidate::Type type, const IpAddress& address, Port port) {
    const Candidate candidate{.type = type, .transport = Transport::tcp, .endpoint = {address, port}};
    const bool known = std::any_of(out.begin(), out.end(),
                                   [&](const Candidate& other) { return other.endpoint == candidate.endpoint; });
    if (!known && port != Port{0} && out.size() < max_candidates) out.push_back(candidate);
  };
  // A forwarded port is one of the router's, and the router's address is where the server sees us.
  const auto& observed = surroundings.observed;
  if (surroundings.manual && observed && (observed->scope() != Scope::loopback || loopback_counts))
    offer(Candidate::Type::manual, *observed, *surroundings.manual);
  for (const auto& host : hosts) offer(Candidate::Type::host, host, surroundings.listening);
  return out;
}

}  // namespace pshare
