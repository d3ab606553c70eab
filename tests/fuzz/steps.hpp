// An input as a run of steps: small numbers off its front, and some bytes with their length in front. Zeros where it has ended.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

#include "wire/bytes.hpp"

namespace pshare {

class Steps {
 public:
  explicit Steps(ByteView bytes) : left_(bytes) {}
  bool any() const { return !left_.empty(); }
  unsigned next() {
    if (left_.empty()) return 0;
    const auto byte = std::to_integer<unsigned>(left_.front());
    left_ = left_.subspan(1);
    return byte;
  }
  ByteView some() {
    const auto size = std::min<std::size_t>(next(), left_.size());
    const auto taken = left_.first(size);
    left_ = left_.subspan(size);
    return taken;
  }

 private:
  ByteView left_;
};

inline void demand(bool fact, int line = __builtin_LINE()) {
  if (fact) return;
  std::fprintf(stderr, "what is demanded in line %d does not hold\n", line);
  std::abort();
}

}  // namespace pshare
