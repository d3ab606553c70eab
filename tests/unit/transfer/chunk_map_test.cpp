// ChunkMap: bits, ranges, and the form in which they travel in HavePart.
#include "transfer/chunk_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

TEST(ChunkMap, CountsEachChunkOnce) {
  ChunkMap map{130};
  for (const std::uint64_t chunk : {0, 64, 129, 64}) map.set(ChunkIndex{chunk});
  EXPECT_EQ(map.count(), 3u);
  map.clear(ChunkIndex{64});
  map.clear(ChunkIndex{64});
  EXPECT_EQ(map.count(), 2u);
  EXPECT_TRUE(map.has(ChunkIndex{129}));
  EXPECT_FALSE(map.has(ChunkIndex{64}));
}

TEST(ChunkMap, HasNothingBeyondItsSize) {
  ChunkMap map{10};
  EXPECT_FALSE(map.has(ChunkIndex{10}));
  EXPECT_FALSE(map.has(ChunkIndex{~std::uint64_t{0}}));
  EXPECT_FALSE(map.next_missing(ChunkIndex{10}));
}

TEST(ChunkMap, FindsTheNextMissingChunkAcrossWords) {
  ChunkMap map{200};
  for (std::uint64_t i = 0; i < 200; ++i)
    if (i != 3 && i != 150) map.set(ChunkIndex{i});
  EXPECT_EQ(map.next_missing(ChunkIndex{0}), ChunkIndex{3});
  EXPECT_EQ(map.next_missing(ChunkIndex{4}), ChunkIndex{150});
  EXPECT_FALSE(map.next_missing(ChunkIndex{151}));
}

TEST(ChunkMap, OfNoChunksIsFull) {
  const ChunkMap map{0};
  EXPECT_TRUE(map.full());
  EXPECT_FALSE(map.next_missing(ChunkIndex{0}));
}

TEST(ChunkMap, KeepsItsBitsWhenItGrows) {
  ChunkMap map{1};
  map.set(ChunkIndex{0});
  EXPECT_TRUE(map.full());
  map.grow(100);
  EXPECT_FALSE(map.full());
  EXPECT_TRUE(map.has(ChunkIndex{0}));
  EXPECT_EQ(map.next_missing(ChunkIndex{0}), ChunkIndex{1});
}

TEST(ChunkMap, TravelsAsBitsLowestFirst) {
  ChunkMap map{20};
  for (const std::uint64_t chunk : {0, 9, 19}) map.set(ChunkIndex{chunk});
  EXPECT_THAT(map.bits(ChunkIndex{0}, 4), testing::ElementsAre(std::byte{0x01}, std::byte{0x02}, std::byte{0x08}, std::byte{0}));
  EXPECT_THAT(map.bits(ChunkIndex{8}, 1), testing::ElementsAre(std::byte{0x02}));
  ChunkMap other{20};
  other.merge(ChunkIndex{0}, map.bits(ChunkIndex{0}, 3));
  EXPECT_EQ(other.count(), 3u);
  EXPECT_TRUE(other.has(ChunkIndex{19}));
}

TEST(ChunkMap, IgnoresBitsBeyondItsSize) {
  ChunkMap map{9};
  map.merge(ChunkIndex{8}, ByteBuffer(4, std::byte{0xFF}));
  map.merge(ChunkIndex{~std::uint64_t{7}}, ByteBuffer(4, std::byte{0xFF}));
  EXPECT_EQ(map.count(), 1u);
}

}  // namespace
}  // namespace pshare
