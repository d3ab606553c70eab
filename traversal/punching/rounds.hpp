// The hole punching of one climb, as a core: which round begins when, over what, and when there is nothing left to try. Round 0 is plain: all of
// the peer's addresses, over UDP and TCP side by side, from the agreed moment on. Behind a NAT that gives every destination another port that
// reaches only peers that do not mind; so a measured round follows at once: each side whose NAT is such a one looks where its next ports will be,
// says so to the other, and both carry out the plan that fits (search_plan). When a plain round comes to nothing although both NATs are
// harmless, UDP is tried again with new sockets: a packet that came too early may have spoilt the old mapping (docs/nat.md).
//
//   driver                                    rounds
//     | <- Measure{round, transport} ---------- |   measured(round, forecast)
//     | <- Say{round, transport, forecast} ---- |   to the peer, through the server; heard(...) of what it says
//     | <- SendUdp, Dial, Drop ---------------- |   arrived(...), connected(...), failed(...), lost(...)
//     | <- Reached, Moved --------------------- |   as of UdpPunch
//     | <- End{round, transport} -------------- |   its sockets are of no use any more, but those that carry a lane
//     | <- Failed{transport, reason, words} --- |   nothing is left to try over it; at most once each
//
// The controlling side begins measured rounds; the first one, if it is needed, both begin by themselves, since both know that it will come.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "traversal/punching/tcp_punch.hpp"
#include "traversal/punching/udp_punch.hpp"
#include "wire/core.hpp"
#include "wire/signal.hpp"

namespace pshare {

/// Measured rounds of one climb, whoever began them: each costs the server a few packets and the NATs a few hundred mappings.
inline constexpr std::uint64_t max_measured_rounds = 6;
/// How long a measured round waits for the peer's forecast.
inline constexpr Duration forecast_patience = std::chrono::seconds{3};
/// How long UDP is tried: with the sockets that are there, which a packet that came too early may have spoilt, and by what was measured.
inline constexpr Duration plain_udp_patience = std::chrono::seconds{2};
inline constexpr Duration measured_udp_patience = std::chrono::seconds{4};
/// Between a measured round that failed and the next.
inline constexpr Duration measured_round_pause = std::chrono::milliseconds{300};

class PunchRounds {
 public:
  struct Targets {
    std::vector<UdpPunch::Target> udp;
    std::vector<TcpPunch::Target> tcp;
  };
  struct Settings {
    CheckSide side = CheckSide::controlling;
    SessionId session = {};
    CheckKey key = {};
    bool udp = true, tcp = true;             // what may be used, and can be here
    std::vector<bool> main_sockets = {};     // the punching port's UDP sockets, in the driver's order: true for IPv6
    NatFacts mine = {}, theirs = {};
    std::optional<Transport> search_first = {};  // what a search has succeeded over before; the sides may differ
    std::vector<IpAddress> vouched = {};           // where the server sees the peer, over either family: only there it is searched for
    /// Of the plain round over UDP. Longer where the other side may begin at another time, and nobody says when.
    Duration plain_patience = plain_udp_patience;
  };

  /// A UDP socket: one of the punching port's, or the index-th that was newly bound for this round.
  struct Socket {
    std::uint64_t round = 0;
    std::size_t index = 0;
    bool main = true;
    friend auto operator<=>(const Socket&, const Socket&) = default;
  };
  struct SendUdp { Socket socket; Endpoint to; ByteBuffer bytes; std::optional<int> ttl; };
  struct Reached { Socket socket; Endpoint remote; Tier tier; Duration rtt; };
  struct Moved   { Socket socket; Endpoint from, to; };
  struct Dial    { std::uint64_t round; TcpPunch::Dial dial; };
  struct Drop    { std::uint64_t round; DialKey dial; bool answered_too; };
  struct Measure { std::uint64_t round; Transport transport; };
  struct Say     { std::uint64_t round; Transport transport; PortForecast forecast; };
  struct End     { std::uint64_t round; Transport transport; };
  struct Failed  { Transport transport; Reason reason; std::string words; };
  using Action = std::variant<SendUdp, Reached, Moved, Dial, Drop, Measure, Say, End, Failed>;

