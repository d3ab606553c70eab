// What only the POSIX side and its tests need to know of how files below a folder are opened.
#pragma once

#include <sys/types.h>

#include "transfer/disk/beneath.hpp"

namespace pshare {

/// What new files and folders may be read by: nobody else.
inline constexpr mode_t private_file = 0600;
inline constexpr mode_t private_folder = 0700;

/// open_beneath() without openat2(2); for kernels before 5.6, and to be tested on newer ones.
Result<Handle> open_by_components(const Handle& root, std::string_view path, Opening how);

}  // namespace pshare
