#include "traversal/seen_address.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

bool seen(const char* told, const char* by) { return can_be_seen_at(Endpoint::parse(told).value(), IpAddress::parse(by).value()); }

TEST(SeenAddress, IsNoneIfNobodyCanBeThere) {
  for (const auto* told : {"0.0.0.0:1", "224.0.0.1:4700", "255.255.255.255:4700", "198.51.100.7:0"}) EXPECT_FALSE(seen(told, "192.0.2.1")) << told;
  for (const auto* told : {"[::]:1", "[ff02::1]:4700"}) EXPECT_FALSE(seen(told, "2001:db8::2")) << told;
}

TEST(SeenAddress, IsOfTheFamilyByWhichWeWereSeen) {
  EXPECT_FALSE(seen("[2001:db8::1]:4700", "192.0.2.1"));
  EXPECT_FALSE(seen("198.51.100.7:4700", "2001:db8::2"));
}

TEST(SeenAddress, IsLoopbackOnlyForThisMachine) {
  EXPECT_FALSE(seen("127.0.0.1:4700", "192.0.2.1"));
  EXPECT_FALSE(seen("[::1]:4700", "2001:db8::2"));
  EXPECT_TRUE(seen("127.0.0.1:4700", "127.0.0.1"));
}

TEST(SeenAddress, MayBePrivateSinceTheServerMayStandInTheSameNetwork) {
  for (const auto* told : {"198.51.100.7:4700", "10.0.0.1:1", "100.64.0.1:1"}) EXPECT_TRUE(seen(told, "192.0.2.1")) << told;
  EXPECT_TRUE(seen("[2001:db8::1]:4700", "2001:db8::2"));
}

}  // namespace
}  // namespace pshare
