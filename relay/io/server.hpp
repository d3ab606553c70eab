// The server's TCP sockets: accepts TLS connections, tells those of the reflect role where they come from (wire/reflection.hpp), gives those of
// the relay role to the relay, the others to the rendezvous core, and carries out what the core decides.
// One loop, one thread; a slow, silent or hostile client costs a bounded amount of memory and nobody else's time.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"
#include "io/wakeup.hpp"
#include "relay/admission.hpp"
#include "relay/rendezvous.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/tls.hpp"

namespace pshare {

/// A connection has so long to prove its key, and to say in which role it is meant.
inline constexpr Duration handshake_patience = std::chrono::seconds{10};
/// How often the operator is told that connections are being turned away; each single one is seen at `debug`.
inline constexpr Rate refusal_warnings{.burst = 1, .each_second = 1.0 / 60};

/// How long a client that was told its endpoint may take to hang up.
inline constexpr Duration reflection_patience = std::chrono::seconds{2};

class ControlConnection;
class RelayService;

class Server {
 public:
  /// All references live longer.
  /// `listener` and `further` take every role, `reflectors` the reflect role alone. `relay`: nothing if the server does not relay.
  Server(asio::any_io_executor executor, const TlsContext& tls, Rendezvous& rendezvous, Listener listener, std::vector<Listener> reflectors = {},
         std::vector<Listener> further = {}, RelayService* relay = nullptr);
  ~Server();

  /// Serves until stop(), and then until every client has left, but not much longer than farewell_patience. Errors: those of the
  /// listener; a client's trouble is that client's alone.
  awaitable<void> run();
  /// Takes no more connections, and tells every client to come back later. Once.
  void stop();

 private:
  enum class Roles { all, reflect };

  awaitable<void> accept(Listener& listener, Roles roles, TaskGroup& tasks);
  awaitable<void> serve(TcpStream socket, Roles roles, std::uint64_t number);
  awaitable<void> control(TlsStream stream);
  awaitable<void> dial(Rendezvous::DialBack back);
  awaitable<void> look(Rendezvous::VerifyRelay at);
  awaitable<void> converse(ControlConnection& connection, DeviceId device);
  awaitable<void> keep_time();
  /// Hands the core's replies to the connections they are for.
  void carry_out();
  void perform(const Rendezvous::Action& action);
  /// The number under which it counts as half open; nothing if it is to be closed.
  std::optional<std::uint64_t> admit(const Endpoint& from);

  asio::any_io_executor executor_;
  const TlsContext& tls_;
  Rendezvous& rendezvous_;
  Listener listener_;
  std::vector<Listener> reflectors_, further_;
  RelayService* relay_;
  TaskGroup* tasks_ = nullptr;  // while run() runs
  Admission admission_;
  std::map<std::uint64_t, TlsStream*> half_open_;  // by that number
  TokenBucket warnings_;
  std::map<DeviceId, ControlConnection*> connections_;  // each owned by its serve()
  std::optional<TimePoint> next_expiry_;                // for which keep_time() waits
  Wakeup clock_;                                        // rung when the core's deadline has become earlier
  std::optional<TimePoint> stop_by_;                    // once stop() was called
  Wakeup news_;                                         // rung by stop(), and then by each client that leaves
};

}  // namespace pshare
