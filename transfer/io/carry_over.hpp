// What of an older state of the same transfer still holds when the manifest has changed: because a source file did, because files came
// or went, or because the chunks are of another size. Pure: decides from the two manifests and the older bitmap.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "transfer/chunk_map.hpp"
#include "transfer/manifest.hpp"

namespace pshare {

/// Finds an entry by the directory it lies in and its name. 4 bytes an entry. The manifest lives longer.
class Children {
 public:
  explicit Children(const Manifest& manifest);
  std::optional<EntryIndex> find(std::optional<EntryIndex> parent, std::string_view name) const;

 private:
  const Manifest& manifest_;
  std::vector<EntryIndex> sorted_;  // by parent, then name
};

struct CarriedOver {
  ChunkMap durable;                  // of the new chunks, those that lie here whole, out of files that did not change
  std::vector<ChunkIndex> to_check;  // those of which bytes lie here, but from a file that may have changed since
};

CarriedOver carry_over(const Manifest& before, const ChunkMap& durable_before, const Manifest& now);

}  // namespace pshare
