#include "apps/pshare/consent.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

const AcceptRule no_rule{};
const Caller contact{"alice", true, true, {}};
const Caller stranger{"mallory", false, false, {}};
const Caller confirmed_stranger{"carol", false, true, {}};
const Caller impostor{"alice", false, true, "this is NOT your contact"};
const Summary one_file{.files = 1, .entries = 1, .bytes = 10, .names = {"a"}, .text = {}};
const Summary tree{.files = 2, .entries = 3, .bytes = 10, .names = {"d"}, .text = {}};
const Summary empty_folder{.files = 0, .entries = 1, .bytes = 0, .names = {"d"}, .text = {}};
const Summary note{.files = 0, .entries = 0, .bytes = {}, .names = {}, .text = "hello"};

enum class What { yes, yes_and_pin, ask, no };

What made(const Decision& decision) {
  if (const auto* yes = std::get_if<AcceptAtOnce>(&decision)) return yes->pin ? What::yes_and_pin : What::yes;
  return std::holds_alternative<AskTheUser>(decision) ? What::ask : What::no;
}

ReceiveOptions with(bool yes, bool trust_new = false) {
  ReceiveOptions options;
  options.yes = yes, options.trust_new = trust_new;
  return options;
}

TEST(Consent, WithoutRulesIsTheUsersWhoeverAsks) {
  for (const auto& caller : {contact, stranger, confirmed_stranger, impostor}) {
    EXPECT_EQ(made(decide(caller, one_file, no_rule, with(false), true)), What::ask);
    EXPECT_EQ(made(decide(caller, one_file, no_rule, with(false), false)), What::no);
  }
}

TEST(Consent, ByYesIsForContacts) {
  for (const bool somebody_there : {true, false}) EXPECT_EQ(made(decide(contact, one_file, no_rule, with(true), somebody_there)), What::yes);
  EXPECT_EQ(made(decide(stranger, one_file, no_rule, with(true), true)), What::ask);
  EXPECT_EQ(made(decide(stranger, one_file, no_rule, with(true), false)), What::no);
  EXPECT_EQ(made(decide(confirmed_stranger, one_file, no_rule, with(true), false)), What::no);
}

TEST(Consent, ByTrustNewIsForNamesThatTheDirectoryConfirmsAndNeverForAnImpostor) {
  EXPECT_EQ(made(decide(confirmed_stranger, one_file, no_rule, with(true, true), false)), What::yes_and_pin);
  EXPECT_EQ(made(decide(stranger, one_file, no_rule, with(true, true), false)), What::no);
  EXPECT_EQ(made(decide(impostor, one_file, no_rule, with(true, true), false)), What::no);
  EXPECT_EQ(made(decide(confirmed_stranger, one_file, no_rule, with(false, true), false)), What::no);
}

TEST(Consent, FromIsAListOfContacts) {
  auto options = with(true);
  options.from = {"Alice"};
  EXPECT_EQ(made(decide(contact, one_file, no_rule, options, true)), What::yes);
  options.from = {"bob"};
  EXPECT_EQ(made(decide(contact, one_file, no_rule, options, true)), What::no);
  options.from = {"mallory"};
  EXPECT_EQ(made(decide(stranger, one_file, no_rule, options, true)), What::no);
}

TEST(Consent, ToStandardOutputIsForExactlyOneFile) {
  auto options = with(true);
  options.to_stdout = true;
  EXPECT_EQ(made(decide(contact, one_file, no_rule, options, false)), What::yes);
  for (const auto& summary : {tree, empty_folder, note}) {
    const auto decision = decide(contact, summary, no_rule, options, false);
    ASSERT_EQ(made(decision), What::no);
    EXPECT_EQ(std::get<Refuse>(decision).why, Reject::Why::unfit);
  }
}

TEST(Consent, RefusedIsAlwaysExplained) {
  const auto decision = decide(stranger, one_file, no_rule, with(false), false);
  ASSERT_EQ(made(decision), What::no);
  EXPECT_EQ(std::get<Refuse>(decision).why, Reject::Why::no_terminal);
  EXPECT_FALSE(std::get<Refuse>(decision).words.empty());
}

