// The walk: what the user named, and all that lies below it, becomes the entries of a manifest. Sorted by name, so that the same
// tree makes the same manifest; without recursion, and with one directory open at a time, so that depth costs nothing.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "transfer/io/file_source.hpp"
#include "transfer/manifest.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Where the top-level entry comes from.
struct Root {
  EntryIndex entry;
  std::filesystem::path path;  // absolute
};

struct Walked {
  Manifest manifest;  // sealed
  std::vector<Root> roots;
  std::map<EntryIndex, std::string> local_names;  // of entries that travel under another name than they have here
  std::vector<Skipped> skipped;
};

Result<Walked> walk_tree(const FileSource::Settings& settings);

}  // namespace pshare
