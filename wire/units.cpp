#include "wire/units.hpp"

#include <array>
#include <cstdio>

namespace pshare {

std::string size_words(std::uint64_t bytes) {
  static constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < units.size()) value /= 1000, ++unit;
  std::array<char, 32> out{};
  const bool fraction = unit > 0 && value < 9.95;
  std::snprintf(out.data(), out.size(), fraction ? "%.1f %s" : "%.0f %s", value, units[unit]);
  return out.data();
}

}  // namespace pshare
