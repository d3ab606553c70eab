// Files of a transfer under their final names, read once more for a receipt: what had arrived in an earlier session was digested by nobody yet.
#pragma once

#include <span>
#include <vector>

#include "transfer/disk/handle.hpp"
#include "transfer/io/open_files.hpp"
#include "transfer/io/partial_folder.hpp"
#include "transfer/local_names.hpp"
#include "transfer/manifest.hpp"
#include "wire/result.hpp"

namespace pshare {

class DeliveredFiles {
 public:
  /// `destination` and `manifest` live longer. `names`: those of its top-level entries, in order.
  DeliveredFiles(const Handle& destination, const Manifest& manifest, std::vector<FinalName> names);

  /// One thread at a time. Errors: failed (left out when names were given, or of another size by now), local_io.
  Result<void> read(ChunkIndex chunk, std::span<std::byte> out);

 private:
  Result<Handle> open(EntryIndex file) const;

  const Handle& destination_;
  const Manifest& manifest_;
  const LocalNames local_names_;
  const std::vector<FinalName> names_;
  std::vector<EntryIndex> tops_;
  OpenFiles files_;
};

}  // namespace pshare
