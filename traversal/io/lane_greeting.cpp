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

/// A lane on which the other side has yet to say that it is ready.
class GreetedLane final : public Lane {
 public:
  explicit GreetedLane(LanePtr lane) : lane_(std::move(lane)) {}

  PeerId peer() const override { return lane_->peer(); }
  const Path& path() const override { return lane_->path(); }
  void count_as(Tier tier, Duration elapsed) override { lane_->count_as(tier, elapsed); }
  awaitable<std::size_t> read_some(std::span<std::byte> out) override {
    if (!ready_) co_await hear_ready();
    co_return co_await lane_->read_some(out);
  }
  awaitable<void> write(std::span<const ByteView> pieces) override { return lane_->write(pieces); }
  void finish() noexcept override { lane_->finish(); }
  void close() noexcept override { lane_->close(); }

 private:
  awaitable<void> hear_ready() {
    const auto answer = co_await read_greeting(*lane_);
    if (!std::holds_alternative<LaneReady>(answer)) throw something_else();
    ready_ = true;
  }

  LanePtr lane_;
  bool ready_ = false;
};

}  // namespace

awaitable<LanePtr> say_hello(LanePtr lane, LaneHello hello) {
  LaneMessage message = hello;
  co_await write(*lane, std::move(message));
  co_return std::make_unique<GreetedLane>(std::move(lane));
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
