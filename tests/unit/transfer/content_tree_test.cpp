// The tree over a transfer's contents, against roots that Python's hashlib gave by RFC 6962 section 2.1, read top down.
#include "transfer/content_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "session_fixture.hpp"
#include "transfer/content_facts.hpp"

namespace pshare {
namespace {

/// Chunk i is i + 1 bytes of value i.
Sha256Digest leaf(std::uint64_t i) { return content_leaf(ByteBuffer(i + 1, static_cast<std::byte>(i))); }

ContentTree tree_in_order(const std::vector<std::uint64_t>& order) {
  ContentTree tree;
  for (const auto i : order) tree.add(ChunkIndex{i}, leaf(i));
  return tree;
}

std::vector<std::uint64_t> first(std::uint64_t count) {
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(ContentTree, HasTheRootsOfRfc6962) {
  const std::vector<std::pair<std::uint64_t, const char*>> roots{
      {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, {1, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"},
      {2, "e449187a936d72a12be931fa9e3805c22d852419aff6a60dab9644cc706a052f"}, {3, "bd1a006735cd8a22a057e795ef3eef176b7decaa8cae5f8a30fa7aafe53b23df"},
      {5, "18905e86210bad694f6ea49e44eeb076e9f10dfdebca44235e7b10d7a12ef88f"}, {7, "15f290e6a28a2633d48b2b7c86adc7d20596296fdb865166ea8a108e050a30e9"},
      {8, "0fea274e6bacdb35de214d2f3fe69d083ace91c36a23087a5a7a6eced4088f8c"}, {13, "2dc0eacde44648339c587a0a4116a8faf5ef2c4827a1cf5e3aa7227e0e5974ab"}};
  for (const auto& [count, root] : roots) EXPECT_EQ(hex(tree_in_order(first(count)).root(count)), root) << count;
}

TEST(ContentTree, DoesNotMindTheOrderInWhichChunksCome) {
  std::mt19937 dice{7};
  for (std::uint64_t count = 1; count < 70; ++count) {
    auto order = first(count);
    const auto root = tree_in_order(order).root(count);
    std::ranges::shuffle(order, dice);
    EXPECT_EQ(tree_in_order(order).root(count), root) << count;
  }
}

TEST(ContentTree, KeepsAFewDigestsOfManyChunks) {
  ContentTree tree;
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    tree.add(ChunkIndex{i ^ 1}, Sha256Digest{});  // neighbours change places, as on two lanes
    most = std::max(most, tree.nodes());
  }
  EXPECT_LE(most, 20u);
}

TEST(ContentTree, KnowsWhatIsMissing) {
  auto tree = tree_in_order({0, 1, 4});
  EXPECT_EQ(tree.next_missing(ChunkIndex{0}, 6), ChunkIndex{2});
  EXPECT_EQ(tree.next_missing(ChunkIndex{3}, 6), ChunkIndex{3});
  EXPECT_EQ(tree.next_missing(ChunkIndex{4}, 6), ChunkIndex{5});
  EXPECT_EQ(tree.next_missing(ChunkIndex{4}, 5), std::nullopt);
  EXPECT_EQ(tree.next_missing(ChunkIndex{0}, 2), std::nullopt);
  EXPECT_EQ(ContentTree{}.next_missing(ChunkIndex{0}, 1), ChunkIndex{0});
}

TEST(ContentTree, CountsAChunkOnce) {
  auto tree = tree_in_order({0, 1, 2});
  tree.add(ChunkIndex{1}, leaf(9));
  tree.add(ChunkIndex{2}, leaf(9));
  EXPECT_EQ(tree.root(3), tree_in_order({0, 1, 2}).root(3));
}

TEST(NamesDigest, TellsNamesKindsAndSizesApartAndNothingElse) {
  const auto of = [](Entry entry) {
    Manifest manifest;
    value_or_throw(manifest.add({.type = EntryType::directory, .name = "d"}));
    value_or_throw(manifest.add(entry));
    manifest.seal(min_chunk_size);
    return names_digest(manifest);
  };
  const Entry file{.name = "a", .size = 7, .mtime = 5, .mode = 0644, .version = 3};
  auto touched = file, renamed = file, grown = file, moved = file, other = file;
  touched.mtime = 6, touched.mode = 0600, touched.version = 4;
  renamed.name = "b", grown.size = 8, moved.parent = EntryIndex{0}, other.type = EntryType::directory, other.size = 0;
  EXPECT_EQ(of(touched), of(file));
  for (const auto& each : {renamed, grown, moved, other}) EXPECT_NE(of(each), of(file));
}

TEST(ContentFacts, TellOfTheManifestAsItTravelsAndOfTheContents) {
  const auto manifest = manifest_of(2);
  ContentTree contents = tree_in_order({0, 1});
  const auto facts = content_facts(manifest, contents, false, manifest.bytes());
  EXPECT_EQ(facts.files, 1u);
  EXPECT_EQ(facts.bytes, manifest.bytes());
  EXPECT_EQ(facts.chunk_size, min_chunk_size);
  EXPECT_EQ(facts.contents, contents.root(2));
  EXPECT_EQ(facts.names, names_digest(manifest));
  Manifest touched;
  value_or_throw(touched.add({.name = "file", .size = manifest.bytes(), .mtime = 1}));
  touched.seal(min_chunk_size);
  EXPECT_NE(content_facts(touched, contents, false, manifest.bytes()).manifest, facts.manifest);
}

}  // namespace
}  // namespace pshare
