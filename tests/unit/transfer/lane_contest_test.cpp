// Two lanes, each with a rate and a delay of its own, and a sender that always has more to send: which one is kept, when, and at what cost.
#include "transfer/lane_contest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr LaneNumber tcp{0}, quic{1};
constexpr TimePoint start{1000s};

class AContest : public testing::Test {
 public:
  /// How a lane behaves: bytes a second as a function of how long it has been busy without a pause, and the way there and back.
  struct Line {
    std::function<double(Duration busy)> rate;
    Duration round_trip = 20ms;
    TimePoint free = start, busy_since = start;
  };
  static std::function<double(Duration)> steady(double mebibytes) {
    return [=](Duration) { return mebibytes * MiB; };
  }
  /// Doubles every round trip up to a rate, from ten segments on; from the beginning again after a pause.
  static std::function<double(Duration)> slow_start(double mebibytes, Duration round_trip) {
    return [=](Duration busy) { return std::min(mebibytes * MiB, 14'600.0 / std::chrono::duration<double>(round_trip).count() * std::exp2(busy / round_trip)); };
  }

  void begin(Line first, Line second, std::optional<std::uint64_t> left = 100 * GiB, LaneNumber preferred = tcp) {
    now_ = start;
    lines_ = {{tcp, std::move(first)}, {quic, std::move(second)}};
    arrivals_.clear(), chosen.clear(), retired.clear(), lost_chunks = 0;
    contest_.emplace(LaneContest::Lanes{tcp, quic, preferred});
    contest_->begin(left, now_);
    drain();
  }
  /// Until it is over. Gives how long that took.
  Duration run() {
    while (!contest_->over()) {
      hand_out();
      auto next = contest_->deadline().value_or(TimePoint::max());
      if (!arrivals_.empty()) next = std::min(next, arrivals_.begin()->first);
      if (next == TimePoint::max() || next - start > 60s) {
        ADD_FAILURE() << "it never ends";
        break;
      }
      now_ = std::max(now_, next);
      for (std::size_t count = 0; !arrivals_.empty() && (arrivals_.begin()->first <= now_ || count % together != 0); ++count) {
        contest_->stored(arrivals_.begin()->second, now_);
        arrivals_.erase(arrivals_.begin());
      }
      if (const auto due = contest_->deadline(); due && *due <= now_) contest_->expire(now_);
      drain();
    }
    return now_ - start;
  }
  std::uint64_t chunk = 1 * MiB;
  std::size_t together = 1;  // so many chunks, or a multiple, are in each report
  std::function<std::uint64_t(ChunkIndex)> on_the_wire = [this](ChunkIndex) { return chunk; };
  std::vector<LaneContest::Chosen> chosen;
  std::vector<LaneContest::Retire> retired;
  std::size_t lost_chunks = 0;  // under way on a lane when it was retired
  std::optional<LaneContest> contest_;
  TimePoint now_ = start;

 private:
  void hand_out() {
    for (const auto lane : {tcp, quic})
      while (contest_->may_carry(lane) && under_way(lane) * chunk < contest_flight) {
        const ChunkIndex next{next_++};
        contest_->sent(lane, next, chunk);
        contest_->prepared(next, on_the_wire(next));
        arrivals_.emplace(arrival(lines_.at(lane), on_the_wire(next)), next);
        on_.emplace(next, lane);
      }
  }
  TimePoint arrival(Line& line, std::uint64_t bytes) const {
    if (line.free + line.round_trip < now_) line.busy_since = now_;
    line.free = std::max(line.free, now_);
    auto rest = static_cast<double>(bytes);
    while (rest > 0) {
      const auto in_a_while = line.rate(line.free - line.busy_since) * 0.001;
      line.free += 1ms;
      if (in_a_while >= rest) line.free -= std::chrono::duration_cast<Duration>(1ms * (1 - rest / in_a_while));
      rest -= in_a_while;
      if (line.free - start > 1000s) break;
    }
    return line.free + line.round_trip;
  }
  std::size_t under_way(LaneNumber lane) const {
    return static_cast<std::size_t>(std::ranges::count_if(arrivals_, [&](const auto& each) { return on_.at(each.second) == lane; }));
  }
  void drain() {
    while (const auto action = contest_->take()) {
      if (const auto* one = std::get_if<LaneContest::Chosen>(&*action)) chosen.push_back(*one);
      if (const auto* one = std::get_if<LaneContest::Retire>(&*action)) {
        retired.push_back(*one);
        lost_chunks = under_way(one->lane);
      }
    }
  }
  std::map<LaneNumber, Line> lines_;
  std::multimap<TimePoint, ChunkIndex> arrivals_;
  std::map<ChunkIndex, LaneNumber> on_;
  std::uint64_t next_ = 0;
};

TEST_F(AContest, IsWonByTheFasterLaneUnlessThePreferredIsNearlyAsFast) {
  struct Row { double tcp, quic; LaneNumber preferred, winner; };
  const std::vector<Row> rows{
      {50, 50, tcp, tcp},   {50, 60, tcp, tcp},   {50, 70, tcp, quic},   {70, 50, tcp, tcp},     {1, 30, tcp, quic},   {30, 1, tcp, tcp},
      {50, 50, quic, quic}, {60, 50, quic, quic}, {70, 50, quic, tcp},   {50, 70, quic, quic},   {0.1, 4, tcp, quic},  {4, 0.1, tcp, tcp},
      {2, 2, tcp, tcp},     {2, 3, tcp, quic},    {200, 300, tcp, quic},   {200, 220, tcp, tcp}};
  for (const auto& [tcp_rate, quic_rate, preferred, winner] : rows) {
    SCOPED_TRACE(testing::Message() << tcp_rate << " against " << quic_rate << ", " << preferred.number << " preferred");
    begin({steady(tcp_rate)}, {steady(quic_rate)}, 1000 * GiB, preferred);
    run();
    ASSERT_EQ(retired.size(), 1u);
    EXPECT_NE(retired.front().lane, winner);
    EXPECT_EQ(chosen.size(), winner == quic ? 1u : 0u) << "the incumbent need not be chosen";
    EXPECT_EQ(retired.front().finding.why, LaneContest::Why::measured);
  }
}

TEST_F(AContest, MeasuresRatesAsTheyAre) {
  begin({steady(30)}, {steady(50)});
  run();
  ASSERT_EQ(chosen.size(), 1u);
  EXPECT_NEAR(chosen.front().finding.own_rate / MiB, 50, 2);
  EXPECT_NEAR(chosen.front().finding.other_rate / MiB, 30, 2);
  EXPECT_EQ(words(chosen.front().finding), "it carries 52 MB/s, the other one 31 MB/s");
}

TEST_F(AContest, MeasuresRatesAsTheyAreWhateverChunksAReportNames) {
  for (const std::size_t count : {2u, 3u, 4u}) {
    together = count;
    begin({steady(30)}, {steady(30)});
    run();
    EXPECT_THAT(chosen, IsEmpty());
    ASSERT_EQ(retired.size(), 1u);
    EXPECT_NEAR(retired.front().finding.own_rate / MiB, 30, 3) << count;
    EXPECT_NEAR(retired.front().finding.other_rate / MiB, 30, 3) << count;
  }
}

TEST_F(AContest, DoesNotMeasureALaneWhileTheOtherStillHasChunksUnderWay) {
  for (const bool under_way : {true, false}) {
    LaneContest contest{{tcp, quic, tcp}};
    contest.begin(1 * GiB, start);
    if (under_way) contest.sent(tcp, ChunkIndex{10'000}, 1 * MiB);
    const auto turn = start + turn_patience;
    contest.expire(turn);
    auto now = turn;
    for (std::uint64_t i = 0; contest.may_carry(quic) && !contest.take(); ++i) {
      contest.sent(quic, ChunkIndex{i}, 1 * MiB);
      contest.stored(ChunkIndex{i}, now += 20ms);
    }
    if (under_way)
      EXPECT_GE(now - turn, turn_patience / 2 + turn_measuring) << "but not for ever";
    else
      EXPECT_LT(now - turn, turn_patience / 2);
  }
}

TEST_F(AContest, GivesSlowStartOnALongPathItsTime) {
  for (const auto round_trip : {20ms, 50ms, 100ms}) {
    begin({slow_start(40, round_trip), round_trip}, {steady(40), round_trip});
    run();
    EXPECT_THAT(chosen, IsEmpty()) << "TCP is as fast once it is under way: " << round_trip / 1ms << " ms";
  }
}

TEST_F(AContest, IsOverInAFewSeconds) {
  begin({steady(50)}, {steady(50)});
  const auto whole = run();
  EXPECT_LT(whole, 3500ms) << "as fast as each other: all four turns";
  EXPECT_GE(whole, 4 * (turn_settling + turn_measuring)) << "and no fewer";
  for (const auto& [first, second] : {std::pair{0.0, 0.0}, {0.01, 0.01}, {1.0, 1.0}, {100.0, 0.0}, {0.0, 100.0}}) {
    begin({steady(first)}, {steady(second)});
    EXPECT_LE(run(), 4 * turn_patience + 2 * seeing_off_silence + 8s) << first << " against " << second;
  }
}

TEST_F(AContest, IsDecidedAfterOneTurnEachWhenOneIsClearlyAhead) {
  begin({steady(2)}, {steady(40)});
  run();
  EXPECT_THAT(chosen, testing::SizeIs(1));
  EXPECT_LT(now_ - start, 2 * turn_patience + 5s);
  begin({steady(40)}, {steady(0)});
  EXPECT_LE(run(), 1s + turn_patience + seeing_off_silence) << "a lane that carries nothing costs one turn";
  EXPECT_THAT(chosen, IsEmpty());
}

TEST_F(AContest, SeesTheLoserOffUntilItsChunksAreHome) {
  begin({steady(1)}, {steady(10)});  // eight seconds' worth is under way on the slower
  run();
  ASSERT_THAT(retired, testing::SizeIs(1));
  EXPECT_EQ(retired.front().lane, tcp);
  EXPECT_EQ(lost_chunks, 0u);
}

TEST_F(AContest, GivesUpALoserFromWhichNothingComesAnyMore) {
  begin({steady(40)}, {steady(0)});
  run();
  ASSERT_THAT(retired, testing::SizeIs(1));
  EXPECT_EQ(retired.front().lane, quic);
  EXPECT_EQ(lost_chunks * chunk, contest_flight) << "these must be sent again";
}

TEST_F(AContest, IsNotHeldWhenLittleIsLeft) {
  begin({steady(1)}, {steady(100)}, contest_least_left - 1);
  EXPECT_TRUE(contest_->over());
  ASSERT_THAT(retired, testing::SizeIs(1));
  EXPECT_EQ(retired.front().lane, quic);
  EXPECT_EQ(retired.front().finding.why, LaneContest::Why::little_left);
  begin({steady(1)}, {steady(100)}, contest_least_left);
  EXPECT_FALSE(contest_->over());
}

TEST_F(AContest, IsNotHeldWhenTheIncumbentWillSoonBeDone) {
  begin({steady(100)}, {steady(1000)}, 500 * MiB);
  EXPECT_LT(run(), 1500ms);
  ASSERT_THAT(retired, testing::SizeIs(1));
  EXPECT_EQ(retired.front().finding.why, LaneContest::Why::little_left);
  begin({steady(10)}, {steady(100)}, 500 * MiB);
  run();
  EXPECT_THAT(chosen, testing::SizeIs(1)) << "at a tenth of the rate, it is worth it";
}

TEST_F(AContest, OfAStreamWhoseLengthNobodyKnowsIsHeld) {
  begin({steady(10)}, {steady(20)}, std::nullopt);
  run();
  EXPECT_THAT(chosen, testing::SizeIs(1));
}

TEST_F(AContest, LeavesTheIncumbentAloneWhereNothingComesOnEither) {
  begin({steady(0)}, {steady(0)}, std::nullopt, quic);
  run();
  EXPECT_THAT(chosen, IsEmpty());
  ASSERT_THAT(retired, testing::SizeIs(1));
  EXPECT_EQ(retired.front().finding.why, LaneContest::Why::untold);
}

TEST_F(AContest, CountsWhatIsOnTheWireAndNothingWhereThereAreOnlyZeros) {
  on_the_wire = [this](ChunkIndex index) { return index.number % 2 == 0 ? chunk : chunk / 4; };
  begin({steady(40)}, {steady(40)});
  run();
  EXPECT_THAT(chosen, IsEmpty());
  EXPECT_NEAR(retired.front().finding.other_rate / MiB, 40, 4);

  on_the_wire = [](ChunkIndex) { return std::uint64_t{0}; };
  begin({steady(40)}, {steady(80)});
  run();
  EXPECT_THAT(chosen, IsEmpty());
  EXPECT_EQ(retired.front().finding.why, LaneContest::Why::untold);

  on_the_wire = [this](ChunkIndex) { return now_ - start < turn_patience ? 0 : chunk; };
  begin({steady(40)}, {steady(80)});
  run();
  EXPECT_THAT(chosen, IsEmpty()) << "zeros in the one's turn do not make the other faster";
}

TEST_F(AContest, CountsItAgainstALaneThatFallsSilentInItsTurn) {
  LaneContest contest{{tcp, quic, tcp}};
  contest.begin(1 * GiB, start);
  auto now = start;
  std::uint64_t next = 0;
  const auto report = [&](LaneNumber lane, Duration after) {
    contest.sent(lane, ChunkIndex{next}, 1 * MiB);
    contest.stored(ChunkIndex{next++}, now += after);
  };
  while (contest.may_carry(tcp)) report(tcp, 50ms);
  const auto turn = now;
  while (now - turn < turn_settling + turn_measuring / 2) report(quic, 20ms);
  contest.expire(turn + turn_patience);
  const auto action = contest.take();
  ASSERT_TRUE(action && std::holds_alternative<LaneContest::Retire>(*action)) << "it was faster than TCP only as long as it lasted";
  EXPECT_EQ(std::get<LaneContest::Retire>(*action).lane, quic);
}

TEST_F(AContest, LetsOnlyTheLaneWhoseTurnItIsCarry) {
  LaneContest contest{{tcp, quic, tcp}};
  EXPECT_TRUE(contest.may_carry(tcp)) << "before it begins";
  EXPECT_FALSE(contest.may_carry(quic));
  contest.begin(1 * GiB, start);
  EXPECT_TRUE(contest.may_carry(tcp));
  EXPECT_FALSE(contest.may_carry(quic));
  for (std::uint64_t i = 0; i < contest_flight / MiB; ++i) contest.sent(tcp, ChunkIndex{i}, 1 * MiB);
  EXPECT_FALSE(contest.may_carry(tcp)) << "so much may be under way";
  contest.stored(ChunkIndex{0}, start + 10ms);
  EXPECT_TRUE(contest.may_carry(tcp));
  contest.expire(start + turn_patience);
  EXPECT_FALSE(contest.may_carry(tcp));
  EXPECT_TRUE(contest.may_carry(quic));
}

TEST_F(AContest, EndsWithTheLossOfEitherLane) {
  for (const auto lost : {tcp, quic}) {
    LaneContest contest{{tcp, quic, tcp}};
    contest.begin(1 * GiB, start);
    contest.lane_lost(lost, start + 1s);
    const auto action = contest.take();
    if (lost == tcp) {
      ASSERT_TRUE(action && std::holds_alternative<LaneContest::Chosen>(*action));
      EXPECT_EQ(std::get<LaneContest::Chosen>(*action).lane, quic);
      EXPECT_EQ(std::get<LaneContest::Chosen>(*action).finding.why, LaneContest::Why::other_lost);
    } else {
      EXPECT_FALSE(action);
    }
    EXPECT_TRUE(contest.over());
    EXPECT_FALSE(contest.deadline());
  }
}

TEST_F(AContest, TakesTheLoserBackWhenTheWinnerIsLostBeforeItIsGone) {
  LaneContest contest{{tcp, quic, tcp}};
  contest.sent(tcp, ChunkIndex{1000}, 1 * MiB);
  contest.begin(1 * GiB, start);
  contest.expire(start + turn_patience);
  contest.sent(quic, ChunkIndex{0}, 1 * MiB);
  contest.stored(ChunkIndex{0}, start + turn_patience + 100ms);
  contest.expire(start + 2 * turn_patience);
  ASSERT_EQ(std::get<LaneContest::Chosen>(contest.take().value()).lane, quic) << "clearly faster than nothing";
  EXPECT_FALSE(contest.take()) << "a chunk is still on the other";
  EXPECT_FALSE(contest.may_carry(tcp));
  contest.lane_lost(quic, start + 2 * turn_patience + 1s);
  EXPECT_EQ(std::get<LaneContest::Chosen>(contest.take().value()).lane, tcp);
  EXPECT_TRUE(contest.over());
  EXPECT_TRUE(contest.may_carry(tcp));
}

TEST_F(AContest, ForgetsAChunkThatArrivedDamaged) {
  LaneContest contest{{tcp, quic, tcp}};
  contest.sent(tcp, ChunkIndex{0}, 1 * MiB);
  contest.again(ChunkIndex{0});
  contest.begin(0, start);
  ASSERT_TRUE(contest.take());
  EXPECT_TRUE(contest.over());
}

}  // namespace
}  // namespace pshare
