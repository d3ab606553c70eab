#include "traversal/quic/byte_queue.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace pshare {

void ByteQueue::append(ByteView bytes) {
  while (!bytes.empty()) {
    const auto used = static_cast<std::size_t>(end_ - first_block_);
    if (used == blocks_.size() * block_size) {
      if (spares_.empty()) {
        blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(block_size));
      } else {
        blocks_.push_back(std::move(spares_.back()));
        spares_.pop_back();
      }
    }
    const auto within = used % block_size;
    const auto count = std::min(bytes.size(), block_size - within);
    std::memcpy(blocks_.back().get() + within, bytes.data(), count);
    bytes = bytes.subspan(count);
    end_ += count;
  }
}

ByteView ByteQueue::at(std::uint64_t position) const {
  if (position >= end_) return {};
  const auto offset = static_cast<std::size_t>(position - first_block_);
  const auto within = offset % block_size;
  const auto count = std::min<std::uint64_t>(block_size - within, end_ - position);
  return {blocks_[offset / block_size].get() + within, static_cast<std::size_t>(count)};
}

void ByteQueue::drop_to(std::uint64_t position) {
  begin_ = std::clamp(position, begin_, end_);
  while (!blocks_.empty() && begin_ - first_block_ >= block_size) {
    if (spares_.size() < spares_kept) spares_.push_back(std::move(blocks_.front()));
    blocks_.pop_front();
    first_block_ += block_size;
  }
}

std::size_t ByteQueue::take(std::span<std::byte> out) {
  std::size_t taken = 0;
  while (taken < out.size()) {
    const auto piece = at(begin_);
    if (piece.empty()) break;
    const auto count = std::min(piece.size(), out.size() - taken);
    std::memcpy(out.data() + taken, piece.data(), count);
    taken += count;
    drop_to(begin_ + count);
  }
  return taken;
}

}  // namespace pshare
