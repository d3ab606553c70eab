// Two people at two places of a simulated internet who punch with PunchRounds over one transport or both: survey, agreed start, and whatever rounds
// it takes. What the server does for them besides telling addresses (it carries signals) is a delay.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "network/internet.hpp"
#include "network/site_kinds.hpp"
#include "punching/punching_peer.hpp"

namespace pshare::sim {

struct PunchingOutcome {
  std::optional<Transport> connected = {};  // the controlling side's lane
  Duration something{};                     // first answered check or TCP connection of either side, since the agreed start; where there was any
  Duration lane{};                          // the controlling side's
  std::optional<Duration> gave_up = {};     // both, over all transports
  std::uint64_t measured_rounds = 0;
};

class PunchingPair {
 public:
  struct Settings {
    bool udp = true, tcp = true;
    Duration skew{};                        // the right side begins so much later than agreed; negative: the left
    Duration signal_delay = std::chrono::milliseconds{50};
    PunchingPeer::Settings peers = {};      // their side, session, key and transports are set here
  };

  /// Without machines yet; `step_limit` as of World.
  explicit PunchingPair(Seed seed, std::uint64_t step_limit = 20'000'000);

  void put(Machine& left, Machine& right, Settings settings);
  void put(const SiteKind& a, const SiteKind& b, Settings settings, AccessLine line = {});
  /// A machine in a LAN of its own.
  Machine& behind(const NatBehaviour& behaviour, const std::string& name, AccessLine line = {});

  /// Happens at the agreed moment.
  void at_start(std::function<void()> call) { at_start_.push_back(std::move(call)); }
  /// Until there is a lane, or nothing is left to try over any transport on either side, or so long.
  PunchingOutcome climb(Duration longest = std::chrono::seconds{60});

  World world;
  Internet internet;
  Machine& server;
  StunServer stun;
  TcpReflector reflector;
  std::unique_ptr<PunchingPeer> left, right;

 private:
  Settings settings_;
  std::vector<std::function<void()>> at_start_;
};

}  // namespace pshare::sim
