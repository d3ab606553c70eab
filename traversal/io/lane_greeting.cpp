#include "traversal/io/lane_greeting.hpp"

#include <array>

namespace pshare {

namespace {

/// Greetings are short: whoever announces more is not greeting.
constexpr std::uint32_t longest_greeting = 256;

awaitable<LaneMessage> read_greeting(TlsStream& stream) {
  std::array<std::byte, LaneFrameHeader::size> bytes;
  co_await stream.read_exactly(bytes);
  const auto header = value_or_throw(decode_lane_frame_header(bytes));
  if (header.length > longest_greeting)
    throw Failure{{.code = Errc::limit, .doing = "greeting on a lane: the other side begins with a message that is too long"}};
  ByteBuffer body(header.length);
  co_await stream.read_exactly(body);
  co_return value_or_throw(decode_lane_message(header, body));
}

Failure something_else() {
  return Failure{{.code = Errc::malformed, .doing = "greeting on a lane: the other side said something else"}};
}

}  // namespace

awaitable<void> say_hello(TlsStream& stream, LaneHello hello) {
  const auto message = encode(LaneMessage{hello});
  co_await stream.write(ByteView{message});
  const auto answer = co_await read_greeting(stream);
  if (!std::holds_alternative<LaneReady>(answer)) throw something_else();
}

awaitable<LaneHello> hear_hello(TlsStream& stream) {
  const auto greeting = co_await read_greeting(stream);
  const auto* hello = std::get_if<LaneHello>(&greeting);
  if (hello == nullptr) throw something_else();
  co_return *hello;
}

awaitable<void> say_ready(TlsStream& stream) {
  const auto message = encode(LaneMessage{LaneReady{}});
  co_await stream.write(ByteView{message});
}

}  // namespace pshare
