// One round of UDP punching under a virtual clock: when what is sent, what counts as reached, and what strangers achieve by what they send.
#include "traversal/punching/udp_punch.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "../drained.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::drained;
using Action = UdpPunch::Action;
using Send = UdpPunch::Send;
using Reached = UdpPunch::Reached;
using Moved = UdpPunch::Moved;
using Failed = UdpPunch::Failed;

static_assert(Core<UdpPunch>);

constexpr TimePoint start{std::chrono::hours{1}};

Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }
const auto far = endpoint("81.2.71.2:40000"), far_too = endpoint("81.2.71.2:40001"), elsewhere = endpoint("81.2.72.9:555");
const auto near = endpoint("192.168.1.7:4000"), over_v6 = endpoint("[2001:db8::7]:4000");

template <typename T>
std::vector<T> all_of(const std::vector<Action>& actions) {
  std::vector<T> out;
  for (const auto& action : actions)
    if (const auto* one = std::get_if<T>(&action)) out.push_back(*one);
  return out;
}

bool is_check(const Send& send) { return decode_stun(send.bytes).value().message.kind == StunClass::request; }
TransactionId id_of(const Send& send) { return decode_stun(send.bytes).value().message.id; }

std::vector<Send> checks_among(const std::vector<Action>& actions) {
  auto sends = all_of<Send>(actions);
  std::erase_if(sends, [](const Send& send) { return !is_check(send); });
  return sends;
}
std::vector<Send> answers_among(const std::vector<Action>& actions) {
  auto sends = all_of<Send>(actions);
  std::erase_if(sends, is_check);
  return sends;
}

struct Sent {
  Duration at;
  Send send;
};

struct UdpPunchTest : ::testing::Test {
  SeededRandom random{3};
  CheckKey key = CheckKey::random(random);
  SessionId session = SessionId::random(random);
  UdpPunch::Settings settings{.side = CheckSide::controlling, .session = session, .key = key, .rtt = 100ms, .patience = 4s};

  UdpPunch punch(std::vector<UdpPunch::Target> targets) { return {std::move(targets), {false, true}, settings, random, start}; }
  UdpPunch punch_as_controlled(std::vector<UdpPunch::Target> targets) {
    settings.side = CheckSide::controlled;
    return punch(std::move(targets));
  }
  CheckSide other_side() const { return settings.side == CheckSide::controlling ? CheckSide::controlled : CheckSide::controlling; }

  /// What the peer sends.
  ReceivedStun check(bool nominates = false) { return check_with(TransactionId::random(random), nominates); }
  ReceivedStun check_with(const TransactionId& id, bool nominates = false) {
    return decode_stun(encode_check({.id = id, .from = other_side(), .nominates = nominates}, session, key)).value();
  }
  ReceivedStun answer_to(const Send& sent) { return decode_stun(encode_check_answer(id_of(sent), endpoint("81.2.70.2:1"), key)).value(); }

  /// All that it does by itself until then.
  std::vector<Action> run_until(UdpPunch& punch, Duration until, std::vector<Sent>* sent = nullptr) {
    std::vector<Action> all;
    auto now = start;
    for (int step = 0; step < 100'000; ++step) {
      for (auto& action : drained(punch)) {
        if (const auto* send = std::get_if<Send>(&action); send != nullptr && sent != nullptr) sent->push_back({now - start, *send});
        all.push_back(std::move(action));
      }
      const auto due = punch.deadline();
      if (!due || *due > start + until) return all;
      EXPECT_GE(*due, now) << "it wants to be called in the past";
      now = std::max(*due, now);
      punch.expire(now);
    }
    ADD_FAILURE() << "it never ends";
    return all;
  }
};

// When what is sent.

TEST_F(UdpPunchTest, OpensItsOwnNatBeforeTheFirstCheckThatArrives) {
  auto core = punch({{far}});
  std::vector<Sent> sent;
  run_until(core, 30ms, &sent);
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(sent[0].at, 0ms);
  EXPECT_EQ(sent[0].send.ttl, opener_ttl);
  EXPECT_EQ(sent[0].send.to, far);
  EXPECT_EQ(sent[1].at, 20ms);
  EXPECT_FALSE(sent[1].send.ttl);
  EXPECT_NE(id_of(sent[0].send), id_of(sent[1].send));
}

