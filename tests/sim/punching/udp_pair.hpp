// Two people at two places of a simulated internet who climb over UDP: survey, agreed start, plain round, measured rounds. What the server does for
// them (it carries signals) is a delay.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "network/internet.hpp"
#include "network/site_kinds.hpp"
#include "punching/udp_peers.hpp"

namespace pshare::sim {

struct UdpOutcome {
  bool connected = false;           // both have settled
  bool failed = false;              // both have given up all rounds
  Duration reached{};               // by the controlling side, since the agreed start
  Duration settled{};               // by both
  std::optional<Tier> tier{};
  SearchPlan::Way way = SearchPlan::Way::plain;  // of the last measured round, if there was any
  int measured_rounds = 0;
  std::size_t packets = 0;          // by both, survey and measurements included
};

class UdpPair {
 public:
  struct Settings {
    Duration skew{};                // the right side begins so much later than agreed; negative: the left
    Duration signal_delay = std::chrono::milliseconds{50};
    bool openers = true;
    bool keeps_alive = true;
    bool plain = true;              // whether there is a plain round
    int measured_rounds = 3;
    Duration patience = std::chrono::seconds{4};
    Duration rtt = std::chrono::milliseconds{100};
  };

  /// Without machines yet; `step_limit` as of World.
  explicit UdpPair(Seed seed, std::uint64_t step_limit = 5'000'000);

  void put(Machine& left, Machine& right, Settings settings);
  void put(const SiteKind& a, const SiteKind& b, Settings settings, AccessLine line = {});
  /// A machine in a LAN of its own.
  Machine& behind(const NatBehaviour& behaviour, const std::string& name, AccessLine line = {});

  /// Happens at the agreed moment.
  void at_start(std::function<void()> call) { at_start_.push_back(std::move(call)); }
  /// Surveys, agrees and punches until both have settled or nothing is left to try.
  UdpOutcome climb();

  World world;
  Internet internet;
  Machine& server;
  StunServer stun;
  std::unique_ptr<UdpPeer> left, right;

 private:
  UdpOutcome outcome(TimePoint agreed) const;
  bool settled() const { return left->settled() && right->settled(); }
  void measured_round();

  Settings settings_;
  std::vector<std::function<void()>> at_start_;
  UdpOutcome so_far_;
};

}  // namespace pshare::sim
