// What a transfer consists of: a tree of entries, whose files, laid end to end in this order, form one run of bytes that is cut
// into chunks of equal size. Chunk i is always the same bytes.
//
// An entry names one component and the directory it lies in, by index. So a path that leads outside cannot even be written
// down: "..", '/', NUL and the like are refused as names (transfer/safe_name.hpp), and a parent must be a directory that came before.
//
// An encoded entry, in network order:
//
//   u8  type in the lowest two bits, then flags: 4 sparse, 8 has a parent
//   u32 parent's index                       if it has one
//   u16 mode, i64 mtime
//   u16 length of the name, the name
//   u64 size, u64 version                    files
//   u16 length of the target, the target     symlinks
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/checksum.hpp"
#include "transfer/safe_name.hpp"
#include "wire/bytes.hpp"
#include "wire/lane_messages.hpp"
#include "wire/result.hpp"

namespace pshare {

enum class EntryType : std::uint8_t { file = 0, directory = 1, symlink = 2 };

/// Position of an entry in its manifest.
struct EntryIndex {
  std::uint32_t number = 0;
  friend auto operator<=>(const EntryIndex&, const EntryIndex&) = default;
};

/// Limits on what a manifest may ask of the receiver's memory. A million files fit with room.
inline constexpr std::uint64_t max_entries = 5'000'000;
inline constexpr std::uint64_t max_manifest_text = 512ull * 1024 * 1024;  // names and link targets together
inline constexpr std::size_t max_depth = 1024;                            // directories above an entry
inline constexpr std::uint64_t max_run = std::uint64_t{1} << 60;          // bytes in one transfer
/// A bit for each of them is kept several times over, so their number is bounded too: 64 TiB in chunks of 1 MiB, 256 TiB in the largest.
inline constexpr std::uint64_t max_chunks = std::uint64_t{1} << 26;

/// How many chunks a run of so many bytes has.
constexpr std::uint64_t chunks_in(std::uint64_t bytes, std::uint64_t chunk_size) {
  return bytes / chunk_size + (bytes % chunk_size != 0 ? 1 : 0);
}

/// The chunk size that suits a transfer of so many bytes when nobody asks for another: the default, and for very long runs as
/// much more as keeps them within max_chunks. Errors: limit (too long for the largest chunks).
Result<std::uint64_t> chunk_size_for(std::uint64_t bytes);

/// Can such a transfer be taken at all? Entries, bytes, chunk size and number of chunks against the limits; a stream is one file
/// of unknown length. Errors: limit, malformed.
Result<void> check_announcement(const ManifestBegin& announced);

struct Entry {
  EntryType type = EntryType::file;
  std::optional<EntryIndex> parent = {};  // nothing: a top-level entry
  std::string_view name = {};        // one component; lives as long as its manifest
  std::uint64_t size = 0;            // files only
  std::int64_t mtime = 0;            // nanoseconds since 1970-01-01 UTC
  std::uint16_t mode = 0;            // permission bits, 0777 at most
  std::uint64_t version = 0;         // changes whenever the file may have changed (device, inode, ctime, mtime, size hashed); files only
  bool sparse = false;               // has holes: do not allocate, do not write zeros
  std::string_view target = {};      // symlinks only: relative, and proven to stay inside
};

/// A piece of a chunk: `length` bytes of one file.
struct Segment {
  EntryIndex entry;
  std::uint64_t offset = 0;  // within the file
  std::uint64_t length = 0;
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// Compact: one arena for all text, 48 bytes an entry besides, and four to eight more while it is built. Built once, by the
/// tree walk or by ManifestReader, then constant.
class Manifest {
 public:
  /// Checks everything a hostile sender could get wrong: name, parent, duplicate, link target, limits. The text is copied.
  /// Errors: malformed or limit, naming the entry.
  Result<EntryIndex> add(const Entry& entry);
  /// Must be called once, after the last add(). chunk_size: min_chunk_size to max_chunk_size, and such that there are no more
  /// than max_chunks (chunk_size_for).
  void seal(std::uint64_t chunk_size);
  /// For a stream whose length is learned at its end: the only entry is one file; its size becomes `bytes`.
  /// What encode() gives differs from then on.
  void set_stream_size(std::uint64_t bytes);