TEST_F(UdpPunchTest, ChecksAtOnceWhereNoNatRemembersEarlyPackets) {
  auto core = punch({{near, Tier::direct}, {over_v6, Tier::direct}});
  const auto sent = all_of<Send>(drained(core));
  ASSERT_THAT(sent, SizeIs(2));
  for (const auto& each : sent) EXPECT_FALSE(each.ttl);
  settings.openers = false;
  auto without = punch({{far}});
  EXPECT_FALSE(all_of<Send>(drained(without)).at(0).ttl);
}

TEST_F(UdpPunchTest, SendsToEachFamilyFromASocketOfIt) {
  auto core = punch({{far}, {over_v6}});
  for (const auto& send : all_of<Send>(drained(core))) EXPECT_EQ(send.socket, send.to.address.is_v6() ? 1u : 0u);
  UdpPunch many{{{far}}, {false, false, true, false}, settings, random, start};
  std::set<std::size_t> sockets;
  for (const auto& send : all_of<Send>(drained(many))) sockets.insert(send.socket);
  EXPECT_THAT(sockets, ElementsAre(0, 1, 3));
}

TEST_F(UdpPunchTest, ChecksAgainMoreAndMoreSeldomUntilItsPatienceIsOver) {
  auto core = punch({{far}});
  std::vector<Sent> sent;
  const auto all = run_until(core, 1h, &sent);
  ASSERT_GE(sent.size(), 16u);
  EXPECT_LE(sent.size(), 30u);
  for (std::size_t i = 2; i < sent.size(); ++i) {
    const auto pause = sent[i].at - sent[i - 1].at;
    EXPECT_GE(pause, 40ms) << i;
    EXPECT_LE(pause, 276ms) << i;
    EXPECT_FALSE(sent[i].send.ttl);
  }
  EXPECT_LE(sent[2].at - sent[1].at, 56ms) << "half a round trip";
  EXPECT_GE(sent.back().at - sent[sent.size() - 2].at, 224ms);
  EXPECT_LT(sent.back().at, 4s);
  const auto failed = all_of<Failed>(all);
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].reason, Reason::timeout);
  EXPECT_FALSE(core.deadline());
}

TEST_F(UdpPunchTest, FailsForWantOfCandidatesIfNoneEverCame) {
  auto core = punch({});
  EXPECT_EQ(core.deadline(), start + 4s);
  core.expire(start + 4s);
  const auto failed = all_of<Failed>(drained(core));
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].reason, Reason::no_candidates);
}

TEST_F(UdpPunchTest, TriesAnAddressThatComesLater) {
  auto core = punch({});
  core.expire(start + 1s);
  core.add({far, Tier::mapped}, start + 1s);
  EXPECT_THAT(all_of<Send>(drained(core)), SizeIs(1));
  core.expire(start + 1020ms);
  const auto checks = checks_among(drained(core));
  ASSERT_THAT(checks, SizeIs(1));
  core.arrived(0, far, answer_to(checks[0]), start + 1100ms);
  const auto reached = all_of<Reached>(drained(core));
  ASSERT_THAT(reached, SizeIs(1));
  EXPECT_EQ(reached[0].tier, Tier::mapped);
}

// What counts as reached.

TEST_F(UdpPunchTest, ReachesWhereTheAnswerCameFromTheAddressThatTheCheckWentTo) {
  auto core = punch({{near, Tier::direct}});
  const auto first = checks_among(drained(core)).at(0);
  EXPECT_TRUE(core.arrived(0, near, answer_to(first), start + 30ms));
  const auto reached = all_of<Reached>(drained(core));
  ASSERT_THAT(reached, SizeIs(1));
  EXPECT_EQ(reached[0].socket, 0u);
  EXPECT_EQ(reached[0].remote, near);
  EXPECT_EQ(reached[0].tier, Tier::direct);
  EXPECT_EQ(reached[0].rtt, 30ms);
  EXPECT_FALSE(core.arrived(0, near, answer_to(first), start + 31ms)) << "the same answer again";
  EXPECT_THAT(all_of<Reached>(drained(core)), IsEmpty());
}

TEST_F(UdpPunchTest, TakesNoAnswerFromElsewhere) {
  auto core = punch({{near, Tier::direct}});
  const auto first = checks_among(drained(core)).at(0);
  EXPECT_FALSE(core.arrived(0, elsewhere, answer_to(first), start + 30ms));
  EXPECT_FALSE(core.arrived(1, near, answer_to(first), start + 30ms));
  EXPECT_THAT(drained(core), IsEmpty());
  EXPECT_TRUE(core.arrived(0, near, answer_to(first), start + 31ms)) << "the true one still counts";
}

