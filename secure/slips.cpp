#include "secure/slips.hpp"

#include <algorithm>
#include <array>

namespace pshare {

std::optional<std::size_t> slips_between(std::string_view a, std::string_view b) {
  if (a.size() > longest_compared || b.size() > longest_compared) return std::nullopt;
  std::array<std::array<std::size_t, longest_compared + 1>, longest_compared + 1> least;
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      auto& here = least[i][j];
      if (i == 0 || j == 0) {
        here = i + j;
        continue;
      }
      here = std::min({least[i - 1][j] + 1, least[i][j - 1] + 1, least[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) here = std::min(here, least[i - 2][j - 2] + 1);
    }
  }
  return least[a.size()][b.size()];
}

}  // namespace pshare
