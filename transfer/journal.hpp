// The receiver's diary of one transfer: which chunks were written, and which of them are surely on disk.
//
// A header of 64 bytes, then records of 24 bytes, written(...) or a mark, each with a check of its own, appended and never changed:
//   written(chunk, hash)  its bytes were handed to the system
//   synced                all that was written before this mark is on disk (said after fdatasync, and synced itself)
//   finishing             every chunk is there; final names are being given (transfer/io/file_sink.hpp)
//   finished              every name is final
// After SIGKILL, what was written but not yet marked synced is still in the system's cache: the receiver reads such a chunk
// back and believes it if it has its hash. After a power cut it has not, and travels again. A torn end is cut off.
//
//   header: "pshare-journal/1" (16)  transfer id (16)  manifest digest (16)  chunk size (8)  XXH3-64 of these (8)
//   record: tag (1)  lowest 24 bits of the XXH3-64 of the other 21 bytes (3)  chunk (4)  XXH3-128 (16); zeros where a mark has none
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "transfer/chunk_map.hpp"
#include "transfer/manifest.hpp"
#include "wire/bytes.hpp"
#include "wire/lane_messages.hpp"
#include "wire/result.hpp"

namespace pshare {

/// The records, as bytes to append. A chunk is below max_chunks.
struct JournalRecord {
  static constexpr std::size_t header_size = 64, size = 24;
  static ByteBuffer header(const TransferId& transfer, const ChunkHash& manifest_digest, std::uint64_t chunk_size);
  static ByteBuffer written(ChunkIndex chunk, const ChunkHash& hash);
  static ByteBuffer synced();
  static ByteBuffer finishing();
  static ByteBuffer finished();
};

/// What a journal says when it is read back.
struct JournalReplay {
  TransferId transfer{};
  ChunkHash manifest_digest{};
  std::uint64_t chunk_size = 0;
  std::map<ChunkIndex, ChunkHash> hashes{}; // of every chunk ever written, the latest
  ChunkMap durable{0};                      // those before the last synced mark
  enum class Phase { receiving, finishing, finished } phase = Phase::receiving;
  std::uint64_t valid_bytes = 0;            // where the torn end, if any, is to be cut off

  /// A chunk that is written again after it was synced is not durable any more until the next mark.
  /// `chunks`: how many the manifest has (chunks beyond are ignored); for a stream, 0: any number.
  /// Errors: malformed (no journal at all, or of another version).
  static Result<JournalReplay> read(ByteView bytes, std::uint64_t chunks);
};

}  // namespace pshare