TEST_F(UdpPunchTest, TakesNoForgedAnswer) {
  auto core = punch({{near, Tier::direct}});
  const auto first = checks_among(drained(core)).at(0);
  auto other_key = key;
  other_key.bytes[5] ^= std::byte{1};
  EXPECT_FALSE(core.arrived(0, near, decode_stun(encode_check_answer(id_of(first), near, other_key)).value(), start + 1ms));
  EXPECT_THAT(drained(core), IsEmpty());
}

TEST_F(UdpPunchTest, ControlledWaitsForTheSendersCheck) {
  auto core = punch_as_controlled({{near, Tier::direct}});
  EXPECT_TRUE(core.arrived(0, near, answer_to(checks_among(drained(core)).at(0)), start + 30ms));
  EXPECT_THAT(all_of<Reached>(drained(core)), IsEmpty());
}

TEST_F(UdpPunchTest, ControllingTakesNobodysCheckForAWayThere) {
  auto core = punch({{far}});
  core.arrived(0, far, check(), start + 25ms);
  EXPECT_THAT(all_of<Reached>(drained(core)), IsEmpty());
}

TEST_F(UdpPunchTest, ControlledReachesAtAnAuthenticCheck) {
  auto core = punch_as_controlled({{far, Tier::mapped}});
  drained(core);
  EXPECT_TRUE(core.arrived(0, far, check(), start + 45ms));
  const auto actions = drained(core);
  const auto reached = all_of<Reached>(actions);
  ASSERT_THAT(reached, SizeIs(1));
  EXPECT_EQ(reached[0].remote, far);
  EXPECT_EQ(reached[0].tier, Tier::mapped);
  core.arrived(0, far, check(), start + 65ms);
  EXPECT_THAT(all_of<Reached>(drained(core)), IsEmpty()) << "once for each pair";
}

TEST_F(UdpPunchTest, AnswersWithTheAddressThatACheckCameFrom) {
  auto core = punch({{far}});
  drained(core);
  const auto asked = check();
  core.arrived(0, elsewhere, asked, start + 45ms);
  const auto answers = answers_among(drained(core));
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_EQ(answers[0].to, elsewhere);
  EXPECT_FALSE(answers[0].ttl);
  EXPECT_EQ(id_of(answers[0]), asked.message.id);
  EXPECT_EQ(read_check_answer(decode_stun(answers[0].bytes).value(), key), elsewhere);
}

TEST_F(UdpPunchTest, ChecksAnAddressAtOnceThatOnlyACheckToldIt) {
  auto core = punch({{far, Tier::mapped}});
  drained(core);
  core.arrived(0, far_too, check(), start + 45ms);
  const auto checks = checks_among(drained(core));
  ASSERT_THAT(checks, ::testing::Contains(::testing::Field(&Send::to, far_too)));
  const auto triggered = *std::ranges::find(checks, far_too, &Send::to);
  EXPECT_FALSE(triggered.ttl);
  core.arrived(0, far_too, answer_to(triggered), start + 125ms);
  const auto reached = all_of<Reached>(drained(core));
  ASSERT_THAT(reached, SizeIs(1));
  EXPECT_EQ(reached[0].remote, far_too);
  EXPECT_EQ(reached[0].tier, Tier::punched) << "whatever the other address of that machine is";
}

TEST_F(UdpPunchTest, LetsACheckThatArrivesHurryTheNextOne) {
  auto core = punch({{far}});
  run_until(core, 25ms);  // opener, and a check at 20 ms; the next would come about 50 ms later
  core.arrived(0, far, check(), start + 40ms);
  EXPECT_THAT(checks_among(drained(core)), SizeIs(1));
  core.arrived(0, far, check(), start + 41ms);
  EXPECT_THAT(checks_among(drained(core)), IsEmpty()) << "one has just gone";
  EXPECT_LE(core.deadline(), start + 50ms);
}

TEST_F(UdpPunchTest, LeavesItsOpenersWhenThePeerIsHeard) {
  auto core = punch({{far}});
  drained(core);
  core.arrived(0, far, check(), start + 5ms);
  const auto checks = checks_among(drained(core));
  ASSERT_THAT(checks, SizeIs(1));
  EXPECT_FALSE(checks[0].ttl);
}

TEST_F(UdpPunchTest, ReportsEachPairThatIsReached) {
  auto core = punch({{near, Tier::direct}, {over_v6, Tier::direct}});
  for (const auto& send : checks_among(drained(core))) core.arrived(send.socket, send.to, answer_to(send), start + 30ms);
  EXPECT_THAT(all_of<Reached>(drained(core)), SizeIs(2));
}

