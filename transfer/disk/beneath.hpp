// Opening files below one open folder and never outside of it: no "..", no absolute path, no symbolic link on the way and none at the
// end, even when somebody swaps them in while we look.
//
// Linux: openat2(2) does it in one call; where the kernel has not got it, we go component by component with O_NOFOLLOW. Windows: component by
// component, each opened relative to the one before as what it is, a reparse point too, and looked at (posix/, windows/).
//
// Errors, here and in the other headers of this folder: local_io, whose cause compares with std::errc on every system.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/disk/handle.hpp"
#include "wire/result.hpp"

namespace pshare {

/// What a file or folder is opened for.
enum class Access {
  way,         // going through a folder: what lies in it can be opened and named
  list,        // a folder, to read which names it has
  adjust,      // a folder, to set its time and mode
  read,        // a file. A named pipe that has taken its place is not waited for.
  write,
  read_write,
  append,      // each write goes to the end, whoever else writes
};

struct Opening {
  Access access = Access::read;
  bool create = false;  // if it is not there, private to us
  bool empty = false;   // of what it held before
};

/// Opens `path` (components joined by '/', "" for `root` itself). Paths longer than the system takes work.
Result<Handle> open_beneath(const Handle& root, std::string_view path, Opening how);

/// Opens what the user named: symbolic links are followed.
Result<Handle> open_named(const std::filesystem::path& path, Opening how);

/// The folder something lies in and its name there.
struct Place {
  Handle parent;  // Access::way
  std::string name;
};
Result<Place> place_beneath(const Handle& root, std::string_view path);

/// The names in a folder, sorted, without "." and "..". Opened with Access::list.
Result<std::vector<std::string>> names_in(const Handle& folder);

}  // namespace pshare
