#include "apps/pshare/diagnosis.hpp"

#include <algorithm>

namespace pshare {

bool server_is_near(const Diagnosis& diagnosis) {
  const auto& seen = diagnosis.tcp.external ? diagnosis.tcp.external : diagnosis.udp.external;
  if (!seen) return false;
  const auto scope = seen->address.scope();
  return scope == Scope::loopback || scope == Scope::link_local || scope == Scope::private_use;
}

void conclude(Diagnosis& diagnosis) {
  auto& network = diagnosis.network;
  const bool nearby = server_is_near(diagnosis);
  network.udp = nearby ? PortHabit{} : habit_of(diagnosis.udp.forecast);
  network.tcp = nearby ? PortHabit{} : habit_of(diagnosis.tcp.forecast);
  const bool own_address = !nearby && !diagnosis.translated && (diagnosis.tcp.strangers_get_in == true || diagnosis.udp.strangers_get_in == true);
  network.reachable = own_address || diagnosis.manual_port_works == true;
  network.mapped = std::ranges::any_of(diagnosis.mappings.ports, [](const MappedPort& each) { return !each.behind_another && each.external.address.is_v4(); });
  // What could not be tried, since the server is known by an IPv4 address, counts as working.
  network.ipv6 = diagnosis.ipv6.address && diagnosis.ipv6.server_reached.value_or(true);
  network.ipv6_reachable = network.ipv6 && diagnosis.ipv6.strangers_get_in == true;

  diagnosis.expected.clear();
  for (const auto& peer : typical_peers()) diagnosis.expected.emplace_back(peer.name, prognosis(network, peer.network));
  if (diagnosis.with) diagnosis.with->prognosis = prognosis(network, diagnosis.with->network);

  const auto& ahead = diagnosis.server.clock_ahead;
  diagnosis.advice = advice_for({.network = network,
                                 .translated = diagnosis.translated,
                                 .filtered = !diagnosis.translated && diagnosis.tcp.strangers_get_in == false,
                                 .routers_asked = diagnosis.routers_asked,
                                 .mapping_trouble = diagnosis.mappings.reason(),
                                 .manual_port = diagnosis.manual_port.has_value(),
                                 .manual_port_works = diagnosis.manual_port_works.value_or(true),
                                 .server_has_stun = diagnosis.server.stun,
                                 .clock_is_off = ahead && std::chrono::abs(*ahead) > clock_tolerance});
  if (nearby)
    diagnosis.advice.insert(diagnosis.advice.begin(), {.what = "ask-outside", .words = "Ask again with a server on the internet: yours is in your own network, and cannot tell what the router in front of both of you does."});
}

}  // namespace pshare