TEST_F(UdpPunchTest, DoesNotFailWhileSomethingThatIsReachedIsAlive) {
  auto core = punch({{near, Tier::direct}, {far}});
  auto now = start + 20ms;
  core.arrived(0, near, answer_to(checks_among(drained(core)).at(0)), now);
  std::size_t to_near = 0;
  while (now < start + 60s) {
    now = core.deadline().value();
    core.expire(now);
    const auto actions = drained(core);
    EXPECT_THAT(all_of<Failed>(actions), IsEmpty());
    for (const auto& send : checks_among(actions)) {
      if (send.to == near) ++to_near, core.arrived(0, near, answer_to(send), now + 20ms);
      else EXPECT_LT(now, start + 4s) << "what was not reached is left when the patience is over";
    }
  }
  EXPECT_NEAR(static_cast<double>(to_near), 120, 15) << "two each second";
}

TEST_F(UdpPunchTest, FailsWhenAllThatWasReachedFallsSilentBeforeItIsSettled) {
  auto early = punch({{near, Tier::direct}});
  early.arrived(0, near, answer_to(checks_among(drained(early)).at(0)), start + 20ms);
  auto failed_at = [&](UdpPunch& core) -> std::optional<Duration> {
    for (int step = 0; step < 1000; ++step) {
      const auto due = core.deadline();
      if (!due) return std::nullopt;
      core.expire(*due);
      if (!all_of<Failed>(drained(core)).empty()) return *due - start;
    }
    return std::nullopt;
  };
  EXPECT_EQ(failed_at(early), 4s);
  auto late = punch_as_controlled({{near, Tier::direct}});
  late.arrived(0, near, check(), start + 3900ms);
  EXPECT_EQ(failed_at(late), 5700ms);
}

TEST_F(UdpPunchTest, SaysNothingAnyMoreAfterItFailed) {
  auto core = punch({{far}});
  run_until(core, 5s);
  core.arrived(0, far, check(), start + 5s);
  core.add({near}, start + 5s);
  core.expire(start + 6s);
  EXPECT_THAT(drained(core), IsEmpty());
  EXPECT_FALSE(core.deadline());
}

// Strangers.

TEST_F(UdpPunchTest, IsDeafToWhatIsNotThePeers) {
  auto core = punch_as_controlled({{far}});
  drained(core);
  auto other_key = key;
  other_key.bytes[0] ^= std::byte{1};
  const auto id = TransactionId::random(random);
  const Check theirs{.id = id, .from = CheckSide::controlling}, ours{.id = id, .from = CheckSide::controlled};
  EXPECT_FALSE(core.arrived(0, far, decode_stun(encode_check(theirs, session, other_key)).value(), start + 1ms)) << "forged";
  EXPECT_FALSE(core.arrived(0, far, decode_stun(encode_check(ours, session, key)).value(), start + 1ms)) << "reflected";
  EXPECT_FALSE(core.arrived(0, far, decode_stun(encode_check(theirs, SessionId::random(random), key)).value(), start + 1ms)) << "another session";
  EXPECT_FALSE(core.arrived(0, far, decode_stun(encode_check_answer(id, far, key)).value(), start + 1ms)) << "nobody asked";
  EXPECT_FALSE(core.arrived(0, far, decode_stun(encode(StunMessage{.id = id})).value(), start + 1ms)) << "plain STUN";
  EXPECT_FALSE(core.arrived(7, far, check(), start + 1ms)) << "no socket of this round";
  EXPECT_THAT(drained(core), IsEmpty());
}

TEST_F(UdpPunchTest, TakesOwnAnswersThatAreSentBackForNothing) {
  auto core = punch({{far}});
  drained(core);
  core.arrived(0, far, check(), start + 1ms);
  for (const auto& answer : answers_among(drained(core)))
    EXPECT_FALSE(core.arrived(0, far, decode_stun(answer.bytes).value(), start + 2ms));
  EXPECT_THAT(all_of<Reached>(drained(core)), IsEmpty());
}

TEST_F(UdpPunchTest, TakesACheckOnceWhereverItComesFrom) {
  auto core = punch_as_controlled({{far}});
  const auto once = check();
  core.arrived(0, far, once, start + 1ms);
  drained(core);
  EXPECT_TRUE(core.arrived(0, far, once, start + 2ms));
  EXPECT_TRUE(core.arrived(0, elsewhere, once, start + 2ms)) << "replayed by somebody who would like to be the peer";
  EXPECT_THAT(drained(core), IsEmpty());
}

