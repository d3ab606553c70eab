// The rendezvous: verbs of clients in, replies and deliveries out. A core without sockets; relay/io/server.hpp gives it some, and the
// simulator a virtual world. See wire/control.hpp for the conversation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "relay/code_desk.hpp"
#include "relay/mailbox.hpp"
#include "relay/presence.hpp"
#include "relay/store.hpp"
#include "relay/ticket_office.hpp"
#include "relay/volunteers.hpp"
#include "wire/control.hpp"
#include "wire/core.hpp"
#include "wire/limiter.hpp"

namespace pshare {

/// How long a connection may take to say Hello, and how long it may be silent afterwards.
inline constexpr Duration hello_patience = std::chrono::seconds{10};
inline constexpr Duration client_silence = 3 * keep_alive;

/// How much one connection, key or address may ask for: enough for people, and for the many behind one carrier's NAT.
inline constexpr Rate verbs_of_a_connection{.burst = 200, .each_second = 50};
inline constexpr Rate hellos_of_an_address{.burst = 100, .each_second = 5};
inline constexpr Rate registrations_of_a_key{.burst = 10, .each_second = 0.05};
inline constexpr Rate registrations_of_an_address{.burst = 20, .each_second = 0.2};
inline constexpr Rate lookups_of_a_key{.burst = 60, .each_second = 2};        // resolve and who
inline constexpr Rate lookups_of_an_address{.burst = 300, .each_second = 10};
/// Names asked for that nobody has, and names that somebody tried to register. Whoever guesses names is stopped by this one: 8640 guesses a day.
inline constexpr Rate misses_of_an_address{.burst = 60, .each_second = 0.1};
/// Signals are counted by size: one for each, and one more for each signal_unit of its body.
inline constexpr Rate signals_of_a_key{.burst = 200, .each_second = 10};
inline constexpr Rate signals_of_an_address{.burst = 800, .each_second = 40};
inline constexpr std::size_t signal_unit = 4 * 1024;
/// Dial-backs: somebody verifies a few mappings when a program starts, and again when they are renewed. What goes out is a SYN or a short
/// datagram to the one who asked, but behind a carrier's NAT that address has other people's ports too.
inline constexpr Rate dial_backs_of_a_connection{.burst = 12, .each_second = 0.2};
inline constexpr Rate dial_backs_of_an_address{.burst = 60, .each_second = 1};
inline constexpr std::size_t max_dial_backs_of_a_connection = 4;  // at once
inline constexpr std::size_t max_dial_backs = 128;                // at once, for everybody

/// Addresses at which a key has proven itself by the reflect role, the latest ones: a few devices, each of one other family.
inline constexpr std::size_t max_reflections_of_a_key = 8;

/// Keys or addresses that one kind of limit remembers.
inline constexpr std::size_t max_limited = 100'000;
/// Connections of one address at once. A carrier's NAT has hundreds of people behind one.
inline constexpr std::size_t max_clients_of_an_address = 256;
/// Each costs the server some 300 KiB, so that this many fit a small machine. See --max-clients.
inline constexpr std::size_t default_max_clients = 4'000;

class Rendezvous {
 public:
  struct Settings {
    std::size_t max_clients = default_max_clients;
    std::string agent;   // "pshare-server 1.2.3"
    std::string notice;  // from the operator, to every client that comes
    /// Devices are numbered from here on. A server starts at random, so that a device of an earlier run is not taken for one of this.
    DeviceId first_device{1};
    Duration hello_patience = pshare::hello_patience;  // tests on real sockets have less
    // What the Welcome says of the other services here; port 0: there is none.
    Port stun = {}, stun_alternate = {}, reflect_alternate = {};
    /// Two addresses of this host: who came to one is told of the other.
    std::optional<std::pair<IpAddress, IpAddress>> addresses = {};
    bool dials_back = false;
    TicketOffice* tickets = nullptr;  // lives longer; nothing: signs none, and lists no supernodes
    bool relays = false;              // with the key of `tickets`
    Random* random = nullptr;         // for the numbers of codes; lives longer; nothing: there are no codes here
  };

  struct Reply     { DeviceId to; ServerMessage message; };
  struct Close     { DeviceId device; std::string why; };  // after what was said to it is out
  struct Complaint { Error why; };                         // for the operator: the store failed us
  /// Say `nonce` to `to` (wire/dial_back.hpp), and call dialled_back(number) when that is over.
  /// From the address that the client has not come to, if there are two, and from a fresh port.
  struct DialBack  { std::uint64_t number; Transport transport; Endpoint to; DialBackNonce nonce; std::optional<IpAddress> from; };
  /// Look whether a relay with this key is there (relay/io/relay_look.hpp), and call dialled_back(number) likewise.
  struct VerifyRelay { std::uint64_t number; Endpoint at; PeerId relay; };
  using Action = std::variant<Reply, Close, Complaint, DialBack, VerifyRelay>;

  /// The store lives longer.
  Rendezvous(NameStore& store, Settings settings);

  /// A connection whose TLS handshake proved `key`, to the address `at` of ours. Gives the number under which it is known from now on.
  DeviceId connected(const PublicKey& key, const Endpoint& from, TimePoint now, std::optional<IpAddress> at = std::nullopt);
  void received(DeviceId device, const ClientMessage& message, UnixTime wall, TimePoint now);
  /// What arrived was no message at all.
  void garbled(DeviceId device, const Error& why);
  void disconnected(DeviceId device, TimePoint now);
  /// A connection of the reflect role whose TLS handshake proved `key`. Remembered while that key is online, and no longer.
  void reflected(const PublicKey& key, const IpAddress& from);
  /// Once for each DialBack and VerifyRelay, whether its client is still there or not.
  void dialled_back(std::uint64_t number, DialBackOutcome outcome);
  /// The server is about to end: everybody is told, and sent away; so is whoever still comes.
  void stop();

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  std::size_t clients() const { return clients_.size(); }

