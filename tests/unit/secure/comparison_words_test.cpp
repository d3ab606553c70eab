#include "secure/comparison_words.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

PeerId filled_with(int value) {
  PeerId::Digest digest;
  digest.fill(static_cast<std::byte>(value));
  return PeerId{digest};
}

// From another implementation: printf of 32 times 01 and 32 times 02 to `argon2 pshare-compare-1 -id -t 3 -m 16 -p 1 -l 32 -r`, which gives
// c12d68f1b1e6e6da3f57b682...; then ten bits a word.
TEST(ComparisonWords, AreTheDocumentedOnes) {
  const auto words = comparison_words(filled_with(1), filled_with(2));
  ASSERT_TRUE(words);
  EXPECT_EQ(*words, "ribbon-potato-magic-guess-timber-napkin-once-spark");
}

TEST(ComparisonWords, AreTheSameOnBothMachines) {
  EXPECT_EQ(comparison_words(filled_with(7), filled_with(200)).value_or("none"), comparison_words(filled_with(200), filled_with(7)).value_or("neither"));
}

TEST(ComparisonWords, AreOthersOnceEitherKeyIsAnother) {
  const auto ours = comparison_words(filled_with(1), filled_with(2)).value_or("");
  EXPECT_NE(comparison_words(filled_with(1), filled_with(3)).value_or(""), ours);
  EXPECT_NE(comparison_words(filled_with(3), filled_with(2)).value_or(""), ours);
}

}  // namespace
}  // namespace pshare
