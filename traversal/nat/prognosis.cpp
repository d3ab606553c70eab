#include "traversal/nat/prognosis.hpp"

#include <algorithm>

namespace pshare {

using Kind = PortForecast::Kind;
using Way = SearchPlan::Way;

namespace {

PortForecast forecast_like(const PortHabit& habit) {
  PortForecast forecast{.kind = habit.kind};
  // Where the block is does not matter, only that it is one.
  if (habit.small_block) forecast.highest = Port{static_cast<std::uint16_t>(lowest_nat_port.number + largest_small_block - 1)};
  return forecast;
}

Way way_over(const PortHabit& ours, const PortHabit& theirs) { return search_way(forecast_like(ours), forecast_like(theirs)); }

bool is_known(const PortHabit& habit) { return habit.kind != Kind::unknown; }
bool is_hard(const PortHabit& habit) { return habit.kind == Kind::stepping || habit.kind == Kind::random; }

/// The less it takes the better.
int effort(Way way) {
  switch (way) {
    case Way::plain: return 0;
    case Way::sweep: return 1;
    case Way::middle: return 2;
    case Way::birthday: return 3;
    case Way::block: return 4;
    case Way::impossible: return 5;
  }
  return 5;
}

std::string_view reason_for(Way way) {
  switch (way) {
    case Way::plain: return "both networks keep one port for all destinations, so that the two of you can open a way at the same moment";
    case Way::sweep: return "one of the two networks gives a new port for each destination, but in order: it takes a short search";
    case Way::middle: return "both networks give a new port for each destination, but in order: it takes a search, which mostly finds";
    case Way::birthday: return "one of the two networks gives ports at random: it takes a search of some seconds";
    case Way::block: return "both networks give a new port for each destination, but out of a few: it takes a search, which may find nothing";
    case Way::impossible: break;
  }
  return "both networks give a new port for each destination, at least one of them at random: neither can find the other";
}

Prognosis punched(const NetworkFindings& ours, const NetworkFindings& theirs) {
  const auto udp = way_over(ours.udp, theirs.udp), tcp = way_over(ours.tcp, theirs.tcp);
  Prognosis expected{.way = effort(tcp) < effort(udp) ? tcp : udp};
  expected.why = reason_for(expected.way);
  if (expected.way == Way::impossible) {
    const bool measured = (is_known(ours.udp) || is_known(ours.tcp)) && (is_known(theirs.udp) || is_known(theirs.tcp));
    if (!measured) expected.why = "too little is known of one of the two networks";
    return expected;
  }
  expected.tier = Tier::punched;
  if (udp == Way::impossible) expected.transport = Transport::tcp;
  if (tcp == Way::impossible) expected.transport = Transport::udp;
  if (expected.transport == Transport::tcp && (ours.udp.kind == Kind::blocked || theirs.udp.kind == Kind::blocked))
    expected.why += "; over TCP, since UDP does not pass on " + std::string{ours.udp.kind == Kind::blocked ? "your" : "their"} + " side";
  return expected;
}

}  // namespace

PortHabit habit_of(const PortForecast& forecast) {
  const auto width = forecast.highest.number - forecast.lowest.number + 1;
  return {forecast.kind, forecast.kind == Kind::random && width <= static_cast<int>(largest_small_block)};
}

Prognosis prognosis(const NetworkFindings& ours, const NetworkFindings& theirs) {
  if (ours.reachable) return {.tier = Tier::direct, .why = "you can be reached from the internet"};
  if (theirs.reachable) return {.tier = Tier::direct, .why = "they can be reached from the internet"};
  if (ours.ipv6 && theirs.ipv6) {
    if (ours.ipv6_reachable || theirs.ipv6_reachable)
      return {.tier = Tier::direct, .why = ours.ipv6_reachable ? "both have IPv6, and you can be reached over it" : "both have IPv6, and they can be reached over it"};
    return {.tier = Tier::direct, .why = "both have IPv6, where firewalls let answers in"};
  }
  if (ours.mapped) return {.tier = Tier::mapped, .why = "your router has opened a port for you"};
  if (theirs.mapped) return {.tier = Tier::mapped, .why = "their router has opened a port for them"};
  return punched(ours, theirs);
}

const std::vector<TypicalPeer>& typical_peers() {
  constexpr PortHabit stable{Kind::stable}, stepping{Kind::stepping}, random{Kind::random}, blocked{Kind::blocked};
  static const std::vector<TypicalPeer> all{
      {"somebody whom the internet can reach", {.udp = stable, .tcp = stable, .reachable = true}},
      {"somebody behind an ordinary home router", {.udp = stable, .tcp = stable}},
      {"somebody behind a router that gives ports in order", {.udp = stepping, .tcp = stepping}},
      {"somebody behind a router that gives ports at random", {.udp = random, .tcp = random}},
      {"somebody whose network blocks UDP", {.udp = blocked, .tcp = stable}},
  };
  return all;
}

std::vector<Advice> advice_for(const Situation& situation) {
  std::vector<Advice> all;
  const auto& network = situation.network;
  const bool open = network.reachable || network.mapped;

  if (situation.manual_port && !situation.manual_port_works)
    all.push_back({"check-forward",
                   "Nothing came in at the port that you gave with --port. See in your router that it is forwarded to this machine, over TCP and UDP, and that no "
                   "firewall on this machine closes it."});
  if (situation.translated && !open) {
    switch (situation.mapping_trouble) {
      case Reason::double_nat:
        all.push_back({"bridge-mode",
                       "Your router is behind another NAT, so that what it opens leads nowhere. If that is a second router of yours, make one of the two a bridge "
                       "(modem mode). If it is your provider's, ask for a public IPv4 address, or for IPv6."});
        break;
      case Reason::igd_refused:
        all.push_back({"allow-port-mapping",
                       "Your router can open ports by itself, but refused. Look in its settings under UPnP, NAT-PMP or PCP for whether this machine may ask."});
        break;
      case Reason::unreachable:
        all.push_back({"check-router-firewall",
                       "Your router says that it opened a port, but nothing comes in there. Look for a firewall in its settings, or switch the router off and on again."});
        break;
      default:
        if (situation.routers_asked)
          all.push_back({"enable-port-mapping", "Your router opens no ports by itself. If its settings have UPnP, NAT-PMP or PCP, switch one of them on."});
        break;
    }
    if (!situation.manual_port && situation.mapping_trouble != Reason::double_nat)
      all.push_back({"forward-port",
                     "Or forward a port by hand: choose a number, have your router forward it to this machine over TCP and UDP, and give it to pshare with --port."});
  }
  if (situation.filtered && !open)
    all.push_back({"open-firewall",
                   "There is no NAT in front of you, but a firewall: nothing comes in that you have not asked for. Open one port in it for TCP and UDP, and give it to "
                   "pshare with --port."});
  if (network.udp.kind == Kind::blocked)
    all.push_back({"allow-udp",
                   "No UDP comes back to you. Allow it to go out in your firewall. If others see the same, it is the server's firewall that keeps UDP from its port."});
  if (!situation.server_has_stun)
    all.push_back({"update-server", "Your server is too old to say how it sees you. Update it, and run this again."});
  if (!open && !network.ipv6 && (is_hard(network.udp) || is_hard(network.tcp) || situation.mapping_trouble == Reason::double_nat))
    all.push_back({"use-ipv6", "With IPv6 there would be no NAT between you and others who have it. Many providers give it when asked."});
  if (situation.clock_is_off) all.push_back({"set-clock", "Your clock is wrong. Set it by the network's time: messages that seem too old or too new are dropped."});
  return all;
}

}  // namespace pshare
