// Small files of the user's own (key, pins): for their owner alone, read whole, written whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "wire/result.hpp"

namespace pshare {

struct OwnedFile {
  std::string text;
  bool others_may_read = false;  // than its owner, and on Windows the system and its administrators: its mode or its list lets them at it
};

/// Nothing when there is no such file. Errors: local_io; limit (longer than max_size bytes).
Result<std::optional<OwnedFile>> read_owned_file(const std::filesystem::path& file, std::size_t max_size);

enum class IfPresent { replace, keep };

/// For its owner alone (mode 0600; on Windows a list of its own that names the owner, the system and its administrators), and on the disk when this returns. Others see the old file or the whole new one, never a part. With `keep`, a file that is
/// there already stays as it is, which is no error. Errors: local_io.
Result<void> write_owned_file(const std::filesystem::path& file, std::string_view text, IfPresent if_present);

/// Makes the folder and what is missing above it. One that is fresh is for its owner alone, as is what will be in it. Errors: local_io.
Result<void> make_owned_folder(const std::filesystem::path& folder);

/// What a person does to keep others from reading it, as the beginning of a sentence: "Run `chmod 600 FILE`".
std::string way_to_keep_from_others(const std::filesystem::path& file);

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
  explicit OwnedFileLock(std::intptr_t handle) : handle_(handle) {}
  std::intptr_t handle_;  // the system's, of the file beside it
};

}  // namespace pshare
