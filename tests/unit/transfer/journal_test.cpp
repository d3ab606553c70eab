// The journal read back: what is durable, what is only written, and every kind of torn end.
#include "transfer/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transfer/checksum.hpp"

namespace pshare {
namespace {

const TransferId some_transfer{{std::byte{7}}};
const ChunkHash some_digest = hash_of(bytes_of("manifest"));
ChunkHash hash(std::uint64_t number) { return hash_of(bytes_of(std::to_string(number))); }

ByteBuffer journal(const std::vector<ByteBuffer>& records) {
  auto out = JournalRecord::header(some_transfer, some_digest, default_chunk_size);
  for (const auto& record : records) out.insert(out.end(), record.begin(), record.end());
  return out;
}
ByteBuffer written(std::uint64_t chunk) { return JournalRecord::written(ChunkIndex{chunk}, hash(chunk)); }

JournalReplay replay(ByteView bytes, std::uint64_t chunks = 10) {
  auto read = JournalReplay::read(bytes, chunks);
  EXPECT_TRUE(read);
  return read ? *std::move(read) : JournalReplay{};
}

TEST(Journal, RecordsAreOfTheirFixedSize) {
  EXPECT_EQ(JournalRecord::header(some_transfer, some_digest, 1).size(), JournalRecord::header_size);
  EXPECT_EQ(written(1).size(), JournalRecord::size);
  EXPECT_EQ(JournalRecord::synced().size(), JournalRecord::size);
}

TEST(Journal, TellsWhatWasSyncedFromWhatWasOnlyWritten) {
  const auto read = replay(journal({written(1), written(4), JournalRecord::synced(), written(5)}));
  EXPECT_EQ(read.transfer, some_transfer);
  EXPECT_EQ(read.manifest_digest, some_digest);
  EXPECT_EQ(read.chunk_size, default_chunk_size);
  EXPECT_EQ(read.durable.count(), 2u);
  EXPECT_TRUE(read.durable.has(ChunkIndex{1}) && read.durable.has(ChunkIndex{4}));
  EXPECT_THAT(read.hashes, testing::ElementsAre(testing::Pair(ChunkIndex{1}, hash(1)), testing::Pair(ChunkIndex{4}, hash(4)),
                                                testing::Pair(ChunkIndex{5}, hash(5))));
  EXPECT_EQ(read.phase, JournalReplay::Phase::receiving);
}

TEST(Journal, AChunkWrittenAgainIsNotDurableUntilTheNextMark) {
  const auto anew = JournalRecord::written(ChunkIndex{1}, hash(99));
  EXPECT_EQ(replay(journal({written(1), JournalRecord::synced(), anew})).durable.count(), 0u);
  const auto after = replay(journal({written(1), JournalRecord::synced(), anew, JournalRecord::synced()}));
  EXPECT_EQ(after.durable.count(), 1u);
  EXPECT_EQ(after.hashes.at(ChunkIndex{1}), hash(99));
}

TEST(Journal, RemembersHowFarFinishingCame) {
  EXPECT_EQ(replay(journal({JournalRecord::finishing()})).phase, JournalReplay::Phase::finishing);
  EXPECT_EQ(replay(journal({JournalRecord::finishing(), JournalRecord::finished()})).phase, JournalReplay::Phase::finished);
}

TEST(Journal, CutsATornEndAtEveryLength) {
  const auto whole = journal({written(1), JournalRecord::synced(), written(2), JournalRecord::synced()});
  for (std::size_t length = JournalRecord::header_size; length <= whole.size(); ++length) {
    const auto read = replay(ByteView{whole}.first(length));
    const auto records = (length - JournalRecord::header_size) / JournalRecord::size;
    EXPECT_EQ(read.valid_bytes, JournalRecord::header_size + records * JournalRecord::size);
    EXPECT_EQ(read.durable.count(), records / 2);
  }
  for (std::size_t length = 0; length < JournalRecord::header_size; ++length)
    EXPECT_FALSE(JournalReplay::read(ByteView{whole}.first(length), 10)) << "without a header it is none";
}

TEST(Journal, BelievesNothingFromTheFirstDamagedRecordOn) {
  const auto whole = journal({written(1), JournalRecord::synced(), written(2), JournalRecord::synced()});
  for (auto at = JournalRecord::header_size; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] ^= std::byte{0x10};
    const auto record = (at - JournalRecord::header_size) / JournalRecord::size;
    EXPECT_EQ(replay(damaged).valid_bytes, JournalRecord::header_size + record * JournalRecord::size) << at;
  }
}

TEST(Journal, EndsWhereAPowerCutLeftZeros) {
  auto bytes = journal({written(1), JournalRecord::synced()});
  const auto valid = bytes.size();
  bytes.resize(valid + 4096);
  EXPECT_EQ(replay(bytes).valid_bytes, valid);
}

TEST(Journal, RefusesADamagedHeaderAndOtherFiles) {
  const auto whole = journal({});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto damaged = whole;
    damaged[at] ^= std::byte{1};
    const auto read = JournalReplay::read(damaged, 10);
    ASSERT_FALSE(read) << at;
    EXPECT_EQ(read.error().code, Errc::malformed);
  }
}

TEST(Journal, IgnoresChunksThatTheManifestDoesNotHave) {
  const auto read = replay(journal({written(3), written(10), JournalRecord::synced()}), 10);
  EXPECT_EQ(read.durable.size(), 10u);
  EXPECT_EQ(read.durable.count(), 1u);
  EXPECT_EQ(read.hashes.size(), 1u);
}

TEST(Journal, TakesAnyChunkOfAStream) {
  const auto read = replay(journal({written(3), written(700), JournalRecord::synced()}), 0);
  EXPECT_EQ(read.durable.size(), 701u);
  EXPECT_EQ(read.durable.count(), 2u);
}

}  // namespace
}  // namespace pshare