// --- rules -------------------------------------------------------------------------------------------------------------------

constexpr std::uint64_t limit = 1000;
const Summary at_limit{.files = 1, .entries = 1, .bytes = limit, .names = {"a"}, .text = {}};
const Summary above_limit{.files = 1, .entries = 1, .bytes = limit + 1, .names = {"a"}, .text = {}};
const Summary stream{.files = 1, .entries = 1, .bytes = {}, .names = {"a"}, .text = {}};

AcceptRule rule(std::optional<Acceptance> accept, std::optional<std::uint64_t> max_size = {}) { return {accept, max_size, {}}; }

TEST(Consent, FollowsTheRuleOfTheContact) {
  using enum Acceptance;
  constexpr std::optional<Acceptance> unsaid;
  struct Row {
    std::optional<Acceptance> accept;
    std::optional<std::uint64_t> max_size;
    const Summary& summary;
    // Attended and not, without --yes and with it.
    What there, there_yes, nobody, nobody_yes;
  };
  for (const auto& row : {
           Row{unsaid, {}, one_file, What::ask, What::yes, What::no, What::yes},
           Row{unsaid, limit, at_limit, What::ask, What::yes, What::no, What::yes},
           Row{unsaid, limit, above_limit, What::ask, What::ask, What::no, What::no},
           Row{unsaid, limit, stream, What::ask, What::ask, What::no, What::no},
           Row{never, {}, one_file, What::no, What::no, What::no, What::no},
           Row{never, limit, note, What::no, What::no, What::no, What::no},
           Row{ask, {}, one_file, What::ask, What::ask, What::no, What::no},
           Row{ask, limit, note, What::ask, What::ask, What::no, What::no},
           Row{always, {}, one_file, What::yes, What::yes, What::yes, What::yes},
           Row{always, {}, stream, What::yes, What::yes, What::yes, What::yes},
           Row{always, {}, note, What::yes, What::yes, What::yes, What::yes},
           Row{always, limit, at_limit, What::yes, What::yes, What::yes, What::yes},
           Row{always, limit, above_limit, What::ask, What::ask, What::no, What::no},
           Row{always, limit, stream, What::ask, What::ask, What::no, What::no},
           Row{always, limit, note, What::yes, What::yes, What::yes, What::yes},
           Row{always, 0, note, What::yes, What::yes, What::yes, What::yes},
           Row{always, 0, one_file, What::ask, What::ask, What::no, What::no},
       }) {
    const auto about = std::string{row.accept ? word(*row.accept) : "no rule"} + ", limit " + std::to_string(row.max_size.value_or(0)) + ", " + std::to_string(row.summary.bytes.value_or(0));
    const auto its = rule(row.accept, row.max_size);
    EXPECT_EQ(made(decide(contact, row.summary, its, with(false), true)), row.there) << about;
    EXPECT_EQ(made(decide(contact, row.summary, its, with(true), true)), row.there_yes) << about;
    EXPECT_EQ(made(decide(contact, row.summary, its, with(false), false)), row.nobody) << about;
    EXPECT_EQ(made(decide(contact, row.summary, its, with(true), false)), row.nobody_yes) << about;
  }
}

TEST(Consent, OfStrangersHasNoRules) {
  for (const auto& caller : {stranger, confirmed_stranger, impostor}) {
    EXPECT_EQ(made(decide(caller, one_file, rule(Acceptance::always), with(false), false)), What::no);
    EXPECT_EQ(made(decide(caller, one_file, rule(Acceptance::always), with(true), true)), What::ask);
  }
  EXPECT_EQ(made(decide(confirmed_stranger, one_file, rule(Acceptance::never), with(true, true), false)), What::yes_and_pin);
}

TEST(Consent, ByCodeIsCoveredByYesAndBoundByTheRuleOfAContact) {
  auto caller = stranger;
  caller.by_code = true;
  EXPECT_EQ(made(decide(caller, one_file, no_rule, with(true), false)), What::yes);
  EXPECT_EQ(made(decide(caller, one_file, no_rule, with(false), true)), What::ask);
  EXPECT_EQ(made(decide(caller, one_file, no_rule, with(false), false)), What::no);
  auto known = contact;
  known.by_code = true;
  EXPECT_EQ(made(decide(known, one_file, rule(Acceptance::never), with(true), true)), What::no);
  EXPECT_EQ(made(decide(known, one_file, rule(Acceptance::ask), with(true), true)), What::ask);
}

