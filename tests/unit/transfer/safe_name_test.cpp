// What a name from the network may be, and what becomes of one that is taken already.
#include "transfer/safe_name.hpp"

#include <gtest/gtest.h>

using namespace std::string_literals;

namespace pshare {
namespace {

TEST(SafeName, RefusesWhatIsNoSingleComponent) {
  struct Row { std::string name; Errc code; };
  for (const auto& [name, code] : {Row{"", Errc::malformed}, Row{".", Errc::malformed}, Row{"..", Errc::malformed},
                                   Row{"/", Errc::malformed}, Row{"/etc/passwd", Errc::malformed}, Row{"a/../../b", Errc::malformed},
                                   Row{"a\0b"s, Errc::malformed}, Row{std::string(256, 'x'), Errc::limit},
                                   Row{std::string(70'000, 'x'), Errc::limit}}) {
    const auto checked = check_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, code) << name;
  }
}

TEST(SafeName, KeepsWhateverElseLinuxKeeps) {
  for (const auto& name : {"a"s, "..."s, "..a"s, "a b"s, "line\nfeed"s, "\x1b[31mred"s, "\xff\xfe"s, "C:"s, "a\\b"s, "文件"s,
                           std::string(255, 'x')})
    EXPECT_TRUE(check_name(name)) << name;
}

TEST(SafeName, KeepsOurOwnFoldersOutOfReachAtTheTopLevelOnly) {
  EXPECT_FALSE(check_top_level_name(".pshare-partial-0123"));
  EXPECT_FALSE(check_top_level_name(".pshare-partial"));
  EXPECT_FALSE(check_top_level_name(".PShare-PARTIAL-0123"));  // the same on a stick with FAT
  EXPECT_TRUE(check_top_level_name(".pshare"));
  EXPECT_TRUE(check_top_level_name(".pshare-partia"));
  EXPECT_TRUE(check_name(".pshare-partial-0123"));
}

TEST(SafeName, KeepsALinkOnlyIfItCannotLeaveItsTopLevelDirectory) {
  struct Row { std::string target; std::size_t depth; bool kept; };
  for (const auto& [target, depth, kept] : {
           Row{"sibling", 1, true},          // tree/link -> tree/sibling
           Row{"sub/file", 1, true},         //
           Row{"./sub//file/", 1, true},     // odd, but inside
           Row{"..", 1, false},              // tree/link -> the destination
           Row{"../tree/file", 1, false},    // out and in again: the top-level name may change
           Row{"../x", 2, true},             // tree/a/link -> tree/x
           Row{"..", 2, true},               // tree itself
           Row{"./../x", 2, true},           //
           Row{"../../x", 2, false},         // the destination's x
           Row{"../../x", 3, true},          //
           Row{"a/../b", 3, false},          // a may be a link
           Row{"../a/../../../b", 4, false}, //
           Row{"...", 1, true},              // an ordinary name
           Row{"..a", 1, true},              //
           Row{"/etc/passwd", 3, false},     //
           Row{"/", 3, false},               //
           Row{"", 3, false},                //
           Row{"a\0b"s, 3, false},           //
           Row{"file", 0, false},            // at the top level: a neighbour in the destination
           Row{".", 0, false},               //
           Row{std::string(4095, 'x'), 1, true}, Row{std::string(4096, 'x'), 1, false}})
    EXPECT_EQ(check_link_target(target, depth).has_value(), kept) << target << " in " << depth << " directories";
}

TEST(SafeName, PutsTheNumberBeforeTheExtension) {
  struct Row { std::string name; unsigned n; std::string expected; };
  for (const auto& [name, n, expected] :
       {Row{"film.mkv", 1, "film (1).mkv"}, Row{"archive.tar.gz", 2, "archive (2).tar.gz"}, Row{".bashrc", 1, ".bashrc (1)"},
        Row{"README", 12, "README (12)"}, Row{"a.b.c", 1, "a.b (1).c"}, Row{".tar.gz", 1, ".tar (1).gz"}, Row{"end.", 1, "end. (1)"},
        Row{"photos", 3, "photos (3)"}})
    EXPECT_EQ(numbered(name, n), expected);
}

TEST(SafeName, ShortensTheStemOfANumberedNameWithinTheLimit) {
  const auto name = numbered(std::string(251, 'x') + ".mkv", 7);
  EXPECT_EQ(name.size(), max_name);
  EXPECT_TRUE(name.ends_with("x (7).mkv"));
}

TEST(SafeName, NeverCutsAUtf8SequenceInTwo) {
  std::string stem;
  while (stem.size() + 3 <= 252) stem += "文";
  for (unsigned n : {1u, 10u, 100u}) {
    const auto name = numbered(stem + "a.x", n);
    const auto cut = name.substr(0, name.find(" ("));
    EXPECT_LE(name.size(), max_name);
    EXPECT_GE(name.size() + 3, max_name);
    EXPECT_EQ(cut.size() % 3, 0u) << "the stem ends within a character";
  }
}

TEST(SafeName, TakesAVeryLongExtensionForPartOfTheStem) {
  const auto name = numbered("a." + std::string(253, 'e'), 1);
  EXPECT_EQ(name.size(), max_name);
  EXPECT_TRUE(name.ends_with("e (1)"));
}

TEST(SafeName, CutsBytesThatAreNoUtf8Anywhere) {
  EXPECT_EQ(numbered(std::string(255, '\x80'), 1).size(), max_name);
}

}  // namespace
}  // namespace pshare
