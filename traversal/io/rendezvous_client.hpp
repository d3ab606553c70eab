// Our control connection to the server, kept alive and remade: drives traversal/rendezvous_link over TLS, and turns requests and
// answers into awaitable calls.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/asio.hpp"
#include "io/outlet.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/tls.hpp"
#include "traversal/io/server_dial.hpp"
#include "traversal/rendezvous_link.hpp"
#include "traversal/server_order.hpp"
#include "wire/control.hpp"

namespace pshare {

struct ServerAddress {
  std::string host;  // a name or a literal address
  Port port;
  PeerId key;        // pinned
};

/// How long one attempt to reach the server may take: look-up, TCP and TLS together.
inline constexpr Duration server_connect_patience = std::chrono::seconds{10};
/// The same where there are more servers to go on to, and for a while after there was doubt: then a transfer may wait for the server, and who begins
/// anew is heard sooner than who sends a lost SYN again after 1, 2, 4 s.
inline constexpr Duration short_server_connect_patience = std::chrono::seconds{4};
inline constexpr Duration doubt_lasts = std::chrono::minutes{1};
/// Deliveries that wait for next_delivery(). More are dropped and logged: their senders ask again.
inline constexpr std::size_t max_waiting_deliveries = 256;
/// The same for what is told of codes, but that the oldest gives way; two who meet have less to say.
inline constexpr std::size_t max_waiting_code_news = 64;

/// Words in errors are printable already. All calls need run() to be running.
class RendezvousClient {
 public:
  /// What the server may hand to us: everything that is sent to our key, or just answers to what this connection sent.
  enum class Attendance { offers, answers_only };

  /// Whether a signal's recipient is told at which address the server sees us; over either family, if it has (set_other_address()).
  enum class OurAddress { hidden, shown };

  /// Several servers: one after the other, as traversal/server_order says; each of a server's sentences below is about the present one.
  RendezvousClient(asio::any_io_executor executor, const TlsContext& tls, std::vector<ServerAddress> servers, Random& random, Outlet& outlet,
                   Attendance attendance = Attendance::offers, std::optional<Port> local_port = std::nullopt);
  /// `tls`, `random` and `outlet` live longer. `local_port`: where connections to the server are dialled from, so that Welcome.observed is the
  /// external endpoint of that very port; when that cannot be done (a connection of the same four numbers lingers), from any other. So does the
  /// attempt after one that nobody answered in time: a router on the way may keep those four numbers for a connection that is no more.
  RendezvousClient(asio::any_io_executor executor, const TlsContext& tls, ServerAddress server, Random& random, Outlet& outlet,
                   Attendance attendance = Attendance::offers, std::optional<Port> local_port = std::nullopt);
  ~RendezvousClient();

  /// Keeps the link alive and reconnects for ever; ends by cancellation. Errors: identity_mismatch (the server's key is not the
  /// pinned one), version.
  awaitable<void> run();

  /// The welcome of the present connection, or of the next. Errors: unreachable or timed_out, naming server and last trouble;
  /// whatever ended run().
  awaitable<Welcome> welcome(TimePoint until);
  /// The one after the present one: the link was made again. Errors: whatever ended run().
  awaitable<Welcome> next_welcome();

  // All below: timed_out, naming the last trouble; limit (the server's rates, or too many requests at once); what ended run().
  /// Gives the name in the server's spelling. Errors: refused, if it is another key's.
  awaitable<std::string> register_name(std::string name, TimePoint until);
  /// Errors: unknown_peer. The caller compares the key with its pin.
  awaitable<Resolved> resolve(std::variant<std::string, PeerId> whom, TimePoint until);
  /// Those of `peers` (any number) that are online.
  awaitable<std::vector<PeerId>> who(std::vector<PeerId> peers, TimePoint until);
  awaitable<Fate> signal(PeerId to, DeviceId device, ByteBuffer sealed, bool wait, SessionId session, TimePoint until,
                         OurAddress address = OurAddress::hidden);
  awaitable<void> withdraw(PeerId to, SessionId session, TimePoint until);

  /// Has the server dial back to this port of ours, at the address at which it sees us, and say the nonce there (wire/dial_back.hpp). The
  /// nonce's arrival is the proof, the outcome a hint. Errors: limit, busy; unsupported (an older server).
  awaitable<DialBackOutcome> probe(Transport transport, Port port, DialBackNonce nonce, TimePoint until);

  /// Offers ourselves as a supernode, on that port at the address at which the server sees us; nothing but a server that has reached us there
  /// lists us. Errors: limit, busy; unsupported (a server that knows no relays).
  awaitable<Volunteered> volunteer(Port port, bool for_anyone, bool full, TimePoint until);
  /// Supernodes of those of `trusted` (the first max_who) that are there, and those that serve anyone. Errors: unsupported.
  awaitable<std::vector<RelayListing>> relays(std::vector<PeerId> trusted, TimePoint until);
  /// For one lane between us and `peer`, over a supernode or the server itself. Errors: unsupported; limit (a quota); offline (that
  /// supernode has gone).
  awaitable<ByteBuffer> ticket(SessionId session, PeerId peer, PeerId relay, TimePoint until);

