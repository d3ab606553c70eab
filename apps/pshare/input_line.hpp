// The first line of standard input, when that is no terminal.
#pragma once

#include <cstddef>
#include <string>

#include "io/asio.hpp"

namespace pshare {

/// However long it takes; without its end. What stands behind it is left for others. The input's end ends it as well, and so do `longest` bytes. Throws local_io.
awaitable<std::string> first_line_of_input(std::size_t longest);

}  // namespace pshare
