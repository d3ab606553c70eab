#include "traversal/io/reflection.hpp"

#include <array>
#include <string>
#include <utility>

#include "io/deadline.hpp"
#include "io/tcp_stream.hpp"
#include "traversal/io/server_dial.hpp"
#include "traversal/seen_address.hpp"
#include "wire/framing.hpp"
#include "wire/reflection.hpp"

namespace pshare {

namespace {

/// The server's end of the stream comes in the flight of its answer; we wait for it no longer than this.
constexpr Duration end_patience = std::chrono::milliseconds{100};

awaitable<Reflection> answer(TlsStream& stream) {
  FrameReader frames;
  std::array<std::byte, 1024> piece;
  for (;;) {
    const auto body = value_or_throw(frames.next());
    if (body) co_return value_or_throw(decode_reflection(*body));
    const auto count = co_await stream.read_some(piece);
    frames.feed(ByteView{piece}.first(count));
  }
}

awaitable<void> end_of(TlsStream& stream) {
  std::array<std::byte, 1024> nothing;
  for (;;) co_await stream.read_some(nothing);
}

}  // namespace

awaitable<Endpoint> reflect(asio::any_io_executor, const TlsContext& tls, Endpoint server, PeerId key, std::optional<Port> local_port) {
  auto socket = co_await connect(server, 0, local_port);
  auto stream = co_await greet_in_role(std::move(socket), tls, std::string{reflect_alpn}, only(key));
  const auto reflection = co_await answer(stream);
  if (!can_be_seen_at(reflection.observed, server.address))
    throw Failure{{.code = Errc::malformed, .doing = "asking " + server.text() + " where it sees us: it says " + reflection.observed.text() + ", where nobody can be"}};
  try {
    auto ending = end_of(stream);
    co_await with_deadline(std::move(ending), Clock::now() + end_patience, "waiting for the server to close");
  } catch (const Failure&) {
  }
  co_return reflection.observed;
}

}  // namespace pshare