 private:
  enum class Stage { greeting, welcomed, closing };
  struct Client {
    PublicKey key;
    PeerId id;
    Endpoint from;
    IpAddress subscriber;  // as which its address is counted
    std::optional<IpAddress> at;  // which of our addresses it came to
    TokenBucket verbs, dial_backs;
    TimePoint patience_ends;
    Stage stage = Stage::greeting;
    std::size_t dialling = 0;  // dial-backs under way
  };
  struct Dialling {
    DeviceId device;
    std::uint64_t request;
    std::optional<Endpoint> volunteered = {};  // where a supernode is looked for; nothing: a probe
  };

  void greet(DeviceId device, Client& client, const Hello& hello, UnixTime wall, TimePoint now);
  void hand_over_mail(DeviceId device, const Client& client, TimePoint now);
  void on(DeviceId device, Client& client, const Register& message, TimePoint now);
  void on(DeviceId device, Client& client, const Resolve& message, TimePoint now);
  void on(DeviceId device, Client& client, const Who& message, TimePoint now);
  void on(DeviceId device, Client& client, const SendSignal& message, TimePoint now);
  void on(DeviceId device, Client& client, const Withdraw& message, TimePoint now);
  void on(DeviceId device, Client& client, const Probe& message, TimePoint now);
  void on(DeviceId device, Client& client, const Volunteer& message, TimePoint now);
  void on(DeviceId device, Client& client, const AskRelays& message, TimePoint now);
  void on(DeviceId device, Client& client, const AskTicket& message, UnixTime wall, TimePoint now);
  void on(DeviceId device, Client& client, const CodeOpen& message, TimePoint now);
  void on(DeviceId device, Client& client, const CodeJoin& message, TimePoint now);
  void on(DeviceId device, Client& client, const CodeMessage& message, TimePoint now);
  void on(DeviceId device, Client& client, const CodeClose& message, TimePoint now);
  void on(DeviceId device, Client& client, const TakeOffers& message, TimePoint now);
  void on(DeviceId device, Client& client, const Ping& message, TimePoint now);
  void on(DeviceId device, Client& client, const Bye& message, TimePoint now);
  void resolve_name(DeviceId device, Client& client, std::uint64_t request, const std::string& text, TimePoint now);
  void resolve_id(DeviceId device, std::uint64_t request, const PeerId& id);

  /// Why nobody can be dialled for this client now: nothing if it may be, which is counted.
  std::optional<Trouble> may_dial(Client& client, std::uint64_t request, TimePoint now);
  std::uint64_t start_dialling(DeviceId device, Client& client, std::uint64_t request, std::optional<Endpoint> volunteered = std::nullopt);
  /// The one of our two addresses that it has not come to.
  std::optional<IpAddress> other_address(const Client& client) const;
  void disappear(DeviceId device, const Client& client);
  void deliver_waiting(DeviceId device, std::vector<WaitingLetter> letters);
  void tell_left(const std::vector<CodeDesk::Left>& left);
  static CodeDesk::Person person(DeviceId device, const Client& client) { return {device, client.id, client.subscriber}; }
  /// The address over the other family at which the sender wishes to be shown, if its key was there.
  std::optional<IpAddress> proven_other(const Client& client, const SendSignal& message) const;
  bool may_look_up(const Client& client, TimePoint now);
  bool may_signal(const Client& client, std::size_t body, TimePoint now);
  /// The devices that this signal is for, if they are here.
  std::vector<DeviceId> recipients(DeviceId sender, const SendSignal& message) const;

  void say(DeviceId device, ServerMessage message);
  void refuse(DeviceId device, std::uint64_t request, Errc code, std::string words);
  /// The store failed: the client is told what it needs to know, the operator why.
  void give_up(DeviceId device, std::uint64_t request, const Error& why);
  /// Says why, and ends the connection.
  void end(DeviceId device, Client& client, Errc code, std::string words);
  void close(DeviceId device, Client& client, std::string why);
  void be_patient_until(DeviceId device, Client& client, TimePoint until);

  NameStore& store_;
  Settings settings_;
  std::uint64_t next_device_;
  bool stopping_ = false;
  std::map<DeviceId, Client> clients_;
  std::map<IpAddress, std::size_t> of_address_;           // how many of them
  std::set<std::pair<TimePoint, DeviceId>> by_patience_;  // those that are not closing
  Presence presence_;
  std::map<PeerId, std::deque<IpAddress>> reflections_;  // of keys that are online; the latest at the end
  Mailbox mailbox_;
  Volunteers volunteers_;
  std::optional<CodeDesk> codes_;
  Limiter<IpAddress> hellos_{hellos_of_an_address, max_limited};
  Limiter<PeerId> registrations_of_keys_{registrations_of_a_key, max_limited};
  Limiter<IpAddress> registrations_{registrations_of_an_address, max_limited};
  Limiter<PeerId> lookups_of_keys_{lookups_of_a_key, max_limited};
  Limiter<IpAddress> lookups_{lookups_of_an_address, max_limited};
  Limiter<IpAddress> misses_{misses_of_an_address, max_limited};
  Limiter<PeerId> signals_of_keys_{signals_of_a_key, max_limited};
  Limiter<IpAddress> signals_{signals_of_an_address, max_limited};
  Limiter<IpAddress> dial_backs_{dial_backs_of_an_address, max_limited};
  std::map<std::uint64_t, Dialling> dialling_;  // dial-backs under way, by our number
  std::uint64_t next_dial_back_ = 1;
  std::deque<Action> actions_;
};
static_assert(Core<Rendezvous>);

}  // namespace pshare
