#include "file_rights.hpp"

#include <cstdlib>

namespace pshare {

namespace fs = std::filesystem;

bool is_for_owner_alone(const fs::path& path) { return (fs::status(path).permissions() & (fs::perms::group_all | fs::perms::others_all)) == fs::perms::none; }

void let_others_read(const fs::path& path) { fs::permissions(path, fs::perms::group_read | fs::perms::others_read, fs::perm_options::add); }

void keep_from_others(const fs::path& path) { fs::permissions(path, fs::perms::group_all | fs::perms::others_all, fs::perm_options::remove); }

fs::path fresh_folder() {
  std::string name = (fs::temp_directory_path() / "pshare-test-XXXXXX").string();
  return ::mkdtemp(name.data());
}

}  // namespace pshare
