// One round of TCP hole punching under a virtual clock: what it dials when, and what bounds it.
#include "traversal/punching/tcp_punch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

#include "drained.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

static_assert(Core<TcpPunch>);

constexpr TimePoint start{};
constexpr auto controlling = CheckSide::controlling, controlled = CheckSide::controlled;

Endpoint endpoint(const char* text) { return Endpoint::parse(text).value(); }
const Endpoint peer = endpoint("192.0.2.1:4700"), other = endpoint("[2001:db8::1]:4700");

/// Drives a round, and answers each dial as the test wants.
class Played {
 public:
  struct Dialled { Duration at; TcpPunch::Dial dial; };
  struct Dropped { Duration at; TcpPunch::Drop drop; };
  struct Event { TimePoint at; std::function<void(TcpPunch&, TimePoint)> happens; };
  using Answer = std::function<std::optional<Event>(const TcpPunch::Dial&, TimePoint)>;

  explicit Played(TcpPunch punch, Answer answer = {}) : punch_(std::move(punch)), answer_(std::move(answer)) { drain(); }

  /// Up to and at that moment. The driver comes so much later than asked.
  void run_to(Duration until, Duration lag = {}) {
    for (int step = 0; step < 200'000; ++step) {
      const auto due = punch_.deadline();
      const auto event = std::ranges::min_element(events_, {}, &Event::at);
      const bool has_event = event != events_.end() && (!due || event->at <= *due + lag);
      const auto next = has_event ? std::optional{event->at} : due ? std::optional{std::max(*due + lag, now_)} : std::nullopt;
      if (!next || *next > start + until) break;
      now_ = std::max(now_, *next);
      if (has_event) {
        const auto happens = event->happens;
        events_.erase(event);
        happens(punch_, now_);
      } else {
        punch_.expire(now_);
      }
      drain();
    }
    now_ = start + until;
  }
  void tell(const std::function<void(TcpPunch&, TimePoint)>& what) { what(punch_, now_), drain(); }

  std::vector<Duration> dial_times(const std::function<bool(const TcpPunch::Dial&)>& which = {}) const {
    std::vector<Duration> times;
    for (const auto& each : dials)
      if (!which || which(each.dial)) times.push_back(each.at);
    return times;
  }

  std::vector<Dialled> dials;
  std::vector<Dropped> drops;
  std::vector<std::pair<Duration, Reason>> failures;
  std::size_t most_at_once = 0;

 private:
  void drain() {
    for (const auto& action : testing::drained(punch_)) {
      if (const auto* const dial = std::get_if<TcpPunch::Dial>(&action)) {
        dials.push_back({now_ - start, *dial});
        EXPECT_TRUE(open_.insert(dial->dial).second);
        most_at_once = std::max(most_at_once, open_.size());
        auto event = answer_ ? answer_(*dial, now_) : std::nullopt;
        if (event) events_.push_back({event->at, [this, key = dial->dial, happens = event->happens](TcpPunch& punch, TimePoint now) {
          if (open_.erase(key) > 0) happens(punch, now);  // of a dropped dial nothing is heard
        }});
      }
      if (const auto* const drop = std::get_if<TcpPunch::Drop>(&action)) drops.push_back({now_ - start, *drop}), open_.erase(drop->dial);
      if (const auto* const failed = std::get_if<TcpPunch::Failed>(&action)) failures.emplace_back(now_ - start, failed->reason);
    }
  }

  TcpPunch punch_;
  Answer answer_;
  TimePoint now_ = start;
  std::vector<Event> events_;
  std::set<DialKey> open_;
};

Played::Answer fails_after(Duration wait, Errc why) {
  return [=](const TcpPunch::Dial& dial, TimePoint now) {
    return Played::Event{now + wait, [=, key = dial.dial](TcpPunch& punch, TimePoint then) { punch.failed(key, why, then); }};
  };
}

std::vector<Duration> gaps(const std::vector<Duration>& times) {
  std::vector<Duration> all(times.size());
  std::adjacent_difference(times.begin(), times.end(), all.begin());
  all.erase(all.begin());
  return all;
}

