// A port that has the relay role and no other: what a supernode listens with. (The server has all roles on one port: relay/io/server.hpp.)
#pragma once

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"
#include "relay/admission.hpp"
#include "relay/io/relay_service.hpp"
#include "secure/tls.hpp"

namespace pshare {

/// A connection has so long to prove its key.
inline constexpr Duration relay_handshake_patience = std::chrono::seconds{10};

class RelayListener {
 public:
  /// References live longer.
  RelayListener(const TlsContext& tls, RelayService& relay, Listener listener) : tls_(tls), relay_(relay), listener_(std::move(listener)) {}

  Port port() const { return listener_.port(); }
  /// Accepts until close(), keeps the relay's time, and returns when the last lane has ended. Errors: those of the listener.
  awaitable<void> run();
  /// No new connections; the joiner is drained. What has been joined goes on.
  void close();

 private:
  awaitable<void> accept(TaskGroup& tasks);
  awaitable<void> serve(TcpStream socket);

  const TlsContext& tls_;
  RelayService& relay_;
  Listener listener_;
  Admission admission_;
  bool closed_ = false;
};

}  // namespace pshare
