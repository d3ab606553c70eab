// One climb under virtual time: who is dialled when, which reason is given, and the words when there is no path.
#include "traversal/ascent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "drained.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::drained;

const std::vector<Pair> two_pairs{{*Endpoint::parse("192.0.2.1:1001")}, {*Endpoint::parse("192.0.2.2:1002")}};
const Path some_path{.remote = two_pairs[0].remote};

struct Climbing {
  explicit Climbing(std::vector<Pair> pairs, Ascent::Settings settings = {.patience = 25s})
      : ascent(std::move(pairs), std::move(settings), random, now) {
    drain();
  }

  void drain() {
    for (auto& action : drained(ascent)) {
      if (const auto* dial = std::get_if<Ascent::Dial>(&action)) dials.push_back(dial->pair);
      if (const auto* report = std::get_if<Ascent::Report>(&action)) reports.push_back(report->attempt);
      if (const auto* use = std::get_if<Ascent::Use>(&action)) used.push_back(use->lane.number);
      if (const auto* close = std::get_if<Ascent::Close>(&action)) closed.push_back(close->lane.number);
      if (auto* gave_up = std::get_if<Ascent::GaveUp>(&action)) why = gave_up->why;
    }
  }
  void wait(Duration how_long) {
    const auto until = now + how_long;
    for (auto due = ascent.deadline(); due && *due <= until; due = ascent.deadline()) {
      now = std::max(now, *due);
      ascent.expire(now);
      drain();
    }
    now = until;
  }
  void fail(std::size_t pair, Errc code) {
    ascent.dial_failed(pair, code, now);
    drain();
  }
  void lane_up(std::optional<std::size_t> pair) {
    ascent.lane_up(some_path, pair, now);
    drain();
  }

  SeededRandom random{1};
  TimePoint now{1h};
  Ascent ascent;
  std::vector<std::size_t> dials;
  std::vector<Attempt> reports;
  std::vector<std::uint32_t> used, closed;
  std::optional<Error> why;
};

TEST(Ascent, DialsTheNextAddressAfterTheAttemptDelayOrAtOnceWhenOneFailed) {
  Climbing slow{two_pairs};
  EXPECT_THAT(slow.dials, ElementsAre(0));
  slow.wait(249ms);
  EXPECT_THAT(slow.dials, ElementsAre(0));
  slow.wait(1ms);
  EXPECT_THAT(slow.dials, ElementsAre(0, 1));

  Climbing quick{two_pairs};
  quick.fail(0, Errc::refused);
  EXPECT_THAT(quick.dials, ElementsAre(0, 1));
}

TEST(Ascent, UsesTheFirstLaneDialsNoFurtherAndClosesWhatComesLater) {
  for (const auto pair : {std::optional<std::size_t>{0}, std::optional<std::size_t>{}}) {  // dialled here, or by the peer
    Climbing climbing{two_pairs};
    climbing.lane_up(pair);
    EXPECT_THAT(climbing.used, ElementsAre(0));
    ASSERT_EQ(climbing.reports.size(), 1u);
    EXPECT_EQ(climbing.reports[0].outcome, Outcome::connected);
    EXPECT_EQ(climbing.reports[0].remote, some_path.remote);
    climbing.wait(30s);
    EXPECT_THAT(climbing.dials, ElementsAre(0));
    climbing.lane_up(std::nullopt);
    EXPECT_THAT(climbing.closed, ElementsAre(1));
    EXPECT_EQ(climbing.reports.size(), 1u);
    EXPECT_FALSE(climbing.why);
  }
}

TEST(Ascent, GivesTheReasonOfTheDialThatGotFurthest) {
  struct Case { Errc first, second; Reason reason; };
  constexpr std::array cases{Case{Errc::unreachable, Errc::refused, Reason::refused}, Case{Errc::timed_out, Errc::refused, Reason::timeout},
                             Case{Errc::refused, Errc::identity_mismatch, Reason::not_authenticated}, Case{Errc::closed, Errc::malformed, Reason::superseded}};
  for (const auto& [first, second, reason] : cases)
    for (const bool swapped : {false, true}) {
      Climbing climbing{two_pairs};
      climbing.fail(0, swapped ? second : first);
      climbing.fail(1, swapped ? first : second);
      ASSERT_FALSE(climbing.reports.empty());
      EXPECT_EQ(climbing.reports[0].tier, Tier::direct);
      EXPECT_EQ(climbing.reports[0].reason, reason) << word(reason);
    }
}

TEST(Ascent, TriesAgainAndAtTheEndOfPatienceSaysOfEveryTierWhatCameOfIt) {
  Climbing climbing{two_pairs};
  climbing.fail(0, Errc::refused);
  climbing.fail(1, Errc::unreachable);
  ASSERT_EQ(climbing.reports.size(), all_tiers.size());
  for (std::size_t i = 1; i < all_tiers.size(); ++i) {
    EXPECT_EQ(climbing.reports[i].tier, all_tiers[i]);
    EXPECT_EQ(climbing.reports[i].reason, Reason::unsupported);
  }
  climbing.wait(1s);
  EXPECT_THAT(climbing.dials, ElementsAre(0, 1, 0, 1));
  EXPECT_FALSE(climbing.why);
  climbing.fail(1, Errc::refused);
  climbing.wait(24s);
  ASSERT_TRUE(climbing.why);
  EXPECT_EQ(climbing.why->code, Errc::no_path);
  EXPECT_EQ(climbing.why->doing,
            "no path to the peer; tried direct: refused (192.0.2.1:1001 timeout, 192.0.2.2:1002 refused); mapped: unsupported; punched: unsupported; "
            "supernode: unsupported; relay: unsupported");
}

TEST(Ascent, ReportsAnAttemptThatPatienceCutsShort) {
  Climbing climbing{two_pairs, {.tiers = {Tier::direct, Tier::relay}, .patience = 3s}};
  climbing.wait(3s);
  ASSERT_TRUE(climbing.why);
  EXPECT_THAT(climbing.why->doing, HasSubstr("direct: timeout"));
  ASSERT_EQ(climbing.reports.size(), 2u);
  EXPECT_EQ(climbing.reports.back().tier, Tier::direct);
  EXPECT_EQ(climbing.reports.back().outcome, Outcome::failed);
  EXPECT_EQ(climbing.reports.back().reason, Reason::timeout);
  EXPECT_EQ(climbing.reports.back().elapsed, Duration{3s});
}

TEST(Ascent, WithoutAnythingToDialWaitsForThePeer) {
  Climbing climbing{{}};
  EXPECT_EQ(climbing.reports.at(0).reason, Reason::no_candidates);
  climbing.wait(20s);
  EXPECT_FALSE(climbing.why);
  climbing.lane_up(std::nullopt);
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

TEST(Ascent, GivesUpAtOnceWhereNothingIsDriven) {
  Climbing climbing{two_pairs, {.tcp_allowed = false, .patience = 25s}};
  EXPECT_TRUE(climbing.dials.empty());
  ASSERT_TRUE(climbing.why);
  EXPECT_EQ(climbing.reports.size(), all_tiers.size());
}

}  // namespace
}  // namespace pshare