struct TcpPunchTest : ::testing::Test {
  TcpPunch plain(TcpPunch::Settings settings = {}) { return {{{peer, Tier::punched}}, settings, random, start}; }
  TcpPunch search(SearchPlan plan, bool from_punching_port = true, TcpPunch::Settings settings = {}) {
    plan.towards = peer.address;
    return {plan, from_punching_port, settings, random, start};
  }
  static std::vector<Port> ports(int count) {
    std::vector<Port> all;
    for (int i = 0; i < count; ++i) all.push_back(Port{static_cast<std::uint16_t>(20'000 + i)});
    return all;
  }
  SeededRandom random{1};
};

// ---- A plain round ----

TEST_F(TcpPunchTest, DialsAllTargetsAtOnceFromThePunchingPort) {
  Played played{TcpPunch{{{peer, Tier::punched}, {other, Tier::direct}}, {}, random, start}};
  ASSERT_THAT(played.dials, SizeIs(2));
  EXPECT_EQ(played.dials[0].dial.to, peer);
  EXPECT_EQ(played.dials[1].dial.to, other);
  EXPECT_EQ(played.dials[1].dial.tier, Tier::direct);
  for (const auto& each : played.dials) {
    EXPECT_FALSE(each.dial.from);
    EXPECT_FALSE(each.dial.ttl);
  }
}

TEST_F(TcpPunchTest, DialsATargetThatComesLaterAtOnceAndNoneTwice) {
  Played played{plain()};
  played.run_to(100ms);
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.add({other}, now), punch.add({peer}, now), punch.add({other}, now); });
  ASSERT_THAT(played.dials, SizeIs(2));
  EXPECT_EQ(played.dials[1].dial.to, other);
  EXPECT_EQ(played.dials[1].at, 100ms);
}

TEST_F(TcpPunchTest, DialsAgainSoonAfterARefusalAndLessOftenLater) {
  for (const auto why : {Errc::refused, Errc::unreachable, Errc::timed_out}) {
    Played played{plain({.rtt = 300ms}), fails_after(0ms, why)};  // both sides dial for 1500 ms
    played.run_to(1100ms);
    const auto waits = gaps(played.dial_times());
    ASSERT_GE(waits.size(), 10u);
    for (std::size_t i = 0; i < waits.size(); ++i) {
      EXPECT_THAT(waits[i], i < 8 ? AllOf(Ge(20ms), Le(25ms)) : AllOf(Ge(50ms), Le(100ms))) << i;
    }
    EXPECT_THAT(played.drops, IsEmpty());
  }
}

TEST_F(TcpPunchTest, GivesUpWhatNobodyAnswersForANewDialAfterTwoRoundTrips) {
  for (const auto& [side, rtt, least, most] : {std::tuple{controlling, 100ms, 300ms, 375ms}, std::tuple{controlled, 100ms, 400ms, 475ms},
                                               std::tuple{controlling, 300ms, 600ms, 750ms}, std::tuple{controlled, 200ms, 533ms, 634ms}}) {
    Played played{plain({.side = side, .rtt = rtt})};
    played.run_to(most);
    ASSERT_THAT(played.dials, SizeIs(2));
    EXPECT_THAT(played.dials[1].at, AllOf(Ge(least), Le(most)));
    ASSERT_THAT(played.drops, SizeIs(1));
    EXPECT_EQ(played.drops[0].drop.dial, played.dials[0].dial.dial);
    EXPECT_FALSE(played.drops[0].drop.answered_too) << "it may be about to connect";
  }
}

TEST_F(TcpPunchTest, LeavesAPairAloneThatIsConnectedAlready) {
  Played played{plain({.rtt = 1s}), fails_after(0ms, Errc::busy)};
  played.run_to(3900ms);
  EXPECT_THAT(played.dial_times(), ElementsAre(0ms, 1000ms, 2000ms, 3000ms));
}

TEST_F(TcpPunchTest, StopsDiallingWhatHasConnectedAndGoesOnWithOthers) {
  Played played{TcpPunch{{{peer}, {other}}, {}, random, start}};
  played.run_to(80ms);
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.connected(played.dials[0].dial.dial, now); });
  played.run_to(890ms);
  EXPECT_THAT(played.dial_times([](const auto& dial) { return dial.to == peer; }), SizeIs(1));
  EXPECT_THAT(played.dial_times([](const auto& dial) { return dial.to == other; }), SizeIs(Ge(2u)));
  EXPECT_THAT(played.drops, Each(::testing::Truly([&](const auto& each) { return each.drop.dial != played.dials[0].dial.dial; })));
}

