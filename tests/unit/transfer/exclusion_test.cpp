// Which names and paths a pattern of --exclude means.
#include "transfer/exclusion.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace pshare {
namespace {

bool leaves_out(const std::string& pattern, const std::string& path) {
  return is_excluded(std::vector{pattern}, path.substr(path.rfind('/') + 1), path);
}

TEST(Exclusion, MeansANameWhereverItIs) {
  EXPECT_TRUE(leaves_out("*.o", "a.o"));
  EXPECT_TRUE(leaves_out("*.o", "src/deep/a.o"));
  EXPECT_TRUE(leaves_out(".git", "project/.git"));
  EXPECT_FALSE(leaves_out("*.o", "a.c"));
  EXPECT_FALSE(leaves_out("*.o", "a.o/b"));  // but the walk does not enter a.o
}

TEST(Exclusion, MeansAPathFromTheRootOnWhenItHasASlash) {
  EXPECT_TRUE(leaves_out("build/x", "build/x"));
  EXPECT_FALSE(leaves_out("build/x", "src/build/x"));
  EXPECT_TRUE(leaves_out("*/x", "build/x"));
  EXPECT_FALSE(leaves_out("*/x", "src/build/x")) << "a star is no slash";
}

TEST(Exclusion, MeansTheSameWithASlashAtTheEnd) {
  EXPECT_TRUE(leaves_out("build/", "src/build"));
  EXPECT_TRUE(leaves_out("src/build//", "src/build"));
  EXPECT_FALSE(leaves_out("build/", "rebuild"));
  EXPECT_FALSE(leaves_out("/", "a"));
}

TEST(Exclusion, KnowsSetsAndEscapes) {
  EXPECT_TRUE(leaves_out("[a-c]?[!x]", "b1y"));
  EXPECT_FALSE(leaves_out("[a-c]?[!x]", "b1x"));
  EXPECT_TRUE(leaves_out("\\*", "*"));
  EXPECT_FALSE(leaves_out("\\*", "a"));
  EXPECT_TRUE(leaves_out("[", "[")) << "what is no set is itself";
}

TEST(Exclusion, LeavesNothingOutWithoutAPattern) {
  EXPECT_FALSE(is_excluded({}, "a", "a"));
  EXPECT_FALSE(leaves_out("", "a"));
}

TEST(Exclusion, IsOverSoonWhateverThePatternIs) {
  std::string pattern;
  for (int i = 0; i < 2'000; ++i) pattern += "*a";
  EXPECT_FALSE(leaves_out(pattern + "b", std::string(255, 'a')));
  EXPECT_FALSE(leaves_out(pattern + "/b", std::string(255, 'a') + "/" + std::string(255, 'a')));
}

}  // namespace
}  // namespace pshare
