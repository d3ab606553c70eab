// Paths between our text and the system's. Everywhere in pshare text is UTF-8; a file system has its own idea: bytes on POSIX, which are taken
// as they are, and UTF-16 on Windows. std::filesystem::path{std::string} is right only on the former: elsewhere it reads the code page, or one
// letter in each byte. So a path is made from text here, and made text here, and nowhere else.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace pshare {

/// Both separators of the system are understood. What is no UTF-8 becomes U+FFFD on Windows, and stays as it is elsewhere.
std::filesystem::path path_from(std::string_view utf8);

/// With the system's separators. Half a surrogate pair, which Windows allows in a name, becomes U+FFFD.
std::string text_of(const std::filesystem::path& path);

}  // namespace pshare
