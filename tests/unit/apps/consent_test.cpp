#include "apps/pshare/consent.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

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
    EXPECT_EQ(made(decide(caller, one_file, with(false), true)), What::ask);
    EXPECT_EQ(made(decide(caller, one_file, with(false), false)), What::no);
  }
}

TEST(Consent, ByYesIsForContacts) {
  for (const bool somebody_there : {true, false}) EXPECT_EQ(made(decide(contact, one_file, with(true), somebody_there)), What::yes);
  EXPECT_EQ(made(decide(stranger, one_file, with(true), true)), What::ask);
  EXPECT_EQ(made(decide(stranger, one_file, with(true), false)), What::no);
  EXPECT_EQ(made(decide(confirmed_stranger, one_file, with(true), false)), What::no);
}

TEST(Consent, ByTrustNewIsForNamesThatTheDirectoryConfirmsAndNeverForAnImpostor) {
  EXPECT_EQ(made(decide(confirmed_stranger, one_file, with(true, true), false)), What::yes_and_pin);
  EXPECT_EQ(made(decide(stranger, one_file, with(true, true), false)), What::no);
  EXPECT_EQ(made(decide(impostor, one_file, with(true, true), false)), What::no);
  EXPECT_EQ(made(decide(confirmed_stranger, one_file, with(false, true), false)), What::no);
}

TEST(Consent, FromIsAListOfContacts) {
  auto options = with(true);
  options.from = {"Alice"};
  EXPECT_EQ(made(decide(contact, one_file, options, true)), What::yes);
  options.from = {"bob"};
  EXPECT_EQ(made(decide(contact, one_file, options, true)), What::no);
  options.from = {"mallory"};
  EXPECT_EQ(made(decide(stranger, one_file, options, true)), What::no);
}

TEST(Consent, ToStandardOutputIsForExactlyOneFile) {
  auto options = with(true);
  options.to_stdout = true;
  EXPECT_EQ(made(decide(contact, one_file, options, false)), What::yes);
  for (const auto& summary : {tree, empty_folder, note}) {
    const auto decision = decide(contact, summary, options, false);
    ASSERT_EQ(made(decision), What::no);
    EXPECT_EQ(std::get<Refuse>(decision).why, Reject::Why::unfit);
  }
}

TEST(Consent, RefusedIsAlwaysExplained) {
  const auto decision = decide(stranger, one_file, with(false), false);
  ASSERT_EQ(made(decision), What::no);
  EXPECT_EQ(std::get<Refuse>(decision).why, Reject::Why::no_terminal);
  EXPECT_FALSE(std::get<Refuse>(decision).words.empty());
}

}  // namespace
}  // namespace pshare
