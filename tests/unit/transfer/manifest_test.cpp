// Manifest: the run of bytes and its chunks, the encoded form, what a million entries cost.
#include "transfer/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/units.hpp"

namespace pshare {
namespace {

constexpr auto chunk = min_chunk_size;

EntryIndex add(Manifest& manifest, const Entry& entry) {
  const auto added = manifest.add(entry);
  EXPECT_TRUE(added) << added.error().doing;
  return added.value_or(EntryIndex{});
}

Entry file(std::string_view name, std::uint64_t size, std::optional<EntryIndex> parent = {}) {
  return {.type = EntryType::file, .parent = parent, .name = name, .size = size, .mtime = -5, .mode = 0644, .version = size + 1, .target = {}};
}
Entry directory(std::string_view name, std::optional<EntryIndex> parent = {}) {
  return {.type = EntryType::directory, .parent = parent, .name = name, .mode = 0755, .target = {}};
}

/// tree/ with an empty file, a file of two and a half chunks, a link, a file of one byte; then a second top-level file.
Manifest sample() {
  Manifest manifest;
  const auto tree = add(manifest, directory("tree"));
  add(manifest, file("empty", 0, tree));
  add(manifest, file("large", chunk * 5 / 2, tree));
  add(manifest, {.type = EntryType::symlink, .parent = tree, .name = "link", .target = "large"});
  add(manifest, file("small", 1, tree));
  auto holes = file("last\n", chunk);
  holes.sparse = true;
  add(manifest, holes);
  manifest.seal(chunk);
  return manifest;
}

ManifestBegin announcement(const Manifest& manifest) {
  return {.transfer = {}, .entries = manifest.entries(), .bytes = manifest.bytes(), .chunk_size = manifest.chunk_size(), .stream = false};
}

TEST(Manifest, LaysFilesEndToEndInOneRun) {
  const auto manifest = sample();
  EXPECT_EQ(manifest.entries(), 6u);
  EXPECT_EQ(manifest.files(), 4u);
  EXPECT_EQ(manifest.bytes(), chunk * 7 / 2 + 1);
  EXPECT_EQ(manifest.chunks(), 4u);
  EXPECT_EQ(manifest.offset(EntryIndex{2}), 0u);
  EXPECT_EQ(manifest.offset(EntryIndex{4}), chunk * 5 / 2);
  EXPECT_EQ(manifest.length(ChunkIndex{0}), chunk);
  EXPECT_EQ(manifest.length(ChunkIndex{3}), chunk / 2 + 1);
  EXPECT_EQ(manifest.length(ChunkIndex{4}), 0u);
  EXPECT_EQ(manifest.path(EntryIndex{4}), "tree/small");
}

TEST(Manifest, CutsChunksIntoSegmentsOfFiles) {
  const auto manifest = sample();
  const EntryIndex large{2}, small{4}, last{5};
  EXPECT_THAT(manifest.segments(ChunkIndex{0}), testing::ElementsAre(Segment{large, 0, chunk}));
  EXPECT_THAT(manifest.segments(ChunkIndex{2}), testing::ElementsAre(Segment{large, 2 * chunk, chunk / 2}, Segment{small, 0, 1},
                                                                     Segment{last, 0, chunk / 2 - 1}));
  EXPECT_THAT(manifest.segments(ChunkIndex{3}), testing::ElementsAre(Segment{last, chunk / 2 - 1, chunk / 2 + 1}));
  EXPECT_THAT(manifest.segments(ChunkIndex{4}), testing::IsEmpty());
}

TEST(Manifest, KnowsTheChunksOfAFile) {
  const auto manifest = sample();
  const auto range = [&](std::uint32_t entry) {
    const auto [first, last] = manifest.chunks_of(EntryIndex{entry});
    return std::pair{first.number, last.number};
  };
  EXPECT_EQ(range(1), std::pair(0ul, 0ul));
  EXPECT_EQ(range(2), std::pair(0ul, 3ul));
  EXPECT_EQ(range(4), std::pair(2ul, 3ul));
  EXPECT_EQ(range(5), std::pair(2ul, 4ul));
}

TEST(Manifest, SegmentsOfAllChunksCoverTheRunExactlyOnce) {
  Manifest manifest;
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t i = 0; i < 500; ++i) {
    sizes.push_back(i % 7 == 0 ? 0 : i * i * 13 % 200'000);
    add(manifest, file("f" + std::to_string(i), sizes.back()));
  }
  manifest.seal(chunk);
  std::vector<std::uint64_t> covered(sizes.size());
  for (std::uint64_t i = 0; i < manifest.chunks(); ++i) {
    std::uint64_t length = 0;
    for (const auto& segment : manifest.segments(ChunkIndex{i})) {
      EXPECT_EQ(segment.offset, covered[segment.entry.number]) << "in order, without a gap";
      covered[segment.entry.number] += segment.length;
      length += segment.length;
    }
    EXPECT_EQ(length, manifest.length(ChunkIndex{i}));
  }
  EXPECT_EQ(covered, sizes);
}

TEST(Manifest, OfNothingButDirectoriesHasNoChunks) {
  Manifest manifest;
  add(manifest, directory("a"));
  manifest.seal(chunk);
  EXPECT_EQ(manifest.chunks(), 0u);
}

TEST(Manifest, ComesBackFromItsPartsAsItWas) {
  const auto manifest = sample();
  ManifestReader reader{announcement(manifest)};
  const auto digest = manifest.encode([&](ByteView part) { EXPECT_TRUE(reader.part(part)); });
  const auto back = std::move(reader).end({digest});
  ASSERT_TRUE(back) << back.error().doing;
  ASSERT_EQ(back->entries(), manifest.entries());
  for (std::uint32_t i = 0; i < manifest.entries(); ++i) {
    const auto a = manifest.entry(EntryIndex{i}), b = back->entry(EntryIndex{i});
    EXPECT_EQ(std::tie(a.type, a.parent, a.name, a.size, a.mtime, a.mode, a.version, a.sparse, a.target),
              std::tie(b.type, b.parent, b.name, b.size, b.mtime, b.mode, b.version, b.sparse, b.target));
  }
  EXPECT_EQ(back->chunk_size(), chunk);
}

TEST(Manifest, GivesAStreamItsLengthAtTheEnd) {
  Manifest manifest;
  add(manifest, file("stdin", 0));
  manifest.seal(chunk);
  EXPECT_EQ(manifest.chunks(), 0u);
  manifest.set_stream_size(chunk + 1);
  EXPECT_EQ(manifest.chunks(), 2u);
  EXPECT_THAT(manifest.segments(ChunkIndex{1}), testing::ElementsAre(Segment{EntryIndex{0}, chunk, 1}));
}

TEST(Manifest, OfAMillionFilesTakesLessThan150MegabytesAndPartsThatFit) {
  Manifest manifest;
  std::optional<EntryIndex> parent;
  std::size_t peak = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    if (i % 1000 == 0) parent = add(manifest, directory("directory " + std::to_string(i)));
    add(manifest, file("a file of an ordinary name " + std::to_string(i), 1, parent));
    peak = std::max(peak, manifest.memory());
  }
  manifest.seal(default_chunk_size);
  EXPECT_LT(peak, 150 * MiB);
  EXPECT_LT(manifest.memory(), 90 * MiB);
  ManifestReader reader{announcement(manifest)};
  std::size_t longest = 0;
  const auto digest = manifest.encode([&](ByteView part) {
    longest = std::max(longest, part.size());
    EXPECT_TRUE(reader.part(part));
  });
  EXPECT_LE(longest, max_lane_body);
  EXPECT_TRUE(std::move(reader).end({digest}));
}

TEST(ChunkSize, GrowsOnlyForRunsThatNeedIt) {
  EXPECT_EQ(chunk_size_for(0).value_or(0), default_chunk_size);
  EXPECT_EQ(chunk_size_for(max_chunks * default_chunk_size).value_or(0), default_chunk_size);
  EXPECT_EQ(chunk_size_for(max_chunks * default_chunk_size + 1).value_or(0), 2 * default_chunk_size);
  EXPECT_EQ(chunk_size_for(max_chunks * max_chunk_size).value_or(0), max_chunk_size);
  const auto too_long = chunk_size_for(max_chunks * max_chunk_size + 1);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, Errc::limit);
}

}  // namespace
}  // namespace pshare
