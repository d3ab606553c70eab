#include "punching/campaign.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pshare::sim {

namespace {

using namespace std::chrono_literals;
using Ports = ChainAxes::Ports;

bool once_in(Random& random, unsigned times) { return random.below(times) == 0; }

template <typename T, std::size_t N>
T one_of(Random& random, const std::array<T, N>& choices) {
  return choices[random.below(N)];
}

Dependence dependence(Random& random) { return static_cast<Dependence>(random.below(3)); }

NatBehaviour random_nat(Random& random) {
  NatBehaviour nat;
  nat.udp = {.mapping = once_in(random, 2) ? Dependence::endpoint_independent : dependence(random), .filtering = dependence(random)};
  nat.ports = static_cast<PortChoice>(random.below(3));
  nat.port_step = one_of(random, std::array{1u, 1u, 1u, 2u, 3u, 4u, 8u});
  nat.other_traffic = one_of(random, std::array{0.0, 0.0, 20.0, 200.0});
  if (nat.ports == PortChoice::random && once_in(random, 3)) nat.block = 512;
  nat.hairpinning = static_cast<Hairpinning>(random.below(3));
  nat.udp_lifetime = one_of(random, std::array<Duration, 3>{30s, 60s, 300s});
  if (once_in(random, 3)) nat.udp_unanswered_lifetime = 30s;
  nat.refresh = static_cast<Refresh>(random.below(2));
  nat.unsolicited_syn = static_cast<UnsolicitedSyn>(random.below(4));
  nat.simultaneous_open = !once_in(random, 10);
  nat.reset_ends_mapping = once_in(random, 5);
  if (once_in(random, 8)) nat.early_packet_claims_port = 30s;
  if (once_in(random, 8)) nat.table_limit = 64 + random.below(1000);
  nat.table_full = static_cast<TableFull>(random.below(2));
  nat.lets_udp_out = !once_in(random, 25);
  return nat;
}

std::string_view word(Dependence dependence) {
  constexpr std::array words{"EI", "AD", "APD"};
  return words[static_cast<std::size_t>(dependence)];
}

std::string words_of(const NatBehaviour& nat) {
  constexpr std::array choices{"preserving", "sequential", "random"};
  std::string words = std::string{word(nat.udp.mapping)} + "M/" + std::string{word(nat.udp.filtering)} + "F " + choices[static_cast<std::size_t>(nat.ports)];
  if (nat.ports == PortChoice::sequential) words += " by " + std::to_string(nat.port_step) + " with " + std::to_string(static_cast<int>(nat.other_traffic)) + " strangers";
  if (nat.block != 0) words += " in a block";
  if (nat.early_packet_claims_port) words += ", early packets claim ports";
  if (nat.table_limit < 65536) words += ", table of " + std::to_string(nat.table_limit) + (nat.table_full == TableFull::refuses ? " that refuses" : " that evicts");
  if (!nat.lets_udp_out) words += ", UDP blocked";
  if (nat.tcp) words += ", TCP " + std::string{word(nat.tcp->mapping)} + "M/" + std::string{word(nat.tcp->filtering)} + "F";
  constexpr std::array answers{"", ", resets SYNs", ", ICMP for SYNs", ", late ICMP for SYNs"};
  words += answers[static_cast<std::size_t>(nat.unsolicited_syn)];
  if (!nat.simultaneous_open) words += ", no simultaneous open";
  if (nat.reset_ends_mapping) words += ", resets end mappings";
  return words;
}

}  // namespace

std::string CampaignSite::words() const {
  if (chain.empty()) return "public";
  std::string words;
  for (const auto& nat : chain) words += (words.empty() ? "" : " behind ") + words_of(nat);
  if (reboots_after) words += outermost_reboots ? ", the outermost reboots" : ", the innermost reboots";
  return words;
}

