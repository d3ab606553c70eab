#include "transfer/exclusion.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace pshare {

namespace {

bool matches(const std::string& pattern, const std::string& name, const std::string& path) {
  // "build/" is how many write that they mean a folder. Taken at its word it would mean nothing, and what was to stay at home would be sent.
  if (const auto last = pattern.find_last_not_of('/'); last != std::string::npos && last + 1 < pattern.size()) return matches(pattern.substr(0, last + 1), name, path);
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0 || ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
}

}  // namespace

bool is_excluded(std::span<const std::string> patterns, const std::string& name, const std::string& path) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return matches(pattern, name, path); });
}

}  // namespace pshare
