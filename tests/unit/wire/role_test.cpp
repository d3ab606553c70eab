#include "wire/role.hpp"

#include <gtest/gtest.h>

#include "wire/cbor.hpp"

namespace pshare {
namespace {

TEST(Role, IsReadAsItWasWritten) {
  const auto read = decode_role(encode_role("pshare-control/1"));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, "pshare-control/1");
}

TEST(Role, ThatIsNotThereOrTooLongIsRefused) {
  EXPECT_EQ(decode_role(bytes_of("GET / HTTP/1.1")).error().code, Errc::malformed);
  EXPECT_FALSE(decode_role(CborMap{}.encode()).has_value());
  EXPECT_FALSE(decode_role(CborMap{}.set("role", std::string(max_role_frame + 1, 'x')).encode()).has_value());
}

}  // namespace
}  // namespace pshare
