// Lanes without a network: two ends joined by bounded buffers in memory, on one loop. Either can be cut after so many bytes.
#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <memory>
#include <utility>

#include "io/wakeup.hpp"
#include "traversal/io/lane.hpp"
#include "wire/error.hpp"

namespace pshare::test {

/// One direction.
struct MemoryPipe {
  explicit MemoryPipe(const asio::any_io_executor& executor) : readable(executor), writable(executor) {}
  static constexpr std::size_t most = 256 * 1024;
  std::deque<std::byte> bytes;
  bool closed = false;
  std::size_t cut_after = std::numeric_limits<std::size_t>::max();  // bytes that still pass
  Wakeup readable, writable;
  void close() {
    closed = true;
    readable.ring();
    writable.ring();
  }
};

class MemoryLane final : public Lane {
 public:
  MemoryLane(std::shared_ptr<MemoryPipe> in, std::shared_ptr<MemoryPipe> out, Transport transport = Transport::tcp)
      : in_(std::move(in)), out_(std::move(out)), path_{.transport = transport} {}
  ~MemoryLane() override { close(); }

  PeerId peer() const override { return {}; }
  const Path& path() const override { return path_; }
  void count_as(Tier tier, Duration elapsed) override { path_.tier = tier, path_.elapsed = elapsed; }

  awaitable<std::size_t> read_some(std::span<std::byte> out) override {
    while (in_->bytes.empty() && !in_->closed) co_await in_->readable.wait();
    if (in_->bytes.empty()) throw Failure{{.code = Errc::closed, .doing = "reading from a lane in memory"}};
    const auto count = std::min(out.size(), in_->bytes.size());
    std::copy_n(in_->bytes.begin(), count, out.begin());
    in_->bytes.erase(in_->bytes.begin(), in_->bytes.begin() + static_cast<std::ptrdiff_t>(count));
    in_->writable.ring();
    co_return count;
  }

  awaitable<void> write(std::span<const ByteView> pieces) override {
    for (auto piece : pieces) {
      while (!piece.empty()) {
        while (out_->bytes.size() >= MemoryPipe::most && !out_->closed) co_await out_->writable.wait();
        if (out_->cut_after == 0) close();
        if (out_->closed) throw Failure{{.code = Errc::unreachable, .doing = "writing to a lane in memory"}};
        const auto count = std::min({piece.size(), MemoryPipe::most - out_->bytes.size(), out_->cut_after});
        out_->bytes.insert(out_->bytes.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
        out_->cut_after -= count;
        piece = piece.subspan(count);
        out_->readable.ring();
      }
    }
  }

  void finish() noexcept override { out_->close(); }
  void close() noexcept override {
    in_->close();
    out_->close();
  }

 private:
  std::shared_ptr<MemoryPipe> in_, out_;  // each shared by the two ends
  Path path_;
};

struct LanePair {
  LanePtr left, right;
};
/// `cut_after`: so many bytes pass from left to right, then both ends break.
inline LanePair memory_lanes(const asio::any_io_executor& executor, std::size_t cut_after = std::numeric_limits<std::size_t>::max(),
                             Transport transport = Transport::tcp) {
  const auto to_right = std::make_shared<MemoryPipe>(executor), to_left = std::make_shared<MemoryPipe>(executor);
  to_right->cut_after = cut_after;
  return {std::make_unique<MemoryLane>(to_left, to_right, transport), std::make_unique<MemoryLane>(to_right, to_left, transport)};
}

}  // namespace pshare::test
