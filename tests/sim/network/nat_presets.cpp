#include "network/nat_presets.hpp"

#include <algorithm>
#include <array>

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;
using enum Dependence;

constexpr NatBehaviour::Axes cone(Dependence filtering) { return {.mapping = endpoint_independent, .filtering = filtering}; }
constexpr NatBehaviour::Axes symmetric{.mapping = address_and_port_dependent, .filtering = address_and_port_dependent};

NatBehaviour port_restricted() { return {.udp = cone(address_and_port_dependent)}; }

/// Linux behind a firewall that drops, with the timers that its connection tracking has by default.
NatBehaviour masquerade() {
  return {.udp = cone(address_and_port_dependent),
          .udp_lifetime = 120s,
          .udp_unanswered_lifetime = 30s,
          .refresh = Refresh::both_directions,
          .tcp_established_lifetime = 120h,
          .tcp_transitory_lifetime = 120s};
}

NatBehaviour masquerade_random() {
  auto behaviour = masquerade();
  behaviour.udp = symmetric;
  behaviour.ports = PortChoice::random;
  return behaviour;
}

/// A port-restricted NAT that is as it should not be in one respect or two, which concern TCP.
NatBehaviour hostile(UnsolicitedSyn unsolicited, bool simultaneous_open, bool reset_ends_mapping) {
  auto behaviour = port_restricted();
  behaviour.unsolicited_syn = unsolicited;
  behaviour.simultaneous_open = simultaneous_open;
  behaviour.reset_ends_mapping = reset_ends_mapping;
  return behaviour;
}

struct Preset {
  std::string_view name;
  NatBehaviour (*behaviour)();
};

constexpr std::array presets{
    Preset{"nat", [] { return NatBehaviour{}; }},
    Preset{"full-cone", [] { return NatBehaviour{.udp = cone(endpoint_independent)}; }},
    Preset{"address-restricted", [] { return NatBehaviour{.udp = cone(address_dependent)}; }},
    Preset{"port-restricted", port_restricted},
    Preset{"sym-seq", [] { return NatBehaviour{.udp = symmetric, .ports = PortChoice::sequential, .port_step = 1}; }},
    Preset{"sym-rnd", [] { return NatBehaviour{.udp = symmetric, .ports = PortChoice::random}; }},
    Preset{"masq", masquerade},
    Preset{"masq-rnd", masquerade_random},
    Preset{"cgn-block", [] { return NatBehaviour{.udp = symmetric, .ports = PortChoice::random, .block = 512}; }},
    Preset{"rst-syn", [] { return hostile(UnsolicitedSyn::reset, true, false); }},
    Preset{"icmp-syn", [] { return hostile(UnsolicitedSyn::icmp, true, false); }},
    Preset{"icmp-late-syn", [] { return hostile(UnsolicitedSyn::icmp_after_wait, true, false); }},
    Preset{"no-simopen", [] { return hostile(UnsolicitedSyn::silence, false, false); }},
    Preset{"rst-kills", [] { return hostile(UnsolicitedSyn::silence, true, true); }},
    Preset{"no-simopen-rst", [] { return hostile(UnsolicitedSyn::reset, false, false); }},
    Preset{"rst-kills-rst", [] { return hostile(UnsolicitedSyn::reset, true, true); }},
};

constexpr auto names = [] {
  std::array<std::string_view, presets.size()> all;
  std::ranges::transform(presets, all.begin(), &Preset::name);
  return all;
}();

}  // namespace

std::optional<NatBehaviour> nat_preset(std::string_view name) {
  const auto found = std::ranges::find(presets, name, &Preset::name);
  return found == presets.end() ? std::nullopt : std::optional{found->behaviour()};
}

std::span<const std::string_view> nat_preset_names() { return names; }

}  // namespace pshare::sim
