// What stat(2) says, and times as it has them.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>

#include "transfer/disk/file.hpp"

namespace pshare {

Facts facts_from(const struct stat& status);

/// For futimens(2) and utimensat(2): the access time stays what it is.
std::array<timespec, 2> times_of(std::int64_t mtime);

}  // namespace pshare
