#include "transfer/local_names.hpp"

#include <set>

#include "transfer/safe_name.hpp"

namespace pshare {

LocalNames::LocalNames(const Manifest& manifest, Platform platform) : manifest_(manifest) {
  if (platform == Platform::linux) return;  // every name stays
  std::map<std::optional<EntryIndex>, FolderNames> folders;
  for (EntryIndex index; index.number < manifest.entries(); ++index.number) {
    const auto entry = manifest.entry(index);
    auto written = folders.try_emplace(entry.parent, platform).first->second.take(entry.name);
    if (written != entry.name) changed_.emplace(index, std::move(written));
  }
}

LocalNames::LocalNames(const Manifest& manifest, std::map<EntryIndex, std::string> changed) : manifest_(manifest), changed_(std::move(changed)) {}

std::string LocalNames::name(EntryIndex entry) const {
  const auto found = changed_.find(entry);
  return found == changed_.end() ? std::string{manifest_.entry(entry).name} : found->second;
}

std::string LocalNames::path(EntryIndex entry) const {
  if (changed_.empty()) return manifest_.path(entry);
  auto whole = name(entry);
  for (auto parent = manifest_.entry(entry).parent; parent; parent = manifest_.entry(*parent).parent) whole = name(*parent) + "/" + whole;
  return whole;
}

std::vector<std::string> remarks_on(const LocalNames& names, const Manifest& manifest, std::size_t most) {
  std::vector<std::string> remarks;
  for (const auto& [entry, name] : names.changed()) {
    if (remarks.size() == most) {
      remarks.push_back("and " + std::to_string(names.changed().size() - most) + " more names that this system cannot hold");
      break;
    }
    remarks.push_back(manifest.path(entry) + " is called " + name + " here: this system cannot hold that name. Sent from here, it gets it back");
  }
  return remarks;
}

std::vector<std::string> names_to_send(const std::vector<std::string>& names, Platform platform) {
  if (platform == Platform::linux) return names;
  std::set<std::string> taken{names.begin(), names.end()};
  std::vector<std::string> out;
  for (const auto& name : names) {
    auto original = original_name(platform, name);
    const bool travels = original != name && check_name(original) && taken.insert(original).second;
    out.push_back(travels ? std::move(original) : name);
  }
  return out;
}

}  // namespace pshare
