// Who may read a file, as each system has it: looked up and changed apart from the code that is tested.
#pragma once

#include <filesystem>

namespace pshare {

/// Of a file or a folder: it lets in its owner alone (and on Windows the system and its administrators).
bool is_for_owner_alone(const std::filesystem::path& path);

/// Everybody may read it from now on.
void let_others_read(const std::filesystem::path& path);

/// Nobody but its owner.
void keep_from_others(const std::filesystem::path& path);

/// A new folder in that of temporary files, which is nobody else's.
std::filesystem::path fresh_folder();

}  // namespace pshare
