// The rules for what is accepted, as text: strict, so that no rule silently counts for nothing.
#include "apps/pshare/accept_rules.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

using testing::HasSubstr;

TEST(AcceptRules, AreReadAsTheyAreWritten) {
  const auto rules = AcceptRules::parse(R"(# mine
[default]
accept = "ask"

[contacts.Alice]
accept = "always"
max-size = "10G"
dir = "/srv/in/alice"

[contacts."b.o-b"]
accept = "never"
)");
  ASSERT_TRUE(rules) << rules.error().message();
  EXPECT_EQ(rules->of("alice"), (AcceptRule{Acceptance::always, std::uint64_t{10} << 30, "/srv/in/alice"}));
  EXPECT_EQ(rules->of("b.o-b"), (AcceptRule{Acceptance::never, {}, {}}));
  EXPECT_EQ(rules->of("carol"), (AcceptRule{Acceptance::ask, {}, {}})) << "the default";
  EXPECT_EQ(rules->own("carol"), std::nullopt);
}

TEST(AcceptRules, OfAContactReplaceTheDefaultAltogether) {
  const auto rules = AcceptRules::parse("[default]\naccept = \"always\"\n[contacts.alice]\nmax-size = \"1K\"\n");
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->of("alice").accept, std::nullopt);
}

TEST(AcceptRules, AreEmptyWithoutAText) {
  const auto rules = AcceptRules::parse("");
  ASSERT_TRUE(rules);
  EXPECT_TRUE(rules->of("alice").says_nothing());
}

TEST(AcceptRules, ThatAreNotUnderstoodAreAnErrorWithTheLine) {
  struct Wrong { const char* line; const char* says; };
  for (const auto& [line, says] : {Wrong{"acept = \"ask\"", "\"acept\" is nothing that a rule has"}, Wrong{"accept = true", "must be a text"}, Wrong{"accept = \"sometimes\"", "no way to accept"},
                                   Wrong{"accept = \"Always\"", "no way to accept"}, Wrong{"max-size = 10", "must be a text"}, Wrong{"max-size = \"-1\"", "not a size"},
                                   Wrong{"max-size = \"9999999T\"", "not a size"}, Wrong{"max-size = \"nan\"", "not a size"}, Wrong{"max-size = \"\"", "not a size"},
                                   Wrong{"dir = \"in/alice\"", "absolute"}, Wrong{"dir = \"\"", "absolute"}, Wrong{"dir = \"/a\\nb\"", "control"}, Wrong{"[more]", "neither default nor contacts"},
                                   Wrong{"[contacts.\"a b\"]", "no contact's name"}, Wrong{"[contacts.ALICE]", "twice"}, Wrong{"accept = ", ""}}) {
    const auto rules = AcceptRules::parse("# mine\n[contacts.alice]\n" + std::string{line} + "\n");
    ASSERT_FALSE(rules) << line;
    EXPECT_EQ(rules.error().code, Errc::malformed) << line;
    EXPECT_THAT(rules.error().doing, HasSubstr("line ")) << line;
    EXPECT_THAT(rules.error().doing, HasSubstr(says)) << line;
    EXPECT_FALSE(rules.error().hint.empty());
  }
  for (const auto& text : {"default = 1", "contacts = \"alice\"", "contacts.alice = \"always\"", "[[contacts]]", "accept = \"always\""}) EXPECT_FALSE(AcceptRules::parse(text)) << text;
}

std::string many_rules(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "[contacts.n" + std::to_string(i) + "]\naccept = \"ask\"\n";
  return text;
}

TEST(AcceptRules, AreRefusedWhereSomethingIsNested) {
  // Arrays of long dotted keys, one in the other, once used up the stack.
  std::string deep = "a = ";
  while (deep.size() < AcceptRules::max_file - 100) deep += deep.size() % 4000 < 3000 ? "[{a.a.a.a.a.a.a.a.a=" : "\n";
  for (const auto& text : {deep, std::string{"default = []"}, std::string{"default = {accept = \"always\"}"}, std::string{"[contacts.alice]\naccept = [\"always\"]"}}) {
    const auto refused = AcceptRules::parse(text);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().doing, testing::HasSubstr("no arrays"));
  }
  EXPECT_TRUE(AcceptRules::parse("[contacts.alice] # [not] {a} value\ndir = \"/a[b]{c}\\\"[\"\n"));
}

TEST(AcceptRules, HaveLimits) {
  EXPECT_TRUE(AcceptRules::parse(many_rules(AcceptRules::max_rules)));
  for (const auto& text : {many_rules(AcceptRules::max_rules + 1), std::string(AcceptRules::max_file + 1, '\n'), "#" + std::string(AcceptRules::max_line, 'x'),
                           "[default]\ndir = \"/" + std::string(AcceptRules::max_directory, 'x') + "\"\n"}) {
    const auto rules = AcceptRules::parse(text);
    ASSERT_FALSE(rules);
    EXPECT_EQ(rules.error().code, Errc::limit) << rules.error().message();
  }
  EXPECT_TRUE(AcceptRules::parse(std::string(AcceptRules::max_file, '\n')));
  EXPECT_TRUE(AcceptRules::parse("#" + std::string(AcceptRules::max_line - 1, 'x')));
  EXPECT_TRUE(AcceptRules::parse("[default]\ndir = \"/" + std::string(AcceptRules::max_directory - 1, 'x') + "\"\n"));
  auto full = AcceptRules::parse(many_rules(AcceptRules::max_rules)).value_or(AcceptRules{});
  EXPECT_FALSE(full.set("more", {.accept = Acceptance::ask, .max_size = {}, .directory = {}}));
  EXPECT_TRUE(full.set("n1", {.accept = Acceptance::never, .max_size = {}, .directory = {}}));
}

TEST(AcceptRules, AreTheSameWhenTheyAreReadAgain) {
  AcceptRules rules;
  ASSERT_TRUE(rules.set(std::nullopt, {.accept = Acceptance::ask, .max_size = 0, .directory = {}}));
  ASSERT_TRUE(rules.set("alice", {.accept = Acceptance::always, .max_size = 1'500'000'000, .directory = "/srv/it's \"in\\ bücher"}));
  ASSERT_TRUE(rules.set("a.b", {.accept = {}, .max_size = 12'345, .directory = {}}));
  const auto text = rules.text();
  ASSERT_TRUE(text) << text.error().message();
  const auto again = AcceptRules::parse(*text);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(*again, rules);
}

TEST(AcceptRules, AreNotWrittenDownIfNobodyCouldReadThem) {
  AcceptRules rules;
  EXPECT_FALSE(rules.set("alice", {.accept = {}, .max_size = {}, .directory = "in"}));
  ASSERT_TRUE(rules.set("alice", {.accept = {}, .max_size = {}, .directory = "/srv/\xFF"}));
  EXPECT_FALSE(rules.text());
}

TEST(AcceptRules, ThatSayNothingAreForgotten) {
  AcceptRules rules;
  ASSERT_TRUE(rules.set("alice", {.accept = Acceptance::never, .max_size = {}, .directory = {}}));
  ASSERT_TRUE(rules.set("alice", {}));
  EXPECT_EQ(rules, AcceptRules{});
  ASSERT_TRUE(rules.set("alice", {.accept = Acceptance::never, .max_size = {}, .directory = {}}));
  EXPECT_TRUE(rules.forget("alice"));
  EXPECT_FALSE(rules.forget("alice"));
}

}  // namespace
}  // namespace pshare
