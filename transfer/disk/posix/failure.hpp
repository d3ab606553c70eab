// What errno says, as an error of this folder.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "wire/result.hpp"

namespace pshare {

inline std::error_code last_system_error() { return {errno, std::system_category()}; }

inline Unexpected disk_failure(std::string doing) {
  return Unexpected{{.code = Errc::local_io, .doing = std::move(doing), .cause = last_system_error()}};
}

/// For calls that give 0, or say in errno why not.
inline Result<void> zero_or_failure(int result, const char* doing) {
  if (result != 0) return disk_failure(doing);
  return {};
}

}  // namespace pshare
