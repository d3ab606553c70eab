// Where a symbolic link leads, as this machine's disk has it: the components of its target are names like others (transfer/platform_name.hpp). Pure.
#pragma once

#include <string>
#include <string_view>

#include "transfer/io/carry_over.hpp"
#include "transfer/local_names.hpp"
#include "transfer/manifest.hpp"

namespace pshare {

struct LocalTarget {
  std::string text;        // components joined by '/', none of which means anything else to the platform
  bool to_folder = false;  // of this tree, as far as that can be told from the manifest: Windows wants to know beforehand
};

/// Of an entry that is a link. Components that are entries here have the names that these have.
LocalTarget local_target(const Manifest& manifest, const LocalNames& names, const Children& children, EntryIndex link, Platform platform = this_platform);

/// The other way round, for a link that was found here.
std::string target_to_send(std::string_view target, Platform platform = this_platform);

}  // namespace pshare
