#include "traversal/io/lane_greeting.hpp"

#include <array>

#include "traversal/lane_greeting.hpp"

namespace pshare {

namespace {

awaitable<void> read_exactly(Lane& lane, std::span<std::byte> out) {
  while (!out.empty()) out = out.subspan(co_await lane.read_some(out));
}

awaitable<void> write(Lane& lane, LaneMessage message) {
  const auto encoded = encode(message);
  const std::array<ByteView, 1> pieces{ByteView{encoded}};
  co_await lane.write(pieces);
}

struct Greeting {
  LaneFrameHeader header;
  ByteBuffer body;
};

awaitable<Greeting> read_greeting(Lane& lane) {
  std::array<std::byte, LaneFrameHeader::size> bytes;
  co_await read_exactly(lane, bytes);
  Greeting greeting{value_or_throw(begin_greeting(bytes)), {}};
  greeting.body.resize(greeting.header.length);
  co_await read_exactly(lane, greeting.body);
  co_return greeting;
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
    value_or_throw(ready_of(answer.header, answer.body));
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
  co_return value_or_throw(hello_of(greeting.header, greeting.body));
}

awaitable<void> say_ready(Lane& lane) {
  LaneMessage message = LaneReady{};
  co_await write(lane, std::move(message));
}

}  // namespace pshare