TEST_F(UdpPunchTest, KeepsWithinItsBoundsWhateverThePeerDoes) {
  auto core = punch_as_controlled({{far}});
  drained(core);
  std::set<Endpoint> checked;
  std::size_t answers = 0, reached = 0;
  for (int i = 0; i < 10'000; ++i) {
    const Endpoint from{far.address, {static_cast<std::uint16_t>(1024 + i)}};
    core.arrived(0, from, check(), start + 30ms + i * 10us);
    for (const auto& action : drained(core)) {
      if (std::holds_alternative<Reached>(action)) ++reached;
      const auto* send = std::get_if<Send>(&action);
      if (send == nullptr) continue;
      if (is_check(*send)) checked.insert(send->to);
      else ++answers;
    }
  }
  EXPECT_EQ(answers, max_answers_per_second);
  EXPECT_EQ(reached, max_learned_pairs);
  EXPECT_LE(checked.size(), max_learned_pairs + 1);
  core.arrived(0, far, check(), start + 1500ms);
  EXPECT_THAT(answers_among(drained(core)), SizeIs(1)) << "another second";
}

TEST_F(UdpPunchTest, SendsNoMoreThanItsBudgetHoweverManyTargets) {
  std::vector<UdpPunch::Target> targets;
  for (std::uint16_t i = 0; i < 1000; ++i) targets.push_back({{far.address, {static_cast<std::uint16_t>(2000 + i)}}});
  settings.patience = 1min;
  auto core = punch(targets);
  std::vector<Sent> sent;
  run_until(core, 1h, &sent);
  EXPECT_EQ(sent.size(), max_checks_in_round);
  std::set<Endpoint> to;
  for (const auto& each : sent) to.insert(each.send.to);
  EXPECT_EQ(to.size(), max_target_pairs);
  settings.patience = 1h;
  auto heard = punch(targets);
  run_until(heard, 59min);
  heard.arrived(0, far, check(), start + 59min);
  EXPECT_THAT(checks_among(drained(heard)), IsEmpty()) << "not even then";
}

// A settled pair.

struct SettledTest : UdpPunchTest {
  UdpPunch settled(CheckSide side) {
    settings.side = side;
    auto core = punch({{near, Tier::direct}, {far}});
    const auto checks = checks_among(drained(core));
    if (side == CheckSide::controlling) core.arrived(0, near, answer_to(checks.at(0)), start + 30ms);
    else core.arrived(0, near, check(), start + 30ms);
    drained(core);
    core.settle(0, near, start + 40ms);
    return core;
  }
  /// Its checks from the settled pair and elsewhere are answered, or not; gives what happened in the meantime.
  std::vector<Action> answering(UdpPunch& core, TimePoint from, Duration time, bool at_old, bool at_new, Endpoint to = elsewhere) {
    std::vector<Action> all;
    for (auto now = from; now < from + time; now += 1ms) {
      core.expire(now);
      for (auto& action : drained(core)) {
        if (const auto* send = std::get_if<Send>(&action); send != nullptr && is_check(*send))
          if ((at_old && send->to == near) || (at_new && send->to == to)) core.arrived(send->socket, send->to, answer_to(*send), now + 20ms);
        all.push_back(std::move(action));
      }
    }
    return all;
  }
};

TEST_F(SettledTest, IsKeptAliveAtOnceAndEveryFewSeconds) {  // Linux forgets a flow after 30 s
  for (const auto side : {CheckSide::controlling, CheckSide::controlled}) {
    auto core = settled(side);
    std::vector<Duration> times;
    for (auto now = start + 40ms; now < start + 60s; now += 10ms) {
      core.expire(now);
      for (const auto& send : all_of<Send>(drained(core))) {
        EXPECT_EQ(send.to, near) << "the others are left";
        EXPECT_EQ(read_check(decode_stun(send.bytes).value(), other_side(), key).value().nominates, side == CheckSide::controlling);
        times.push_back(now - start);
      }
    }
    ASSERT_GE(times.size(), 11u);
    EXPECT_EQ(times[0], 40ms);
    for (std::size_t i = 1; i < times.size(); ++i) EXPECT_NEAR(std::chrono::duration<double>{times[i] - times[i - 1]}.count(), 5.0, 0.52);
  }
}

TEST_F(SettledTest, StillAnswersThePeersOtherPairs) {  // it has not settled yet
  auto core = settled(CheckSide::controlling);
  drained(core);
  core.arrived(0, far, check(), start + 50ms);
  EXPECT_THAT(answers_among(drained(core)), SizeIs(1));
}

