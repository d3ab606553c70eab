// Climbs the ladder for one session: dials the peer's candidates and lets the peer in at the door, both at the same time, as the
// ladder says. What this build can drive, traversal/ascent knows.
//
// Both peers dial. On the sender's side first_lane() picks one lane and closes all others. The receiver keeps every lane that
// comes, and learns which one is used when the sender speaks on it.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "io/asio.hpp"
#include "io/wakeup.hpp"
#include "secure/tls.hpp"
#include "traversal/ascent.hpp"
#include "traversal/gathering.hpp"
#include "traversal/io/lane.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/pairing.hpp"
#include "wire/candidate.hpp"
#include "wire/ids.hpp"

namespace pshare {

/// What this side is to the transfer. The sender is the controlling side in RFC 8445's words: it speaks first on every connection, and chooses.
enum class ClimbRole { sender, receiver };

struct ClimbSettings {
  SessionId session;
  PeerId peer;
  ClimbRole role = ClimbRole::receiver;
  std::vector<Tier> tiers{all_tiers.begin(), all_tiers.end()};  // in order of preference
  bool tcp_allowed = true;
  bool loopback_peer = false;  // the peer may be on this very host: the server is reached over loopback
};

class Climber {
 public:
  /// From now on the peer is let in at the door. All references live longer, and so does the climber than its coroutines.
  /// Errors: busy, when the same session with the same peer is under way already.
  Climber(asio::any_io_executor executor, const TlsContext& tls, LaneDoor& door, Random& random, ClimbSettings settings);

  /// What to offer. `observed`: where the server sees us (wire/control.hpp, Welcome). `manual`: the port of --port.
  std::vector<Candidate> local_candidates(std::optional<Endpoint> observed, std::optional<Port> manual) const;

  /// For the sender: the ladder's winner; all other lanes are closed, and later callers turned away. Can be called again when every
  /// lane is lost. Errors: no_path, with what was tried in words.
  awaitable<LanePtr> first_lane(std::vector<Candidate> remote, TimePoint until);
  /// One more lane like that one: dials the same address again if we dialled, else waits for the peer to do so.
  /// Errors: those of dialling; timed_out.
  awaitable<LanePtr> another_lane(const Path& like, std::uint32_t ordinal, TimePoint until);
  /// True if a lane with this path was dialled from here; then further ones can be as well.
  bool dialled(const Path& path) const;

  /// For the receiver: looks for lanes and takes those that come, for next_lane() to hand out. Runs until cancelled, beside the session.
  /// Errors: no_path, when there was not one until then.
  awaitable<void> attend(std::vector<Candidate> remote, TimePoint until);
  /// The next lane, dialled or accepted. Needs attend() to be running.
  awaitable<LanePtr> next_lane();
  /// Every lane was lost: attend() dials again.
  void climb_again();

  /// Called at the end of each attempt.
  void set_on_attempt(std::function<void(const Attempt&)> on_attempt) { on_attempt_ = std::move(on_attempt); }

 private:
  friend class Climb;
  awaitable<LanePtr> dial(Pair pair, Tier tier, std::uint32_t ordinal, TimePoint since);
  awaitable<LanePtr> speak(TcpStream socket, Tier tier, std::uint32_t ordinal, TimePoint since);
  std::vector<LocalAddress> local_addresses() const;
  PeerHost peer_host() const { return settings_.loopback_peer ? PeerHost::may_be_this : PeerHost::anywhere; }
  Ascent::Settings how_to_climb(Duration patience) const;
  bool drives(Tier tier) const;

  asio::any_io_executor executor_;
  const TlsContext& tls_;
  LaneDoor& door_;
  Random& random_;
  ClimbSettings settings_;
  LaneDoor::Registration registration_;
  std::vector<Pair> dialled_;        // those that led to lanes
  std::deque<LanePtr> taken_;        // for next_lane()
  Wakeups lane_taken_;
  Wakeup again_;
  std::function<void(const Attempt&)> on_attempt_;
};

}  // namespace pshare
