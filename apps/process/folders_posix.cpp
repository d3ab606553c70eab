#include "apps/process/environment.hpp"
#include "apps/process/folders.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

/// The XDG Base Directory Specification.
std::optional<std::filesystem::path> folder(const char* variable, const char* below_home) {
  if (const auto given = environment(variable)) return path_from(*given);
  if (const auto home = user_folder()) return *home / below_home;
  return std::nullopt;
}

}  // namespace

std::optional<std::filesystem::path> user_folder() {
  const auto home = environment("HOME");
  return home ? std::optional{path_from(*home)} : std::nullopt;
}

std::optional<std::filesystem::path> configuration_folder() { return folder("XDG_CONFIG_HOME", ".config"); }
std::optional<std::filesystem::path> data_folder() { return folder("XDG_DATA_HOME", ".local/share"); }

}  // namespace pshare