CampaignSite random_site(Random& random) {
  CampaignSite site;
  const auto nats = std::array{0, 1, 1, 1, 1, 1, 2, 2, 2}[random.below(9)];
  for (int i = 0; i < nats; ++i) site.chain.push_back(random_nat(random));
  site.line.delay = Duration{1ms} * (5 + random.below(40));
  site.line.hops = static_cast<unsigned>(3 + random.below(4));
  site.line.more.jitter = Duration{1ms} * random.below(4);
  site.line.more.loss = one_of(random, std::array{0.0, 0.0, 0.0, 0.01, 0.02});
  if (nats > 0 && once_in(random, 8)) site.reboots_after = Duration{1ms} * random.below(700);
  site.outermost_reboots = once_in(random, 2);
  return site;
}

void vary_tcp(CampaignSite& site, Random& random) {
  for (auto& nat : site.chain)
    if (once_in(random, 3)) nat.tcp = {.mapping = dependence(random), .filtering = dependence(random)};
}

BuiltSite build(Internet& internet, const CampaignSite& site, const std::string& name) {
  if (site.chain.empty()) return {&internet.add_public(name, site.line), {}};
  auto& lan = site.chain.size() == 1 ? internet.add_lan(name, site.chain[0], site.line)
                                     : internet.add_lan_behind(internet.add_carrier(name + "-carrier", site.chain[1], site.line), name, site.chain[0]);
  BuiltSite built{&internet.add_machine(lan, name), {lan.gateway}};
  if (lan.carrier != nullptr) built.gateways.push_back(lan.carrier->gateway);
  return built;
}

ChainAxes axes_of(const CampaignSite& site, Transport transport) {
  ChainAxes axes;
  for (const auto& nat : site.chain) {
    const auto own = transport == Transport::tcp ? nat.tcp.value_or(nat.udp) : nat.udp;
    axes.hard = axes.hard || own.mapping != Dependence::endpoint_independent;
    axes.filtering = std::max(axes.filtering, own.filtering);
    // It steps from destination to destination only if something up to here makes a new mapping for each.
    if (nat.ports == PortChoice::sequential) axes.ports = axes.hard ? Ports::stepping : Ports::local;
    if (nat.ports == PortChoice::random) axes.ports = nat.block != 0 ? Ports::block : Ports::random;
    axes.lets_out = axes.lets_out && (transport == Transport::tcp || nat.lets_udp_out);
    axes.is_roomy = axes.is_roomy && nat.table_limit >= 1000;
    const bool restarts = site.reboots_after && &nat == (site.outermost_reboots ? &site.chain.back() : &site.chain.front());
    // UDP is tried again with new sockets, TCP is not; and of a search there is but one more, which early packets can spoil.
    axes.stays_known = axes.stays_known && !(restarts && (transport == Transport::tcp || nat.early_packet_claims_port));
    axes.restarts = axes.restarts || restarts;
    axes.early_packets_claim_ports = axes.early_packets_claim_ports || (transport == Transport::udp && nat.early_packet_claims_port);
    axes.outlives_resets = axes.outlives_resets && (transport == Transport::udp || !nat.reset_ends_mapping);
    axes.comes_back_the_same = axes.comes_back_the_same && (axes.outlives_resets || nat.ports == PortChoice::preserving);
    axes.simultaneous_open = axes.simultaneous_open && (transport == Transport::udp || nat.simultaneous_open);
  }
  return axes;
}

std::string_view word(Doubt doubt) {
  switch (doubt) {
    case Doubt::none: break;
    case Doubt::restart: return "a router starts again";
    case Doubt::simultaneous_open: return "crossing SYNs are refused";
    case Doubt::small_tables: return "a search does not fit the table";
    case Doubt::resets: return "resets end what is aimed at";
    case Doubt::blocks: return "two hard NATs, ports out of a few";
    case Doubt::chance: return "two hard NATs, by chance";
    case Doubt::unknown: return "the survey was lost";
  }
  return "none";
}

