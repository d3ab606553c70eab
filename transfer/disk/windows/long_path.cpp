#include "transfer/disk/windows/long_path.hpp"

#include <windows.h>

#include <string_view>

namespace pshare {

std::wstring long_path(const std::filesystem::path& path) {
  const auto& given = path.native();
  if (given.starts_with(LR"(\\?\)") || given.starts_with(LR"(\\.\)")) return given;
  std::wstring whole(::GetFullPathNameW(given.c_str(), 0, nullptr, nullptr), L'\0');
  whole.resize(::GetFullPathNameW(given.c_str(), static_cast<DWORD>(whole.size()), whole.data(), nullptr));
  if (whole.empty() || whole.starts_with(LR"(\\?\)") || whole.starts_with(LR"(\\.\)")) return whole.empty() ? given : whole;
  if (whole.starts_with(LR"(\\)")) return LR"(\\?\UNC\)" + whole.substr(2);
  return LR"(\\?\)" + whole;
}

}  // namespace pshare
