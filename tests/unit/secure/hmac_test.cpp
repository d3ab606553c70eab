// HMAC-SHA256 with the vectors of RFC 4231.
#include "secure/hmac.hpp"

#include <gtest/gtest.h>

#include "../wire/from_hex.hpp"

namespace pshare {
namespace {

using testing::from_hex;

ByteBuffer mac(ByteView key, ByteView message) {
  const auto made = hmac_sha256(key, message);
  return {made.begin(), made.end()};
}

TEST(Hmac, IsThatOfTheStandard) {
  EXPECT_EQ(mac(ByteBuffer(20, std::byte{0x0b}), bytes_of("Hi There")), from_hex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"));
  EXPECT_EQ(mac(bytes_of("Jefe"), bytes_of("what do ya want for nothing?")), from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
  EXPECT_EQ(mac(ByteBuffer(131, std::byte{0xaa}), bytes_of("Test Using Larger Than Block-Size Key - Hash Key First")),
            from_hex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

TEST(Hmac, OfNothingIsDefined) {
  EXPECT_EQ(mac({}, {}), from_hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

}  // namespace
}  // namespace pshare