TEST_F(TcpPunchTest, DialsAgainWhatTurnsOutToBeNobodys) {
  Played played{plain()};
  const auto first = played.dials[0].dial.dial;
  played.run_to(80ms);
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.connected(first, now); });
  played.run_to(200ms);
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.lost(first, now); });
  played.run_to(240ms);
  ASSERT_THAT(played.dials, SizeIs(2));
  EXPECT_THAT(played.dials[1].at, AllOf(Ge(220ms), Le(240ms)));
  EXPECT_NE(played.dials[1].dial.dial, first);
}

TEST_F(TcpPunchTest, ClearsAwayWhatConnectsAndNeverBecomesALane) {  // the NAT has let the handshake through, and nothing else
  Played played{plain()};
  const auto first = played.dials[0].dial.dial;
  played.run_to(80ms);
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.connected(first, now); });
  played.run_to(1079ms);
  EXPECT_THAT(played.drops, IsEmpty());
  played.run_to(1080ms);
  ASSERT_THAT(played.drops, SizeIs(1));
  EXPECT_EQ(played.drops[0].drop.dial, first);
  EXPECT_TRUE(played.drops[0].drop.answered_too);
  ASSERT_THAT(played.dials, SizeIs(2));
}

TEST_F(TcpPunchTest, ClearsAwayWhatWasAnsweredAndNeverConnects) {
  Played played{plain({.rtt = 250ms}), [](const TcpPunch::Dial& dial, TimePoint now) -> std::optional<Played::Event> {
    if (dial.dial.number != 2) return std::nullopt;
    return Played::Event{now, [key = dial.dial](TcpPunch& punch, TimePoint then) { punch.failed(key, Errc::busy, then); }};
  }};
  played.run_to(640ms);
  ASSERT_THAT(played.dials, SizeIs(2));
  const auto spared = played.dials[0].dial.dial;
  ASSERT_THAT(played.drops, SizeIs(1));
  EXPECT_FALSE(played.drops[0].drop.answered_too);
  played.run_to(played.dials[1].at + 1s);
  ASSERT_THAT(played.drops, SizeIs(2));
  EXPECT_EQ(played.drops[1].drop.dial, spared);
  EXPECT_TRUE(played.drops[1].drop.answered_too);
}

TEST_F(TcpPunchTest, IsContentWithADialThatItHadGivenUpAndThatConnectsAllTheSame) {
  Played played{plain(), [](const TcpPunch::Dial& dial, TimePoint now) -> std::optional<Played::Event> {
    if (dial.dial.number == 1) return std::nullopt;
    return Played::Event{now, [key = dial.dial](TcpPunch& punch, TimePoint then) { punch.failed(key, Errc::busy, then); }};
  }};
  played.run_to(400ms);
  ASSERT_THAT(played.dials, SizeIs(2));
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.connected(played.dials[0].dial.dial, now); });
  played.run_to(1399ms);
  EXPECT_THAT(played.dials, SizeIs(2));
  EXPECT_THAT(played.drops, SizeIs(1));
}

TEST_F(TcpPunchTest, IsDeafToWhatBecomesOfADialThatItHasTakenBack) {
  Played played{plain()};
  played.run_to(400ms);
  ASSERT_THAT(played.dials, SizeIs(2));
  const auto first = played.dials[0].dial.dial, second = played.dials[1].dial.dial;
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.failed(first, Errc::refused, now); });
  played.run_to(500ms);
  EXPECT_THAT(played.dials, SizeIs(2)) << "the second is under way";
  played.tell([&](TcpPunch& punch, TimePoint now) { punch.connected(second, now), punch.lost(first, now); });
  played.run_to(700ms);
  EXPECT_THAT(played.dials, SizeIs(2)) << "the second is up";
}

TEST_F(TcpPunchTest, TakesEachDialBackOnce) {
  Played played{plain(), [](const TcpPunch::Dial& dial, TimePoint now) -> std::optional<Played::Event> {
    if (dial.dial.number == 1) return std::nullopt;
    return Played::Event{now + 20ms, [key = dial.dial](TcpPunch& punch, TimePoint then) { punch.failed(key, Errc::refused, then); }};
  }};
  played.run_to(700ms);
  EXPECT_THAT(played.dials, SizeIs(Ge(4u)));
  EXPECT_THAT(played.drops, SizeIs(1));
}

