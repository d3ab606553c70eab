#include "apps/config_file/config_edit.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

std::string edited(std::string_view text, std::string_view key = "name", std::string_view value = "bob") {
  const auto changed = with_line(text, key, value);
  EXPECT_TRUE(changed) << (changed ? "" : changed.error().message());
  return changed ? *changed : "";
}

TEST(ConfigEdit, ReplacesAValueAndNothingElse) {
  EXPECT_EQ(edited("# mine\nname = \"ann\"   # that is me\nserver = \"x\"\n\n[send]\nlanes = 4\n"), "# mine\nname = \"bob\"   # that is me\nserver = \"x\"\n\n[send]\nlanes = 4\n");
  EXPECT_EQ(edited("  name='caf\xC3\xA9' # \xC3\xA9\n"), "  name=\"bob\" # \xC3\xA9\n");
  EXPECT_EQ(edited("\"caf\xC3\xA9\" = 'x'\nname = \"\xC3\xA9\xE2\x82\xAC\"#x"), "\"caf\xC3\xA9\" = 'x'\nname = \"bob\"#x");
  EXPECT_EQ(edited("server = [\n  \"a\", # one\n  \"b\",\n] # both\nport = 1\n", "server", "c"), "server = \"c\" # both\nport = 1\n");
}

TEST(ConfigEdit, PutsANewLineWhereItBelongs) {
  EXPECT_EQ(edited(""), "name = \"bob\"\n");
  EXPECT_EQ(edited("[send]\nlanes = 4\n"), "name = \"bob\"\n[send]\nlanes = 4\n");
  EXPECT_EQ(edited("server = \"x\" # y\n\n[send]\nname = \"no\"\n", "port", "1"), "server = \"x\" # y\nport = \"1\"\n\n[send]\nname = \"no\"\n");
  EXPECT_EQ(edited("server = \"x\""), "server = \"x\"\nname = \"bob\"\n");
}

TEST(ConfigEdit, PutsANewLineBelowTheOneThatIsCommentedOut) {
  EXPECT_EQ(edited("# How others address you.\n#name = \"alice\"\n\n#server = \"x\"\n\n[send]\n#name = 1\n"), "# How others address you.\n#name = \"alice\"\nname = \"bob\"\n\n#server = \"x\"\n\n[send]\n#name = 1\n");
  EXPECT_EQ(edited("#names = \"alice\"\n[send]\n#name = 1\n"), "name = \"bob\"\n#names = \"alice\"\n[send]\n#name = 1\n");
}

TEST(ConfigEdit, KeepsLineEndsAndAByteOrderMark) {
  EXPECT_EQ(edited("server = \"x\"\r\n\r\n[send]\r\n"), "server = \"x\"\r\nname = \"bob\"\r\n\r\n[send]\r\n");
  EXPECT_EQ(edited("\xEF\xBB\xBFname = \"ann\"\r\n"), "\xEF\xBB\xBFname = \"bob\"\r\n");
  EXPECT_EQ(edited("\xEF\xBB\xBF[send]\n"), "\xEF\xBB\xBFname = \"bob\"\n[send]\n");
}

TEST(ConfigEdit, TouchesNoFileThatItDoesNotUnderstand) {
  for (const auto* text : {"name = \n", "name = \"a\"\nname = \"b\"\n", "[name]\nx = 1\n"}) {
    const auto refused = with_line(text, "name", "bob");
    ASSERT_FALSE(refused) << text << " became " << *refused;
    EXPECT_FALSE(refused.error().hint.empty());
  }
}

}  // namespace
}  // namespace pshare
