// One climb's decisions, as a core: the ladder, which of the peer's addresses is dialled when, when punching begins and ends, what is reported of
// each attempt, and the words for a search that found no path. traversal/io/climb drives it with sockets, the simulator with simulated
// ones. Straight tiers are climbed over TCP and UDP side by side. On a relayed path they go on being tried, and a straight lane is a second Use.
//
//   driver                                     ascent
//     | <- Dial{pair} --------------------------- |    TCP, TLS, greeting, within dial_patience
//     | -- lane_up(path, pair) -----------------> |    or dial_failed(pair, why)
//     | <- Punch{over} -------------------------- |    rounds of punching over TCP and of checks over UDP, towards targets()
//     | -- lane_up(path) -----------------------> |    punched, or the peer dialled us
//     | -- punching_ended(transport, reason) ---> |    nothing came of it; there may be another Punch later
//     | <- Meet{tier} --------------------------- |    the sender fetches a ticket, and both go to the relay
//     | -- lane_up(path), meeting_ended(tier) --> |
//     | <- Report, Use{lane}, Close{lane} ------- |
//     | <- Rival{lane}, StopPunching{transport} - |    after Use
//     | <- GaveUp{why} -------------------------- |    instead of Use
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/happy_eyeballs.hpp"
#include "traversal/climb_record.hpp"
#include "traversal/ladder.hpp"
#include "traversal/pairing.hpp"
#include "traversal/path.hpp"
#include "wire/core.hpp"
#include "wire/error.hpp"

namespace pshare {

/// How long one address may take, from the first SYN to LaneReady.
inline constexpr Duration dial_patience = std::chrono::seconds{10};

/// How long after the win the other transport may still bring up a lane of the same tier, for the session to measure which is faster.
inline constexpr Duration rival_patience = std::chrono::seconds{2};

/// After so long without a straight path, lanes over relays are brought up as a standby. Ours: most straight paths are there by then, so that the
/// server has nothing to do for them, and it leaves the time that it takes until straight tiers have had their head start.
inline constexpr Duration standby_delay = std::chrono::milliseconds{700};

/// How one attempt at a tier ended.
struct Attempt {
  Tier tier = Tier::direct;
  Transport transport = Transport::tcp;
  Outcome outcome = Outcome::failed;
  Reason reason = Reason::none;
  Duration elapsed{};                  // since the search began
  std::optional<Endpoint> remote = {};  // of the lane, if it connected
};

class Ascent {
 public:
  struct Settings {
    std::vector<Tier> tiers{all_tiers.begin(), all_tiers.end()};  // in order of preference
    bool tcp_allowed = true;
    bool udp_allowed = true;
    Duration patience{};                                          // for the first winner
    std::optional<Reason> mapping_trouble = {};                   // why no router forwards a port to us: no_igd, igd_refused, double_nat
    bool relays = false;                                          // somebody here can go to a relay
  };

  struct Dial         { std::size_t pair; };       // of targets().dials; lane_up() or dial_failed() follows, though there may be a winner by then
  struct Punch        { std::vector<Transport> over; };  // begin: these have targets, and no punching over them is under way
  struct StopPunching { Transport transport; };    // no punching_ended() is wanted
  struct Meet         { Tier tier; };              // bring up a lane over a relay of this tier; meeting_ended() follows
  struct Report       { Attempt attempt; };
  struct Use          { LaneKey lane; };           // the winner
  struct Rival        { LaneKey lane; };           // over the other transport: keep the one that measures faster. At most one
  struct Close        { LaneKey lane; };           // of no use
  struct GaveUp       { Error why; };              // no_path, with what was tried in words; the last action
  using Action = std::variant<Dial, Punch, StopPunching, Meet, Report, Use, Rival, Close, GaveUp>;

  /// Whether this build tries `tier` under these settings.
  static bool drives(Tier tier, const Settings& settings);

  /// `random` lives longer.
  Ascent(Targets targets, Settings settings, Random& random, TimePoint now);

  /// All that may be tried: of what was given, what tiers and transports allow. Grows at its ends.
  const Targets& targets() const { return targets_; }

  /// The path in use; nothing before the first Use.
  const std::optional<Path>& winner() const { return winner_; }

