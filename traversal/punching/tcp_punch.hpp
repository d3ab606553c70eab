// One round of TCP hole punching for one session, as a core: simultaneous open (RFC 9293 section 3.5), fired by both sides at the same moment and again
// fast, as a NAT may answer the first SYN with RST or ICMP. It owns no socket: dials are numbered, the driver listens on the punching
// port all the while, and whatever is accepted there is the driver's and counts as well (one side's SYN is enough).
//
//   driver                                    tcp punch
//     | <- Dial{dial, from, to, ttl?} ---------- |   non-blocking connect from the punching port or from a fresh one
//     | -- connected(dial) --------------------> |   the sender speaks TLS on every connection; the first authenticated lane ends the round
//     | -- failed(dial, why) ------------------> |   dialled again from the same port, soon
//     | <- Drop{dial} -------------------------- |   close it: nothing came, another goes out in its place (or the round is over)
//     | <- Failed{reason} ---------------------- |
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "traversal/punching/dial_turns.hpp"
#include "traversal/punching/search_plan.hpp"
#include "wire/core.hpp"
#include "wire/error.hpp"
#include "wire/reason.hpp"

namespace pshare {

/// Dials that are under way at once, whatever the plan: each takes a descriptor. What is dropped leaves the NAT's mapping behind, and the
/// listener takes what comes through it.
inline constexpr std::size_t max_dials_at_once = 320;
/// SYNs in one round, those that are sent again included, and how many of the latter in a second: it must not look like an attack.
inline constexpr std::size_t max_dials_in_round = 8192;
inline constexpr std::size_t max_redials_per_second = 2000;

/// One connect(), numbered within a round.
struct DialKey {
  std::uint32_t number = 0;
  friend auto operator<=>(const DialKey&, const DialKey&) = default;
};

class TcpPunch {
 public:
  struct Settings {
    CheckSide side = CheckSide::controlling;        // so that the two do not do the same at the same time
    Duration rtt = std::chrono::milliseconds{100};  // expected between the peers
    Duration patience = std::chrono::seconds{4};
  };

  /// Which local port a dial is made from: the punching port (nothing), or the i-th fresh port of this round, bound at its first use and kept.
  using LocalPort = std::optional<std::size_t>;

  /// With `ttl` the SYN is to die on the way, when it has opened the own NAT; its Drop comes soon. What follows the SYN is to arrive: the driver
  /// sets the TTL before connect() and takes it back right after.
  struct Dial   { DialKey dial; LocalPort from; Endpoint to; Tier tier; std::optional<int> ttl; };
  /// Close it at once (no FIN: linger 0). Unless it is `answered_too` leave it if the peer's SYN has come (TCP_INFO: SYN-RECEIVED), and tell when
  /// it is connected: the dial that comes in its place then fails with Errc::busy, which is as it should be.
  struct Drop   { DialKey dial; bool answered_too; };
  struct Failed { Reason reason; };
  using Action = std::variant<Dial, Drop, Failed>;

  struct Target { Endpoint remote; Tier tier = Tier::punched; };
  /// A plain round: from the punching port to each target.
  TcpPunch(std::vector<Target> targets, Settings settings, Random& random, TimePoint now);
  /// A measured round. With one socket: from the punching port if `mine` is stable, else from a fresh one.
  TcpPunch(const SearchPlan& plan, bool from_punching_port, Settings settings, Random& random, TimePoint now);

  /// Not twice the same.
  void add(const Target& target, TimePoint now);
  void connected(DialKey key, TimePoint now);
  /// `why`: busy if these two endpoints have a connection already (EADDRNOTAVAIL, EADDRINUSE): accepted, most likely.
  void failed(DialKey key, Errc why, TimePoint now);
  /// What connected has turned out to be nobody's (TLS failed, or the far side closed it): dialled again. So it is when the round goes on for
  /// long after connected(): a NAT may have let the handshake through and nothing else.
  void lost(DialKey key, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  /// From one port to one endpoint: dialled again and again.
  struct Line {
    LocalPort from;
    Endpoint to;
    Tier tier;
    std::optional<DialKey> under_way = {};
    std::optional<TimePoint> due = {};  // to be dialled (again): in due_ too
    unsigned failures = 0;
    bool opens = false;                    // under_way is to die on its way
    bool up = false;
    std::optional<DialKey> left = {};      // dropped, or connected: it may be there still
  };

  void begin_lines(TimePoint now);
  void take_turn(TimePoint now);
  void dial_due(TimePoint now);
  void dial(std::size_t index, TimePoint now);
  void drop(std::size_t index);
  void make_room(TimePoint now);
  void clear_way(Line& line);
  void plan(std::size_t index, std::optional<TimePoint> due);
  void note(Reason reason);
  void end(TimePoint now);
  void see_the_last_off(TimePoint now);
  void fail_if_nothing_is_up();
  /// Until an unanswered dial is given up for a new one.
  Duration restart_wait();
  Duration below(Duration bound) { return Duration{static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(bound.count()) + 1))}; }

  Settings settings_;
  Random& random_;
  TimePoint ends_at_;
  bool over_ = false, failed_ = false;
  bool many_sockets_ = false;
  Reason reason_ = Reason::no_candidates;  // the most telling one until now

  std::deque<Line> lines_;
  std::size_t begun_ = 0;      // lines before it have been dialled
  Duration pace_{};            // from one line's first dial to the next one's
  TimePoint next_line_at_, next_redial_at_;
  std::set<std::pair<TimePoint, std::size_t>> due_;

  std::optional<DialTurns> turns_;  // where both sides take turns
  DialTurn turn_{};

  std::map<DialKey, std::size_t> dials_;   // all of the round, with their lines
  std::set<DialKey> under_way_;            // the oldest first
  std::uint32_t next_dial_ = 1;
  std::deque<Action> actions_;
};

}  // namespace pshare
