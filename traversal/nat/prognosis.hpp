// What two networks let expect of each other: which tier, over which transport, and why, in words; and what one of the two could change. Pure, from what
// is known of kinds alone, so that a table can test it. A prognosis, no promise: the two may sit in the same house, or a firewall may look closer.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traversal/punching/search_plan.hpp"
#include "wire/findings.hpp"
#include "wire/reason.hpp"

namespace pshare {

PortHabit habit_of(const PortForecast& forecast);

struct Prognosis {
  std::optional<Tier> tier = {};        // nothing: no straight path is to be expected
  std::optional<Transport> transport = {};  // the one that makes it possible; nothing: both do, or none
  SearchPlan::Way way = SearchPlan::Way::impossible;  // punched: how
  std::string why = {};                 // one sentence, of "you" and "they"
};
Prognosis prognosis(const NetworkFindings& ours, const NetworkFindings& theirs);

/// Networks that the other side may sit in, for those who ask without --with.
struct TypicalPeer {
  std::string_view name;  // "somebody behind an ordinary home router"
  NetworkFindings network;
};
const std::vector<TypicalPeer>& typical_peers();

/// What advice goes by.
struct Situation {
  NetworkFindings network = {};
  bool translated = false;             // some NAT is in front of us
  bool filtered = false;               // no NAT, but nothing comes in that was not asked for
  bool routers_asked = false;          // for a port mapping
  Reason mapping_trouble = Reason::none;  // of the routers
  bool manual_port = false;            // --port was given
  bool manual_port_works = false;
  bool server_has_stun = true;
  bool clock_is_off = false;
};

struct Advice {
  std::string_view what;  // for programs: "enable-port-mapping"
  std::string words;
};
/// The most useful first. Empty: there is nothing to gain.
std::vector<Advice> advice_for(const Situation& situation);

}  // namespace pshare
