// The ladder: which tier is tried when, which lane is used, when to try again and when to give up (design section 6). The only
// place with that policy. In the manner of Happy Eyeballs (RFC 8305), the order of tiers is a preference, not a queue of time-outs.
//
// Straight rungs (direct, mapped, punched) start all at once: none of them costs anybody else anything. A forwarded one (supernode, relay) starts
// when each higher one has failed or has had its head start. Its lanes may be used from then on; a warm rung starts earlier, and its
// lanes wait until then. The first lane that may be used wins after a grace in which a better one may still come, or at once if none
// is likely to. On a forwarded path straight rungs go on being tried, and win again when they succeed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "traversal/path.hpp"
#include "wire/random.hpp"
#include "wire/reason.hpp"
#include "wire/time.hpp"

namespace pshare {

/// How long a tier is tried before a forwarded one below it starts beside it. Design section 6: 2 s.
inline constexpr Duration default_head_start = std::chrono::seconds{2};

/// How long the first lane waits for a better one. Ours: below what a person notices, above a LAN's round trips.
inline constexpr Duration default_grace = std::chrono::milliseconds{150};

/// Pause before a failed tier is tried again, doubled each time up to the longest; each pause is drawn from its upper half.
inline constexpr Duration first_retry_pause = std::chrono::seconds{1};
inline constexpr Duration longest_retry_pause = std::chrono::seconds{30};
/// Likewise of a forwarded tier, which is tried again only while there is no path at all. Ours: a supernode that was started again is soon found.
inline constexpr Duration longest_forwarded_retry_pause = std::chrono::seconds{4};

/// How long more candidates, and a peer that dials us, are waited for when there is nothing to try from here. Ours: enough for a router to open a port and
/// the server to prove it, or for a SYN to be sent three times.
inline constexpr Duration candidates_patience = std::chrono::seconds{12};

struct Rung {
  enum class Start {
    in_turn,  // when the higher ones have failed or have had their head start
    warm,     // after warm_after, if not earlier; its lanes stay idle until its turn (a relay as standby)
  };
  Tier tier = Tier::direct;
  Duration head_start = default_head_start;  // over the forwarded rungs below it
  Start start = Start::in_turn;
  Duration warm_after = Duration::zero();
};

/// A lane within one ladder, numbered by the driver.
struct LaneKey {
  std::uint32_t number = 0;
  friend auto operator<=>(const LaneKey&, const LaneKey&) = default;
};

class Ladder {
 public:
  struct Settings {
    Duration grace = default_grace;
    Duration patience = std::chrono::minutes{10};  // for the first winner
  };
  struct TierReason {
    Tier tier = Tier::direct;
    Reason reason = Reason::none;
    friend bool operator==(const TierReason&, const TierReason&) = default;
  };

  struct Start  { Tier tier; };                          // begin an attempt; attempt_ended() will follow
  struct Stop   { Tier tier; };                          // end the attempt that runs; no attempt_ended() is wanted
  struct Winner { LaneKey lane; };                       // use it. A second one: move over to it, and drain the first
  struct Drop   { LaneKey lane; };                       // close it
  struct GaveUp { std::vector<TierReason> reasons; };    // the last action; one entry for each rung
  using Action = std::variant<Start, Stop, Winner, Drop, GaveUp>;

  /// Rungs from the best to the last resort, each tier once. `random` lives longer.
  Ladder(std::vector<Rung> rungs, Settings settings, Random& random, TimePoint now);

  /// An attempt has come to its end. One that connected has said lane_up() before.
  void attempt_ended(Tier tier, Outcome outcome, Reason reason, TimePoint now);
  /// A lane has proven its peer. It may come without an attempt that runs: the peer dials too.
  void lane_up(LaneKey lane, const Path& path, TimePoint now);
  void lane_lost(LaneKey lane, TimePoint now);
  /// What of this tier still runs is a long shot (private addresses of somebody else's network, which time out), or cannot better a lane that
  /// is up: no lane of a lower tier, nor one over UDP of the same tier, waits for it any more. True until the tier is started anew or has more candidates.
  void unlikely(Tier tier, TimePoint now);
  /// The straight lane in use is lost, and one over a relay, which was to be closed, carries on: straight rungs are tried again, after a pause.
  void fell_back(const Path& to, TimePoint now);
  /// There is something new to try for this tier (candidates, a changed network): no back-off any more.
  void more_candidates(Tier tier, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct Waiting {};                                     // for its turn
  struct Running { bool likely = true; };                 // to come to something
  struct Failed  { Reason reason; std::optional<TimePoint> retry_at; };  // nothing: not without more_candidates()
  struct Done    {};                                     // connected, or not wanted any more
  struct State {
    Rung rung;
    std::variant<Waiting, Running, Failed, Done> now = Waiting{};
    std::optional<TimePoint> head_start_over;            // since its first start
    int failures = 0;
    Reason last_reason = Reason::none;
  };
  struct Contender { Path path; TimePoint up_at; };

  State* find(Tier tier);
  void start(State& state, TimePoint now);
  void start_due(TimePoint now);
  void choose(TimePoint now);
  void win(LaneKey lane);
  void give_up();
  bool over() const { return gave_up_; }
  bool wanted(Tier tier) const;
  std::optional<TimePoint> turn_of(std::size_t rung) const;
  std::optional<TimePoint> starts_at(std::size_t rung) const;
  bool nothing_to_try() const;
  bool better_may_come(const Path& path) const;
  std::optional<LaneKey> best_contender(TimePoint now) const;
  TimePoint may_win_at(const Contender& contender) const;

  std::vector<State> rungs_;
  Settings settings_;
  Random& random_;
  TimePoint began_, patience_ends_;
  std::map<LaneKey, Contender> contenders_;              // up, and neither winner nor dropped
  std::optional<Path> winner_;
  std::optional<TimePoint> nothing_to_try_since_;
  bool gave_up_ = false;
  std::deque<Action> actions_;
};

}  // namespace pshare
