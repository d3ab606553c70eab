// Compression of single chunks: round trips, data that does not shrink, and compressed data that lies.
#include "transfer/zstd.hpp"

#include <gtest/gtest.h>

#include "wire/random.hpp"
#include "wire/units.hpp"

namespace pshare {
namespace {

ByteBuffer text_like(std::size_t size) {
  ByteBuffer out;
  for (std::size_t i = 0; out.size() < size; ++i) {
    const auto line = "line " + std::to_string(i) + ": nothing happened\n";
    const auto bytes = bytes_of(line);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  out.resize(size);
  return out;
}

TEST(Zstd, GivesBackWhatItTookAtEveryLevel) {
  const auto raw = text_like(300'000);
  Compressor compressor;
  Decompressor decompressor;
  ByteBuffer wire;
  for (int level = lowest_level; level <= highest_level; level += 6) {
    ASSERT_TRUE(compressor.compress(level, raw, wire));
    EXPECT_LT(wire.size(), raw.size() / 4);
    ByteBuffer back(raw.size());
    ASSERT_TRUE(decompressor.decompress(wire, back));
    EXPECT_EQ(back, raw);
  }
}

TEST(Zstd, SaysWhenDataDoesNotShrink) {
  SeededRandom random{1};
  ByteBuffer raw(100'000);
  random.fill(raw);
  Compressor compressor;
  ByteBuffer wire;
  EXPECT_FALSE(compressor.compress(lowest_level, raw, wire));
  EXPECT_FALSE(compressor.compress(lowest_level, ByteView{raw}.first(1), wire));
  EXPECT_FALSE(compressor.compress(lowest_level, {}, wire));
}

TEST(Zstd, RefusesABombWithoutRoomForIt) {
  const ByteBuffer zeros(64 * MiB);
  Compressor compressor;
  Decompressor decompressor;
  ByteBuffer bomb, out(1000, std::byte{1});
  ASSERT_TRUE(compressor.compress(lowest_level, zeros, bomb));
  ASSERT_LT(bomb.size(), 100'000u);
  const auto result = decompressor.decompress(bomb, out);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::malformed);
}

TEST(Zstd, RefusesWhatIsTornShortOrNoZstd) {
  const auto raw = text_like(10'000);
  Compressor compressor;
  Decompressor decompressor;
  ByteBuffer wire;
  ASSERT_TRUE(compressor.compress(3, raw, wire));
  ByteBuffer longer(raw.size() + 1), exact(raw.size());
  EXPECT_FALSE(decompressor.decompress(wire, longer));
  EXPECT_FALSE(decompressor.decompress(ByteView{wire}.first(wire.size() - 1), exact));
  EXPECT_FALSE(decompressor.decompress(bytes_of("not zstd at all"), exact));
  EXPECT_FALSE(decompressor.decompress({}, exact));
  EXPECT_TRUE(decompressor.decompress(wire, exact)) << "the context is usable after errors";
}

}  // namespace
}  // namespace pshare
