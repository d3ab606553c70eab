// Paths of users, in the form that may be longer than 260 characters.
#pragma once

#include <filesystem>
#include <string>

namespace pshare {

/// Absolute, and marked "\\?\", after which Windows takes every letter as it stands. Devices (NUL, \\.\pipe\x) stay as they are.
std::wstring long_path(const std::filesystem::path& path);

}  // namespace pshare
