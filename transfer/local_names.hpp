// Under which names the entries of a manifest lie on this machine's disk: their own, save for what the platform cannot hold (transfer/platform_name.hpp).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/manifest.hpp"
#include "transfer/platform_name.hpp"

namespace pshare {

class LocalNames {
 public:
  /// The same manifest gives the same names. It lives longer.
  explicit LocalNames(const Manifest& manifest, Platform platform = this_platform);

  /// For the sender, who found the entries here: `changed` are those that travel under another name.
  LocalNames(const Manifest& manifest, std::map<EntryIndex, std::string> changed);

  std::string name(EntryIndex entry) const;
  /// From the top-level entry down, components joined by '/'.
  std::string path(EntryIndex entry) const;

  /// The entries whose name here is another one, in order.
  const std::map<EntryIndex, std::string>& changed() const { return changed_; }

 private:
  const Manifest& manifest_;
  std::map<EntryIndex, std::string> changed_;
};

/// A few words for the user on each name that was changed, at most `most`, then how many more there are.
std::vector<std::string> remarks_on(const LocalNames& names, const Manifest& manifest, std::size_t most = 10);

/// Under which names what lies in a folder here travels: what pshare had to write otherwise gets back the name it came with. Where that is no name that
/// can travel, or a neighbour has it already, the name stays as it is. `names` differ; so do those that are given back, in the same order.
std::vector<std::string> names_to_send(const std::vector<std::string>& names, Platform platform = this_platform);

}  // namespace pshare
