#include "wire/native_path.hpp"

namespace pshare {

std::filesystem::path path_from(std::string_view utf8) { return std::filesystem::path{utf8}; }

std::string text_of(const std::filesystem::path& path) { return path.native(); }

}  // namespace pshare