TEST_F(SettledTest, MovesToWhereThePeerAnswersIfItAnswersNowhereElse) {
  for (const auto side : {CheckSide::controlling, CheckSide::controlled}) {
    auto core = settled(side);
    drained(core);
    core.arrived(0, elsewhere, check(side == CheckSide::controlled), start + 2s);
    const auto moved = all_of<Moved>(answering(core, start + 2s, 500ms, false, true));
    ASSERT_THAT(moved, SizeIs(1));
    EXPECT_EQ(moved[0].socket, 0u);
    EXPECT_EQ(moved[0].from, near);
    EXPECT_EQ(moved[0].to, elsewhere);
    std::vector<Action> later;
    for (auto now = start + 3s; now < start + 20s; now += 100ms) {
      core.expire(now);
      for (auto& action : drained(core)) later.push_back(std::move(action));
    }
    for (const auto& send : all_of<Send>(later)) EXPECT_EQ(send.to, elsewhere) << "kept alive there from now on";
    EXPECT_GE(all_of<Send>(later).size(), 3u);
  }
}

TEST_F(SettledTest, StaysWhereThePeerStillAnswers) {  // it has another pair as well, or somebody sends its checks on
  auto core = settled(CheckSide::controlling);
  drained(core);
  core.arrived(0, elsewhere, check(), start + 2s);
  EXPECT_THAT(all_of<Moved>(answering(core, start + 2s, 2s, true, true)), IsEmpty());
}

TEST_F(SettledTest, DoesNotMoveWhereNobodyAnswers) {
  auto core = settled(CheckSide::controlling);
  drained(core);
  core.arrived(0, elsewhere, check(), start + 2s);
  const auto actions = answering(core, start + 2s, 2s, false, false);
  EXPECT_THAT(all_of<Moved>(actions), IsEmpty());
  EXPECT_EQ(std::ranges::count_if(checks_among(actions), [](const Send& send) { return send.to == elsewhere; }), 3) << "and asks no more than a few times";
}

TEST_F(SettledTest, AsksNoMoreThanOnceASecondWhetherThePeerHasMoved) {
  auto core = settled(CheckSide::controlling);
  drained(core);
  core.arrived(0, elsewhere, check(), start + 2s);
  answering(core, start + 2s, 400ms, false, false);
  core.arrived(0, elsewhere, check(), start + 2400ms);
  EXPECT_THAT(checks_among(answering(core, start + 2400ms, 400ms, false, false)), IsEmpty());
  core.arrived(0, elsewhere, check(), start + 3100ms);
  EXPECT_THAT(checks_among(answering(core, start + 3100ms, 300ms, false, false)), SizeIs(6));
}

TEST_F(SettledTest, TakesNoAnswerThatWasUnderWayForASignOfLife) {
  auto core = settled(CheckSide::controlling);
  const auto before = checks_among(drained(core)).at(0);
  core.arrived(0, elsewhere, check(), start + 50ms);
  core.arrived(0, near, answer_to(before), start + 51ms);  // to a check that went out before the peer left
  EXPECT_THAT(all_of<Moved>(answering(core, start + 51ms, 500ms, false, true)), SizeIs(1));
}

TEST_F(SettledTest, ForgetsWhatIsLongAgo) {  // its memory has an end
  auto core = settled(CheckSide::controlling);
  const auto first_sent = checks_among(drained(core)).at(0);
  const auto first_heard = check();
  core.arrived(0, near, first_heard, start + 1s);
  drained(core);
  auto now = start + 1s;
  for (int i = 0; i < 4200; ++i) {
    now += 6s;
    core.arrived(0, near, check(), now);
    drained(core);
  }
  EXPECT_FALSE(core.arrived(0, near, answer_to(first_sent), now));
  core.arrived(0, near, first_heard, now);
  EXPECT_THAT(answers_among(drained(core)), SizeIs(1));
}

TEST_F(SettledTest, IsMovedByNoReplay) {
  auto core = punch({{near, Tier::direct}});
  core.arrived(0, near, answer_to(checks_among(drained(core)).at(0)), start + 30ms);
  const auto heard_before = check();
  core.arrived(0, near, heard_before, start + 35ms);
  core.settle(0, near, start + 40ms);
  drained(core);
  core.arrived(0, elsewhere, heard_before, start + 2s);
  const auto actions = answering(core, start + 2s, 1s, false, true);
  EXPECT_THAT(all_of<Moved>(actions), IsEmpty());
  for (const auto& send : all_of<Send>(actions)) EXPECT_NE(send.to, elsewhere);
}

