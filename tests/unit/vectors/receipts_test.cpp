#include <gtest/gtest.h>

#include "secure/receipt.hpp"
#include "secure/sha256.hpp"
#include "transfer/content_facts.hpp"
#include "transfer/content_tree.hpp"
#include "vectors.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

TEST(ReceiptVectors, HaveTheRootOfATreeOverTheChunks) {
  for (const auto& each : vectors("receipts").at("contents")) {
    const auto& chunks = each.at("chunks");
    ContentTree tree;
    for (std::uint64_t i = 0; i < chunks.size(); ++i) tree.add(ChunkIndex{i}, content_leaf(bytes_in(chunks.at(i))));
    EXPECT_EQ(shown(tree.root(chunks.size())), shown(bytes_in(each.at("digest")))) << chunks.size() << " chunks";
  }
}

TEST(ReceiptVectors, HaveTheDigestsOfNamesAndManifest) {
  const auto& receipt = vectors("receipts").at("receipts").at(0).at("fields");
  for (const auto& each : vectors("receipts").at("names")) {
    const auto entries = bytes_in(each.at("entries"));
    ManifestReader reader{ManifestBegin{TransferId{}, 6, 150'000, 65536, false}};
    ASSERT_TRUE(reader.part(entries));
    const auto manifest = std::move(reader).end(ManifestEnd{hash_of(entries)});
    ASSERT_TRUE(manifest);
    EXPECT_EQ(shown(names_digest(*manifest)), shown(bytes_in(each.at("digest"))));
    EXPECT_EQ(names_digest(*manifest), array_in<32>(receipt.at("names")));
    EXPECT_EQ(std::move(Sha256{}.add(entries)).digest(), array_in<32>(receipt.at("manifest")));
    EXPECT_EQ(manifest->files(), number_in(receipt.at("files")));
  }
}

ReceiptStatement statement_in(const Json& fields) {
  return {.transfer = TransferId{array_in<16>(fields.at("transfer"))},
          .sender = peer_in(fields.at("sender")),
          .receiver = key_in(fields.at("receiver key")),
          .signed_at = UnixTime{std::chrono::seconds{fields.at("time").get<std::int64_t>()}},
          .held = {.stream = number_in(fields.at("kind")) == 1,
                   .files = number_in(fields.at("files")),
                   .bytes = number_in(fields.at("bytes")),
                   .chunk_size = fields.at("chunk size").get<std::uint32_t>(),
                   .manifest = array_in<32>(fields.at("manifest")),
                   .names = array_in<32>(fields.at("names")),
                   .contents = array_in<32>(fields.at("contents"))}};
}

TEST(ReceiptVectors, AreSignedAndBelieved) {
  for (const auto& each : vectors("receipts").at("receipts")) {
    const auto statement = statement_in(each.at("fields"));
    EXPECT_EQ(shown(sign_receipt(identity_of(text_in(each.at("receiver"))), statement)), shown(bytes_in(each.at("signed"))));
    const auto opened = open_receipt(bytes_in(each.at("signed")));
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, statement);
  }
}

TEST(ReceiptVectors, ThatAreWrongAreRefused) {
  for (const auto& each : vectors("receipts").at("refused")) EXPECT_FALSE(open_receipt(bytes_in(each.at("signed")))) << each.at("name");
}

}  // namespace
