// What a gateway's clock says of its memory, by the rules of both documents.
#include "traversal/mapping/epoch.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{1h};

struct Case {
  Epoch::Rule rule;
  std::chrono::seconds first, second;
  Duration between;
  bool anew;
  const char* why;
};

TEST(Epoch, IsJudgedAsTheDocumentsSay) {
  using enum Epoch::Rule;
  const Case cases[]{
      {nat_pmp, 1000s, 1100s, 100s, false, "the clocks agree"},
      {nat_pmp, 1000s, 1086s, 100s, false, "RFC 6886 section 3.6: slower by an eighth and two seconds"},
      {nat_pmp, 1000s, 1085s, 100s, true, "slower than that"},
      {nat_pmp, 1000s, 3s, 100s, true, "it has just started"},
      {nat_pmp, 1000s, 5000s, 100s, false, "faster is no loss of state"},
      {pcp, 1000s, 1100s, 100s, false, "the clocks agree"},
      {pcp, 1000s, 999s, 0s, false, "RFC 6887 section 8.5: answers may overtake each other by a second"},
      {pcp, 1000s, 998s, 0s, true, "but not by two"},
      {pcp, 1000s, 1092s, 100s, false, "slower by a sixteenth and two seconds: 92 + 2 >= 100 - 100/16"},
      {pcp, 1000s, 1091s, 100s, true, "slower than that"},
      {pcp, 1000s, 1108s, 100s, false, "faster by as much: 100 + 2 >= 108 - 108/16"},
      {pcp, 1000s, 1109s, 100s, true, "faster than that"},
      {pcp, 1000s, 3s, 100s, true, "it has just started"},
  };
  for (const auto& each : cases) {
    Epoch epoch{each.rule};
    EXPECT_FALSE(epoch.has_begun_anew(each.first, start)) << "the first answer says nothing";
    EXPECT_EQ(epoch.has_begun_anew(each.second, start + each.between), each.anew) << each.why;
  }
}

TEST(Epoch, IsComparedWithTheLastAnswerAndNotWithTheFirst) {
  Epoch epoch{Epoch::Rule::pcp};
  EXPECT_FALSE(epoch.has_begun_anew(1000s, start));
  EXPECT_TRUE(epoch.has_begun_anew(0s, start + 10s));
  EXPECT_FALSE(epoch.has_begun_anew(10s, start + 20s));
}

}  // namespace
}  // namespace pshare