TEST_F(SettledTest, IsMovedByNoCheckOfAPairThatTheSenderHasNotChosen) {
  auto core = settled(CheckSide::controlled);
  drained(core);
  core.arrived(0, elsewhere, check(false), start + 2s);
  EXPECT_THAT(all_of<Moved>(answering(core, start + 2s, 1s, false, true)), IsEmpty());
}

TEST_F(SettledTest, IsMovedByNoOtherSocket) {
  auto core = settled(CheckSide::controlling);
  drained(core);
  core.arrived(1, over_v6, check(), start + 2s);
  EXPECT_THAT(all_of<Moved>(answering(core, start + 2s, 1s, false, true, over_v6)), IsEmpty());
}

TEST_F(SettledTest, MovesAgainWhenThePeerMovesOn) {
  auto core = settled(CheckSide::controlling);
  drained(core);
  core.arrived(0, elsewhere, check(), start + 2s);
  ASSERT_THAT(all_of<Moved>(answering(core, start + 2s, 500ms, false, true)), SizeIs(1));
  core.arrived(0, far_too, check(), start + 10s);
  const auto moved = all_of<Moved>(answering(core, start + 10s, 500ms, false, true, far_too));
  ASSERT_THAT(moved, SizeIs(1));
  EXPECT_EQ(moved[0].from, elsewhere);
  EXPECT_EQ(moved[0].to, far_too);
}

TEST_F(SettledTest, MaySettleOnAnAddressThatNoCheckHasTold) {
  settings.side = CheckSide::controlled;
  auto core = punch({});
  core.settle(0, elsewhere, start + 1s);
  const auto sent = all_of<Send>(drained(core));
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(sent[0].to, elsewhere);
  EXPECT_THAT(all_of<Failed>(run_until(core, 10s)), IsEmpty());
}

// Measured rounds.

