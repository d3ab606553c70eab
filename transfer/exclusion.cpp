#include "transfer/exclusion.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace pshare {

bool is_excluded(std::span<const std::string> patterns, const std::string& name, const std::string& path) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0 || ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
  });
}

}  // namespace pshare
