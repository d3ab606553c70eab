#include "transfer/sample.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace pshare {

bool all_zeros(ByteView chunk) {
  if (chunk.empty()) return true;
  // Zero in front, and every byte equal to the one before: memcmp does the looking, at the speed of memory.
  return chunk.front() == std::byte{0} && std::memcmp(chunk.data(), chunk.data() + 1, chunk.size() - 1) == 0;
}

double entropy_of(ByteView bytes) {
  if (bytes.empty()) return 0;
  std::array<std::uint32_t, 256> counts{};
  for (const auto byte : bytes) ++counts[std::to_integer<std::size_t>(byte)];
  double bits = 0;
  for (const auto count : counts) {
    if (count == 0) continue;
    const auto share = static_cast<double>(count) / static_cast<double>(bytes.size());
    bits -= share * std::log2(share);
  }
  return bits;
}

Sample sample_of(ByteView chunk, Compressor& compressor, ByteBuffer& scratch) {
  if (all_zeros(chunk)) return {.zeros = true, .ratio = 0};
  ByteBuffer part;
  if (chunk.size() <= 3 * sample_slice) {
    part.assign(chunk.begin(), chunk.end());
  } else {
    for (const auto from : {std::size_t{0}, (chunk.size() - sample_slice) / 2, chunk.size() - sample_slice}) {
      const auto slice = chunk.subspan(from, sample_slice);
      part.insert(part.end(), slice.begin(), slice.end());
    }
  }
  if (entropy_of(part) >= incompressible_entropy) return {};
  if (!compressor.compress(lowest_level, part, scratch)) return {};
  return {.zeros = false, .ratio = static_cast<double>(scratch.size()) / static_cast<double>(part.size())};
}

}  // namespace pshare