  // One-time codes (wire/control.hpp). All of them: unsupported (an older server).
  /// A number for a new code, for as long as this connection to the server lives; `wish` (0: none) is the one it had on an earlier one. Errors: limit, busy.
  awaitable<std::uint64_t> open_code(std::uint64_t wish, TimePoint until);
  /// To the host of that number. Errors: unknown_peer (nobody has it open), limit.
  awaitable<void> join_code(std::uint64_t number, ByteBuffer body, TimePoint until);
  /// To the other one. Errors: unknown_peer (is gone).
  awaitable<void> say_by_code(std::uint64_t number, ByteBuffer body, TimePoint until);
  awaitable<void> close_code(std::uint64_t number, TimePoint until);
  /// What the server has to tell of codes, in order; nothing once the connection on which it would come was lost. One consumer at a time.
  awaitable<std::optional<CodeNews>> next_code_news(TimePoint until);
  /// Offers of that peer come to this connection, and to no other of our key; those that wait, at once.
  awaitable<void> take_offers(PeerId from, TimePoint until);

  /// The next signal from anybody, in order. One consumer at a time.
  awaitable<Delivery> next_delivery();

  /// Lanes have broken, so this connection may have as well: finds out, within doubt_patience, and connects anew if so.
  void doubt() {
    doubted_at_ = Clock::now();
    link_.doubt(Clock::now());
    news_.ring();
  }

  bool connected() const { return link_.online(); }
  /// The one that is used, or tried.
  const ServerAddress& server() const { return servers_[order_.present()]; }
  // Of the present connection, or of the last; nothing before the first.
  /// Then Welcome.observed is the proxy's address; it is not shown to peers.
  bool through_proxy() const { return through_proxy_; }
  /// The server's endpoint that was dialled: its STUN ports (in the Welcome) are at the same address. Nothing if that was through a proxy.
  std::optional<Endpoint> server_endpoint() const { return server_endpoint_; }
  /// What the server said of itself.
  const std::optional<Welcome>& last_welcome() const { return last_welcome_; }
  /// Its key: the one that was pinned, whole.
  const std::optional<PublicKey>& server_key() const { return server_key_; }
  /// Ours, as this machine sees it. Its port is `local_port` unless that could not be used.
  std::optional<Endpoint> local_endpoint() const { return local_endpoint_; }

  /// Where the server's reflect role has seen us over the other family than that of the connection to it; named in signals that show our address.
  void set_other_address(std::optional<IpAddress> address) { other_address_ = address; }
  const std::optional<IpAddress>& other_address() const { return other_address_; }
  /// To the server and back: the shortest of what the TCP connect, Hello with Welcome and each Ping with Pong took. Only ever too long, by
  /// what the two machines were busy with; a lost SYN's second is forgotten with the Welcome.
  std::optional<Duration> round_trip_time() const;
  /// Why there is no connection, or why the last one ended; empty if there was no trouble yet.
  std::string last_trouble() const;
  /// Called by run() at each change. With `connected == false`, `why` says why.
  void set_on_state(std::function<void(bool connected, const Error& why)> on_state) { on_state_ = std::move(on_state); }
  /// The operator's words; several lines perhaps, printable.
  void set_on_notice(std::function<void(std::string words)> on_notice) { on_notice_ = std::move(on_notice); }

 private:
  struct Connection;
  struct Call;
  class Waiting;

  void perform(RendezvousLink::Action action, TaskGroup& tasks);
  awaitable<void> serve_connection();
  awaitable<ServerConnection> reach(std::size_t number, std::optional<Port> local_port);
  awaitable<void> look_back();
  awaitable<bool> look_back_for(std::size_t earlier);
  void note_way(const TcpStream& socket, bool through_proxy);
  awaitable<void> converse(std::shared_ptr<Connection> connection);
  awaitable<void> read_messages(std::shared_ptr<Connection> connection);
  awaitable<void> write_messages(std::shared_ptr<Connection> connection);
  awaitable<RendezvousLink::Reply> ask(Request request, TimePoint until);
  template <typename Reply>
  awaitable<Reply> ask_for(Request request, TimePoint until);
  Error unanswered(std::string doing) const;
  std::string server_text() const;

  asio::any_io_executor executor_;
  const TlsContext& tls_;
  std::vector<ServerAddress> servers_;
  ServerOrder order_;
  Outlet& outlet_;
  std::optional<Port> local_port_;
  bool next_from_any_port_ = false;          // the last attempt was from local_port_, and in vain
  std::optional<TimePoint> doubted_at_;
  std::optional<Endpoint> server_endpoint_, local_endpoint_;
  bool through_proxy_ = false;
  std::optional<PublicKey> server_key_;
  std::optional<IpAddress> other_address_;
  std::optional<Duration> connect_took_;
  RendezvousLink link_;
  std::optional<ServerConnection> ahead_;    // to the server that serve_connection() is to turn to
  Wakeup order_changed_;                     // for look_back()
  Wakeup news_;                              // for run(): the link has been told something
  std::shared_ptr<Connection> connection_;   // shared by run(), which fills its outbox, and the coroutine that serves it
  std::map<RequestNumber, Call*> calls_;
  std::optional<Welcome> welcome_;           // while connected
  std::optional<Welcome> last_welcome_;
  Wakeups welcomed_;
  std::deque<CodeNews> code_news_;
  bool code_line_cut_ = false;               // the connection was lost since the last next_code_news()
  Wakeup code_told_;
  std::deque<Delivery> deliveries_;
  Wakeup delivered_;
  std::optional<Error> ended_;
  std::function<void(bool, const Error&)> on_state_;
  std::function<void(std::string)> on_notice_;
};

/// Trust on first use: connects, lets the server prove whatever key it has, and gives that key's ID. Errors: unreachable, timed_out,
/// malformed (no pshare-server there), naming host and port.
awaitable<PeerId> learn_server_key(std::string host, Port port, const TlsContext& tls, Outlet& outlet, TimePoint until);

}  // namespace pshare
