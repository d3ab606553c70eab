// Where this system wants programs to keep what is a user's own.
#pragma once

#include <filesystem>
#include <optional>

namespace pshare {

/// Of the user: $HOME; on Windows %USERPROFILE%. As below, nothing: the system does not say.
std::optional<std::filesystem::path> user_folder();

/// For settings: $XDG_CONFIG_HOME or ~/.config; on Windows %APPDATA%.
std::optional<std::filesystem::path> configuration_folder();

/// For data of this machine: $XDG_DATA_HOME or ~/.local/share; on Windows %LOCALAPPDATA%.
std::optional<std::filesystem::path> data_folder();

}  // namespace pshare