  std::uint64_t entries() const { return nodes_.size(); }
  std::uint64_t files() const { return files_; }
  std::uint64_t bytes() const { return bytes_; }  // length of the run
  std::uint64_t chunk_size() const { return chunk_size_; }
  std::uint64_t chunks() const { return chunks_in(bytes_, chunk_size_); }
  Entry entry(EntryIndex index) const;
  std::uint64_t offset(EntryIndex file) const;  // where in the run the file begins
  std::string path(EntryIndex index) const;     // components joined by '/', for people

  std::uint64_t length(ChunkIndex chunk) const;           // all of chunk_size but for the last; 0 beyond
  std::vector<Segment> segments(ChunkIndex chunk) const;  // in order; empty files appear in none
  /// The chunks that hold bytes of this file: [first, last); for an empty file none, first == last.
  struct ChunkRange { ChunkIndex first, last; };
  ChunkRange chunks_of(EntryIndex file) const;

  /// The encoded entries in pieces that fit a ManifestPart, handed to `emit` one after the other; gives the digest.
  ChunkHash encode(const std::function<void(ByteView part)>& emit) const;

  /// Heap memory in use, in bytes; for tests of what a million entries cost.
  std::size_t memory() const;

 private:
  struct Node {
    std::uint64_t text = 0;       // where its name (then its target) begins in the arena
    std::uint64_t size = 0;       // of a symlink: its target's length, which is no part of the run
    std::uint64_t offset = 0;     // where in the run its bytes begin, or would begin
    std::int64_t mtime = 0;
    std::uint64_t version = 0;
    std::uint32_t parent = 0;     // index + 1; 0: top level
    std::uint32_t mode : 9 = 0;
    std::uint32_t type : 2 = 0;
    std::uint32_t sparse : 1 = 0;
    std::uint32_t name_length : 8 = 0;
    std::uint32_t depth : 11 = 0;  // directories above it
  };
  static_assert(max_name < (1 << 8) && max_depth < (1 << 11));

  EntryType type_of(const Node& node) const { return static_cast<EntryType>(node.type); }
  std::string_view name_of(const Node& node) const { return std::string_view{text_}.substr(node.text, node.name_length); }
  std::uint64_t end_of(const Node& node) const;  // where in the run its bytes end
  Result<void> check(const Entry& entry, std::size_t depth) const;
  /// The slot where this name belongs, empty or taken by the one with the same parent and name; nothing if its
  /// neighbourhood is so crowded that only a sender who wants us to search can have done it.
  std::optional<std::size_t> slot_for(std::uint32_t parent, std::string_view name) const;
  void make_room_in_slots();

  std::vector<Node> nodes_;
  std::string text_;
  std::uint64_t files_ = 0, bytes_ = 0, chunk_size_ = min_chunk_size;
  std::vector<std::uint32_t> slots_;  // open addressing over (parent, name), index + 1; finds duplicates until seal() frees it
};

/// Encodes a manifest piece by piece, so that a long one never lies in memory in two forms at once.
class ManifestWriter {
 public:
  explicit ManifestWriter(const Manifest& manifest) : manifest_(&manifest) {}  // which lives longer
  /// The next part; nothing after the last.
  std::optional<ByteBuffer> next();
  bool done() const { return next_entry_ == manifest_->entries(); }
  /// Over all parts so far.
  ChunkHash digest() const { return hasher_.digest(); }

 private:
  const Manifest* manifest_;
  std::uint32_t next_entry_ = 0;
  Hasher hasher_;
};

/// Rebuilds a manifest from its parts. Refuses more entries or bytes than were announced, before they use memory.
class ManifestReader {
 public:
  explicit ManifestReader(const ManifestBegin& announced) : announced_(announced) {}
  /// Errors: malformed, limit. The reader is of no use after one.
  Result<void> part(ByteView encoded);
  /// Errors: malformed (digest or totals differ), limit (check_announcement).
  Result<Manifest> end(const ManifestEnd& end) &&;

 private:
  ManifestBegin announced_;
  Manifest manifest_;
  Hasher hasher_;
};

}  // namespace pshare
