// Which transfer this is, whatever process carries it: the same command run again finds what the first run left.
#pragma once

#include <string>
#include <vector>

#include "wire/ids.hpp"

namespace pshare {

enum class TransferKind { files, stream };

/// Made from who sends, who receives, and what was named, not from what is in it: a file that changed in between belongs to the
/// same transfer, and only its changed chunks travel. `names` are the top-level names and `paths` the absolute paths they
/// come from, in any order: so two files of one name from two folders are two transfers.
TransferId transfer_id(const PeerId& sender, const PeerId& receiver, TransferKind kind, std::vector<std::string> names,
                       std::vector<std::string> paths);

}  // namespace pshare
