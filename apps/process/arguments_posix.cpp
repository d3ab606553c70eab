#include <algorithm>
#include <cassert>
#include <cstring>

#include "apps/process/arguments.hpp"

namespace pshare {

std::vector<std::string> program_arguments(int argc, char** argv) { return {argv, argv + argc}; }

void wipe_argument([[maybe_unused]] int argc, char** argv, std::size_t which) {
  assert(which < static_cast<std::size_t>(argc));
  std::fill_n(argv[which], std::strlen(argv[which]), 'x');
}

}  // namespace pshare
