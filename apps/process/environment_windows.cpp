#include <windows.h>

#include <string>

#include "apps/process/environment.hpp"
#include "wire/wide_text.hpp"

namespace pshare {

namespace {

std::optional<std::wstring> variable(const std::wstring& name) {
  std::wstring value;
  for (DWORD length = 64;;) {
    value.resize(length);
    const auto needed = ::GetEnvironmentVariableW(name.c_str(), value.data(), length);
    if (needed == 0) return std::nullopt;
    if (needed < length) {
      value.resize(needed);
      return value;
    }
    length = needed;
  }
}

}  // namespace

std::optional<std::string> environment(const char* name) {
  const auto value = variable(wide_of(name));
  return value ? std::optional{utf8_of(*value)} : std::nullopt;
}

// Others may look at this process's own block of variables. First over it, then away with it: a shorter block leaves behind what was at the end of the longer one.
std::optional<std::string> take_from_environment(const char* name) {
  const auto wide = wide_of(name);
  const auto value = variable(wide);
  if (!value) return std::nullopt;
  ::SetEnvironmentVariableW(wide.c_str(), std::wstring(value->size(), L'x').c_str());
  ::SetEnvironmentVariableW(wide.c_str(), nullptr);
  return utf8_of(*value);
}

}  // namespace pshare
