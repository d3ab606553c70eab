#include "transfer/chunk_map.hpp"

#include <algorithm>
#include <bit>
#include <cassert>

namespace pshare {

namespace {

constexpr std::uint64_t word_bits = 64;

std::uint64_t words_for(std::uint64_t chunks) { return chunks / word_bits + (chunks % word_bits != 0 ? 1 : 0); }

}  // namespace

ChunkMap::ChunkMap(std::uint64_t chunks) : words_(words_for(chunks)), size_(chunks) {}

bool ChunkMap::has(ChunkIndex chunk) const {
  return chunk.number < size_ && (words_[chunk.number / word_bits] >> (chunk.number % word_bits) & 1) != 0;
}

void ChunkMap::set(ChunkIndex chunk) {
  assert(chunk.number < size_);
  if (has(chunk)) return;
  words_[chunk.number / word_bits] |= std::uint64_t{1} << (chunk.number % word_bits);
  ++count_;
}

void ChunkMap::clear(ChunkIndex chunk) {
  if (!has(chunk)) return;
  words_[chunk.number / word_bits] &= ~(std::uint64_t{1} << (chunk.number % word_bits));
  --count_;
}

void ChunkMap::grow(std::uint64_t chunks) {
  if (chunks <= size_) return;
  words_.resize(words_for(chunks));
  size_ = chunks;
}

std::optional<ChunkIndex> ChunkMap::next_missing(ChunkIndex from) const {
  if (from.number >= size_) return std::nullopt;
  auto word = from.number / word_bits;
  // Bits before `from` count as set; those beyond size() are clear, so they are found last and mean "none".
  auto missing = ~words_[word] & (~std::uint64_t{0} << (from.number % word_bits));
  while (missing == 0) {
    if (++word == words_.size()) return std::nullopt;
    missing = ~words_[word];
  }
  const ChunkIndex found{word * word_bits + static_cast<std::uint64_t>(std::countr_zero(missing))};
  if (found.number >= size_) return std::nullopt;
  return found;
}

ByteBuffer ChunkMap::bits(ChunkIndex first, std::size_t bytes) const {
  assert(first.number % 8 == 0);
  ByteBuffer out(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    const auto chunk = first.number + i * 8;
    if (chunk >= size_) break;
    out[i] = static_cast<std::byte>(words_[chunk / word_bits] >> (chunk % word_bits));
  }
  return out;
}

void ChunkMap::merge(ChunkIndex first, ByteView bits) {
  for (std::size_t i = 0; i < bits.size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      const auto offset = i * 8 + bit;
      if (first.number >= size_ || offset >= size_ - first.number) return;
      if ((std::to_integer<unsigned>(bits[i]) >> bit & 1) != 0) set(ChunkIndex{first.number + offset});
    }
  }
}

}  // namespace pshare
