// The rendezvous: verbs of clients in, replies and deliveries out. A core without sockets; relay/io/server.hpp gives it some, and the
// simulator a virtual world. See wire/control.hpp for the conversation.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "relay/limiter.hpp"
#include "relay/mailbox.hpp"
#include "relay/presence.hpp"
#include "relay/store.hpp"
#include "wire/control.hpp"

namespace pshare {

/// How much one connection, key or address may ask for. Enough for people, not for enumerating names.
inline constexpr Rate verbs_of_a_connection{.burst = 200, .each_second = 50};
inline constexpr Rate lookups_of_a_key{.burst = 60, .each_second = 2};          // resolve and who
inline constexpr Rate registrations_of_an_address{.burst = 20, .each_second = 0.2};
inline constexpr Rate connections_of_an_address{.burst = 100, .each_second = 5};
inline constexpr std::size_t max_limited = 100'000;                             // keys or addresses watched at once
inline constexpr std::size_t default_max_clients = 10'000;

class Rendezvous {
 public:
  struct Settings {
    std::size_t max_clients = default_max_clients;
    std::string agent;   // "pshare-server 1.2.3"
    std::string notice;  // from the operator, to every client that comes
  };

  struct Reply { DeviceId to; ServerMessage message; };
  struct Close { DeviceId device; std::string why; };  // after what was said to it is out
  using Action = std::variant<Reply, Close>;

  /// The store lives longer.
  Rendezvous(NameStore& store, Settings settings);

  /// A connection whose TLS handshake proved `key`. Gives the number under which it is known from now on.
  DeviceId connected(const PublicKey& key, const Endpoint& from, TimePoint now);
  void received(DeviceId device, const ClientMessage& message, UnixTime wall, TimePoint now);
  /// What arrived was no message at all.
  void garbled(DeviceId device, const Error& why);
  void disconnected(DeviceId device, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  std::size_t clients() const { return clients_.size(); }

 private:
  struct Client {
    PublicKey key;
    PeerId id;
    Endpoint from;
    TokenBucket verbs;
    TimePoint heard;
    bool welcomed = false, closing = false;
  };

  void greet(DeviceId device, Client& client, const Hello& hello, UnixTime wall, TimePoint now);
  void on(DeviceId device, Client& client, const Register& message, TimePoint now);
  void on(DeviceId device, Client& client, const Resolve& message, TimePoint now);
  void on(DeviceId device, Client& client, const Who& message, TimePoint now);
  void on(DeviceId device, Client& client, const SendSignal& message, TimePoint now);
  void on(DeviceId device, Client& client, const Withdraw& message, TimePoint now);
  void on(DeviceId device, Client& client, const Ping& message, TimePoint now);
  void on(DeviceId device, Client& client, const Bye& message, TimePoint now);

  void say(DeviceId device, ServerMessage message);
  void refuse(DeviceId device, std::uint64_t request, Errc code, std::string words);
  /// Says why, and ends the connection.
  void end(DeviceId device, Client& client, Errc code, std::string words);

  NameStore& store_;
  Settings settings_;
  std::map<DeviceId, Client> clients_;
  std::uint64_t next_device_ = 1;
  Presence presence_;
  Mailbox mailbox_;
  Limiter<PeerId> lookups_{lookups_of_a_key, max_limited};
  Limiter<IpAddress> registrations_{registrations_of_an_address, max_limited};
  Limiter<IpAddress> connections_{connections_of_an_address, max_limited};
  std::deque<Action> actions_;
};

}  // namespace pshare