// ---- Turns ----

TEST(DialTurns, AreOneSidesAfterTheOthersWithoutAGap) {
  for (const auto rtt : {20ms, 100ms, 400ms}) {
    const DialTurns mine{controlling, rtt, start}, theirs{controlled, rtt, start};
    EXPECT_FALSE(mine.at(start).silent || theirs.at(start).silent);
    EXPECT_EQ(mine.at(start).until - start, std::max<Duration>(900ms, 5 * rtt));
    auto now = mine.at(start).until;
    for (int number = 1; number <= 6; ++number) {
      const auto turn = mine.at(now), same = theirs.at(now);
      EXPECT_EQ(turn.number, number);
      EXPECT_EQ(turn.from, now);
      EXPECT_EQ(turn.until - turn.from, std::max<Duration>(700ms, 4 * rtt));
      EXPECT_EQ(turn.silent, number % 2 == 1);
      EXPECT_EQ(same.silent, !turn.silent);
      EXPECT_EQ(same.until, turn.until);
      EXPECT_EQ(mine.at(turn.until - 1ns).number, number);
      now = turn.until;
    }
  }
}

TEST_F(TcpPunchTest, OnlyOpensItsOwnNatWhileItIsSilent) {
  for (const auto side : {controlling, controlled}) {
    Played played{plain({.side = side}), [](const TcpPunch::Dial& dial, TimePoint now) -> std::optional<Played::Event> {
      if (!dial.ttl) return std::nullopt;
      return Played::Event{now + 15ms, [key = dial.dial](TcpPunch& punch, TimePoint then) { punch.failed(key, Errc::unreachable, then); }};
    }};
    played.run_to(3590ms);
    const DialTurns turns{side, 100ms, start};
    std::map<int, std::vector<std::optional<int>>> ttls;
    for (const auto& each : played.dials) {
      const auto turn = turns.at(start + each.at);
      ttls[turn.number].push_back(each.dial.ttl);
      if (turn.number == 0) continue;
      EXPECT_EQ(each.dial.ttl.has_value(), turn.silent) << each.at.count();
      EXPECT_GE(start + each.at - turn.from, turn.silent ? 150ms : 200ms) << "answers to what went all the way are back by then";
      EXPECT_LE(start + each.at, turn.until - 150ms) << "no answer would come in time";
    }
    const int mine = side == controlling ? 1 : 2;
    EXPECT_THAT(ttls[mine], AllOf(SizeIs(Ge(2u)), Each(std::optional{5})));
    EXPECT_THAT(ttls[mine + 2], AllOf(SizeIs(Ge(2u)), Each(std::optional{3}))) << "perhaps there are fewer routers";
    EXPECT_THAT(ttls[3 - mine], SizeIs(Ge(2u)));
    for (const auto& each : played.dials) {
      if (!each.dial.ttl) continue;
      const auto drop = std::ranges::find(played.drops, each.dial.dial, [](const auto& dropped) { return dropped.drop.dial; });
      ASSERT_NE(drop, played.drops.end());
      EXPECT_LE(drop->at - each.at, 3ms) << "before the error about it can be back";
    }
  }
}

TEST_F(TcpPunchTest, TakesBackWhatIsUnderWayWhenATurnBegins) {
  Played played{plain()};
  played.run_to(899ms);
  const auto last = played.dials.back().dial.dial;
  played.run_to(900ms);
  ASSERT_FALSE(played.drops.empty());
  EXPECT_EQ(played.drops.back().drop.dial, last);
  EXPECT_EQ(played.drops.back().at, 900ms);
}

// ---- The end ----

TEST_F(TcpPunchTest, FailsWhenItsPatienceIsOverAndTakesEverythingBack) {
  Played played{plain({.patience = 700ms})};
  played.run_to(1min);
  EXPECT_THAT(played.failures, ElementsAre(std::pair<Duration, Reason>{700ms, Reason::timeout}));
  std::set<DialKey> dropped;
  for (const auto& each : played.drops) dropped.insert(each.drop.dial);
  EXPECT_EQ(dropped.size(), played.dials.size());
}

