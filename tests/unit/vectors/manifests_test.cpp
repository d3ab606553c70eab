#include <gtest/gtest.h>

#include <deque>

#include "transfer/manifest.hpp"
#include "transfer/transfer_id.hpp"
#include "vectors.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

/// The texts of an entry live in `texts`.
Entry entry_in(const Json& fields, std::deque<std::string>& texts) {
  const auto text = [&](const char* key) -> std::string_view { return texts.emplace_back(text_of(bytes_in(fields.at(key)))); };
  Entry entry{.type = static_cast<EntryType>(number_in(fields.at("type"))), .name = text("name")};
  if (fields.contains("parent")) entry.parent = EntryIndex{fields.at("parent").get<std::uint32_t>()};
  entry.size = value_or<std::uint64_t>(fields, "size", 0);
  entry.mtime = fields.at("mtime").get<std::int64_t>();
  entry.mode = fields.at("mode").get<std::uint16_t>();
  entry.version = value_or<std::uint64_t>(fields, "version", 0);
  entry.sparse = value_or(fields, "sparse", false);
  if (fields.contains("target")) entry.target = text("target");
  return entry;
}

ByteBuffer encoded(const Manifest& manifest) {
  ByteWriter all;
  manifest.encode([&](ByteView part) { all.bytes(part); });
  return all.take();
}

TEST(ManifestVectors, AreWrittenAndRead) {
  for (const auto& each : vectors("manifests").at("manifests")) {
    SCOPED_TRACE(text_in(each.at("name")));
    std::deque<std::string> texts;
    Manifest manifest;
    for (const auto& fields : each.at("entries")) ASSERT_TRUE(manifest.add(entry_in(fields, texts)));
    manifest.seal(number_in(each.at("chunk size")));
    EXPECT_EQ(manifest.bytes(), number_in(each.at("bytes")));
    EXPECT_EQ(manifest.chunks(), number_in(each.at("chunks")));
    const auto bytes = bytes_in(each.at("encoded"));
    EXPECT_EQ(shown(encoded(manifest)), shown(bytes));
    EXPECT_EQ(manifest.encode([](ByteView) {}), array_in<16>(each.at("digest")));

    const ManifestBegin begin{TransferId{}, manifest.entries(), manifest.bytes(), manifest.chunk_size(), number_in(each.at("stream")) == 1};
    ManifestReader reader{begin};
    if (!bytes.empty()) {
      ASSERT_TRUE(reader.part(bytes));
    }
    const auto read = std::move(reader).end(ManifestEnd{array_in<16>(each.at("digest"))});
    ASSERT_TRUE(read);
    EXPECT_EQ(shown(encoded(*read)), shown(bytes));
  }
}

/// Whether a receiver takes these entries, where they are within what was announced.
bool are_taken(ByteView entries) { return ManifestReader{ManifestBegin{TransferId{}, 1000, max_run, default_chunk_size, false}}.part(entries).has_value(); }

TEST(ManifestVectors, ThatAreUnusualAreTaken) {
  for (const auto& each : vectors("manifests").at("accepted")) EXPECT_TRUE(are_taken(bytes_in(each.at("encoded")))) << each.at("name");
}

TEST(ManifestVectors, ThatAreHostileAreRefused) {
  for (const auto& each : vectors("manifests").at("refused")) EXPECT_FALSE(are_taken(bytes_in(each.at("encoded")))) << each.at("name");
}

std::vector<std::string> texts_in(const Json& array) {
  std::vector<std::string> texts;
  for (const auto& each : array) texts.emplace_back(text_of(bytes_in(each)));
  return texts;
}

TEST(TransferIdVectors, AreMadeOfWhoAndWhat) {
  for (const auto& each : vectors("manifests").at("transfer ids")) {
    const auto kind = number_in(each.at("stream")) == 1 ? TransferKind::stream : TransferKind::files;
    EXPECT_EQ(transfer_id(peer_in(each.at("sender")), peer_in(each.at("receiver")), kind, texts_in(each.at("names")), texts_in(each.at("paths"))),
              TransferId{array_in<16>(each.at("id"))});
  }
}

}  // namespace
