// The tree of a partial folder while it grows: directories and room made first, chunks written in any order, all of it private
// (0600, 0700), everything opened below one handle.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "transfer/disk/folder.hpp"
#include "transfer/io/carry_over.hpp"
#include "transfer/io/open_files.hpp"
#include "transfer/local_names.hpp"
#include "transfer/manifest.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Files from this size on get their blocks at once, so that a full disk shows before the first byte; smaller ones when theirs come.
inline constexpr std::uint64_t allocate_from = 1024 * 1024;
/// Up to so many files are synced one by one; more, or newly made ones, by syncing their whole file system, where that can be done.
inline constexpr std::size_t most_synced_singly = whole_file_systems_sync ? 16 : std::numeric_limits<std::size_t>::max();

class DataTree {
 public:
  /// `data`: the directory. `shown`: its path, for words.
  DataTree(Handle data, std::shared_ptr<const Manifest> manifest, bool stream, std::string shown);

  /// What lies there already.
  struct Present {
    std::vector<std::uint64_t> sizes;  // of each entry that is a file here; 0: not there
    std::uint64_t allocated = 0;       // bytes of disk in use
  };
  /// Removes what the manifest does not have, and what is longer than it should be.
  Result<Present> sweep();
  /// Makes directories, and room for large files.
  Result<void> prepare();
  /// Bytes that prepare() and the writing will need, apart from what is there. Holes need none.
  std::uint64_t room_needed(const Present& present) const;

  /// Several threads at once.
  Result<void> write(ChunkIndex chunk, ByteView raw);
  Result<void> write_zeros(ChunkIndex chunk, std::uint64_t length);
  /// False: not all of it is there.
  Result<bool> read(ChunkIndex chunk, std::span<std::byte> out) const;

  /// What was written since this was asked last. Take it before the sync it is for.
  struct Touched {
    std::set<EntryIndex> files = {};
    bool made_some = false;  // or more than are synced singly; without meaning where file systems are not synced as a whole
  };
  Touched take_touched();
  /// All there is.
  Touched everything() const;
  Result<void> sync(const Touched& touched);

  /// All bytes are there: empty files, sizes, times and modes of files, symbolic links. Not directories: nobody could move them then.
  /// Can be called again after it was interrupted. `bytes`: for a stream, its length.
  Result<void> complete(std::uint64_t bytes);

  const Handle& handle() const { return data_; }
  const LocalNames& names() const { return names_; }
  /// What could not be done as the sender has it, for the user.
  const std::vector<std::string>& remarks() const { return remarks_; }

 private:
  std::vector<Segment> segments(ChunkIndex chunk, std::uint64_t length) const;
  /// Of what lies in `folder` (nothing: at the top) under this name.
  std::optional<EntryIndex> entry_called(const Children& children, std::optional<EntryIndex> folder, const std::string& name) const;
  Result<void> write(const Segment& segment, ByteView bytes);
  Result<void> write_sparse(const Handle& file, const Segment& segment, ByteView bytes) const;
  Result<void> leave_hole(const Handle& file, std::uint64_t offset, std::uint64_t length) const;
  Result<void> allocate(EntryIndex file, std::uint64_t size) const;
  Result<void> complete_file(EntryIndex file, std::uint64_t size) const;
  Result<void> complete_link(EntryIndex link, const Children& children);
  Result<Handle> open_to_write(EntryIndex file) const;
  void touched(EntryIndex file, bool made);
  Unexpected trouble(std::string_view doing, EntryIndex entry, std::error_code cause) const;

  Handle data_;
  std::shared_ptr<const Manifest> manifest_;  // shared with the receiving core
  LocalNames names_;
  bool stream_;
  std::string shown_;
  OpenFiles files_;
  std::vector<std::string> remarks_;
  std::mutex mutex_;  // guards touched_
  Touched touched_;
};

}  // namespace pshare
