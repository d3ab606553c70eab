// The receiver's files: a hidden partial folder beside the destination, written through one directory handle, never through a
// name that could be a link; the journal; and at the end the final names.
//
//   DEST/.pshare-partial-<transfer id>/
//     lock         held (flock) by the process that writes
//     manifest     as it arrived
//     journal      transfer/journal.hpp; journal.next: its records during a sync (transfer/io/journal_file.hpp)
//     checks       chunks of which an older version lies here, to be compared with the sender
//     names        the final names, decided once, when finishing begins
//     data/...     the tree itself, modes 0600 and 0700 until it is finished
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "transfer/io/placement.hpp"
#include "transfer/io/sink.hpp"
#include "transfer/manifest.hpp"
#include "transfer/receiver.hpp"
#include "wire/ids.hpp"
#include "wire/result.hpp"

namespace pshare {

class FileSink final : public Sink {
 public:
  /// Checks that `destination` is a directory we may write in, and holds it. Errors: local_io, with what to do.
  static Result<FileSink> at(const std::filesystem::path& destination, OnConflict on_conflict);

  /// Room for `bytes` more? Errors: local_io, "needs 1.2 GB, 300 MB are free in ...".
  Result<void> check_space(std::uint64_t bytes) const override;

  /// Finds or makes the partial folder of this transfer, locks it, compares an older manifest with this one, verifies what was
  /// written and not synced, allocates what is missing. Errors: local_io (full, read-only), busy (another process has the lock).
  Result<Receiver::Found> open(const TransferId& transfer, std::shared_ptr<const Manifest> manifest, bool stream) override;

  /// Writes the raw bytes of a chunk where they belong and notes it in the journal. Gives just this chunk.
  Result<std::vector<ChunkIndex>> store(ChunkIndex chunk, const ChunkHash& hash, ByteView raw) override;
  /// A chunk of zeros: leaves a hole in a sparse file that has none of it yet, writes zeros otherwise.
  Result<std::vector<ChunkIndex>> store_zeros(ChunkIndex chunk, const ChunkHash& hash, std::uint64_t length) override;
  Result<std::vector<ChunkIndex>> sync() override;
  Result<void> confirm(const std::vector<ChunkIndex>& same) override;

  /// Final sizes, modes, times and names, by rename (transfer/io/placement.hpp).
  Result<std::vector<std::string>> finish(std::uint64_t bytes) override;
  /// From under the final names. Several large files are kept open between the calls.
  Result<void> read_delivered(ChunkIndex chunk, std::span<std::byte> out) override;
  /// Removes the partial folder.
  Result<void> forget() override;
  const std::vector<std::string>& remarks() const override;

  /// For tests: told before each step of opening and finishing.
  void watch(Placement::Watcher watcher);

  FileSink(FileSink&&) noexcept;
  ~FileSink() override;  // closes, keeps the partial

 private:
  struct State;
  std::unique_ptr<State> state_;
  explicit FileSink(std::unique_ptr<State> state);
};

}  // namespace pshare
