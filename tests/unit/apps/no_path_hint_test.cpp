#include "apps/pshare/no_path_hint.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

using ::testing::HasSubstr;
using Kind = PortForecast::Kind;

const PortForecast fine{.kind = Kind::stable}, blocked{.kind = Kind::blocked}, unknown{};

TEST(NoPathHint, NamesThePeerToAskTheDoctorAbout) {
  EXPECT_THAT(no_path_hint("bob", {.udp = fine, .tcp = fine}, {.udp = fine, .tcp = unknown}), HasSubstr("`pshare doctor --with bob`"));
  EXPECT_THAT(no_path_hint("bob", {.udp = blocked, .tcp = fine}, {.udp = fine, .tcp = fine}), HasSubstr("`pshare doctor --with bob`"));
}

TEST(NoPathHint, SaysWhoseSideHasNothingInCommonWithTheOther) {
  EXPECT_THAT(no_path_hint("bob", {.udp = blocked, .tcp = fine}, {.udp = fine, .tcp = blocked}), HasSubstr("TCP is not to be had on bob's side, and UDP not on your side: look at --transport"));
  EXPECT_THAT(no_path_hint("bob", {.udp = blocked, .tcp = blocked}, {.udp = blocked, .tcp = fine}), HasSubstr("TCP is not to be had on your side, and UDP not on either side"));
}

}  // namespace
}  // namespace pshare
