// The server's sockets: accepts TLS connections, gives each to the rendezvous core, and carries out what the core decides.
// One loop, one thread; a slow, silent or hostile client costs a bounded amount of memory and nobody else's time.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "io/asio.hpp"
#include "io/tcp_stream.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "relay/rendezvous.hpp"
#include "secure/tls.hpp"

namespace pshare {

/// A connection has so long to prove its key.
inline constexpr Duration handshake_patience = std::chrono::seconds{10};
/// Connections that have not proven their key yet; further ones are closed at once.
inline constexpr std::size_t max_half_open = 1024;
inline constexpr std::size_t max_half_open_of_an_address = 64;
/// What may wait for a client that reads slowly; beyond, it is disconnected (and comes back when it can).
inline constexpr std::size_t max_unsent = 1024 * 1024;
/// What was said to a client before it is closed has so long to leave.
inline constexpr Duration farewell_patience = std::chrono::seconds{1};

class ControlConnection;

class Server {
 public:
  /// All references live longer.
  Server(asio::any_io_executor executor, const TlsContext& tls, Rendezvous& rendezvous, Listener listener);
  ~Server();

  /// Serves until it is cancelled.
  awaitable<void> run();
  /// Tells every client, and returns when they have been told (or after farewell_patience). Afterwards, cancel run().
  awaitable<void> say_goodbye();

 private:
  awaitable<void> accept(TaskGroup& tasks);
  awaitable<void> serve(TcpStream socket);
  awaitable<void> converse(ControlConnection& connection);
  awaitable<void> keep_time();
  /// Hands the core's replies to the connections they are for.
  void carry_out();
  bool admit(const IpAddress& from) const;

  asio::any_io_executor executor_;
  const TlsContext& tls_;
  Rendezvous& rendezvous_;
  Listener listener_;
  std::map<DeviceId, ControlConnection*> connections_;  // each owned by its serve()
  std::map<IpAddress, std::size_t> half_open_;
  std::size_t half_open_total_ = 0;
  Wakeup clock_;  // rung when the core's deadline may have changed
};

}  // namespace pshare
