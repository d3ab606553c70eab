#include "wire/native_path.hpp"
#include "wire/wide_text.hpp"

namespace pshare {

// Not by std::filesystem's own conversions, which throw on what is no UTF-8 or no UTF-16.

std::filesystem::path path_from(std::string_view utf8) { return std::filesystem::path{wide_of(utf8)}; }

std::string text_of(const std::filesystem::path& path) { return utf8_of(path.native()); }

}  // namespace pshare
