#include <cstdlib>
#include <cstring>

#include "apps/process/environment.hpp"

namespace pshare {

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? std::optional<std::string>{value} : std::nullopt;
}

std::optional<std::string> take_from_environment(const char* name) {
  char* const given = std::getenv(name);
  if (given == nullptr || *given == '\0') return std::nullopt;
  std::string value{given};
  std::memset(given, 'x', value.size());  // /proc/PID/environ shows what was there at the beginning, and where
  ::unsetenv(name);
  return value;
}

}  // namespace pshare
