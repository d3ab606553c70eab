#include "traversal/io/lane_greeting.hpp"

#include <array>

namespace pshare {

namespace {

/// Greetings are short: whoever announces more is not greeting.
constexpr std::uint32_t longest_greeting = 256;

awaitable<void> read_exactly(Lane& lane, std::span<std::byte> out) {
  while (!out.empty()) out = out.subspan(co_await lane.read_some(out));
}

awaitable<void> write(Lane& lane, LaneMessage message) {
  const auto encoded = encode(message);
  const std::array<ByteView, 1> pieces{ByteView{encoded}};
  co_await lane.write(pieces);
}

awaitable<LaneMessage> read_greeting(Lane& lane) {
  std::array<std::byte, LaneFrameHeader::size> bytes;
  co_await read_exactly(lane, bytes);
  const auto header = value_or_throw(decode_lane_frame_header(bytes));
  if (header.length > longest_greeting)
    throw Failure{{.code = Errc::limit, .doing = "greeting on a lane: the other side begins with a message that is too long"}};
  ByteBuffer body(header.length);
  co_await read_exactly(lane, body);
  co_return value_or_throw(decode_lane_message(header, body));
}

Failure something_else() {
  return Failure{{.code = Errc::malformed, .doing = "greeting on a lane: the other side said something else"}};
}

}  // namespace

awaitable<void> say_hello(Lane& lane, LaneHello hello) {
  LaneMessage message = hello;
  co_await write(lane, std::move(message));
  const auto answer = co_await read_greeting(lane);
  if (!std::holds_alternative<LaneReady>(answer)) throw something_else();
}

awaitable<LaneHello> hear_hello(Lane& lane) {
  const auto greeting = co_await read_greeting(lane);
  const auto* hello = std::get_if<LaneHello>(&greeting);
  if (hello == nullptr) throw something_else();
  co_return *hello;
}

awaitable<void> say_ready(Lane& lane) {
  LaneMessage message = LaneReady{};
  co_await write(lane, std::move(message));
}

}  // namespace pshare
