// Which chunks there are: one bit each, the whole resume state of a transfer.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "wire/bytes.hpp"
#include "wire/ids.hpp"

namespace pshare {

class ChunkMap {
 public:
  explicit ChunkMap(std::uint64_t chunks = 0);

  std::uint64_t size() const { return size_; }
  std::uint64_t count() const { return count_; }  // of those that are set
  bool full() const { return count_ == size_; }
  bool has(ChunkIndex chunk) const;               // false beyond size()
  void set(ChunkIndex chunk);
  void clear(ChunkIndex chunk);
  /// For a stream, whose chunks become known one by one.
  void grow(std::uint64_t chunks);
  /// The first chunk at or after `from` that is not set.
  std::optional<ChunkIndex> next_missing(ChunkIndex from) const;

  /// Bits as in HavePart: `bytes` bytes' worth from `first`, which is a multiple of 8.
  ByteBuffer bits(ChunkIndex first, std::size_t bytes) const;
  void merge(ChunkIndex first, ByteView bits);    // bits beyond size() are ignored

 private:
  std::vector<std::uint64_t> words_;
  std::uint64_t size_ = 0, count_ = 0;
};

}  // namespace pshare
