// One round of UDP hole punching for one session, as a core (RFC 8445's checks and triggered checks, without its pair states: what can be sent is
// sent, paced). It owns no socket: sockets are numbered by the driver. It goes on answering after the round is won, for as long as the lane lives.
//
//   driver                                         udp punch
//     | <- Send{socket, to, bytes, ttl?} ------------- |   openers with a small TTL first, then checks, again with back-off; a search's probes
//     | -- arrived(socket, from, STUN message) ------> |   answers, triggers, learns peer-reflexive addresses
//     | <- Reached{socket, remote, tier, rtt} -------- |   controlling: goes both ways, begin QUIC. Controlled: authentic, let its QUIC in
//     | -- settle(socket, remote) -------------------> |   this pair carries a lane: the others are left, checks go on as keep-alive
//     | <- Moved{from, to} --------------------------- |   the peer's address has changed, proven by an answer from there
//     | <- Failed{reason} ---------------------------- |   patience is over, and nothing that was reached is alive (and nothing was settled)
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "traversal/punching/check.hpp"
#include "traversal/punching/search_plan.hpp"
#include "wire/core.hpp"
#include "wire/reason.hpp"

namespace pshare {

// All of these are ours; docs/nat.md says why.

/// Passes one or two NATs, and dies before it is at the peer's.
inline constexpr int opener_ttl = 5;
/// From the openers to the checks that are meant to arrive. On top of the way to the peer: so much later than we the peer may begin.
inline constexpr Duration opener_lead = std::chrono::milliseconds{20};
/// What one round may send, whatever happens: openers and checks of pairs; packets of a search; answers in each second.
inline constexpr std::size_t max_checks_in_round = 1024;
inline constexpr std::size_t max_search_packets = 2560;
inline constexpr std::size_t max_answers_per_second = 200;
/// Pairs of a socket and an address: of targets, and of addresses that only checks told us.
inline constexpr std::size_t max_target_pairs = 64;
inline constexpr std::size_t max_learned_pairs = 16;

/// Keep-alive of a punched hole: conntrack forgets unanswered flows after 30 s (docs/nat.md). Also how soon a peer's new address is noticed.
inline constexpr Duration check_keep_alive = std::chrono::seconds{5};
/// Checks of a pair that is reached and not settled, and for how long it may be silent when the round's patience is over.
inline constexpr Duration reached_pause = std::chrono::milliseconds{500}, reached_patience = std::chrono::milliseconds{1800};

class UdpPunch {
 public:
  /// An address of the peer's, and by which tier a lane to it counts.
  struct Target { Endpoint remote; Tier tier = Tier::punched; };

  struct Settings {
    CheckSide side = CheckSide::controlling;
    SessionId session = {};
    CheckKey key = {};
    Duration rtt = std::chrono::milliseconds{100};  // expected between the peers; paces what is sent again
    Duration patience = std::chrono::seconds{4};
    bool openers = true;                            // first a packet that opens the own NAT and dies before the peer's
  };

  struct Send    { std::size_t socket; Endpoint to; ByteBuffer bytes; std::optional<int> ttl; };
  struct Reached { std::size_t socket; Endpoint remote; Tier tier; Duration rtt; };
  struct Moved   { std::size_t socket; Endpoint from, to; };
  struct Failed  { Reason reason; };
  using Action = std::variant<Send, Reached, Moved, Failed>;

  /// A plain round: every socket (0 ... sockets - 1) checks every target of its own family. `families`: of socket i, true for IPv6.
  UdpPunch(std::vector<Target> targets, std::vector<bool> families, Settings settings, Random& random, TimePoint now);
  /// A measured round: what the plan says, with sockets 0 ... plan.sockets - 1.
  UdpPunch(SearchPlan plan, Settings settings, Random& random, TimePoint now);

  /// Another address of the peer's came to be known.
  void add(const Target& target, TimePoint now);
  /// STUN that is for this session, or an answer (whose transaction this round may know). False: not ours.
  bool arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now);
  /// Whatever address it is. Again with another one if the lane moved by itself.
  void settle(std::size_t socket, const Endpoint& remote, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct PairKey {
    std::size_t socket;
    Endpoint remote;
    friend auto operator<=>(const PairKey&, const PairKey&) = default;
  };
  struct Pair {
    Tier tier = Tier::punched;
    bool learned = false;                 // from a check, not from a target
    std::vector<Duration> openers = {};   // still to be sent: how long to wait after each
    TimePoint next_at = {};
    Duration pause = {};                  // after the next check
    std::optional<TimePoint> checked_at = {};
    TimePoint alive_at = {};              // when it was heard last, or answered
    bool answered = false, reported = false;
  };
  struct Asked {
    PairKey pair;
    TimePoint at;
  };

  /// What a plan with many sockets or many aims sends: pass after pass over all of them.
  struct Search {
    SearchPlan plan;
    int passes_left;
    int quiet_passes;     // first ones that are openers
    std::size_t next = 0; // in this pass
    TimePoint next_at;
    Duration pause;       // after this pass
    std::size_t all() const { return plan.sockets * plan.aims.size(); }
  };

  /// The settled pair, and perhaps another address from which the peer has been heard since.
  struct Settled {
    PairKey pair;
    Duration rtt;
    TimePoint next_at;
  };
  struct Move {
    Endpoint to;
    TimePoint began_at, next_at, ends_at;
    Duration pause;
    bool answered = false;
  };

  bool took_check(std::size_t socket, const Endpoint& from, const Check& check, TimePoint now);
  bool took_answer(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now);
  bool is_new(const TransactionId& id);
  void reach(const PairKey& key, Pair& pair, std::optional<Duration> rtt);
  void consider_move(const Endpoint& to, bool nominates, TimePoint now);
  void go_on_with_move(TimePoint now);

  Pair* add_pair(const PairKey& key, Tier tier, TimePoint now);
  Pair* pair_for(const PairKey& key, TimePoint now);
  Duration resend_pause(Duration pause);
  void check(const PairKey& key, Pair& pair, TimePoint now);
  void check_due_pairs(TimePoint now);
  void search(TimePoint now);
  void send_check(const PairKey& key, std::optional<int> ttl, TimePoint now);
  void end_round();
  void leave_the_dead(TimePoint now);

  std::vector<bool> families_;
  Settings settings_;
  Random& random_;
  TimePoint patience_ends_;
  bool had_target_ = false, round_over_ = false, failed_ = false;

  std::map<PairKey, Pair> pairs_;
  std::optional<Search> search_;
  std::optional<Settled> settled_;
  std::optional<Move> move_;
  TimePoint no_move_before_ = {};

  std::size_t checks_left_ = max_checks_in_round, search_packets_left_ = max_search_packets, answers_left_ = max_answers_per_second;
  TimePoint answers_counted_from_ = {};

  // Both are rings, the oldest is forgotten first.
  std::map<TransactionId, Asked> asked_;
  std::deque<TransactionId> asked_in_order_;
  std::set<TransactionId> heard_;
  std::deque<TransactionId> heard_in_order_;

  std::deque<Action> actions_;
};

}  // namespace pshare
