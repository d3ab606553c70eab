// What a command line comes to that asks for help or the version.
#pragma once

#include <string>

namespace pshare {

/// The text belongs on standard output, and the program is done.
struct Answered { std::string text; };

}  // namespace pshare