TEST_F(TcpPunchTest, SaysWhyItFailed) {
  const auto reason_after = [&](TcpPunch punch, Played::Answer answer = {}) {
    Played played{std::move(punch), std::move(answer)};
    played.run_to(1min);
    EXPECT_THAT(played.failures, SizeIs(1));
    return played.failures.empty() ? Reason::none : played.failures[0].second;
  };
  EXPECT_EQ(reason_after(plain({.patience = 700ms}), fails_after(5ms, Errc::refused)), Reason::refused);
  EXPECT_EQ(reason_after(plain({.patience = 700ms}), fails_after(0ms, Errc::unreachable)), Reason::unreachable);
  EXPECT_EQ(reason_after(TcpPunch{{}, {}, random, start}), Reason::no_candidates);
  EXPECT_EQ(reason_after(search({.way = SearchPlan::Way::impossible, .sockets = 0})), Reason::unsupported);
}

TEST_F(TcpPunchTest, LetsWhatHasConnectedBecomeALaneWhenItsPatienceIsOver) {
  for (const bool lost : {true, false}) {
    Played played{plain({.patience = 500ms})};
    played.run_to(200ms);
    played.tell([&](TcpPunch& punch, TimePoint now) { punch.connected(played.dials[0].dial.dial, now); });
    played.run_to(600ms);
    EXPECT_THAT(played.failures, IsEmpty());
    EXPECT_THAT(played.drops, IsEmpty());
    if (lost) played.tell([&](TcpPunch& punch, TimePoint now) { punch.lost(played.dials[0].dial.dial, now); });
    played.run_to(1min);
    EXPECT_THAT(played.failures, ElementsAre(std::pair<Duration, Reason>{lost ? 600ms : 1200ms, Reason::no_candidates})) << "nothing had failed before";
    EXPECT_THAT(played.dials, SizeIs(1));
  }
}

// ---- Measured rounds ----

TEST_F(TcpPunchTest, SweepsEachAimOnceAtThePaceOfThePlan) {
  Played played{search({.way = SearchPlan::Way::sweep, .aims = ports(256), .pace = 1ms})};
  played.run_to(3s);
  ASSERT_THAT(played.dials, SizeIs(256));
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(played.dials[static_cast<std::size_t>(i)].at, i * 1ms);
    EXPECT_EQ(played.dials[static_cast<std::size_t>(i)].dial.to, (Endpoint{peer.address, ports(256)[static_cast<std::size_t>(i)]}));
    EXPECT_FALSE(played.dials[static_cast<std::size_t>(i)].dial.from);
  }
  EXPECT_THAT(played.drops, IsEmpty()) << "the listener and the kernel's repetitions do the rest";
}

TEST_F(TcpPunchTest, DropsTheOldestProbesOfAnEndlessSearch) {
  Played played{search({.way = SearchPlan::Way::birthday, .aims = ports(3000), .pace = 1ms})};
  played.run_to(3900ms);
  EXPECT_THAT(played.dials, SizeIs(max_birthday_probes));
  EXPECT_EQ(played.most_at_once, max_dials_at_once);
  ASSERT_THAT(played.drops, SizeIs(max_birthday_probes - max_dials_at_once));
  for (std::size_t i = 0; i < played.drops.size(); ++i) EXPECT_EQ(played.drops[i].drop.dial, played.dials[i].dial.dial);
}

TEST_F(TcpPunchTest, DialsFromAFreshPortUnlessThePunchingPortIsTheOneThatWasMeasured) {
  for (const bool stable : {true, false}) {
    Played one{search({.way = SearchPlan::Way::sweep, .aims = ports(1)}, stable)};
    EXPECT_EQ(one.dials[0].dial.from.has_value(), !stable);
    Played many{search({.way = SearchPlan::Way::birthday, .sockets = 2, .aims = ports(1)}, stable)};
    EXPECT_TRUE(many.dials[0].dial.from && many.dials[1].dial.from);
  }
}

