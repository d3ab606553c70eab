// Bytes in order, in blocks that stay where they are: what was written and is not yet acknowledged, or has arrived and is not yet read.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "wire/bytes.hpp"

namespace pshare {

/// Positions count from the first byte that was ever put in.
class ByteQueue {
 public:
  std::uint64_t begin() const { return begin_; }  // what was dropped lies before it
  std::uint64_t end() const { return end_; }
  std::uint64_t size() const { return end_ - begin_; }

  void append(ByteView bytes);
  /// The longest piece at `position` that lies in one block; empty at the end.
  ByteView at(std::uint64_t position) const;
  /// Forgets all before `position`.
  void drop_to(std::uint64_t position);
  /// Moves at most out.size() bytes from the front.
  std::size_t take(std::span<std::byte> out);

 private:
  static constexpr std::size_t block_size = 128 * 1024;
  static constexpr std::size_t spares_kept = 8;
  using Block = std::unique_ptr<std::byte[]>;

  std::deque<Block> blocks_;
  std::vector<Block> spares_;  // memory that was touched before is several times as fast
  std::uint64_t first_block_ = 0;  // position of the first block's first byte
  std::uint64_t begin_ = 0, end_ = 0;
};

}  // namespace pshare
