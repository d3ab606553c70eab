// What the file system said, in words a user can act upon.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

#include "wire/error.hpp"

namespace pshare {

/// A local_io error of the receiving side, with a hint for what is known to happen (full, over quota, read-only, broken, forbidden)
/// and the assurance that nothing is lost. `doing`: "writing film.mkv".
Error disk_trouble(std::string doing, std::error_code cause);
/// The same for the sending side.
Error source_trouble(std::string doing, std::error_code cause);

}  // namespace pshare
