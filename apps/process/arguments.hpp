// What this process was called with.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace pshare {

/// In UTF-8, of those that main() was given; the first is the program's own name.
std::vector<std::string> program_arguments(int argc, char** argv);

/// Overwrites one of them, so that whoever looks at the list of processes does not see it. The caller has a copy. On Windows what keeps a record of each start (auditing, some
/// watchdogs) has seen it before we could.
void wipe_argument(int argc, char** argv, std::size_t which);

}  // namespace pshare
