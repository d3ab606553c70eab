#include "io/interfaces.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace pshare {
namespace {

TEST(Interfaces, HaveALoopbackAddressWithItsSubnet) {
  const auto found = interface_addresses();
  ASSERT_TRUE(found);
  const auto loopback = std::find_if(found->begin(), found->end(), [](const InterfaceAddress& each) {
    return each.address == *IpAddress::parse("127.0.0.1");
  });
  ASSERT_NE(loopback, found->end());
  EXPECT_EQ(loopback->prefix_length, 8u);
  EXPECT_GT(loopback->interface, 0u);
  EXPECT_FALSE(loopback->name.empty());
}

TEST(Interfaces, NameEachAddressOnceAndOnlyUsableOnes) {
  const auto found = interface_addresses();
  ASSERT_TRUE(found);
  std::set<std::pair<IpAddress, unsigned>> seen;
  for (const auto& each : *found) {
    EXPECT_TRUE(seen.emplace(each.address, each.interface).second) << each.address.text();
    EXPECT_NE(each.address.scope(), Scope::unusable);
    EXPECT_LE(each.prefix_length, each.address.is_v4() ? 32u : 128u);
  }
}

}  // namespace
}  // namespace pshare
