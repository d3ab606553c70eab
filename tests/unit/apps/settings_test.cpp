#include "apps/pshare/settings.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

TEST(Settings, AreReadAsTheyWereWritten) {
  for (const auto& settings : {Settings{}, Settings{.server = "one.example:4700,[2001:db8::1]:4800", .name = {}},
                               Settings{.server = "caf\xC3\xA9.example'\"\\", .name = "ann.b_c-4"}}) {
    const auto again = Settings::parse(settings.text(), "pshare.toml");
    ASSERT_TRUE(again) << settings.text();
    EXPECT_EQ(*again, settings);
  }
}

TEST(Settings, AreRefusedWithTheLineThatIsWrong) {
  const std::pair<const char*, const char*> table[]{
      {"name = \"ann\"\nserver = 4700\n", "pshare.toml, line 2: \"server\" must be a text in quotes"},
      {"name = \"ann\"\nnaem = \"bob\"\n", "pshare.toml, line 2: \"naem\" is no setting"},
      {"[server]\nhost = \"one.example\"\n", "pshare.toml, line 1: \"server\" must be a text in quotes"},
      {"# who\nname = \"\\nann\"\n", "pshare.toml, line 2: "},  // a name with a line break
      {"name = \"Zo\xC3\xAB\"\n", "pshare.toml, line 1: "},
      {"server = \"one.example:99999\"\n", "pshare.toml, line 1: \"one.example:99999\" is not a server"},
      {"server = \"one\\ntwo\"\n", "pshare.toml, line 1: "},
      {"name = \"ann\nserver = \"x\"\n", "pshare.toml, line "},
  };
  for (const auto& [text, words] : table) {
    const auto refused = Settings::parse(text, "pshare.toml");
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, Errc::usage);
    EXPECT_TRUE(refused.error().doing.starts_with(words)) << refused.error().doing;
    EXPECT_FALSE(refused.error().hint.empty());
  }
}

TEST(Settings, AreRefusedWhereTheyAreNestedWithoutEnd) {
  const auto refused = Settings::parse("name = " + std::string(20'000, '['), "pshare.toml");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::usage);
}

}  // namespace
}  // namespace pshare
