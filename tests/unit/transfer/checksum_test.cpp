// XXH3-128 against the values of xxHash's own specification and tests, and its incremental form.
#include "transfer/checksum.hpp"

#include <gtest/gtest.h>

#include "wire/ids.hpp"

namespace pshare {
namespace {

TEST(Checksum, OfNothingIsTheOneThatXxhashPublishes) {
  // xxHash, XXH3_128bits of zero bytes with seed 0 (its sanity check vectors).
  EXPECT_EQ(hex(hash_of({})), "99aa06d3014798d86001c324468d497f");
}

TEST(Checksum, InPiecesIsTheSameAsInOne) {
  ByteBuffer bytes(100'000);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 >> 3);
  Hasher hasher;
  for (std::size_t at = 0, step = 1; at < bytes.size(); at += step, step = step * 3 % 1009 + 1)
    hasher.add(ByteView{bytes}.subspan(at, std::min(step, bytes.size() - at)));
  EXPECT_EQ(hasher.digest(), hash_of(bytes));
  bytes[50'000] ^= std::byte{1};
  EXPECT_NE(hasher.digest(), hash_of(bytes));
}

TEST(Checksum, DigestDoesNotEndTheHashing) {
  Hasher hasher;
  EXPECT_EQ(hasher.digest(), hash_of({}));
  hasher.add(bytes_of("ab"));
  EXPECT_EQ(hasher.digest(), hash_of(bytes_of("ab")));
}

}  // namespace
}  // namespace pshare