  /// A lane has proven the peer: by way of a Dial, or (no pair) because it was punched or the peer dialled. Gives its key, which later
  /// actions name.
  LaneKey lane_up(const Path& path, std::optional<std::size_t> pair, TimePoint now);
  void dial_failed(std::size_t pair, Errc why, TimePoint now);
  /// That transport's part of the punching came to nothing, and with it the checks of the other tiers. `words` say more to people.
  void punching_ended(Transport transport, Reason reason, TimePoint now, std::string words = {});
  /// What a Meet came to: a lane (no reason), of which lane_up() was told before, or nothing.
  void meeting_ended(Tier tier, Reason reason, TimePoint now, std::string words = {});
  /// On a relayed path: the peer tries the straight tiers again at this moment, or something here has changed, so that we do as well.
  void try_again(TimePoint now);
  /// The straight lane in use is lost, and one over a relay carries on: a straight one is looked for again. Nothing if the path in use is no straight one.
  void fell_back(const Path& to, TimePoint now);
  /// The peer has said which supernodes it reaches.
  void more_relays(TimePoint now);
  /// Candidates that came to be known late. Gives those that are new, for the punching that is under way.
  Targets more_pairs(const Targets& more, TimePoint now);
  /// As Settings::mapping_trouble, when that is known later: for the words at the end.
  void mapping_trouble(std::optional<Reason> reason) { settings_.mapping_trouble = reason; }

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  /// Dials for one tier: the likely pairs at RFC 8305's pace, then all long shots at once, until one leads to a lane, the ladder stops
  /// it, or none is left.
  struct Dialling {
    struct Step { std::vector<std::size_t> pairs; std::size_t failed = 0; };  // what is dialled at once: an attempt to the pace
    HappyEyeballs pace;
    std::vector<Step> steps;
    std::size_t under_way = 0;  // whoever has begun comes to their own end: a lane that the peer has accepted must not be lost
    bool more = true;           // addresses that may still be dialled
  };
  /// What became of one transport's part of an attempt.
  struct Part { bool reported = false; Reason reason = Reason::none; };
  /// An attempt at one straight tier.
  struct Attempting {
    std::optional<Dialling> dialling;
    std::map<Transport, bool> punching;   // whether punching_ended() is waited for
    std::map<Transport, Part> parts;
    bool meeting = false;                 // whether meeting_ended() is waited for
    bool stopped = false;                 // by the ladder: it comes to its end silently
    bool told_unlikely = false;
  };

  Targets allowed(const Targets& from) const;
  void follow_ladder(TimePoint now);
  void start(Tier tier, TimePoint now);
  void begin_dialling(Attempting& attempt, const std::vector<std::size_t>& pairs, TimePoint now);
  void begin_punching(Tier tier, Attempting& attempt);
  void dial_due(Tier tier, TimePoint now);
  void settle(Tier tier, TimePoint now);
  void came_to(Tier tier, Transport transport, Reason reason);
  bool running(const Attempting& attempt, Transport transport) const;
  bool likely(Tier tier, const Attempting& attempt) const;
  void tell_prospects(TimePoint now);
  void won(LaneKey lane, TimePoint now);
  bool is_rival(const Path& path, TimePoint now) const;
  void stop(Tier tier);
  void stop_punching(Transport transport);
  void end_rivalry();
  void attempt_failed(Tier tier, Reason reason, TimePoint now);
  void report_unfinished(TimePoint now);
  void report(Tier tier, Transport transport, Outcome outcome, Reason reason, std::optional<Endpoint> remote, TimePoint now);

  Settings settings_;
  Targets targets_;
  TimePoint began_;
  Ladder ladder_;
  std::map<Tier, Attempting> attempts_;                            // that run
  std::set<Transport> punching_;                                   // under way
  ClimbRecord record_;
  std::set<std::pair<Tier, Transport>> connected_;
  std::map<LaneKey, Path> lanes_;                                  // up
  std::optional<Path> winner_;
  std::optional<TimePoint> rival_until_;                           // nothing: there is no winner yet, or the time for rivals is over
  std::uint32_t next_lane_ = 0;
  std::deque<Action> actions_;
};
static_assert(Core<Ascent>);

}  // namespace pshare