  /// Begins now, which is the agreed moment. `random` lives longer.
  PunchRounds(Targets targets, Settings settings, Random& random, TimePoint now);

  void add(const Targets& more, TimePoint now);
  /// What is known of the two NATs by now, in place of what was: a survey takes longer over TCP than an offer may wait.
  /// So does the server to see the peer over both families: `vouched` is as in Settings, by now.
  void learned(const NatFacts& mine, const NatFacts& theirs, std::vector<IpAddress> vouched, TimePoint now);
  void measured(std::uint64_t round, const PortForecast& forecast, TimePoint now);
  /// `age`: how long ago the peer measured, about.
  void heard(std::uint64_t round, Transport transport, const PortForecast& forecast, Duration age, TimePoint now);
  /// STUN of this session, or an answer. False: not ours.
  bool arrived(const Socket& socket, const Endpoint& from, const ReceivedStun& received, TimePoint now);
  void connected(std::uint64_t round, DialKey dial, TimePoint now);
  void failed(std::uint64_t round, DialKey dial, Errc why, TimePoint now);
  void lost(std::uint64_t round, DialKey dial, TimePoint now);
  /// This pair carries a lane: its checks go on as keep-alive, and a change of the peer's address is noticed.
  void settle(const Socket& socket, const Endpoint& remote, TimePoint now);
  /// There is a lane: what is under way goes on, but nobody searches for a better one.
  void contented() { contented_ = true; }
  /// Nobody wants another lane over it: nothing new is begun, what is not settled ends, and no Failed follows.
  void stop(Transport transport, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct Measured {
    std::uint64_t round = 0;
    Transport transport = Transport::udp;
    bool main = true;  // mine is stable: the punching port itself takes part
    std::optional<PortForecast> mine = {}, theirs = {};
    TimePoint theirs_as_of = {};
    TimePoint give_up_at = {};
    TimePoint begin_at = TimePoint::min();  // when both are known
    bool running = false;
    bool known() const { return mine && theirs; }
  };
  template <typename Punch>
  struct Running { Punch punch; bool main = true; bool over = false; };

  UdpPunch::Settings udp_settings(Duration patience) const;
  TcpPunch::Settings tcp_settings() const;
  Duration rtt() const;
  bool allowed(Transport transport) const;
  const PortForecast& mine(Transport transport) const;
  const PortForecast& theirs(Transport transport) const;
  bool usable(Transport transport) const;
  bool searchable(Transport transport) const;
  bool needs_search(Transport transport) const;
  bool plain_over(Transport transport) const;
  bool may_search(const PortForecast& forecast) const;
  std::optional<Transport> next_measured() const;
  void begin_measured(std::uint64_t round, Transport transport, TimePoint now);
  void learn_from(const Measured& round);
  void start_if_ready(TimePoint now);
  void measured_failed(Transport transport, TimePoint now);
  void end_measured();
  void look_ahead(TimePoint now);
  void give_up(Transport transport, Reason reason, std::string words);
  void collect(TimePoint now);

  Targets targets_;
  Settings settings_;
  Random& random_;
  std::map<std::uint64_t, Running<UdpPunch>> udp_;
  std::map<std::uint64_t, Running<TcpPunch>> tcp_;
  std::optional<Measured> measured_;
  std::uint64_t rounds_begun_ = 0;
  std::optional<TimePoint> next_at_;         // when another measured round may begin
  std::map<Transport, int> searches_failed_;
  std::map<Transport, bool> given_up_;
  std::set<Transport> measured_over_;        // both sides, at least once
  std::set<Transport> steps_mislead_;        // a sweep behind our stepping NAT came to nothing
  std::optional<Socket> settled_;
  bool contented_ = false;
  std::deque<Action> actions_;
};
static_assert(Core<PunchRounds>);

}  // namespace pshare