TEST(Consent, ByARuleStillHeedsFromAndStdout) {
  auto options = with(false);
  options.from = {"bob"};
  EXPECT_EQ(made(decide(contact, one_file, rule(Acceptance::always), options, true)), What::no);
  options.from = {};
  options.to_stdout = true;
  EXPECT_EQ(made(decide(contact, tree, rule(Acceptance::always), options, true)), What::no);
}

TEST(Consent, SaysTheLimitToBothSides) {
  const auto refused = decide(contact, above_limit, rule(Acceptance::always, limit), with(false), false);
  ASSERT_EQ(made(refused), What::no);
  EXPECT_THAT(std::get<Refuse>(refused).words, testing::HasSubstr(size_words(limit)));
  EXPECT_THAT(std::get<Refuse>(refused).advice, testing::HasSubstr("--max-size"));
  const auto asked = decide(contact, above_limit, rule(Acceptance::always, limit), with(false), true);
  ASSERT_EQ(made(asked), What::ask);
  EXPECT_THAT(std::get<AskTheUser>(asked).because, testing::HasSubstr(size_words(limit)));
}

TEST(AnEarlierYes, CoversNoMoreThanWasAgreedTo) {
  EXPECT_TRUE(covered_by(at_limit, at_limit));
  EXPECT_TRUE(covered_by(above_limit, at_limit));
  EXPECT_FALSE(covered_by(at_limit, above_limit));
  EXPECT_FALSE(covered_by(one_file, tree)) << "more entries";
  EXPECT_FALSE(covered_by(above_limit, stream));
  EXPECT_FALSE(covered_by(stream, at_limit));
  EXPECT_TRUE(covered_by(stream, stream));
  EXPECT_FALSE(covered_by(one_file, note));
}

TEST(Destination, IsTheRulesFolderIfItNamesOne) {
  auto options = with(false);
  options.directory = "here";
  EXPECT_EQ(destination(no_rule, options), "here");
  EXPECT_EQ(destination({.accept = {}, .max_size = {}, .directory = "/srv/in"}, options), "/srv/in");
}

TEST(StandingWords, TellWhatIsTakenFromWhom) {
  AcceptRules rules;
  ASSERT_TRUE(rules.set("alice", {.accept = Acceptance::always, .max_size = 10'000'000'000, .directory = "/srv/in/alice"}));
  ASSERT_TRUE(rules.set("mallory", {.accept = Acceptance::never, .max_size = {}, .directory = {}}));
  const std::vector<std::string> contacts{"alice", "bob", "mallory"};
  const auto alice = "alice (up to " + size_words(10'000'000'000) + ", into /srv/in/alice)";
  EXPECT_EQ(standing_words(contacts, rules, with(false), false), "Takes without asking: " + alice + ". Everything else is declined: nobody is at the terminal.");
  EXPECT_EQ(standing_words(contacts, rules, with(true), false), "Takes without asking: " + alice + ", bob. Everything else is declined: nobody is at the terminal.");
  EXPECT_EQ(standing_words(contacts, rules, with(false), true), "Takes without asking: " + alice + ". Declines: mallory. Asks about everything else.");
  EXPECT_THAT(standing_words(contacts, {}, with(false), false), testing::AllOf(testing::HasSubstr("Every offer is declined"), testing::HasSubstr("--accept always")));
}

TEST(StandingWords, NameAFewOfMany) {
  std::vector<std::string> contacts;
  for (std::size_t i = 0; i < max_named_contacts + 3; ++i) contacts.push_back("n" + std::to_string(i));
  const auto words = standing_words(contacts, {}, with(true), false);
  EXPECT_THAT(words, testing::HasSubstr("n" + std::to_string(max_named_contacts - 1) + " and 3 more."));
}

}  // namespace
}  // namespace pshare
