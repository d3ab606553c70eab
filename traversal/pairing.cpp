#include "traversal/pairing.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace pshare {

namespace {

/// The order in which groups of pairs are tried.
enum Group : std::size_t { on_our_subnet, global, elsewhere, link_local, groups };
constexpr std::size_t straight_tiers = 3;

/// A relayed candidate is no address of the peer's.
std::optional<Tier> tier_of(Candidate::Type type) {
  switch (type) {
    case Candidate::Type::host:
    case Candidate::Type::manual: return Tier::direct;
    case Candidate::Type::mapped: return Tier::mapped;
    case Candidate::Type::server_reflexive: return Tier::punched;
    case Candidate::Type::relayed: break;
  }
  return std::nullopt;
}

/// Whether servers see the peer where they see us.
bool behind_our_nat(const std::vector<Candidate>& remote, const std::vector<IpAddress>& seen_as) {
  return std::any_of(remote.begin(), remote.end(), [&](const Candidate& each) {
    return each.type == Candidate::Type::server_reflexive && std::find(seen_as.begin(), seen_as.end(), each.endpoint.address) != seen_as.end();
  });
}

/// IPv6 first, then alternating; within a family the peer's own order.
std::vector<Pair> alternating(const std::vector<Pair>& pairs) {
  std::array<std::vector<Pair>, 2> families;
  for (const auto& pair : pairs) families[pair.remote.address.is_v4() ? 1 : 0].push_back(pair);
  std::vector<Pair> out;
  for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i)
    for (const auto& family : families)
      if (i < family.size()) out.push_back(family[i]);
  return out;
}

bool links_to(const LocalAddress& local, const IpAddress& remote) {
  return local.address.scope() == Scope::link_local && local.address.is_v6() == remote.is_v6();
}

}  // namespace

bool same_subnet(const LocalAddress& local, const IpAddress& remote) {
  const auto a = local.address.bytes(), b = remote.bytes();
  if (a.size() != b.size() || local.prefix_length == 0 || local.prefix_length > a.size() * 8) return false;
  const auto whole = local.prefix_length / 8, bits = local.prefix_length % 8;
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  if (bits == 0) return true;
  const auto mask = std::byte{static_cast<unsigned char>(0xFF00u >> bits)};
  return (a[whole] & mask) == (b[whole] & mask);
}

std::vector<Pair> pairs(const std::vector<Candidate>& remote, const std::vector<LocalAddress>& local, PeerHost peer_host, Transport transport,
                        const std::vector<IpAddress>& seen_as) {
  std::array<std::array<std::vector<Pair>, straight_tiers>, groups> found;
  const bool all_likely = behind_our_nat(remote, seen_as);
  std::size_t looked_at = 0;
  for (const auto& candidate : remote) {
    if (++looked_at > max_candidates) break;
    const auto& address = candidate.endpoint.address;
    const auto tier = tier_of(candidate.type);
    if (candidate.transport != transport || candidate.endpoint.port == Port{0} || !tier) continue;
    const auto add = [&](Group group, unsigned zone = 0) {
      const bool likely = all_likely || group == on_our_subnet || group == global;
      found[group][static_cast<std::size_t>(*tier)].push_back({.remote = candidate.endpoint, .zone = zone, .tier = *tier, .likely = likely});
    };
    switch (address.scope()) {
      case Scope::unusable: break;
      case Scope::loopback:
        if (peer_host == PeerHost::may_be_this) add(on_our_subnet);
        break;
      case Scope::link_local:
        for (const auto& each : local)
          if (links_to(each, address)) add(link_local, address.is_v6() ? each.zone : 0);
        break;
      case Scope::global:
      case Scope::private_use:
      case Scope::shared: {
        const bool near = std::any_of(local.begin(), local.end(), [&](const LocalAddress& each) {
          return each.address.scope() != Scope::loopback && same_subnet(each, address);
        });
        add(near ? on_our_subnet : address.scope() == Scope::global ? global : elsewhere);
      }
    }
  }
  std::vector<Pair> out;
  for (const auto& group : found)
    for (const auto& of_tier : group)
      for (const auto& pair : alternating(of_tier)) {
        // An endpoint that is several things is the best of them.
        const bool known = std::any_of(out.begin(), out.end(), [&](const Pair& other) { return other.remote == pair.remote && other.zone == pair.zone; });
        if (!known && out.size() < max_pairs) out.push_back(pair);
      }
  return out;
}

Targets targets(const std::vector<Candidate>& remote, const std::vector<LocalAddress>& local, PeerHost peer_host, const std::vector<IpAddress>& seen_as) {
  Targets out{.checks = pairs(remote, local, peer_host, Transport::udp, seen_as)};
  for (const auto& pair : pairs(remote, local, peer_host, Transport::tcp, seen_as)) {
    const auto& address = pair.remote.address;
    const bool host_with_firewall = pair.tier == Tier::direct && address.is_v6() && address.scope() == Scope::global;
    if (pair.tier != Tier::punched) out.dials.push_back(pair);
    if (pair.tier == Tier::punched || host_with_firewall) out.punches.push_back(pair);
  }
  return out;
}

}  // namespace pshare
