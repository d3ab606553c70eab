// A transfer is known by who, to whom, and what was named.
#include "transfer/transfer_id.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

PeerId peer(int number) {
  PeerId::Digest digest{};
  digest.back() = static_cast<std::byte>(number);
  return PeerId{digest};
}

TEST(TransferId, IsTheSameForTheSameCommandInAnyOrderOfPaths) {
  EXPECT_EQ(transfer_id(peer(1), peer(2), TransferKind::files, {"a", "b"}, {"/x/a", "/x/b"}),
            transfer_id(peer(1), peer(2), TransferKind::files, {"b", "a"}, {"/x/b", "/x/a"}));
}

TEST(TransferId, DiffersWithEverythingThatMakesATransfer) {
  const auto one = transfer_id(peer(1), peer(2), TransferKind::files, {"a"}, {"/x/a"});
  EXPECT_NE(one, transfer_id(peer(2), peer(1), TransferKind::files, {"a"}, {"/x/a"}));
  EXPECT_NE(one, transfer_id(peer(1), peer(3), TransferKind::files, {"a"}, {"/x/a"}));
  EXPECT_NE(one, transfer_id(peer(1), peer(2), TransferKind::stream, {"a"}, {"/x/a"}));
  EXPECT_NE(one, transfer_id(peer(1), peer(2), TransferKind::files, {"b"}, {"/x/a"}));
  EXPECT_NE(one, transfer_id(peer(1), peer(2), TransferKind::files, {"a"}, {"/y/a"}));
}

TEST(TransferId, DoesNotConfuseTextsThatRunTogether) {
  EXPECT_NE(transfer_id(peer(1), peer(2), TransferKind::files, {"ab", "c"}, {}),
            transfer_id(peer(1), peer(2), TransferKind::files, {"a", "bc"}, {}));
  EXPECT_NE(transfer_id(peer(1), peer(2), TransferKind::files, {"a", "b"}, {}),
            transfer_id(peer(1), peer(2), TransferKind::files, {"a"}, {"b"}));
}

}  // namespace
}  // namespace pshare
