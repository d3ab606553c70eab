#include "traversal/pairing.hpp"

#include <algorithm>
#include <array>

namespace pshare {

namespace {

/// The order in which groups of pairs are dialled.
enum Group : std::size_t { on_our_subnet, global, elsewhere, link_local, groups };

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

std::vector<Pair> pairs(const std::vector<Candidate>& remote, const std::vector<LocalAddress>& local, PeerHost peer_host) {
  std::array<std::vector<Pair>, groups> found;
  std::size_t looked_at = 0;
  for (const auto& candidate : remote) {
    if (++looked_at > max_candidates) break;
    const auto& address = candidate.endpoint.address;
    if (candidate.transport != Transport::tcp || candidate.endpoint.port == Port{0}) continue;
    switch (address.scope()) {
      case Scope::unusable: break;
      case Scope::loopback:
        if (peer_host == PeerHost::may_be_this) found[on_our_subnet].push_back({candidate.endpoint});
        break;
      case Scope::link_local:
        for (const auto& each : local)
          if (links_to(each, address)) found[link_local].push_back({candidate.endpoint, address.is_v6() ? each.zone : 0});
        break;
      case Scope::global:
      case Scope::private_use:
      case Scope::shared: {
        const bool near = std::any_of(local.begin(), local.end(), [&](const LocalAddress& each) {
          return each.address.scope() != Scope::loopback && same_subnet(each, address);
        });
        const auto group = near ? on_our_subnet : address.scope() == Scope::global ? global : elsewhere;
        found[group].push_back({candidate.endpoint});
      }
    }
  }
  std::vector<Pair> out;
  for (const auto& group : found)
    for (const auto& pair : alternating(group))
      if (out.size() < max_pairs && std::find(out.begin(), out.end(), pair) == out.end()) out.push_back(pair);
  return out;
}

}  // namespace pshare
