// One climb's decisions, as a core: the ladder, which of the peer's addresses is dialled when, what is reported of each attempt, and the words
// for a search that found no path. traversal/io/climb drives it with sockets, the simulator with simulated ones. This build
// drives the direct tier over TCP; other tiers end as unsupported.
//
//   driver                               ascent
//     | <- Dial{pair} -------------------- |    TCP, TLS, greeting, within dial_patience
//     | -- lane_up(path, pair) ----------> |    or dial_failed(pair, why)
//     | -- lane_up(path) ----------------> |    the peer dialled us
//     | <- Report, Use{lane}, Close{lane}  |
//     | <- GaveUp{why} ------------------- |    instead of Use
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "io/happy_eyeballs.hpp"
#include "traversal/ladder.hpp"
#include "traversal/pairing.hpp"
#include "traversal/path.hpp"
#include "wire/core.hpp"
#include "wire/error.hpp"

namespace pshare {

/// How long one address may take, from the first SYN to LaneReady.
inline constexpr Duration dial_patience = std::chrono::seconds{10};

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
    Duration patience{};                                          // for the first winner
  };

  struct Dial   { std::size_t pair; };    // of those given; lane_up() or dial_failed() follows, though there may be a winner by then
  struct Report { Attempt attempt; };
  struct Use    { LaneKey lane; };        // the winner
  struct Close  { LaneKey lane; };        // of no use
  struct GaveUp { Error why; };           // no_path, with what was tried in words; the last action
  using Action = std::variant<Dial, Report, Use, Close, GaveUp>;

  /// Whether this build tries `tier` under these settings.
  static bool drives(Tier tier, const Settings& settings);

  /// `random` lives longer.
  Ascent(std::vector<Pair> pairs, Settings settings, Random& random, TimePoint now);

  /// A lane has proven the peer: by way of a Dial, or (no pair) because the peer dialled. Gives its key, which later actions name.
  LaneKey lane_up(const Path& path, std::optional<std::size_t> pair, TimePoint now);
  void dial_failed(std::size_t pair, Errc why, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  /// An attempt at the direct tier: the pairs at RFC 8305's pace, until one leads to a lane, the ladder stops it, or none is left.
  struct Dialling {
    HappyEyeballs pace;
    Reason reason;              // the most telling so far
    std::size_t under_way = 0;  // whoever has begun comes to their own end: a lane that the peer has accepted must not be lost
    bool more = true;           // addresses that may still be dialled
  };

  void follow_ladder(TimePoint now);
  void start(Tier tier, TimePoint now);
  void dial_due(TimePoint now);
  void attempt_failed(Tier tier, Reason reason, TimePoint now);
  void report_unfinished(const std::vector<Ladder::TierReason>& reasons, TimePoint now);
  void report(Tier tier, Outcome outcome, Reason reason, std::optional<Endpoint> remote, TimePoint now);
  Error no_path(const std::vector<Ladder::TierReason>& reasons) const;

  std::vector<Pair> pairs_;
  Settings settings_;
  TimePoint began_;
  Ladder ladder_;
  std::optional<Dialling> dialling_;
  std::map<std::size_t, Reason> tried_;  // pair -> what came of it, for no_path()
  std::uint32_t next_lane_ = 0;
  std::deque<Action> actions_;
};
static_assert(Core<Ascent>);

}  // namespace pshare
