#include "secure/slips.hpp"

#include <gmock/gmock.h>

#include <string>

namespace pshare {
namespace {

TEST(Slips, AreCountedBetweenTwoWords) {
  EXPECT_EQ(slips_between("send", "send"), 0u);
  EXPECT_EQ(slips_between("sned", "send"), 1u);  // neighbours that have changed places
  EXPECT_EQ(slips_between("sed", "send"), 1u);
  EXPECT_EQ(slips_between("sendd", "send"), 1u);
  EXPECT_EQ(slips_between("sand", "send"), 1u);
  EXPECT_EQ(slips_between("", "send"), 4u);
  EXPECT_EQ(slips_between("fly", "send"), slips_between("send", "fly"));
}

TEST(Slips, AreNotCountedInWhatIsTooLongForAnyWord) {
  EXPECT_TRUE(slips_between(std::string(longest_compared, 'a'), "a"));
  EXPECT_FALSE(slips_between(std::string(longest_compared + 1, 'a'), "a"));
  EXPECT_FALSE(slips_between("a", std::string(longest_compared + 1, 'a')));
}

}  // namespace
}  // namespace pshare
