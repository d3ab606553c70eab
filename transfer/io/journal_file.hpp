// The journal (transfer/journal.hpp) as a file that is only ever appended to.
//
// "synced" vouches for every record before it. So what is written while a sync is under way must come after the mark: such records go
// to a second file at once (a kill must not lose them), and into the first right behind the mark.
#pragma once

#include <mutex>

#include "transfer/disk/beneath.hpp"
#include "transfer/journal.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

/// For calls from several threads at once. Errors everywhere: local_io, not yet in words for people.
class JournalFile {
 public:
  static constexpr const char* name = "journal";
  static constexpr const char* during_sync = "journal.next";

  /// Goes on behind `valid_bytes` of the journal in this folder; what stands in the second file is taken over first.
  static Result<JournalFile> append_to(const Handle& folder, std::uint64_t valid_bytes);
  /// What both files say, the second behind the first. Errors: local_io (no_such_file_or_directory: no journal), malformed.
  static Result<JournalReplay> replay(const Handle& folder, std::uint64_t chunks);

  Result<void> written(ChunkIndex chunk, const ChunkHash& hash);
  /// From here on records are held apart, until sync_ended().
  void sync_begins();
  /// What had been written before sync_begins() is on disk: notes it, on disk as well.
  Result<void> sync_ended();
  /// Notes a step of finishing, on disk.
  Result<void> mark(ByteView record);

  JournalFile(JournalFile&&) noexcept;

 private:
  JournalFile(Handle first, Handle second) : first_(std::move(first)), second_(std::move(second)) {}

  Handle first_, second_;
  std::mutex mutex_;  // guards what follows, and the order of records
  bool syncing_ = false;
  ByteBuffer held_apart_;
};

/// A whole file. Nothing there: an error whose cause is no_such_file_or_directory.
Result<ByteBuffer> read_whole(const Handle& folder, const std::string& name);

}  // namespace pshare
