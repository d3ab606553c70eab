// The tree of SHA-256 digests over the chunks of a transfer, by whose root two sides know that they hold the same bytes. RFC 6962 section 2.1: a leaf is
// SHA-256 of 00 and the chunk's raw bytes, a node of 01 and its two children, and of n leaves the first 2^k (k as large as leaves
// some) make the left child. No chunk at all: SHA-256 of nothing.
//
// Leaves come in any order, as chunks do. Two siblings are folded into their parent at once, so that a transfer of 2^26 chunks takes
// megabytes for its bits and next to nothing for its digests, as long as chunks come about in order.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "transfer/chunk_map.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/receipt.hpp"

namespace pshare {

/// The leaf of a chunk. The costly part: for the worker pool.
Sha256Digest content_leaf(ByteView raw);

class ContentTree {
 public:
  /// One that is there already stays: a chunk is always the same bytes.
  void add(ChunkIndex chunk, const Sha256Digest& leaf);
  bool has(ChunkIndex chunk) const { return known_.has(chunk); }
  /// The first of `chunks` chunks, from `from` on, of which there is no leaf.
  std::optional<ChunkIndex> next_missing(ChunkIndex from, std::uint64_t chunks) const;
  /// Of all `chunks` leaves, which must be there.
  Sha256Digest root(std::uint64_t chunks) const;

  std::size_t nodes() const { return nodes_.size(); }  // kept at the moment

 private:
  using Place = std::pair<unsigned, std::uint64_t>;  // level (0: leaves), index in it
  ChunkMap known_;
  std::map<Place, Sha256Digest> nodes_;              // whose parents are not known yet
};

}  // namespace pshare
