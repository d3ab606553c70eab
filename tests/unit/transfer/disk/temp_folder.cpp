#include "temp_folder.hpp"

#include <fstream>
#include <random>
#include <sstream>

namespace pshare::test {

namespace fs = std::filesystem;

TempFolder::TempFolder() : path_(fs::temp_directory_path() / ("pshare-disk-" + std::to_string(std::random_device{}()))) {
  if (!fs::create_directory(path_)) throw std::runtime_error{"that folder is there already"};
}

TempFolder::~TempFolder() {
  try {
    const auto above = folder_at(path_.parent_path());
    std::ignore = remove_tree(above, path_.filename().string());
  } catch (const Failure&) {  // a test has said what was wrong
  }
}

void write_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << content;
  file.close();
  if (!file) throw std::runtime_error{"cannot write " + path.string()};
}

std::string content_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Handle folder_at(const fs::path& path) { return value_or_throw(open_named(path, {.access = Access::list})); }
Place place_in(const Handle& folder, const std::string& name) { return value_or_throw(place_beneath(folder, name)); }

}  // namespace pshare::test
