#include "apps/pshare/candidacy.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

class ACandidacy : public testing::Test {
 public:
  using Say = Candidacy::Say;
  static constexpr Port port{4711};
  const Endpoint there{*IpAddress::parse("203.0.113.5"), port};

  void pass(Duration time) { now += time; }
  std::optional<Say> said() { return candidacy.take(); }
  void answer(DialBackOutcome outcome) { candidacy.answered({.request = 1, .outcome = outcome, .endpoint = there}, now); }
  void refuse() { candidacy.failed({.code = Errc::limit, .doing = "offering ourselves as a supernode"}, now); }
  template <typename What>
  bool is() const { return std::holds_alternative<What>(candidacy.standing()); }
  /// Waits for the next deadline, and gives how long that took.
  Duration wait() {
    const auto deadline = candidacy.deadline();
    EXPECT_TRUE(deadline);
    const auto took = deadline.value_or(now) - now;
    now += took;
    candidacy.expire(now);
    return took;
  }
  void be_listed() {
    candidacy.reached_through(port, now);
    candidacy.server_is_there(now);
    EXPECT_EQ(said(), (Say{port, false}));
    answer(DialBackOutcome::reached);
    EXPECT_TRUE(is<Candidacy::Listed>());
  }

  TimePoint now{1h};
  Candidacy candidacy;
};

TEST_F(ACandidacy, WaitsForAPortAndForTheServer) {
  candidacy.server_is_there(now);
  EXPECT_FALSE(said());
  candidacy.reached_through(port, now);
  EXPECT_EQ(said(), (Say{port, false}));
  EXPECT_TRUE(is<Candidacy::NotAsked>());
  EXPECT_FALSE(candidacy.deadline());
  answer(DialBackOutcome::reached);
  ASSERT_TRUE(is<Candidacy::Listed>());
  EXPECT_EQ(std::get<Candidacy::Listed>(candidacy.standing()).at, there);
}

TEST_F(ACandidacy, IsLookedAtAgainEveryFewMinutes) {
  be_listed();
  EXPECT_EQ(wait(), between_candidacies);
  EXPECT_EQ(said(), (Say{port, false}));
  EXPECT_TRUE(is<Candidacy::Listed>()) << "until something else is known";
  answer(DialBackOutcome::timeout);
  EXPECT_TRUE(is<Candidacy::Unreached>());
}

TEST_F(ACandidacy, ThatIsNotReachedIsTriedAgainSoonThenLessOften) {
  candidacy.reached_through(port, now);
  candidacy.server_is_there(now);
  Duration expected = first_candidacy_pause;
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(said());
    answer(DialBackOutcome::timeout);
    EXPECT_EQ(wait(), expected);
    expected = std::min(2 * expected, between_candidacies);
  }
}

TEST_F(ACandidacy, IsSaidAnewAfterTheServerWasLostAndWhenThePortIsAnother) {
  be_listed();
  candidacy.server_lost();
  EXPECT_TRUE(is<Candidacy::NotAsked>());
  EXPECT_FALSE(candidacy.deadline());
  candidacy.server_is_there(now);
  EXPECT_EQ(said(), (Say{port, false}));
  answer(DialBackOutcome::reached);
  candidacy.reached_through(Port{9}, now);
  EXPECT_EQ(said(), (Say{Port{9}, false}));
  answer(DialBackOutcome::reached);
  candidacy.reached_through(std::nullopt, now);
  EXPECT_EQ(said(), Say{});
  answer(DialBackOutcome::reached);
  EXPECT_TRUE(is<Candidacy::NotAsked>());
}

TEST_F(ACandidacy, SaysAtOnceThatItIsFullAndALittleLaterThatThereIsRoomAgain) {
  be_listed();
  candidacy.room(true, now);
  EXPECT_FALSE(said()) << "nothing new";
  candidacy.room(false, now);
  EXPECT_EQ(said(), (Say{port, true}));
  answer(DialBackOutcome::reached);
  EXPECT_TRUE(is<Candidacy::Full>());
  candidacy.room(true, now);
  EXPECT_FALSE(said());
  candidacy.room(false, now);
  candidacy.room(true, now);
  EXPECT_FALSE(said());
  EXPECT_EQ(wait(), least_candidacy_pause);
  EXPECT_EQ(said(), (Say{port, false}));
  answer(DialBackOutcome::reached);
  EXPECT_TRUE(is<Candidacy::Listed>());
}

TEST_F(ACandidacy, SaysOneThingAtATimeAndThenWhatHasChanged) {
  candidacy.reached_through(port, now);
  candidacy.server_is_there(now);
  EXPECT_TRUE(said());
  candidacy.room(false, now);
  candidacy.reached_through(Port{9}, now);
  EXPECT_FALSE(said());
  answer(DialBackOutcome::reached);
  EXPECT_EQ(said(), (Say{Port{9}, true}));
}

TEST_F(ACandidacy, ThatIsTurnedDownWaitsHoweverOftenItIsTold) {
  candidacy.reached_through(port, now);
  candidacy.server_is_there(now);
  EXPECT_TRUE(said());
  refuse();
  EXPECT_TRUE(is<Candidacy::TurnedDown>());
  candidacy.room(true, now);
  candidacy.server_is_there(now);
  EXPECT_FALSE(said());
  EXPECT_EQ(wait(), first_candidacy_pause);
  EXPECT_TRUE(said());
}

TEST_F(ACandidacy, WithdrawsAtOnceAndForGood) {
  be_listed();
  candidacy.withdraw(now);
  EXPECT_EQ(said(), Say{});
  EXPECT_FALSE(candidacy.is_withdrawn());
  candidacy.room(false, now);
  answer(DialBackOutcome::reached);
  EXPECT_TRUE(candidacy.is_withdrawn());
  candidacy.reached_through(Port{9}, now);
  candidacy.server_lost();
  candidacy.server_is_there(now);
  EXPECT_FALSE(said());
  EXPECT_FALSE(candidacy.deadline());
  EXPECT_TRUE(candidacy.is_withdrawn());
}

TEST_F(ACandidacy, IsWithdrawnWithoutAWordWhereNothingWasSaid) {
  candidacy.reached_through(port, now);
  candidacy.withdraw(now);
  EXPECT_TRUE(candidacy.is_withdrawn());
}

TEST_F(ACandidacy, WithdrawsAfterTheAnswerThatIsUnderWay) {
  candidacy.reached_through(port, now);
  candidacy.server_is_there(now);
  EXPECT_TRUE(said());
  candidacy.withdraw(now);
  EXPECT_FALSE(said());
  EXPECT_FALSE(candidacy.is_withdrawn());
  refuse();
  EXPECT_EQ(said(), Say{});
  refuse();
  EXPECT_TRUE(candidacy.is_withdrawn()) << "there is nothing more that we could do";
}

}  // namespace
}  // namespace pshare
