// Random places for people to punch from, and what the rules (RFC 4787, docs/nat.md) say of two of them: every axis of NatBehaviour by chance, a
// home's NAT or two of them in a chain, tables that are small, routers that reboot just then. For thousands of pairs, of which each has a number
// that makes it again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "network/internet.hpp"
#include "wire/reason.hpp"

namespace pshare::sim {

struct CampaignSite {
  std::vector<NatBehaviour> chain{};       // from the inside; none: a public host
  AccessLine line{};
  std::optional<Duration> reboots_after{}; // after the agreed start, the innermost or the outermost
  bool outermost_reboots = false;

  std::string words() const;
};

CampaignSite random_site(Random& random);
/// Gives some of its NATs other axes for TCP than for UDP.
void vary_tcp(CampaignSite& site, Random& random);

/// A machine there, and the gateways before it, from the inside.
struct BuiltSite {
  Machine* machine = nullptr;
  std::vector<Gateway*> gateways{};
};
BuiltSite build(Internet& internet, const CampaignSite& site, const std::string& name);

/// What a chain of NATs comes to, for one transport.
struct ChainAxes {
  enum class Ports { local, stepping, random, block };
  bool hard = false;                       // some mapping depends on the destination
  Dependence filtering = Dependence::endpoint_independent;
  Ports ports = Ports::local;              // how a hard one chooses; `local`: as the socket's own, or what is free near it
  bool lets_out = true;
  bool is_roomy = true;                    // a whole search fits its tables
  bool simultaneous_open = true;           // TCP
  bool stays_known = true;                 // false: a router starts again, and what it forgets may cost the only try that there is
  bool restarts = false;                   // a router does, which costs a try
  bool early_packets_claim_ports = false;  // UDP
  bool outlives_resets = true;             // TCP: a reset does not end a mapping
  bool comes_back_the_same = true;         // TCP: or ends it, and the next one of the same socket has the same port
};
ChainAxes axes_of(const CampaignSite& site, Transport transport);

enum class Verdict { must, cannot, may };
/// Why the rules leave it open.
enum class Doubt {
  none,
  restart,            // a router that starts again forgets a mapping at a moment that may cost the only try there is
  simultaneous_open,  // who refuses crossing SYNs has to be met in the moment in which one side alone dials
  small_tables,       // a whole search does not fit the NAT's table
  resets,             // a reset ends the mapping that is aimed at, and the next one is elsewhere
  blocks,             // both NATs are hard, and ports come out of a small block, or one after the other on one side
  chance,             // both NATs are hard, and ports meet or do not
  unknown,            // the lines lost what the survey asked
};
std::string_view word(Doubt doubt);

struct Ruling {
  Verdict verdict = Verdict::may;
  Doubt doubt = Doubt::none;  // of `may`
};
Ruling ruling(const ChainAxes& a, const ChainAxes& b);
/// A transport for which that holds beside another one: a search over that may fill a table that is too small for it, and then nothing goes through it.
bool may_be_crowded_out(const ChainAxes& a, const ChainAxes& b, const ChainAxes& other_a, const ChainAxes& other_b);
/// Of two transports: one is enough.
Ruling either(const Ruling& a, const Ruling& b);
/// Class of a pair, for tables: "stable x stepping".
std::string class_of(const ChainAxes& a, const ChainAxes& b);

}  // namespace pshare::sim
