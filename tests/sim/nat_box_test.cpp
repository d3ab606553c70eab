// The NAT of the laboratories, axis by axis: packets go in, and what comes out is looked at.
#include "network/nat_box.hpp"

#include <gtest/gtest.h>

namespace pshare::sim {
namespace {

TEST(NatBox, SaysNothingBeforeAPacketComes) {
  SeededRandom random{1};
  NatBox box{NatBehaviour{}, random, TimePoint{std::chrono::hours{1}}};
  EXPECT_FALSE(box.take());
}

}  // namespace
}  // namespace pshare::sim