Ruling ruling(const ChainAxes& a, const ChainAxes& b) {
  constexpr Ruling must{Verdict::must}, cannot{Verdict::cannot};
  const auto may = [](Doubt doubt) { return Ruling{Verdict::may, doubt}; };
  if (!a.lets_out || !b.lets_out) return cannot;
  const auto minds_ports = [](const ChainAxes& axes) { return axes.filtering == Dependence::address_and_port_dependent; };
  const auto is_lottery = [](const ChainAxes& axes) { return axes.hard && axes.ports == Ports::random; };
  const auto is_known = [&](const ChainAxes& axes) { return is_lottery(axes) || (axes.hard && axes.ports == Ports::stepping); };
  if (is_known(a) && is_known(b) && (is_lottery(a) || is_lottery(b)) && minds_ports(a) && minds_ports(b)) return cannot;
  if (!a.stays_known || !b.stays_known) return may(Doubt::restart);
  // There are two tries. Two restarts may cost both, and so may one if a search over the other transport has filled a small table when the second comes.
  const bool costs_both = (a.restarts && b.restarts && (a.hard || b.hard)) || ((a.restarts || b.restarts) && (!a.is_roomy || !b.is_roomy));
  if (costs_both) return may(Doubt::restart);
  if (!a.hard && !b.hard) {
    if (!a.simultaneous_open && !b.simultaneous_open) return may(Doubt::simultaneous_open);
    // Crossing SYNs that are refused by a reset: of the two mappings the other side's may be gone before one side dials alone.
    const bool lost = (!a.simultaneous_open && !b.comes_back_the_same) || (!b.simultaneous_open && !a.comes_back_the_same);
    return lost ? may(Doubt::resets) : must;
  }
  // Only plain rounds leave the dialling to one side after the other.
  if (!a.simultaneous_open || !b.simultaneous_open) return may(Doubt::simultaneous_open);
  const bool roomy = a.is_roomy && b.is_roomy;
  if (!a.hard || !b.hard) {
    const auto& stable = a.hard ? b : a;
    // What leaves from another port than was told still gets in; else it takes a search, which takes room in tables.
    return !minds_ports(stable) || roomy ? must : may(Doubt::small_tables);
  }
  // A mapping that is gone is followed by one that nobody aims at.
  if (!a.outlives_resets || !b.outlives_resets) return may(Doubt::resets);
  // Both send in earnest here, so what comes early is remembered by a router that does so, and ours leaves from a port that nobody has foreseen.
  const bool foreseen = a.ports == Ports::stepping && b.ports == Ports::stepping && !a.early_packets_claim_ports && !b.early_packets_claim_ports;
  const auto few = [](const ChainAxes& axes) { return axes.ports == Ports::stepping || axes.ports == Ports::block; };
  if (!foreseen) return may(few(a) && few(b) && roomy ? Doubt::blocks : Doubt::chance);
  return roomy ? must : may(Doubt::small_tables);
}

bool may_be_crowded_out(const ChainAxes& a, const ChainAxes& b, const ChainAxes& other_a, const ChainAxes& other_b) {
  const bool other_searches = other_a.lets_out && other_b.lets_out && (other_a.hard || other_b.hard);
  return other_searches && (!a.is_roomy || !b.is_roomy);
}

Ruling either(const Ruling& a, const Ruling& b) {
  if (a.verdict == Verdict::must || b.verdict == Verdict::must) return {Verdict::must};
  return a.verdict == Verdict::cannot ? b : a;
}

std::string class_of(const ChainAxes& a, const ChainAxes& b) {
  const auto word = [](const ChainAxes& axes) -> std::string {
    if (!axes.lets_out) return "blocked";
    if (!axes.hard) return axes.filtering == Dependence::address_and_port_dependent ? "stable, strict" : "stable, lenient";
    switch (axes.ports) {
      case Ports::local: return "hard, near own ports";
      case Ports::stepping: return "hard, stepping";
      case Ports::random: return "hard, random";
      case Ports::block: return "hard, block";
    }
    return "?";
  };
  auto left = word(a), right = word(b);
  if (right < left) std::swap(left, right);
  return left + " x " + right;
}

}  // namespace pshare::sim
