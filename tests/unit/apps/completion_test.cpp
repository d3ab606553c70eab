// What the Tab key offers, on the real command line of pshare.
#include "apps/command_line/completion.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "apps/pshare/options.hpp"

namespace pshare {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::Not;

std::vector<Suggestion> people(ValueKind kind, std::string_view, const std::string& home) {
  if (kind == ValueKind::contact && home == "elsewhere") return {{"zoe"}};
  if (kind == ValueKind::contact) return {{"alice"}, {"bob"}};
  if (kind == ValueKind::receipt) return {{"3f2a", "film.mkv"}};
  if (kind == ValueKind::server) return {{"example.org:4700"}};
  return {};
}

Completion completion(std::vector<std::string> words) { return complete(pshare_command(), words, Lookup{people}); }

std::vector<std::string> offered(std::vector<std::string> words) {
  std::vector<std::string> offered;
  for (const auto& each : completion(std::move(words)).suggestions) offered.push_back(each.word);
  return offered;
}

TEST(Completion, OffersVerbsAndThenTheirVerbs) {
  EXPECT_THAT(offered({""}), IsSupersetOf({"send", "receive", "contacts", "help"}));
  EXPECT_THAT(offered({"re"}), ElementsAre("receive", "receipts"));
  EXPECT_THAT(offered({"contacts", ""}), ElementsAre("list", "add", "remove", "verify", "rule"));
  EXPECT_THAT(offered({"--json", "contacts", "r"}), ElementsAre("remove", "rule"));
  EXPECT_THAT(offered({"help", "contacts", "ad"}), ElementsAre("add"));
}

TEST(Completion, OffersOptionsOfTheVerbAndThoseOfAll) {
  EXPECT_THAT(offered({"send", "--"}), IsSupersetOf({"--to", "--lanes", "--json", "--help"}));
  EXPECT_THAT(offered({"id", "--"}), Not(Contains("--to")));
  EXPECT_THAT(offered({"send", "--trans"}), ElementsAre("--transport"));
  EXPECT_THAT(offered({"--ver"}), ElementsAre("--version", "--verbose"));
  EXPECT_THAT(offered({"send", "--version"}), IsEmpty());
  const auto of_send = offered({"send", "-"});
  EXPECT_EQ(std::ranges::count(of_send, "--help"), 1);
}

TEST(Completion, OffersAnOptionAgainOnlyWhereItMayBeRepeated) {
  EXPECT_THAT(offered({"receive", "--yes", "--from", "bob", "--"}), Not(Contains("--yes")));
  EXPECT_THAT(offered({"receive", "--yes", "--from", "bob", "--fr"}), ElementsAre("--from"));
  EXPECT_THAT(offered({"receive", "-v", "--verb"}), ElementsAre("--verbose"));
}

TEST(Completion, OffersWhatAValueCanBe) {
  EXPECT_THAT(offered({"send", "x", "--transport", ""}), ElementsAre("tcp", "udp", "any"));
  EXPECT_THAT(offered({"receive", "--on-conflict=o"}), ElementsAre("--on-conflict=overwrite"));
  EXPECT_THAT(offered({"send", "--to", ""}), ElementsAre("alice", "bob"));
  EXPECT_THAT(offered({"send", "--to=b"}), ElementsAre("--to=bob"));
  EXPECT_THAT(offered({"contacts", "verify", "a"}), ElementsAre("alice"));
  EXPECT_THAT(offered({"contacts", "add", "a"}), IsEmpty());   // somebody new
  EXPECT_THAT(offered({"receipts", "check", ""}), ElementsAre("3f2a"));
  EXPECT_THAT(offered({"id", "--server", "ex"}), ElementsAre("example.org:4700"));
  EXPECT_THAT(offered({"send", "--limit", ""}), IsEmpty());
  EXPECT_THAT(offered({"send", "x", "--level", "a"}), ElementsAre("auto"));
}

TEST(Completion, KnowsThePeopleOfTheHomeThatWasNamed) {
  EXPECT_THAT(offered({"--home", "elsewhere", "send", "--to", ""}), ElementsAre("zoe"));
  EXPECT_THAT(offered({"--home=elsewhere", "send", "--to", ""}), ElementsAre("zoe"));
}

TEST(Completion, GoesOnWithAListAfterEachComma) {
  EXPECT_THAT(offered({"id", "--tiers", "direct,m"}), ElementsAre("direct,mapped"));
  EXPECT_THAT(offered({"id", "--tiers=relay,"}), ElementsAre("--tiers=relay,direct", "--tiers=relay,mapped", "--tiers=relay,punched", "--tiers=relay,supernode"));
  EXPECT_TRUE(completion({"id", "--tiers", "d"}).joined);
}

TEST(Completion, LeavesFilesAndFoldersToTheShell) {
  EXPECT_EQ(completion({"send", ""}).kind, Completion::Kind::files);
  EXPECT_EQ(completion({"send", "a", "b", "c"}).kind, Completion::Kind::files);
  EXPECT_EQ(completion({"send", "--to", "bob", ""}).kind, Completion::Kind::files);
  EXPECT_EQ(completion({"send", "--", "--"}).kind, Completion::Kind::files);
  EXPECT_EQ(completion({"receive", "--dir", ""}).kind, Completion::Kind::directories);
  EXPECT_EQ(completion({"receive", "--dir=/t"}).kind, Completion::Kind::directories);
  EXPECT_EQ(completion({"receipts", "check", "3f2a", ""}).kind, Completion::Kind::files);
}

TEST(Completion, IsSaidToTheShellAWordInALine) {
  EXPECT_EQ(completion({"receipts", "check", ""}).text(), "words\n3f2a\tfilm.mkv\n");
  EXPECT_EQ(completion({"receive", "--dir", ""}).text(), "directories\n");
  EXPECT_EQ(completion({"id", "--tiers", "dir"}).text(), "words joined\ndirect\n");
  EXPECT_THAT(typed_words(std::string_view{"send\0--to\0\0", 11}), ElementsAre("send", "--to", ""));
  EXPECT_THAT(typed_words(""), IsEmpty());
}

TEST(Completion, EndsForAnyWords) {
  for (const auto& words : std::vector<std::vector<std::string>>{{}, {"fly", ""}, {"send", "--nonsense", "--nonsense=", ""}, {"--", "--", "-"}, {"id", "--home"}, {"-", "-"}, {"--json=", "--json=x"}})
    EXPECT_NO_THROW(completion(words));
}

}  // namespace
}  // namespace pshare
