// The client's side of a control connection (wire/control.hpp) over its whole life, as a core: greets, answers for requests across
// lost connections, keeps alive, notices a dead server, and connects again with growing, jittered pauses. It knows no socket:
// connections are made and broken by its driver (traversal/io/rendezvous_client) or by the simulator.
//
//   driver                               link
//     | <- Connect ----------------------- |    dial, TLS, then connected() or connection_lost()
//     | -- connected() ------------------> |
//     | <- Send{Hello}, Send{Register}...  |    and what was asked meanwhile, and what was left unanswered, in order: without waiting
//     | -- received(Welcome) ------------> |    for the Welcome, since the server takes things in order, too. That spares a round trip
//     | <- Online ------------------------ |
//     | -- connection_lost(why) ---------> |
//     | <- Offline{why, retry_at} -------- |    and at that time Connect again
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "wire/control.hpp"
#include "wire/random.hpp"
#include "wire/time.hpp"

namespace pshare {

/// Pauses before connecting again: the first is short, since a server that restarts is back at once; then doubled up to the longest.
/// Each is drawn from its upper half, so that the clients of a restarted server do not come all together.
inline constexpr Duration first_reconnect_pause = std::chrono::milliseconds{200};
inline constexpr Duration longest_reconnect_pause = std::chrono::seconds{30};
/// A connection that lasted this long counts as sound: after it the pauses begin anew. Otherwise a server that accepts and hangs up
/// would be dialled without rest.
inline constexpr Duration sound_connection = std::chrono::seconds{10};
/// How long the server may take to answer Hello.
inline constexpr Duration welcome_patience = std::chrono::seconds{10};
/// A server is dead after so much silence: three answers to Ping did not come.
inline constexpr Duration server_silence = 3 * keep_alive;
/// The most requests that may be under way.
inline constexpr std::size_t max_requests = 256;

/// The longest pause from when there is a need: a transfer has lost its path, and could be helped by the server.
inline constexpr Duration longest_doubtful_pause = std::chrono::seconds{1};
/// How long the server may take to answer once there is doubt about the connection. Ours: a few retransmissions.
inline constexpr Duration doubt_patience = std::chrono::seconds{4};

/// Names a request within one link.
struct RequestNumber {
  std::uint64_t number = 0;
  friend auto operator<=>(const RequestNumber&, const RequestNumber&) = default;
};

/// What may be asked; the request number inside is the link's to fill in.
using Request = std::variant<Register, Resolve, Who, SendSignal, Withdraw, Probe, Volunteer, AskRelays, AskTicket, CodeOpen, CodeJoin, CodeMessage, CodeClose, TakeOffers>;

class RendezvousLink {
 public:
  using Reply = std::variant<Registered, Resolved, WhoReply, SignalFate, Probed, Volunteered, Relays, Granted, CodeAnswer, TakingOffers>;

  struct Connect    {};                                          // make a connection
  struct Send       { ClientMessage message; };                  // on the present connection, in order
  struct Disconnect {};                                          // the present connection is of no use any more
  struct Online     { Welcome welcome; };
  struct Offline    { Error why; TimePoint retry_at; };
  struct Answered   { RequestNumber request; Reply reply; };
  struct Failed     { RequestNumber request; Error error; };     // refused by the server, or its deadline came
  struct Delivered  { Delivery delivery; };
  struct Told       { CodeNews news; };                          // of a code that was opened or joined on this connection
  struct Noticed    { std::string words; };                      // from the operator; not printable yet
  struct Ended      { Error error; };                            // no further attempt makes sense; the last action
  using Action = std::variant<Connect, Send, Disconnect, Online, Offline, Answered, Failed, Delivered, Told, Noticed, Ended>;

  /// Whether connections all lead to the same server.
  enum class Servers { one, several };

  /// `agent` and `features` are what Hello says of this program. `random` lives longer.
  RendezvousLink(std::string agent, Random& random, TimePoint now, std::vector<std::string> features = {}, Servers servers = Servers::one);

  /// TLS is up, and the key at its other end is the server's.
  void connected(TimePoint now);
  /// The connection ended, or was never made. identity_mismatch and version end the link where there is one server, and it has never welcomed us:
  /// otherwise we are in somebody else's network for a while, whose captive portal answers, or another server will do.
  void connection_lost(Error why, TimePoint now);
  void received(const ServerMessage& message, TimePoint now);

  /// Asks as soon as the server is there, and again after a reconnection if no answer had come. Answered or Failed follows. Verbs that older
  /// servers do not know (Probe, Volunteer, AskRelays, AskTicket, those of codes) wait for the Welcome that says whether this one does; unsupported if not.
  RequestNumber request(Request request, TimePoint until, TimePoint now);
  /// The answer is of no interest any more.
  void forget(RequestNumber request);

  /// Somewhere better is a server: leaves the present connection for one that is to be made at once. What was asked goes with it.
  void move();

  /// The network may have changed under the connection: the server is asked at once whether it still hears us, and has doubt_patience to answer. Where there
  /// is no connection, the next attempt is at most longest_doubtful_pause away.
  void doubt(TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  bool online() const { return std::holds_alternative<Established>(state_); }
  /// From Hello to Welcome or from Ping to Pong, whichever took least on the present connection (or, without one, on the last).
  const std::optional<Duration>& round_trip_time() const { return round_trip_time_; }
  /// Why there is no connection, or why the last one ended.
  const std::optional<Error>& last_trouble() const { return last_trouble_; }

 private:
  struct Pausing     { TimePoint until; };
  struct Connecting  {};
  struct Greeting    { TimePoint since; };
  struct Established { TimePoint since, last_heard, last_said; bool dials_back, signs_tickets, knows_codes; std::optional<TimePoint> pinged_at, doubted_at; };
  struct Over        {};
  struct Pending     { Request request; TimePoint until; };

  void send(ClientMessage message, TimePoint now);
  void send_request(RequestNumber number, const Request& request, TimePoint now);
  /// What was asked and may be said by now: before the Welcome, what every server understands.
  void send_pending(TimePoint now);
  bool may_send(const Request& request) const;
  void took(Duration round_trip);
  void welcomed(const Welcome& welcome, TimePoint now);
  void ask_newer(RequestNumber number, const Request& request, TimePoint now);
  void ping(TimePoint now);
  void answered(std::uint64_t request, Reply reply);
  void troubled(const Trouble& trouble, TimePoint now);
  void lost(Error why, TimePoint now);
  void drop(Error why, TimePoint now);
  bool ends(Errc code) const;
  void end(Error error);
  Duration next_pause();

  std::string agent_;
  std::vector<std::string> features_;
  Random& random_;
  std::variant<Pausing, Connecting, Greeting, Established, Over> state_ = Connecting{};
  bool may_come_right_;                              // whatever a connection fails of, the next may not
  int failures_ = 0;                                 // since the last sound connection
  std::uint64_t next_request_ = 1;
  std::map<RequestNumber, Pending> pending_;         // in the order they were asked
  std::optional<std::string> name_;                  // registered; said again on every new connection
  std::optional<RequestNumber> own_register_;        // our repetition of it, which nobody waits for
  std::optional<Error> last_trouble_;
  std::optional<Duration> round_trip_time_;
  std::deque<Action> actions_;
};

}  // namespace pshare
