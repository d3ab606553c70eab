// Where a code comes from that is not on the command line: typed at the terminal while `pshare receive` waits, or piped in.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "apps/pshare/code_line.hpp"
#include "apps/pshare/program.hpp"
#include "secure/code.hpp"

namespace pshare {

/// Asks for a code for as long as it takes, and meanwhile gives way to other questions, and to what a transfer shows (`busy`). What is no code is pointed out and asked for
/// again. Throws interrupted when the user ends the input.
awaitable<Code> type_code(Program& program, std::function<bool()> busy);

/// The first line of standard input, however long it takes; nothing if that ends first. Errors: usage (no code).
awaitable<std::optional<Code>> read_code();

/// From PSHARE_CODE, which is then no longer to be seen in the environment of this process.
std::optional<std::string> take_code_from_environment();
/// Overwrites what might be a code among the arguments of `receive` and `pair`, so that the process list does not show it (apps/process/arguments.hpp).
void wipe_codes(const std::vector<std::string>& arguments, int argc, char** argv);

}  // namespace pshare
