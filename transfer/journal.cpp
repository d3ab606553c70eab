#include "transfer/journal.hpp"

#include <algorithm>
#include <cassert>
#include <string_view>

#include "transfer/checksum.hpp"

namespace pshare {

namespace {

constexpr std::string_view magic = "pshare-journal/1";
static_assert(magic.size() == 16 && max_chunks <= std::uint64_t{1} << 32);

// Letters, so that a journal can be read in a hex dump; none is 0, which is what a power cut leaves of unwritten blocks.
enum class Tag : std::uint8_t { written = 'W', synced = 'S', finishing = 'N', finished = 'F' };

std::uint32_t check_of(Tag tag, std::uint32_t chunk, const ChunkHash& hash) {
  ByteWriter bytes;
  bytes.u8(static_cast<std::uint8_t>(tag)).u32(chunk).bytes(hash);
  return static_cast<std::uint32_t>(short_hash_of(bytes.view()) & 0xFFFFFF);
}

ByteBuffer record(Tag tag, std::uint32_t chunk = 0, const ChunkHash& hash = {}) {
  ByteWriter out;
  out.u32(std::uint32_t{static_cast<std::uint8_t>(tag)} << 24 | check_of(tag, chunk, hash)).u32(chunk).bytes(hash);
  return out.take();
}

struct Record {
  Tag tag;
  ChunkIndex chunk;
  ChunkHash hash;
};

/// Nothing at the end, and for what is no record: there the journal is torn.
std::optional<Record> record_in(ByteReader& in) {
  const auto first = in.u32(), chunk = in.u32();
  const auto hash = in.array<16>();
  if (!first || !chunk || !hash) return std::nullopt;
  const auto tag = static_cast<Tag>(*first >> 24);
  if (tag != Tag::written && tag != Tag::synced && tag != Tag::finishing && tag != Tag::finished) return std::nullopt;
  if ((*first & 0xFFFFFF) != check_of(tag, *chunk, *hash)) return std::nullopt;
  return Record{tag, ChunkIndex{*chunk}, *hash};
}

Unexpected malformed(std::string what) {
  return Unexpected{{.code = Errc::malformed,
                     .doing = "reading the journal of an unfinished transfer: " + std::move(what),
                     .hint = "remove the .pshare-partial folder to begin that transfer anew"}};
}

}  // namespace

ByteBuffer JournalRecord::header(const TransferId& transfer, const ChunkHash& manifest_digest, std::uint64_t chunk_size) {
  ByteWriter out;
  out.bytes(bytes_of(magic)).bytes(transfer.bytes).bytes(manifest_digest).u64(chunk_size);
  out.u64(short_hash_of(out.view()));
  return out.take();
}

ByteBuffer JournalRecord::written(ChunkIndex chunk, const ChunkHash& hash) {
  assert(chunk.number < max_chunks);
  return record(Tag::written, static_cast<std::uint32_t>(chunk.number), hash);
}

ByteBuffer JournalRecord::synced() { return record(Tag::synced); }
ByteBuffer JournalRecord::finishing() { return record(Tag::finishing); }
ByteBuffer JournalRecord::finished() { return record(Tag::finished); }

Result<JournalReplay> JournalReplay::read(ByteView bytes, std::uint64_t chunks) {
  ByteReader in{bytes};
  const auto begins = in.bytes(magic.size());
  const auto transfer = in.array<16>();
  const auto digest = in.array<16>();
  const auto chunk_size = in.u64(), check = in.u64();
  if (!begins || !check) return malformed("it has no header");
  if (text_of(*begins) != magic) return malformed("it is none, or of another version of pshare");
  if (*check != short_hash_of(bytes.first(JournalRecord::header_size - sizeof *check))) return malformed("its header is damaged");

  JournalReplay replay;
  replay.transfer = TransferId{*transfer};
  replay.manifest_digest = *digest;
  replay.chunk_size = *chunk_size;
  replay.durable = ChunkMap{chunks};
  replay.valid_bytes = JournalRecord::header_size;

  std::vector<ChunkIndex> unsynced;
  while (const auto record = record_in(in)) {
    replay.valid_bytes += JournalRecord::size;
    switch (record->tag) {
      case Tag::written:
        if (record->chunk.number >= (chunks != 0 ? chunks : max_chunks)) break;
        replay.hashes[record->chunk] = record->hash;
        replay.durable.clear(record->chunk);
        unsynced.push_back(record->chunk);
        break;
      case Tag::synced:
        for (const auto chunk : unsynced) {
          if (chunks == 0) replay.durable.grow(chunk.number + 1);
          replay.durable.set(chunk);
        }
        unsynced.clear();
        break;
      case Tag::finishing: replay.phase = Phase::finishing; break;
      case Tag::finished: replay.phase = Phase::finished; break;
    }
  }
  return replay;
}

}  // namespace pshare
