// A lane whose bytes go through a relay. The relay cannot speak on it, since what it carries is TLS between the two peers; so when the lane
// breaks, the relay is asked why, and its words are part of the error: a quota that is used up, a supernode that is going away.
#pragma once

#include "traversal/io/lane.hpp"
#include "traversal/io/relay_dial.hpp"

namespace pshare {

class RelayedLane final : public Lane {
 public:
  /// `ticket`: the one with which it came up.
  RelayedLane(LanePtr lane, RelayPlace place, RelayWay way, ByteBuffer ticket);
  /// In the file, where GCC 12 finds it: it left the implicit one out of the table of virtual functions.
  ~RelayedLane() override;

  PeerId peer() const override { return lane_->peer(); }
  const Path& path() const override { return lane_->path(); }
  void count_as(Tier tier, Duration elapsed) override { lane_->count_as(tier, elapsed); }
  awaitable<std::size_t> read_some(std::span<std::byte> out) override;
  awaitable<void> write(std::span<const ByteView> pieces) override;
  void finish() noexcept override { lane_->finish(); }
  void close() noexcept override;

 private:
  /// Throws it, with the relay's words.
  awaitable<void> fail(Error trouble);

  LanePtr lane_;
  RelayPlace place_;
  RelayWay way_;
  ByteBuffer ticket_;
  bool closed_ = false;
};

}  // namespace pshare
