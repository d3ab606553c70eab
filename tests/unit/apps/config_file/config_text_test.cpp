#include "apps/config_file/config_text.hpp"

#include <gmock/gmock.h>

#include "apps/config_file/nesting.hpp"

namespace pshare {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ConfigText, HasItsLinesInTheirOrderWithTheirPlaces) {
  const auto read = read_config_text("# who\nname = \"ann\"\n\n[send]\n  lanes = 4 # four\nno-qr=true\nexclude = [\n  '*.o',\n  \".git\",\n]\n");
  ASSERT_TRUE(read.faults.empty()) << read.faults.front().words;
  ASSERT_EQ(read.lines.size(), 4u);
  EXPECT_EQ(read.lines[0].table, "");
  EXPECT_EQ(read.lines[0].key, "name");
  EXPECT_EQ(read.lines[0].value, ConfigValue{std::string{"ann"}});
  EXPECT_EQ(read.lines[0].value_at, (ConfigPlace{2, 8}));
  EXPECT_EQ(read.lines[0].value_end, (ConfigPlace{2, 13}));
  EXPECT_EQ(read.lines[1].table, "send");
  EXPECT_EQ(read.lines[1].value, ConfigValue{std::int64_t{4}});
  EXPECT_EQ(read.lines[1].key_at, (ConfigPlace{5, 3}));
  EXPECT_EQ(read.lines[2].value, ConfigValue{true});
  EXPECT_EQ(read.lines[3].value, (ConfigValue{std::vector<std::string>{"*.o", ".git"}}));
  ASSERT_EQ(read.tables.size(), 1u);
  EXPECT_EQ(read.tables[0].name, "send");
}

TEST(ConfigText, SaysInWhichLineItIsNone) {
  const std::tuple<const char*, std::size_t, const char*> table[]{
      {"a = 1\nb =\n", 2, ""},
      {"a = 1\n\na = 2\n", 3, "a"},            // twice
      {"[send]\n[send]\n", 2, "send"},
      {"a = 1.5\n", 1, "whole number"},
      {"x = 1\na = 2026-11-29\n", 2, "text in quotes"},
      {"a = [1, 2]\n", 1, "list of texts"},
      {"[[send]]\n", 1, "a table is written [send]"},
      {"[send.more]\nx = 1\n", 1, "holds no others"},
      {"a = { b = 1 }\n", 1, "no { }"},
      {"a = [\n  [\"x\"]]\n", 2, "no lists in lists"},
      {"a = \"\"\"\nx\"\"\"\n", 1, "one line"},
  };
  for (const auto& [text, line, words] : table) {
    const auto read = read_config_text(text);
    ASSERT_EQ(read.faults.size(), 1u) << text;
    EXPECT_EQ(read.faults.front().at.line, line) << text;
    EXPECT_THAT(read.faults.front().words, HasSubstr(words)) << text;
  }
}

TEST(ConfigText, SaysHowATextIsWrittenWhereItIsNone) {
  for (const std::string text : {"name = alice\n", "limit = \"2M\n", "dir = \"C:\\Users\\x\"\n", "dir = \"C:\\Documents\"\n", "dir = ~/in\n"}) {
    const auto read = read_config_text(text);
    ASSERT_EQ(read.faults.size(), 1u) << text;
    EXPECT_THAT(read.faults.front().words, HasSubstr("in quotes, on one line")) << text;
    EXPECT_THAT(read.faults.front().words, HasSubstr("dir = 'C:\\in'. What comes behind it was not looked at.")) << text;
  }
  EXPECT_THAT(read_config_text("a = 1\na = 2\n").faults.front().words, testing::Not(HasSubstr("quotes"))) << "which is another slip";
}

TEST(ConfigText, IsBoundedInLengthAndDepth) {
  EXPECT_EQ(read_config_text(std::string(max_config_text + 1, '#')).faults.size(), 1u);
  EXPECT_EQ(read_config_text("a = " + std::string(20'000, '[')).faults.size(), 1u);
  std::string dots = "a";
  for (int i = 0; i < 20'000; ++i) dots += ".a";
  EXPECT_EQ(read_config_text(dots + " = 1\n").faults.size(), 1u);
  EXPECT_EQ(read_config_text("[" + dots + "]\n").faults.size(), 1u);
  EXPECT_EQ(line_that_nests("a = [\"x\"\"\"\"y\"\"\", [[[[\n"), 1u) << "a text of several lines is one, wherever it stands";
}

TEST(ConfigText, DoesNotTakeForNestingWhatStandsInTextsAndComments) {
  EXPECT_EQ(line_that_nests("# [[ { \"\"\"\na = \"[[{\" # [[\nb = '{{'\nc = [ \"[\", '[' ] # [\n[t]\nd = \"\\\"[[\"\n"), std::nullopt);
}

TEST(ConfigText, IsQuotedSoThatItReadsTheSame) {
  for (const std::string text : {"plain", "with \"quotes\" and \\", "caf\xC3\xA9", "a\nb\tc\x7F", ""}) {
    const auto read = read_config_text("a = " + toml_quoted(text));
    ASSERT_EQ(read.lines.size(), 1u) << text;
    EXPECT_EQ(read.lines.front().value, ConfigValue{text});
  }
}

}  // namespace
}  // namespace pshare
