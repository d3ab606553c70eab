#include "transfer/kept_state.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace pshare {
namespace {

constexpr TransferId the_transfer{{std::byte{9}}};
constexpr std::size_t entries_at = 18 + 16, bytes_at = entries_at + 8, chunk_size_at = bytes_at + 8;

Manifest some_manifest() {
  Manifest manifest;
  const auto folder = value_or_throw(manifest.add({.type = EntryType::directory, .name = "tree", .mode = 0755}));
  value_or_throw(manifest.add({.parent = folder, .name = "film", .size = 1'000'000, .mode = 0644}));
  manifest.seal(min_chunk_size);
  return manifest;
}

ByteBuffer kept() {
  const auto manifest = some_manifest();
  return KeptManifest::encode(the_transfer, manifest, manifest.encode([](ByteView) {}));
}

TEST(KeptManifest, IsReadAsItWasWritten) {
  const auto file = kept();
  const auto head = KeptManifest::head(file);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->begin.transfer, the_transfer);
  EXPECT_EQ(head->begin.bytes, 1'000'000u);
  EXPECT_EQ(head->begin.chunk_size, min_chunk_size);
  const auto again = KeptManifest::decode(file);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->path(EntryIndex{1}), "tree/film");
}

TEST(KeptManifest, AsksForNoMemoryThatNoTransferMayAskFor) {
  for (const auto at : {entries_at, bytes_at, chunk_size_at}) {
    auto file = kept();
    file[at] = std::byte{0xFF};  // the highest byte of the number: what a bad disk may make of it
    EXPECT_FALSE(KeptManifest::head(file)) << at;
    EXPECT_FALSE(KeptManifest::decode(file)) << at;
  }
}

TEST(KeptManifest, IsNoneWhereItIsTorn) {
  const auto file = kept();
  for (std::size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(KeptManifest::decode(ByteView{file}.first(size))) << size;
}

TEST(FinalNames, AreReadAsTheyWereWrittenAndAreNames) {
  const std::vector<FinalName> names{{FinalName::How::fresh, "film (1)"}, {FinalName::How::replace, "tree"}, {FinalName::How::dropped, "x"}};
  const auto file = encode_final_names(names);
  EXPECT_EQ(decode_final_names(file), names);
  EXPECT_FALSE(decode_final_names(ByteView{file}.first(file.size() - 1)));
  auto unknown = file;
  unknown[0] = std::byte{3};
  EXPECT_FALSE(decode_final_names(unknown));
  EXPECT_FALSE(decode_final_names(encode_final_names({{FinalName::How::fresh, "../film"}})));
}

TEST(KeptChecks, AreThoseOfTheirManifestAlone) {
  const ChunkHash digest{std::byte{1}}, another{std::byte{2}};
  const std::vector<ChunkIndex> chunks{ChunkIndex{3}, ChunkIndex{70'000}};
  const auto file = encode_kept_checks(digest, chunks);
  EXPECT_EQ(decode_kept_checks(file, digest), chunks);
  EXPECT_TRUE(decode_kept_checks(file, another).empty());
  EXPECT_TRUE(decode_kept_checks({}, digest).empty());
}

}  // namespace
}  // namespace pshare
