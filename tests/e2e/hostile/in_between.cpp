#include "in_between.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wire/framing.hpp"
#include "wire/lane_messages.hpp"
#include "wire/relay_hello.hpp"

namespace pshare::hostile {

awaitable<ByteBuffer> hear_ticket(TlsStream& stream, Overheard& overheard) {
  FrameReader frames;
  ByteBuffer piece(1);
  std::optional<ByteBuffer> body;
  while (!(body = value_or_throw(frames.next()))) {
    const auto count = co_await stream.read_some(piece);
    overheard.note(ByteView{piece}.first(count));
    frames.feed(ByteView{piece}.first(count));
  }
  overheard.note(bytes_of(ticket_was_presented));
  co_return value_or_throw(decode_relay_hello(*body)).ticket;
}

awaitable<TcpStream> say_joined(TlsStream stream) {
  const auto words = frame(encode(RelayAnswer{RelayJoined{}}));
  co_await stream.write(ByteView{words});
  co_return std::move(stream).release();
}

awaitable<void> pose_as_the_other(TcpStream socket, const TlsContext& tls, TlsRole role, Overheard& overheard) {
  std::vector<std::string> alpn{std::string{lane_alpn}};
  const auto anybody = [](const PeerId&) { return true; };
  TlsStream inner{std::move(socket), TlsEngine{tls, role, std::move(alpn), anybody}};
  co_await inner.handshake();
  // A client is done with its handshake before it knows whether its own key is accepted.
  if (role == TlsRole::server) overheard.note(bytes_of(lane_was_opened));
  ByteBuffer piece(16 * 1024);
  for (;;) {
    const auto count = co_await inner.read_some(piece);
    overheard.note(bytes_of(lane_was_opened));
    overheard.note(ByteView{piece}.first(count));
  }
}

}  // namespace pshare::hostile
