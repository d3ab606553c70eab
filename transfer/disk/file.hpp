// What can be asked of an open file, and done to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "transfer/disk/handle.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

enum class Kind { file, folder, link, pipe, socket, device, other };

struct Facts {
  Kind kind = Kind::other;
  std::uint64_t size = 0;       // bytes; of files
  std::uint64_t allocated = 0;  // bytes of disk in use
  std::int64_t mtime = 0;       // nanoseconds since 1970
  std::uint16_t mode = 0;       // POSIX permissions, 0 to 0777. Windows has but "read-only": the rest is the usual
  std::uint64_t version = 0;    // differs whenever the file may have changed: a hash of which file it is, its times and its size
};

Result<Facts> facts_of(const Handle& file);
/// Whether the current user owns it.
Result<bool> is_ours(const Handle& file);
/// Whether it can still be reached by any name.
Result<bool> has_a_name(const Handle& file);

/// Reads `length` bytes at `offset`; fewer only at the end of the file. Gives how many.
Result<std::size_t> read_at(const Handle& file, std::byte* out, std::size_t length, std::uint64_t offset);
Result<void> write_at(const Handle& file, const std::byte* bytes, std::size_t length, std::uint64_t offset);
/// All of it. The file was opened with Access::append.
Result<void> append(const Handle& file, ByteView bytes);

Result<void> set_size(const Handle& file, std::uint64_t size);
/// Gives it this size and the room on disk for it, where the file system can do that beforehand; otherwise the size alone.
Result<void> allocate(const Handle& file, std::uint64_t size);
/// The file may have holes from now on. POSIX files always may.
void allow_holes(const Handle& file);
/// Makes a hole, or zeros where there are no holes.
Result<void> make_hole(const Handle& file, std::uint64_t offset, std::uint64_t length);
/// Where, from `offset` on, data begins that is not a hole; nothing: there is none. What the system cannot tell apart counts as data.
std::optional<std::uint64_t> next_data(const Handle& file, std::uint64_t offset);

/// Of a file, or of a folder opened with Access::adjust. What was read when stays as it is.
Result<void> set_mtime(const Handle& file, std::int64_t nanoseconds);
/// On Windows: read-only, or not.
Result<void> set_mode(const Handle& file, std::uint16_t mode);

/// Its bytes, and what is needed to find them, are on disk.
Result<void> sync_data(const Handle& file);
/// And all else about it.
Result<void> sync(const Handle& file);

/// The only one to hold it, until this handle is closed, however the process ends. False: another process has it.
Result<bool> try_lock(const Handle& file);

}  // namespace pshare
