// A folder of its own for a test, made and removed with nothing but the standard library, and what is opened in it.
#pragma once

#include <filesystem>
#include <string>

#include "transfer/disk/folder.hpp"

namespace pshare::test {

class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& below) const { return path_ / below; }

 private:
  std::filesystem::path path_;
};

void write_file(const std::filesystem::path& path, const std::string& content);
std::string content_of(const std::filesystem::path& path);

/// The folder at this path, to list and to go through. Throws Failure.
Handle folder_at(const std::filesystem::path& path);
Place place_in(const Handle& folder, const std::string& name);

}  // namespace pshare::test
