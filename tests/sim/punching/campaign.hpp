// Random places for people to punch from, and what the rules (RFC 4787, docs/nat.md) say of two of them: every axis of NatBehaviour by chance, a
// home's NAT or two of them in a chain, tables that are small, routers that reboot just then. For thousands of pairs, of which each has a number
// that makes it again.
#pragma once

#include <string>
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
  bool outlives_resets = true;             // TCP: a reset does not end a mapping
};
ChainAxes axes_of(const CampaignSite& site, Transport transport);

enum class Verdict {
  must,    // connect
  cannot,
  may,     // it depends on luck, or on what nobody can foresee
};
Verdict verdict(const ChainAxes& a, const ChainAxes& b);
/// Of two transports: one is enough.
Verdict either(Verdict a, Verdict b);
/// Class of a pair, for tables: "stable x stepping".
std::string class_of(const ChainAxes& a, const ChainAxes& b);

}  // namespace pshare::sim
