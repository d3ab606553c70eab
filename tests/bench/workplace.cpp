#include "workplace.hpp"

#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

namespace pshare::bench {

void make_incompressible(const fs::path& path, std::uint64_t mebibytes) {
  std::mt19937_64 engine{20};
  std::vector<std::uint64_t> block(1024 * 1024 / sizeof(std::uint64_t));
  std::ofstream file{path, std::ios::binary};
  for (std::uint64_t done = 0; done < mebibytes; ++done) {
    for (auto& word : block) word = engine();
    file.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size() * sizeof block[0]));
  }
  if (!file.flush()) throw std::runtime_error{"no room for " + path.string()};
}

}  // namespace pshare::bench