struct SearchTest : UdpPunchTest {
  SearchPlan probes(std::size_t count, SearchPlan::Way way) {
    SearchPlan plan{.way = way, .sockets = 1, .towards = far.address, .aims = {}, .pace = 1ms};
    for (std::size_t i = 0; i < count; ++i) plan.aims.push_back(Port{static_cast<std::uint16_t>(10'000 + 7 * i)});
    return plan;
  }
  SearchPlan sockets(std::size_t count, SearchPlan::Way way) { return {.way = way, .sockets = count, .towards = far.address, .aims = {far.port}, .pace = 0ms}; }
  UdpPunch search(SearchPlan plan) { return {std::move(plan), settings, random, start}; }
};

TEST_F(SearchTest, ProbesInOrderAtItsPaceAndNoPortTwice) {
  auto core = search(probes(2048, SearchPlan::Way::birthday));
  std::vector<Sent> sent;
  const auto all = run_until(core, 1h, &sent);
  ASSERT_THAT(sent, SizeIs(2048));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].send.to.port.number, 10'000 + 7 * i);
    EXPECT_EQ(sent[i].at, 20ms + i * 1ms);
    EXPECT_FALSE(sent[i].send.ttl);
  }
  EXPECT_THAT(all_of<Failed>(all), SizeIs(1));
}

TEST_F(SearchTest, SweepsARangeAgainForWhatWasLost) {
  auto core = search(probes(256, SearchPlan::Way::sweep));
  std::vector<Sent> sent;
  run_until(core, 1h, &sent);
  EXPECT_GE(sent.size(), 4u * 256u);
  EXPECT_LE(sent.size(), max_search_packets);
  EXPECT_EQ(sent[256].send.to, sent[0].send.to);
  EXPECT_GE(sent[256].at - sent[255].at, 100ms);
}

TEST_F(SearchTest, CatchesUpWithAPauseOfTheMachineByAFewPacketsOnly) {
  auto core = search(probes(2048, SearchPlan::Way::birthday));
  run_until(core, 100ms);
  core.expire(start + 2s);
  EXPECT_LE(drained(core).size(), 20u);
}

TEST_F(SearchTest, OpensAllHolesInOneBurstAndThenWaitsToBeFound) {
  auto core = search(sockets(256, SearchPlan::Way::birthday));
  std::vector<Sent> sent;
  run_until(core, 1h, &sent);
  ASSERT_GE(sent.size(), 512u);
  std::set<std::size_t> used;
  for (std::size_t i = 0; i < 256; ++i) {
    used.insert(sent[i].send.socket);
    EXPECT_EQ(sent[i].at, 0ms);
    EXPECT_EQ(sent[i].send.to, far);
    EXPECT_EQ(sent[i].send.ttl, opener_ttl);
  }
  EXPECT_EQ(used.size(), 256u);
  for (const auto& each : sent) {
    if (each.at < 500ms) {
      EXPECT_TRUE(each.send.ttl) << "the peer's router would remember it";
    }
  }
  EXPECT_FALSE(sent.back().send.ttl) << "in the end in earnest, for NATs that are further away than an opener goes";
  EXPECT_LE(sent.size(), max_search_packets);
}

TEST_F(SearchTest, MeetsInTheMiddleWithOpenersFirst) {
  for (const auto way : {SearchPlan::Way::middle, SearchPlan::Way::block}) {
    auto core = search(sockets(64, way));
    std::vector<Sent> sent;
    run_until(core, 1h, &sent);
    ASSERT_GE(sent.size(), 128u);
    for (std::size_t i = 0; i < 64; ++i) EXPECT_TRUE(sent[i].at == 0ms && sent[i].send.ttl);
    for (std::size_t i = 64; i < 128; ++i) EXPECT_TRUE(sent[i].at == 50ms && !sent[i].send.ttl);
    EXPECT_LE(sent.size(), max_search_packets);
  }
}

TEST_F(SearchTest, HidesBehindASteppingNatUntilItIsFound) {
  auto core = search(sockets(1, SearchPlan::Way::sweep));
  std::vector<Sent> sent;
  run_until(core, 340ms, &sent);
  for (const auto& each : sent) EXPECT_TRUE(each.send.ttl);
  core.arrived(0, far, check(), start + 340ms);
  const auto checks = checks_among(drained(core));
  ASSERT_THAT(checks, SizeIs(1));
  EXPECT_FALSE(checks[0].ttl);
}

TEST_F(SearchTest, ComesOutOfHidingWhenItIsFoundEarly) {
  auto core = search(sockets(1, SearchPlan::Way::sweep));
  drained(core);
  core.arrived(0, far, check(), start + 30ms);
  const auto checks = checks_among(drained(core));
  ASSERT_THAT(checks, SizeIs(1));
  EXPECT_FALSE(checks[0].ttl);
}

TEST_F(SearchTest, StopsWhenThePeerIsFound) {
  auto core = search(probes(2048, SearchPlan::Way::birthday));
  const auto found = checks_among(run_until(core, 100ms)).at(50);
  core.arrived(0, found.to, answer_to(found), start + 100ms);
  EXPECT_THAT(all_of<Reached>(drained(core)), SizeIs(1));
  std::vector<Sent> sent;
  run_until(core, 3s, &sent);
  for (const auto& each : sent) EXPECT_EQ(each.send.to, found.to);
}

TEST_F(SearchTest, FindsAndIsFound) {
  // The hidden side has three mappings, of which the prober hits one; both are told by the other's packets.
  auto prober = search(probes(300, SearchPlan::Way::birthday));
  const auto probe = checks_among(run_until(prober, 60ms)).at(20);
  settings.side = CheckSide::controlled;
  auto hidden = search(sockets(3, SearchPlan::Way::birthday));
  drained(hidden);
  EXPECT_TRUE(hidden.arrived(1, far, decode_stun(probe.bytes).value(), start + 80ms));
  const auto actions = drained(hidden);
  ASSERT_THAT(all_of<Reached>(actions), SizeIs(1));
  EXPECT_EQ(all_of<Reached>(actions)[0].socket, 1u);
  const auto answers = answers_among(actions);
  ASSERT_THAT(answers, SizeIs(1));
  EXPECT_TRUE(prober.arrived(0, probe.to, decode_stun(answers[0].bytes).value(), start + 120ms));
  EXPECT_THAT(all_of<Reached>(drained(prober)), SizeIs(1));
}

TEST_F(SearchTest, HasNothingToDoForAnImpossiblePlan) {
  auto core = search({});
  core.expire(start + 4s);
  const auto actions = drained(core);
  EXPECT_THAT(all_of<Send>(actions), IsEmpty());
  ASSERT_THAT(all_of<Failed>(actions), SizeIs(1));
}

TEST_F(SearchTest, PlansAPlainRoundForOneSocketWithTimeForOpeners) {
  auto core = search(sockets(1, SearchPlan::Way::plain));
  std::vector<Sent> sent;
  run_until(core, 200ms, &sent);
  ASSERT_GE(sent.size(), 3u);
  EXPECT_TRUE(sent[0].send.ttl && sent[1].send.ttl);
  EXPECT_FALSE(sent[2].send.ttl);
  EXPECT_EQ(sent[2].at, 150ms);
}

}  // namespace
}  // namespace pshare
