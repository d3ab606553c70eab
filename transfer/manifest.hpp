// What a transfer consists of: a tree of entries, whose files, laid end to end in this order, form one run of bytes that is cut
// into chunks of equal size. Chunk i is always the same bytes.
//
// An entry names one component and the directory it lies in, by index. So a path that leads outside cannot even be written
// down: "..", '/', NUL and the like are refused as names (transfer/safe_name.hpp), and a parent must be a directory that came before.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
inline constexpr std::size_t max_name = 255;
inline constexpr std::size_t max_link_target = 4095;
inline constexpr std::size_t max_depth = 1024;
inline constexpr std::uint64_t max_run = std::uint64_t{1} << 60;          // bytes in one transfer

struct Entry {
  EntryType type = EntryType::file;
  std::optional<EntryIndex> parent;  // nothing: a top-level entry
  std::string_view name;             // one component; lives as long as its manifest
  std::uint64_t size = 0;            // files only
  std::int64_t mtime = 0;            // nanoseconds since 1970-01-01 UTC
  std::uint16_t mode = 0;            // permission bits, 0777 at most
  std::uint64_t version = 0;         // changes whenever the file may have changed (device, inode, ctime, mtime, size hashed); files only
  bool sparse = false;               // has holes: do not allocate, do not write zeros
  std::string_view target;           // symlinks only: relative, and proven to stay inside
};

/// A piece of a chunk: `length` bytes of one file.
struct Segment {
  EntryIndex entry;
  std::uint64_t offset = 0;  // within the file
  std::uint64_t length = 0;
  friend bool operator==(const Segment&, const Segment&) = default;
};

/// Compact: one arena for all text, some 48 bytes an entry besides. Built once, by the tree walk or by ManifestReader, then constant.
class Manifest {
 public:
  /// Checks everything a hostile sender could get wrong: name, parent, duplicate, link target, limits. The text is copied.
  /// Errors: malformed or limit, naming the entry.
  Result<EntryIndex> add(const Entry& entry);
  /// Must be called once, after the last add(). chunk_size: min_chunk_size to max_chunk_size.
  void seal(std::uint64_t chunk_size);
  /// For a stream whose length is learned at its end: the only entry is one file; its size becomes `bytes`.
  void set_stream_size(std::uint64_t bytes);

  std::uint64_t entries() const;
  std::uint64_t files() const;
  std::uint64_t bytes() const;        // length of the run
  std::uint64_t chunk_size() const;
  std::uint64_t chunks() const;
  Entry entry(EntryIndex index) const;
  std::uint64_t offset(EntryIndex file) const;  // where in the run the file begins
  std::string path(EntryIndex index) const;     // components joined by '/', for people

  std::uint64_t length(ChunkIndex chunk) const;             // all of chunk_size but for the last
  std::vector<Segment> segments(ChunkIndex chunk) const;    // in order; empty files appear in none
  /// The chunks that hold bytes of this file: [first, last).
  struct ChunkRange { ChunkIndex first, last; };
  ChunkRange chunks_of(EntryIndex file) const;

  /// The encoded entries in pieces that fit a ManifestPart, handed to `emit` one after the other; gives the digest.
  ChunkHash encode(const std::function<void(ByteView part)>& emit) const;

 private:
  struct Node {
    std::uint64_t text = 0;       // where its name (then its target) begins in the arena
    std::uint64_t size_or_target = 0;
    std::uint64_t offset = 0;
    std::int64_t mtime = 0;
    std::uint64_t version = 0;
    std::uint32_t parent = 0;     // index + 1; 0: top level
    std::uint16_t mode = 0;
    std::uint8_t name_length = 0;
    EntryType type = EntryType::file;
    bool sparse = false;
  };
  std::vector<Node> nodes_;
  std::string text_;
  std::uint64_t files_ = 0, bytes_ = 0, chunk_size_ = 0;
  // ... whatever finds duplicates while it is built, released by seal()
};

/// Rebuilds a manifest from its parts. Refuses more entries or bytes than were announced, before they use memory.
class ManifestReader {
 public:
  explicit ManifestReader(const ManifestBegin& announced);
  Result<void> part(ByteView encoded);
  /// Errors: malformed (digest or totals differ).
  Result<Manifest> end(const ManifestEnd& end) &&;

 private:
  ManifestBegin announced_;
  Manifest manifest_;
};

}  // namespace pshare
