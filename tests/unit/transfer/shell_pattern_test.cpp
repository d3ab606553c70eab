// Shell patterns: what POSIX says of them, and the C library's fnmatch(3) as the oracle where there is one.
#include "transfer/shell_pattern.hpp"

#include <gtest/gtest.h>

#include <string>

#ifndef _WIN32
#include <fnmatch.h>

#include <random>
#include <vector>
#endif

namespace pshare {
namespace {

bool matches(std::string_view pattern, std::string_view name) { return ShellPattern{pattern}.matches_name(name); }
bool matches_path(std::string_view pattern, std::string_view path) { return ShellPattern{pattern}.matches_path(path); }

TEST(ShellPattern, TakesLettersAtTheirWord) {
  EXPECT_TRUE(matches("a.o", "a.o"));
  EXPECT_FALSE(matches("a.o", "abo"));
  EXPECT_FALSE(matches("a.o", "A.o"));
  EXPECT_FALSE(matches("a", "ab"));
  EXPECT_FALSE(matches("ab", "a"));
  EXPECT_TRUE(matches("", ""));
  EXPECT_FALSE(matches("", "a"));
}

TEST(ShellPattern, StarsTakeAnyNumberOfLetters) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*", ".hidden"));
  EXPECT_TRUE(matches("a*b*c", "aXbXbXc"));
  EXPECT_TRUE(matches("*ab*abc", "abababc")) << "the last star gives way as often as it takes";
  EXPECT_FALSE(matches("a*b*c", "aXcXb"));
  EXPECT_TRUE(matches("a**", "a"));
}

TEST(ShellPattern, AQuestionMarkIsOneLetterOfWhateverLanguage) {
  EXPECT_TRUE(matches("?", "x"));
  EXPECT_FALSE(matches("?", ""));
  EXPECT_TRUE(matches("f?o", "f\u00F6o"));
  EXPECT_TRUE(matches("??", "\u6587\U0001F600"));
  EXPECT_FALSE(matches("???", "\u6587"));
  EXPECT_TRUE(matches("a?b", "a\xFF" "b")) << "a byte that is no UTF-8 is a letter";
  EXPECT_TRUE(matches("??", "\xC3" "x")) << "as is what begins a sequence and goes on as none";
}

TEST(ShellPattern, ASetIsOneOfItsLetters) {
  EXPECT_TRUE(matches("[abc]", "b"));
  EXPECT_FALSE(matches("[abc]", "d"));
  EXPECT_FALSE(matches("[abc]", "ab"));
  EXPECT_TRUE(matches("[a-c]x", "bx"));
  EXPECT_TRUE(matches("[\u00E4\u00F6]x", "\u00F6x"));
  EXPECT_TRUE(matches("[\u03B1-\u03C9]", "\u03BB"));
  EXPECT_FALSE(matches("[\u03B1-\u03C9]", "z"));
  EXPECT_FALSE(matches("[z-a]", "m")) << "a range that runs backwards is empty";
}

TEST(ShellPattern, ASetCanBeTheLettersItDoesNotName) {
  for (const std::string set : {"[!a-c]", "[^a-c]"}) {
    EXPECT_TRUE(matches(set, "x"));
    EXPECT_FALSE(matches(set, "b"));
    EXPECT_FALSE(matches(set, ""));
  }
}

TEST(ShellPattern, InASetSomePlacesMakeLettersOfSigns) {
  EXPECT_TRUE(matches("[]a]", "]"));
  EXPECT_TRUE(matches("[!]a]", "b"));
  EXPECT_FALSE(matches("[!]a]", "]"));
  EXPECT_TRUE(matches("[a-]", "-"));
  EXPECT_TRUE(matches("[-a]", "-"));
  EXPECT_TRUE(matches("[a\\]b]", "]"));
  EXPECT_TRUE(matches("[+--]", ",")) << "from + to -";
  EXPECT_TRUE(matches("[[.-.]-0]", "."));
  EXPECT_TRUE(matches("[[=a=]]", "a"));
  EXPECT_TRUE(matches("[*?]", "?"));
  EXPECT_FALSE(matches("[*?]", "x"));
}

TEST(ShellPattern, KnowsTheClassesOfAscii) {
  EXPECT_TRUE(matches("[[:digit:]][[:alpha:]_]", "7_"));
  EXPECT_FALSE(matches("[[:digit:]]", "x"));
  EXPECT_TRUE(matches("[![:space:]]", "x"));
  EXPECT_FALSE(matches("[![:space:]]", "\t"));
  EXPECT_FALSE(matches("[[:alpha:]]", "\u00F6"));
  EXPECT_FALSE(matches("[[:unheard:]]", "a"));
  EXPECT_TRUE(matches("[[:unheard:]a]", "a"));
}

TEST(ShellPattern, WhatIsNoSetStandsForItself) {
  EXPECT_TRUE(matches("[", "["));
  EXPECT_TRUE(matches("[]", "[]"));
  EXPECT_TRUE(matches("[!", "[!"));
  EXPECT_TRUE(matches("x[a-", "x[a-"));
  EXPECT_TRUE(matches("[a", "[a"));
  EXPECT_FALSE(matches("[a", "a"));
  EXPECT_TRUE(matches("]", "]"));
}

TEST(ShellPattern, ABackslashTakesTheMeaningFromTheNext) {
  EXPECT_TRUE(matches("\\*", "*"));
  EXPECT_FALSE(matches("\\*", "a"));
  EXPECT_TRUE(matches("\\a", "a"));
  EXPECT_TRUE(matches("\\[a]", "[a]"));
  EXPECT_TRUE(matches("\\\\", "\\"));
  EXPECT_FALSE(matches("\\", "\\")) << "nothing follows";
  EXPECT_FALSE(matches("a\\", "a"));
}

TEST(ShellPattern, InAPathOnlyASlashStandsForASlash) {
  EXPECT_TRUE(matches_path("*/x", "a/x"));
  EXPECT_FALSE(matches_path("*/x", "a/b/x"));
  EXPECT_FALSE(matches_path("a?b", "a/b"));
  EXPECT_FALSE(matches_path("a[!x]b", "a/b"));
  EXPECT_FALSE(matches_path("a[/]b", "a/b"));
  EXPECT_TRUE(matches_path("a*/*b", "aa/bb"));
  EXPECT_TRUE(matches("a*b", "a/b"));
  EXPECT_TRUE(matches("a[!x]b", "a/b"));
}

TEST(ShellPattern, TakesNoMoreStepsThanTheLengthsMultiplied) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "*a";
  const ShellPattern many{pattern + "b"};
  EXPECT_FALSE(many.matches_name(std::string(4'000, 'a')));
  EXPECT_TRUE(many.matches_name(std::string(4'000, 'a') + "b"));
}

#ifndef _WIN32
/// As one byte each, for a C library in the locale "C". (With UTF-8 it would take each letter for one and for two, whichever fits.)
std::string in_latin1(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    out += byte < 0x80 ? utf8[i] : static_cast<char>((byte & 0x03) << 6 | (utf8[++i] & 0x3F));
  }
  return out;
}

bool oracle(std::string_view pattern, std::string_view text, int flags) { return ::fnmatch(in_latin1(pattern).c_str(), in_latin1(text).c_str(), flags) == 0; }

TEST(ShellPattern, MeansWhatTheCLibraryMakesOfIt) {
  constexpr unsigned seed = 20;
  std::mt19937 random{seed};
  // Sets only as a whole: of one that does not end, glibc says now this and now that.
  const std::vector<std::string> parts{"a", "b", "-", ".", "/", "\u00F6", "\u00FE", "*", "*", "?", "\\*", "\\a", "[ab]", "[!a]", "[^\u00F6]", "[a-c]", "[\u00E4-\u00FC]", "[]a]", "[-b]", "[b-a]",
                                       "[\\]b]", "[[.a.]-c]", "[[=b=]]", "[+-/]", "[!/]", "]"};
  const std::vector<std::string> classes{"alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "xdigit"};
  const std::vector<std::string> letters{"a", "b", "c", "-", ".", "/", "*", "]", "\u00F6", "\u00FE"};
  const auto some = [&](const std::vector<std::string>& from, unsigned most) {
    std::string text;
    for (auto left = random() % (most + 1); left > 0; --left) text += from[random() % from.size()];
    return text;
  };
  unsigned matched = 0;
  for (int round = 0; round < 30'000; ++round) {
    const auto pattern = some(parts, 6), text = some(letters, 6);
    const ShellPattern ours{pattern};
    ASSERT_EQ(ours.matches_name(text), oracle(pattern, text, 0)) << pattern << " and " << text;
    ASSERT_EQ(ours.matches_path(text), oracle(pattern, text, FNM_PATHNAME)) << pattern << " and the path " << text;
    matched += ours.matches_path(text) ? 1 : 0;
  }
  EXPECT_GT(matched, 300U);
  for (const auto& each : classes)
    for (char c = 1; c < 0x7F; ++c)
      for (const auto& pattern : {"[[:" + each + ":]]", "[![:" + each + ":]a]"})
        EXPECT_EQ(matches(pattern, {&c, 1}), oracle(pattern, {&c, 1}, 0)) << pattern << " and " << int{c};
}
#endif

}  // namespace
}  // namespace pshare
