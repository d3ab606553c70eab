#include "relay/io/relay_look.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/deadline.hpp"
#include "io/tcp_stream.hpp"
#include "secure/io/tls_stream.hpp"
#include "wire/relay_hello.hpp"

namespace pshare {

namespace {

awaitable<void> prove(const TlsContext& tls, Endpoint at, PeerId relay) {
  auto socket = co_await connect(at);
  std::vector<std::string> role{std::string{relay_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::client, std::move(role), only(relay)}};
  co_await stream.handshake();
}

DialBackOutcome outcome_of(Errc trouble) {
  switch (trouble) {
    case Errc::timed_out: return DialBackOutcome::timeout;
    case Errc::unreachable: return DialBackOutcome::unreachable;
    default: return DialBackOutcome::refused;
  }
}

}  // namespace

awaitable<DialBackOutcome> look_at_relay(const TlsContext& tls, Endpoint at, PeerId relay) {
  try {
    auto proving = prove(tls, at, relay);
    co_await with_deadline(std::move(proving), Clock::now() + relay_look_patience, "looking at a relay");
  } catch (const Failure& failure) {
    co_return outcome_of(failure.error().code);
  }
  co_return DialBackOutcome::reached;
}

}  // namespace pshare
