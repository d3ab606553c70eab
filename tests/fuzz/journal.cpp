// Fuzzes the journal of an unfinished transfer, which a crash or a bad disk may have left in any state: reading it never fails
// worse than "malformed", what it cuts off is cut at a record, and reading what is left gives the same once more.
#include <cstdint>
#include <cstdlib>

#include "transfer/checksum.hpp"
#include "transfer/journal.hpp"

using namespace pshare;

namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::uint64_t chunks = data[0];
  auto bytes = buffer_of(std::as_bytes(std::span{data, size}).subspan(1));
  // The checks would keep the fuzzer from ever seeing a record, so they are put right where there is one.
  if (bytes.size() >= JournalRecord::header_size) {
    const auto header = JournalRecord::header({}, {}, default_chunk_size);
    std::copy(header.begin(), header.end(), bytes.begin());
    for (auto at = JournalRecord::header_size; at + JournalRecord::size <= bytes.size(); at += JournalRecord::size) {
      if (bytes[at + 1] == std::byte{0xFF}) continue;  // but some stay wrong
      ByteReader in{ByteView{bytes}.subspan(at + 4)};
      // Far ones now and then: without a manifest the map grows to them, which takes its time.
      const ChunkIndex chunk{*in.u32() % (bytes[at + 1] == std::byte{0xFE} ? max_chunks : 1024)};
      const auto hash = *in.array<16>();
      const auto record = bytes[at] < std::byte{128} ? JournalRecord::written(chunk, hash)
                          : bytes[at] < std::byte{240} ? JournalRecord::synced()
                          : bytes[at] < std::byte{250} ? JournalRecord::finishing() : JournalRecord::finished();
      std::copy(record.begin(), record.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  const auto replay = JournalReplay::read(bytes, chunks);
  if (!replay) {
    demand(replay.error().code == Errc::malformed);
    return 0;
  }
  demand(replay->valid_bytes <= bytes.size() && (replay->valid_bytes - JournalRecord::header_size) % JournalRecord::size == 0);
  demand(replay->durable.count() <= replay->hashes.size());
  if (chunks != 0) demand(replay->durable.size() == chunks);
  bytes.resize(replay->valid_bytes);
  const auto again = JournalReplay::read(bytes, chunks);
  demand(again && again->valid_bytes == bytes.size() && again->hashes == replay->hashes);
  demand(again->durable.count() == replay->durable.count() && again->phase == replay->phase);
  return 0;
}
