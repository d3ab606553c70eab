#include "transfer/transfer_id.hpp"

#include <algorithm>

#include "transfer/checksum.hpp"

namespace pshare {

namespace {

// Each list and text with its length in front, so that no two different inputs run into the same bytes.
void put(ByteWriter& out, std::vector<std::string> texts) {
  std::ranges::sort(texts);
  out.u64(texts.size());
  for (const auto& text : texts) out.u64(text.size()).bytes(bytes_of(text));
}

}  // namespace

TransferId transfer_id(const PeerId& sender, const PeerId& receiver, TransferKind kind, std::vector<std::string> names,
                       std::vector<std::string> paths) {
  ByteWriter all;
  all.bytes(bytes_of("pshare-transfer/1")).bytes(sender.digest()).bytes(receiver.digest());
  all.u8(kind == TransferKind::stream ? 1 : 0);
  put(all, std::move(names));
  put(all, std::move(paths));
  return TransferId{hash_of(all.view())};
}

}  // namespace pshare
