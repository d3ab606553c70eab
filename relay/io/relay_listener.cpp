#include "relay/io/relay_listener.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "secure/io/tls_stream.hpp"

namespace pshare {

awaitable<void> RelayListener::run() {
  const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(relay_.run());
    tasks.start(accept(tasks));
    co_await relay_.until_drained();
  };
  co_await with_tasks<void>(body);
}

void RelayListener::close() {
  closed_ = true;
  listener_.close();
  relay_.change([](Joiner& joiner) { joiner.drain(); });
}

awaitable<void> RelayListener::accept(TaskGroup& tasks) {
  while (!closed_) {
    std::optional<TcpStream> socket;
    try {
      socket.emplace(co_await listener_.accept());
    } catch (const Failure&) {
      if (!closed_) throw;
    }
    if (!socket) continue;
    const auto verdict = admission_.arrived(socket->remote().address, Clock::now());
    if (verdict == Admission::Verdict::admitted) {
      tasks.start(serve(*std::move(socket)));
    } else {
      log(LogLevel::debug, "connection.refused", {{"remote", socket->remote()}, {"why", word(verdict)}});
    }
  }
}

/// Whatever goes wrong here ends this connection alone.
awaitable<void> RelayListener::serve(TcpStream socket) {
  const auto from = socket.remote();
  std::vector<std::string> role{std::string{relay_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{tls_, TlsRole::server, std::move(role), [](const PeerId&) { return true; }}};
  std::optional<RelayHello> hello;
  try {
    const HalfOpen counted{admission_, from.address};
    auto handshake = stream.handshake();
    co_await with_deadline(std::move(handshake), Clock::now() + relay_handshake_patience, "the TLS handshake");
    hello = co_await relay_.hear_hello(stream);
  } catch (const Failure& trouble) {
    log(LogLevel::debug, "connection.over", {{"remote", from}, {"why", trouble.what()}});
  }
  if (hello) co_await relay_.serve(std::move(stream), *std::move(hello));
}

}  // namespace pshare
