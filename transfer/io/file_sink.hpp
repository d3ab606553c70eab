// The receiver's files: a hidden partial folder beside the destination, written through one directory handle, never through a
// name that could be a link; the journal; and at the end the final names.
//
//   DEST/.pshare-partial-<transfer id>/
//     lock         held (flock) by the process that writes
//     manifest     as it arrived
//     journal      transfer/journal.hpp
//     names        the final names, decided once, when finishing begins
//     data/...     the tree itself, modes 0600 and 0700 until it is finished
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "transfer/manifest.hpp"
#include "transfer/receiver.hpp"
#include "wire/ids.hpp"
#include "wire/result.hpp"

namespace pshare {

enum class OnConflict { rename, overwrite, skip };

class FileSink {
 public:
  /// Checks that `destination` is a directory we may write in, and holds it. Errors: local_io, with what to do.
  static Result<FileSink> at(const std::filesystem::path& destination, OnConflict on_conflict);

  /// Room for `bytes` more? Errors: local_io, "needs 1.2 GB, 300 MB are free in ...".
  Result<void> check_space(std::uint64_t bytes) const;

  /// Finds or makes the partial folder of this transfer, locks it, compares an older manifest with this one, verifies what was
  /// written and not synced, allocates what is missing. Errors: local_io (full, read-only), busy (another process has the lock).
  Result<Receiver::Found> open(const TransferId& transfer, std::shared_ptr<const Manifest> manifest, bool stream);

  /// Writes the raw bytes of a chunk where they belong and notes it in the journal. Blocking; from several threads at once.
  Result<void> store(ChunkIndex chunk, const ChunkHash& hash, ByteView raw);
  /// A chunk of zeros: leaves a hole in a sparse file that has none of it yet, writes zeros otherwise.
  Result<void> store_zeros(ChunkIndex chunk, const ChunkHash& hash, std::uint64_t length);
  /// Makes durable all that store() had returned for when this was called; gives those chunks. Blocking; one call at a time.
  Result<std::vector<ChunkIndex>> sync();
  /// Chunks of which the sender said that its source holds the same as lies here.
  Result<void> confirm(const std::vector<ChunkIndex>& same);

  /// Final sizes, modes, times and names, by rename; can be interrupted anywhere and called again. Gives the final top-level names.
  /// `bytes`: for a stream, its length.
  Result<std::vector<std::string>> finish(std::uint64_t bytes);
  /// Removes the partial folder.
  Result<void> forget();
  /// What is to be told to the user: names that were changed, modes that could not be set.
  const std::vector<std::string>& remarks() const;

  FileSink(FileSink&&) noexcept;
  ~FileSink();  // closes, keeps the partial

 private:
  struct State;
  std::unique_ptr<State> state_;
  explicit FileSink(std::unique_ptr<State> state);
};

}  // namespace pshare
