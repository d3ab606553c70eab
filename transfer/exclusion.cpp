#include "transfer/exclusion.hpp"

#include <algorithm>
#include <string_view>

#include "transfer/shell_pattern.hpp"

namespace pshare {

namespace {

bool matches(std::string_view pattern, const std::string& name, const std::string& path) {
  // "build/" is how many write that they mean a folder. Taken at its word it would mean nothing, and what was to stay at home would be sent.
  if (const auto last = pattern.find_last_not_of('/'); last != std::string_view::npos) pattern = pattern.substr(0, last + 1);
  const ShellPattern what{pattern};
  return what.matches_name(name) || what.matches_path(path);
}

}  // namespace

bool is_excluded(std::span<const std::string> patterns, const std::string& name, const std::string& path) {
  return std::ranges::any_of(patterns, [&](const std::string& pattern) { return matches(pattern, name, path); });
}

}  // namespace pshare
