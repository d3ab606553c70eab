// What `--exclude` leaves out: shell patterns (POSIX, "Pattern Matching Notation"), as fnmatch(3) understands them.
#pragma once

#include <span>
#include <string>

namespace pshare {

/// Whether one of the patterns matches the component `name`, or `path`, which is that component with all above it from its root on. In a path, only a '/' stands
/// for a '/'. A '/' at a pattern's end is not looked
/// at: folders and files are left out alike. None of them holds a NUL.
bool is_excluded(std::span<const std::string> patterns, const std::string& name, const std::string& path);

}  // namespace pshare
