// The ten kinds of place that people send files from, by which NAT traversal is judged (both laboratories use these names).
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "network/internet.hpp"

namespace pshare::sim {

struct SiteKind {
  std::string_view name;
  std::string_view home{};             // preset of the home's gateway; empty: a public host
  std::string_view carrier{};          // preset of a carrier's NAT outside it; empty: none
  bool lets_udp_out = true;
  bool only_https = false;             // TCP to port 443 is all that gets out
};

inline constexpr std::array site_kinds{
    SiteKind{"public"},
    SiteKind{"full-cone", "full-cone"},
    SiteKind{"address-restricted", "address-restricted"},
    SiteKind{"port-restricted", "port-restricted"},
    SiteKind{"masq", "masq"},
    SiteKind{"masq-rnd", "masq-rnd"},
    SiteKind{"sym-seq", "sym-seq"},
    SiteKind{"sym-rnd", "sym-rnd"},
    SiteKind{"cgnat", "masq", "port-restricted"},
    SiteKind{"udp-blocked", "port-restricted", {}, false},
};

/// And the eleventh, for which there are only relays.
inline constexpr SiteKind only_443{"only-443", "port-restricted", {}, false, true};

/// A machine called `name` at a place of that kind; its LAN is called the same, and a carrier's `name`-carrier.
Machine& add_site(Internet& internet, const SiteKind& kind, const std::string& name, AccessLine line = {});

}  // namespace pshare::sim
