// How the NAT in front of us gives ports over UDP, asked of the server by STUN (RFC 8489) from one socket or from several fresh ones, as a core.
// What it finds is for port_forecast to judge. It owns no socket: sockets are numbered in the order in which they were given.
//
//   driver                                        udp measurement
//     | <- Send{socket, to, bytes} ----------------- |   every destination from every socket but the last, in one volley; from the last one 60 ms later
//     | -- arrived(socket, from, STUN message) ----> |
//     | <- Reflexive{socket, external, rtt} -------- |   the first answer to each socket, at once: a candidate
//     | <- Measured{forecast, ...} ----------------- |   the end
//
// One socket: a survey at program start. A punch round takes sockets_to_measure_with fresh ones, and if they are stable goes on with them. Requests
// carry PADDING, since the server's answers are never longer than what they answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "traversal/nat/port_forecast.hpp"
#include "traversal/stun_transaction.hpp"
#include "wire/core.hpp"
#include "wire/random.hpp"

namespace pshare {

inline constexpr std::size_t sockets_to_measure_with = 3;
/// Makes every request as long as the longest answer: mapped address twice, response origin and other address over IPv6, some words of software.
inline constexpr std::size_t survey_padding = 128;

/// A binding request as all of traversal/nat sends it.
StunMessage padded_request(Random& random);
/// The reflexive endpoint that a success tells; nothing if it tells none that could be one of ours as seen from `asked`.
std::optional<Endpoint> mapped_address_in(const ReceivedStun& answer, const Endpoint& asked);

class UdpMeasurement {
 public:
  struct Settings {
    /// Less patient than RFC 8489, whose first wait is 500 ms: sent after 0, 0.1, 0.3, 0.7 and 1.5 s, given up after 2 s. A few hundred bytes more.
    StunTransaction::Settings transaction{.rto = std::chrono::milliseconds{100}, .sends = 5, .last_wait = 5};
    /// After the first answer, for the rest: a port of the server's that is blocked on the way must not hold up what the others have shown.
    Duration patience_for_the_rest = std::chrono::milliseconds{750};
    /// The port of the OTHER-ADDRESS that the server tells is asked too, at the address that was asked: for when nobody has told us of it
    /// yet. Its address is not believed: a server behind a NAT of its own knows but its inner one.
    bool asks_other_port = false;
  };
  /// With a round-trip time known: sent again after one and a half of it, within reason.
  static Settings settings_for(Duration round_trip);

  struct Send      { std::size_t socket; Endpoint to; ByteBuffer bytes; };
  struct Reflexive { std::size_t socket; Endpoint external; Duration round_trip; };
  struct Measured {
    PortForecast forecast;
    std::size_t socket = 0;                // stable: whose external endpoint that is, the one to punch with
    TimePoint taken;                       // when the last mapping was made: so old is the forecast
    std::optional<Duration> round_trip;    // the shortest
    std::optional<Endpoint> other_address; // where else the server answers (RFC 5780), if it said so
  };
  using Action = std::variant<Send, Reflexive, Measured>;

  /// `locals`: the port of each socket. `destinations`: the server's, of one family, at least one; two or more tell a mapping.
  UdpMeasurement(std::vector<Port> locals, std::vector<Endpoint> destinations, Settings settings, Random& random, TimePoint now);

  /// False: nothing of ours.
  bool arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  bool ended() const { return ended_; }
  /// What has been seen so far.
  std::vector<PortSample> samples() const;

 private:
  struct Question {
    std::size_t socket;
    Endpoint to;
    StunTransaction transaction;
    TimePoint sent;
    std::optional<TimePoint> sent_again, answered;  // first of each
    std::optional<Endpoint> external;
  };

  void ask_from(std::size_t socket, TimePoint now);
  void ask(std::size_t socket, const Endpoint& to, TimePoint now);
  void note_other_address(const Endpoint& asked, const Endpoint& other, TimePoint now);
  void drain(Question& question, TimePoint now);
  void note_answer(Question& question, const ReceivedStun& answer, TimePoint now);
  bool is_stable() const;
  bool all_over() const;
  void end_if_due(TimePoint now);
  std::optional<Duration> shortest_round_trip() const;

  std::vector<Port> locals_;
  std::vector<Endpoint> destinations_;
  std::size_t sockets_in_use_ = 0;
  Settings settings_;
  Random& random_;
  std::optional<TimePoint> second_volley_at_, over_at_;
  std::deque<Question> questions_;
  std::map<std::size_t, Endpoint> reflexive_;
  std::optional<Endpoint> other_address_;
  std::deque<Action> actions_;
  bool ended_ = false;
};

}  // namespace pshare