TEST_F(TcpPunchTest, DialsFromManySocketsInABurst) {
  Played played{search({.way = SearchPlan::Way::birthday, .sockets = 256, .aims = ports(1)})};
  ASSERT_THAT(played.dials, SizeIs(256));
  for (std::size_t i = 0; i < 256; ++i) EXPECT_EQ(played.dials[i].dial.from, std::optional{i});
  played.run_to(3900ms);
  EXPECT_THAT(played.dials, SizeIs(256)) << "so many are not restarted";
}

TEST_F(TcpPunchTest, KeepsARefusedSocketsMappingInUseByDiallingFromTheSamePort) {
  Played played{search({.way = SearchPlan::Way::birthday, .sockets = 256, .aims = ports(1)}), fails_after(80ms, Errc::refused)};
  played.run_to(250ms);
  const auto of_seventh = played.dial_times([](const auto& dial) { return dial.from == std::optional<std::size_t>{7}; });
  ASSERT_THAT(of_seventh, SizeIs(Ge(2u)));
  EXPECT_THAT(of_seventh[1], AllOf(Ge(100ms), Le(240ms)));
}

TEST_F(TcpPunchTest, LetsMoreSocketsThanMayDialAtOnceTakeTurns) {
  Played played{search({.way = SearchPlan::Way::block, .sockets = 512, .aims = ports(1)})};
  played.run_to(3s);
  EXPECT_EQ(played.most_at_once, max_dials_at_once);
  EXPECT_EQ(played.dials[max_dials_at_once - 1].at, 0ms);
  EXPECT_GE(played.dials[max_dials_at_once + 2].at, 1ms) << "a burst, then at the pace of a search";
  std::map<std::size_t, int> times;
  for (const auto& each : played.dials) ++times[*each.dial.from];
  EXPECT_THAT(times, SizeIs(512));
  for (const auto& [socket, count] : times) EXPECT_GE(count, 3) << socket;
}

TEST_F(TcpPunchTest, StaysWithinItsLimitsHoweverOftenItIsRefused) {
  for (const auto refused_after : {0ms, 1ms, 80ms}) {
    SCOPED_TRACE(refused_after.count());
    Played played{search({.way = SearchPlan::Way::birthday, .sockets = 256, .aims = ports(1)}, true, {.patience = 30s}), fails_after(refused_after, Errc::refused)};
    for (auto now = 0ms; now <= 31s; now += 10ms) {
      played.run_to(now);
      played.tell([](TcpPunch& punch, TimePoint then) { punch.expire(then); });  // a driver may come unasked
    }
    EXPECT_LE(played.dials.size(), max_dials_in_round);
    EXPECT_GE(played.dials.size(), 4000u);
    const auto times = played.dial_times();
    for (std::size_t i = 256; i + 2100 < times.size(); ++i) ASSERT_GT(times[i + 2100] - times[i], 1s) << i;
    EXPECT_THAT(played.failures, SizeIs(1));
  }
}

TEST_F(TcpPunchTest, MakesNoBurstOfWhatItsDriverWasTooLateFor) {
  Played played{search({.way = SearchPlan::Way::birthday, .aims = ports(1000), .pace = 1ms})};
  played.run_to(100ms);
  const auto before = played.dials.size();
  played.run_to(601ms, 500ms);  // the machine stood still for half a second
  EXPECT_LE(played.dials.size() - before, 22u);
}

TEST_F(TcpPunchTest, RestartsAFewSocketsThatNobodyAnswers) {
  Played played{search({.way = SearchPlan::Way::middle, .sockets = 64, .aims = ports(1)})};
  played.run_to(800ms);
  std::map<std::size_t, int> times;
  for (const auto& each : played.dials) ++times[*each.dial.from];
  EXPECT_THAT(times, SizeIs(64));
  for (const auto& [socket, count] : times) EXPECT_THAT(count, AllOf(Ge(2), Le(3))) << socket;
}

TEST_F(TcpPunchTest, KnowsNothingOfDialsThatAreNotItsOwn) {
  Played played{plain()};
  played.run_to(10ms);
  played.tell([](TcpPunch& punch, TimePoint now) {
    punch.connected({99}, now), punch.failed({99}, Errc::refused, now), punch.lost({99}, now), punch.lost({1}, now);
  });
  played.run_to(200ms);
  EXPECT_THAT(played.dials, SizeIs(1));
}

}  // namespace
}  // namespace pshare
