#include "traversal/io/relayed_lane.hpp"

#include <optional>
#include <utility>

namespace pshare {

RelayedLane::RelayedLane(LanePtr lane, RelayPlace place, RelayWay way, ByteBuffer ticket)
    : lane_(std::move(lane)), place_(std::move(place)), way_(way), ticket_(std::move(ticket)) {}

RelayedLane::~RelayedLane() = default;

awaitable<std::size_t> RelayedLane::read_some(std::span<std::byte> out) {
  std::optional<Error> trouble;
  try {
    co_return co_await lane_->read_some(out);
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  auto failing = fail(*std::move(trouble));
  co_await std::move(failing);
  co_return 0;  // not reached
}

awaitable<void> RelayedLane::write(std::span<const ByteView> pieces) {
  std::optional<Error> trouble;
  try {
    co_await lane_->write(pieces);
    co_return;
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  auto failing = fail(*std::move(trouble));
  co_await std::move(failing);
}

awaitable<void> RelayedLane::fail(Error trouble) {
  // An end in order is the peer's doing, and silence says that the relay is gone or cut off as well.
  if (trouble.code == Errc::unreachable && !closed_) {
    auto asking = why_relay_ended(place_, way_, ticket_);
    const auto why = co_await std::move(asking);
    if (why) trouble.doing += "; the relay says: " + *why;
  }
  throw Failure{std::move(trouble)};
}

void RelayedLane::close() noexcept {
  closed_ = true;
  lane_->close();
}

}  // namespace pshare
