#include "network/site_kinds.hpp"

#include "network/nat_presets.hpp"

namespace pshare::sim {

Machine& add_site(Internet& internet, const SiteKind& kind, const std::string& name, AccessLine line) {
  if (kind.home.empty()) return internet.add_public(name, line);
  auto home = nat_preset(kind.home).value();
  home.lets_udp_out = kind.lets_udp_out;
  if (kind.only_https) home.tcp_ports_out = {Port{443}};
  auto& lan = kind.carrier.empty() ? internet.add_lan(name, std::move(home), line)
                                   : internet.add_lan_behind(internet.add_carrier(name + "-carrier", nat_preset(kind.carrier).value(), line), name, std::move(home));
  return internet.add_machine(lan, name);
}

}  // namespace pshare::sim
