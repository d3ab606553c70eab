// What a core wants done, as a list.
#pragma once

#include <vector>

#include "wire/core.hpp"

namespace pshare::testing {

template <Core T>
std::vector<typename T::Action> drained(T& core) {
  std::vector<typename T::Action> out;
  while (auto action = core.take()) out.push_back(std::move(*action));
  return out;
}

}  // namespace pshare::testing
