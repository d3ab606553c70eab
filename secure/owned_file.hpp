// Small files of the user's own (key, pins): for their owner alone, read whole, written whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "wire/result.hpp"

namespace pshare {

struct OwnedFile {
  std::string text;
  bool others_may_read = false;  // its mode lets the group or everybody at it
};

/// Nothing when there is no such file. Errors: local_io; limit (longer than max_size bytes).
Result<std::optional<OwnedFile>> read_owned_file(const std::filesystem::path& file, std::size_t max_size);

enum class IfPresent { replace, keep };

/// Mode 0600, and on the disk when this returns. Others see the old file or the whole new one, never a part. With `keep`, a file that is
/// there already stays as it is, which is no error. Errors: local_io.
Result<void> write_owned_file(const std::filesystem::path& file, std::string_view text, IfPresent if_present);

/// Keeps other processes, and other holders in this one, from changing a file while it is held. The lock is on a file beside it
/// (".lock"), since the file itself is replaced; that one stays, because removing it would let two hold the lock.
class OwnedFileLock {
 public:
  /// Waits for it. Errors: local_io.
  static Result<OwnedFileLock> on(const std::filesystem::path& file);

  OwnedFileLock(OwnedFileLock&& other) noexcept;
  OwnedFileLock& operator=(OwnedFileLock&&) = delete;
  ~OwnedFileLock();

 private:
  explicit OwnedFileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace pshare
