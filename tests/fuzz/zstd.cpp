// Fuzzes what is done with a chunk's payload: it fills just as many bytes as its header announced or is refused, whatever lengths and windows the compressed
// data claims for itself. What our own compressor makes of the same bytes, at any level, comes back as it was. The first three bytes: the announced raw
// length, and the level.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "transfer/zstd.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size < 4) return 0;
  static Compressor compressor;
  static Decompressor decompressor;
  const auto rest = std::as_bytes(std::span{data + 3, size - 3});

  // Exactly as long as announced, so that AddressSanitizer sees the first byte too many.
  ByteBuffer raw(data[0] | data[1] << 8);
  raw.shrink_to_fit();
  (void)decompressor.decompress(rest, raw);

  ByteBuffer compressed;
  const int level = lowest_level + data[2] % (highest_level - lowest_level + 1);
  if (!compressor.compress(level, rest, compressed)) return 0;
  ByteBuffer again(rest.size());
  if (compressed.size() >= rest.size() || !decompressor.decompress(compressed, again) || !std::ranges::equal(again, rest)) std::abort();
  ByteBuffer too_short(rest.size() - 1), too_long(rest.size() + 1);
  if (decompressor.decompress(compressed, too_short) || decompressor.decompress(compressed, too_long)) std::abort();
  return 0;
}
