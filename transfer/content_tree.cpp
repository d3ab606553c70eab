#include "transfer/content_tree.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

#include "secure/sha256.hpp"

namespace pshare {

namespace {

constexpr std::array leaf_prefix{std::byte{0}}, node_prefix{std::byte{1}};

Sha256Digest parent_of(const Sha256Digest& left, const Sha256Digest& right) {
  return std::move(Sha256{}.add(node_prefix).add(left).add(right)).digest();
}

}  // namespace

Sha256Digest content_leaf(ByteView raw) { return std::move(Sha256{}.add(leaf_prefix).add(raw)).digest(); }

void ContentTree::add(ChunkIndex chunk, const Sha256Digest& leaf) {
  if (known_.has(chunk)) return;
  if (chunk.number >= known_.size()) known_.grow(std::max(chunk.number + 1, known_.size() * 2));
  known_.set(chunk);
  Place place{0, chunk.number};
  auto digest = leaf;
  for (;;) {
    const auto sibling = nodes_.find({place.first, place.second ^ 1});
    if (sibling == nodes_.end()) break;
    digest = place.second % 2 == 0 ? parent_of(digest, sibling->second) : parent_of(sibling->second, digest);
    nodes_.erase(sibling);
    place = {place.first + 1, place.second / 2};
  }
  nodes_.emplace(place, digest);
}

std::optional<ChunkIndex> ContentTree::next_missing(ChunkIndex from, std::uint64_t chunks) const {
  if (from.number >= chunks) return std::nullopt;
  if (from.number >= known_.size()) return from;
  const auto missing = known_.next_missing(from).value_or(ChunkIndex{known_.size()});
  return missing.number < chunks ? std::optional{missing} : std::nullopt;
}

Sha256Digest ContentTree::root(std::uint64_t chunks) const {
  assert(known_.count() == chunks && !next_missing(ChunkIndex{0}, chunks));
  // What is left are the largest whole trees side by side, as the bits of their number say, the largest first. They join from the right.
  std::optional<Sha256Digest> joined;
  for (auto rest = chunks; rest != 0; rest &= rest - 1) {
    const auto level = static_cast<unsigned>(std::countr_zero(rest));
    const auto& whole = nodes_.at({level, (rest - 1) >> level});
    joined = joined ? parent_of(whole, *joined) : whole;
  }
  return joined ? *joined : Sha256{}.digest();
}

}  // namespace pshare
