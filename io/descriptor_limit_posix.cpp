#include "io/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace pshare {

std::size_t allow_descriptors(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const auto allowed = limit.rlim_cur;
  if (allowed < wanted) {
    limit.rlim_cur = std::min<rlim_t>(wanted, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = allowed;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace pshare
