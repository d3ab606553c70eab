// The words that reports and `error` events are made of: a contract with other programs, so they are spelled out here once more.
#include "wire/reason.hpp"

#include <gmock/gmock.h>

#include <set>

#include "wire/error.hpp"

namespace pshare {
namespace {

TEST(Tier, HasTheWordsOfTheContractInTheOrderOfPreference) {
  std::vector<std::string> words;
  for (const auto tier : all_tiers) words.emplace_back(word(tier));
  EXPECT_THAT(words, ::testing::ElementsAre("direct", "mapped", "punched", "supernode", "relay"));
}

TEST(Tier, IsReadBackFromItsWord) {
  for (const auto tier : all_tiers) EXPECT_EQ(tier_from(word(tier)), tier);
  EXPECT_EQ(tier_from("Direct"), std::nullopt);
  EXPECT_EQ(tier_from(""), std::nullopt);
}

TEST(Reason, HasTheWordsOfTheContract) {
  EXPECT_EQ(word(Reason::refused), "refused");
  EXPECT_EQ(word(Reason::timeout), "timeout");
  EXPECT_EQ(word(Reason::unreachable), "unreachable");
  EXPECT_EQ(word(Reason::not_authenticated), "not-authenticated");
  EXPECT_EQ(word(Reason::no_igd), "no-igd");
  EXPECT_EQ(word(Reason::igd_refused), "igd-refused");
  EXPECT_EQ(word(Reason::double_nat), "double-nat");
  EXPECT_EQ(word(Reason::no_candidates), "no-candidates");
  EXPECT_EQ(word(Reason::unsupported), "unsupported");
  EXPECT_EQ(word(Reason::superseded), "superseded");
  EXPECT_EQ(word(Reason::none), "");
}

TEST(Outcome, AndTransportHaveTheirWords) {
  EXPECT_EQ(word(Outcome::connected), "connected");
  EXPECT_EQ(word(Outcome::failed), "failed");
  EXPECT_EQ(word(Transport::tcp), "tcp");
  EXPECT_EQ(word(Transport::udp), "udp");
}

TEST(Errc, HasAWordOfItsOwnForEachKind) {
  std::set<std::string_view> words;
  constexpr int kinds = static_cast<int>(Errc::unsupported) + 1;
  for (int code = 0; code < kinds; ++code) words.insert(word(static_cast<Errc>(code)));
  EXPECT_EQ(words.size(), static_cast<std::size_t>(kinds));
}

TEST(Error, IsOneSentenceWithTheCauseBehindIt) {
  EXPECT_EQ((Error{.code = Errc::failed, .doing = "writing film.mkv"}.message()), "writing film.mkv");
  const Error full{.code = Errc::local_io, .doing = "writing film.mkv", .cause = std::make_error_code(std::errc::no_space_on_device)};
  EXPECT_EQ(full.message(), "writing film.mkv: " + full.cause.message());
}

TEST(Failure, CarriesTheErrorAndItsWords) {
  const Failure failure{{.code = Errc::no_path, .doing = "looking for a path to bob"}};
  EXPECT_EQ(failure.error().code, Errc::no_path);
  EXPECT_STREQ(failure.what(), "looking for a path to bob");
}

}  // namespace
}  // namespace pshare
