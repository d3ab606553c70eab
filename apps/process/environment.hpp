// The variables that this process was given, in UTF-8.
#pragma once

#include <optional>
#include <string>

namespace pshare {

/// One that is empty counts as none.
std::optional<std::string> environment(const char* name);

/// As above; from then on it is no longer to be seen in the environment of this process, by itself or by others.
std::optional<std::string> take_from_environment(const char* name);

}  // namespace pshare
