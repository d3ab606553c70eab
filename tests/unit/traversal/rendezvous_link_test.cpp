#include "traversal/rendezvous_link.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "drained.hpp"
#include "wire/core.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::drained;

static_assert(Core<RendezvousLink>);

constexpr TimePoint start{};
const Error reset{.code = Errc::unreachable, .doing = "talking to the server: reset"};

template <typename Wanted>
std::vector<Wanted> only_of(const std::vector<RendezvousLink::Action>& actions) {
  std::vector<Wanted> out;
  for (const auto& action : actions)
    if (const auto* found = std::get_if<Wanted>(&action)) out.push_back(*found);
  return out;
}

/// The client messages among the actions.
template <typename Message>
std::vector<Message> sent(const std::vector<RendezvousLink::Action>& actions) {
  std::vector<Message> out;
  for (const auto& send : only_of<RendezvousLink::Send>(actions))
    if (const auto* found = std::get_if<Message>(&send.message)) out.push_back(*found);
  return out;
}

template <typename Wanted>
bool has(const std::vector<RendezvousLink::Action>& actions) {
  return !only_of<Wanted>(actions).empty();
}

struct RendezvousLinkTest : ::testing::Test {
  SeededRandom random{1};
  RendezvousLink link{"pshare/test", random, start};

  std::vector<RendezvousLink::Action> take() { return drained(link); }
  void welcome(TimePoint now) {
    link.connected(now);
    link.received(Welcome{}, now);
  }
  void online_at(TimePoint now) {
    welcome(now);
    take();
  }
  /// Connects again when the pause is over; gives when that was.
  TimePoint reconnect() {
    const auto due = link.deadline();
    EXPECT_TRUE(due);
    link.expire(*due);
    EXPECT_TRUE(has<RendezvousLink::Connect>(take()));
    return *due;
  }
};

TEST_F(RendezvousLinkTest, ConnectsThenSaysHelloThenIsOnlineWhenWelcomed) {
  EXPECT_TRUE(has<RendezvousLink::Connect>(take()));
  link.connected(start + 10ms);
  const auto greeting = take();
  ASSERT_EQ(sent<Hello>(greeting).size(), 1u);
  EXPECT_EQ(sent<Hello>(greeting)[0].version, control_version);
  EXPECT_EQ(sent<Hello>(greeting)[0].agent, "pshare/test");
  EXPECT_FALSE(link.online());
  Welcome welcome;
  welcome.notice = "maintenance at noon";
  link.received(welcome, start + 20ms);
  EXPECT_TRUE(link.online());
  const auto actions = take();
  EXPECT_TRUE(has<RendezvousLink::Online>(actions));
  ASSERT_EQ(only_of<RendezvousLink::Noticed>(actions).size(), 1u);
  EXPECT_EQ(only_of<RendezvousLink::Noticed>(actions)[0].words, "maintenance at noon");
}

TEST_F(RendezvousLinkTest, SendsWhatWasAskedBeforeItWasOnlineInOrder) {
  take();
  const auto first = link.request(Resolve{.whom = std::string{"bob"}}, start + 1min, start);
  const auto second = link.request(Register{.name = "alice"}, start + 1min, start);
  EXPECT_THAT(sent<Resolve>(take()), IsEmpty());
  welcome(start + 1s);
  const auto actions = take();
  ASSERT_EQ(sent<Resolve>(actions).size(), 1u);
  ASSERT_EQ(sent<Register>(actions).size(), 1u);
  EXPECT_EQ(sent<Resolve>(actions)[0].request, first.number);
  EXPECT_EQ(sent<Register>(actions)[0].request, second.number);
}

TEST_F(RendezvousLinkTest, HandsEachReplyToItsRequestWhateverTheirOrder) {
  take();
  online_at(start);
  const auto bob = link.request(Resolve{.whom = std::string{"bob"}}, start + 1min, start);
  const auto eve = link.request(Resolve{.whom = std::string{"eve"}}, start + 1min, start);
  take();
  Resolved resolved;
  resolved.request = eve.number;
  resolved.name = "eve";
  link.received(resolved, start + 1s);
  link.received(Trouble{.request = bob.number, .code = Errc::unknown_peer, .words = "nobody has that name"}, start + 1s);
  const auto actions = take();
  ASSERT_EQ(only_of<RendezvousLink::Answered>(actions).size(), 1u);
  EXPECT_EQ(only_of<RendezvousLink::Answered>(actions)[0].request, eve);
  ASSERT_EQ(only_of<RendezvousLink::Failed>(actions).size(), 1u);
  EXPECT_EQ(only_of<RendezvousLink::Failed>(actions)[0].request, bob);
  EXPECT_EQ(only_of<RendezvousLink::Failed>(actions)[0].error.code, Errc::unknown_peer);
  EXPECT_THAT(only_of<RendezvousLink::Failed>(actions)[0].error.doing, HasSubstr("nobody has that name"));
  link.received(resolved, start + 2s);  // once more: nobody waits for it
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(RendezvousLinkTest, AsksAgainAfterALostConnectionWhatWasNotAnswered) {
  take();
  online_at(start);
  SendSignal signal;
  signal.wait = true;
  const auto asked = link.request(signal, start + 5min, start);
  EXPECT_EQ(sent<SendSignal>(take()).size(), 1u);
  link.connection_lost(reset, start + 1s);
  EXPECT_TRUE(has<RendezvousLink::Offline>(take()));
  EXPECT_FALSE(link.online());
  const auto back = reconnect();
  welcome(back);
  const auto actions = take();
  ASSERT_EQ(sent<SendSignal>(actions).size(), 1u);
  EXPECT_EQ(sent<SendSignal>(actions)[0].request, asked.number);
}

TEST_F(RendezvousLinkTest, FailsARequestWhoseDeadlineComesWhileThereIsNoServerAndSaysWhy) {
  take();
  link.connection_lost({.code = Errc::refused, .doing = "connecting to 192.0.2.1:4700"}, start);
  take();
  link.request(Who{}, start + 1ms, start);
  EXPECT_EQ(link.deadline(), start + 1ms);
  link.expire(start + 1ms);
  const auto failed = only_of<RendezvousLink::Failed>(take());
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, Errc::timed_out);
  EXPECT_THAT(failed[0].error.doing, HasSubstr("192.0.2.1:4700"));
}

TEST_F(RendezvousLinkTest, ForgetsARequestNobodyWaitsFor) {
  take();
  const auto asked = link.request(Who{}, start + 1s, start);
  link.forget(asked);
  welcome(start);
  EXPECT_THAT(sent<Who>(take()), IsEmpty());
}

TEST_F(RendezvousLinkTest, RefusesMoreRequestsThanItsLimit) {
  take();
  for (std::size_t i = 0; i < max_requests; ++i) link.request(Who{}, start + 1h, start);
  EXPECT_THAT(take(), IsEmpty());
  link.request(Who{}, start + 1h, start);
  const auto failed = only_of<RendezvousLink::Failed>(take());
  ASSERT_EQ(failed.size(), 1u);
  EXPECT_EQ(failed[0].error.code, Errc::limit);
}

TEST_F(RendezvousLinkTest, PingsAfterItsOwnSilenceOnly) {
  take();
  online_at(start);
  EXPECT_EQ(link.deadline(), start + keep_alive);
  link.request(Who{}, start + 1h, start + 5s);
  take();
  EXPECT_EQ(link.deadline(), start + 5s + keep_alive);  // it said something
  link.expire(start + 5s + keep_alive);
  EXPECT_EQ(sent<Ping>(take()).size(), 1u);
}

TEST_F(RendezvousLinkTest, TakesAServerForDeadAfterThreePingsWithoutAWord) {
  take();
  online_at(start);
  std::size_t pings = 0;
  TimePoint now = start;
  std::vector<RendezvousLink::Action> actions;
  while (!has<RendezvousLink::Offline>(actions)) {
    ASSERT_TRUE(link.deadline());
    now = *link.deadline();
    link.expire(now);
    actions = take();
    pings += sent<Ping>(actions).size();
  }
  EXPECT_EQ(now, start + 3 * keep_alive);
  EXPECT_EQ(pings, 2u);
  EXPECT_TRUE(has<RendezvousLink::Disconnect>(actions));
  EXPECT_EQ(only_of<RendezvousLink::Offline>(actions)[0].why.code, Errc::timed_out);
}

TEST_F(RendezvousLinkTest, OnDoubtItAsksAtOnceAndTakesSilenceForTheEnd) {
  take();
  online_at(start);
  link.doubt(start + 1s);
  link.doubt(start + 2s);  // once is enough
  EXPECT_EQ(sent<Ping>(take()).size(), 1u);
  EXPECT_EQ(link.deadline(), start + 1s + doubt_patience);
  link.expire(start + 1s + doubt_patience);
  const auto actions = take();
  EXPECT_TRUE(has<RendezvousLink::Disconnect>(actions));
  EXPECT_TRUE(has<RendezvousLink::Offline>(actions));
}

TEST_F(RendezvousLinkTest, AnAnswerEndsTheDoubt) {
  take();
  online_at(start);
  link.doubt(start + 1s);
  take();
  link.received(Pong{}, start + 2s);
  link.expire(start + 1s + doubt_patience);
  EXPECT_TRUE(link.online());
  EXPECT_FALSE(has<RendezvousLink::Offline>(take()));
}

TEST_F(RendezvousLinkTest, AServerThatAnswersPingsIsAlive) {
  take();
  online_at(start);
  for (int minutes = 0; minutes < 60; ++minutes) {
    const auto now = *link.deadline();
    link.expire(now);
    EXPECT_EQ(sent<Ping>(take()).size(), 1u);
    link.received(Pong{}, now + 50ms);
  }
  EXPECT_TRUE(link.online());
}

TEST_F(RendezvousLinkTest, GivesUpOnAServerThatDoesNotWelcome) {
  take();
  link.connected(start);
  take();
  EXPECT_EQ(link.deadline(), start + welcome_patience);
  link.expire(start + welcome_patience);
  const auto actions = take();
  EXPECT_TRUE(has<RendezvousLink::Disconnect>(actions));
  EXPECT_TRUE(has<RendezvousLink::Offline>(actions));
}

TEST_F(RendezvousLinkTest, ComesBackQuicklyFirstThenWithGrowingPauses) {
  take();
  auto now = start;
  for (const auto longest : {200ms, 400ms, 800ms, 1600ms, 3200ms, 6400ms, 12800ms, 25600ms, 30000ms, 30000ms}) {
    link.connection_lost(reset, now);
    const auto offline = only_of<RendezvousLink::Offline>(take());
    ASSERT_EQ(offline.size(), 1u);
    EXPECT_GE(offline[0].retry_at - now, longest / 2);
    EXPECT_LE(offline[0].retry_at - now, longest);
    now = reconnect();
  }
}

TEST_F(RendezvousLinkTest, BeginsItsPausesAnewOnlyAfterASoundConnection) {
  take();
  auto now = start;
  const auto pause_after = [&](Duration lasting) {
    online_at(now);
    link.connection_lost(reset, now + lasting);
    const auto offline = only_of<RendezvousLink::Offline>(take());
    const auto pause = offline.at(0).retry_at - (now + lasting);
    now = reconnect();
    return pause;
  };
  for (int i = 0; i < 8; ++i) pause_after(1s);  // accepts and hangs up
  EXPECT_GE(pause_after(1s), longest_reconnect_pause / 2);
  EXPECT_LE(pause_after(sound_connection), first_reconnect_pause);
}

TEST_F(RendezvousLinkTest, RegistersItsNameAgainOnEveryNewConnection) {
  take();
  online_at(start);
  const auto asked = link.request(Register{.name = "Alice"}, start + 1min, start);
  take();
  link.received(Registered{.request = asked.number, .name = "alice"}, start + 1s);
  EXPECT_EQ(only_of<RendezvousLink::Answered>(take()).size(), 1u);
  link.connection_lost(reset, start + 2s);
  take();
  const auto back = reconnect();
  welcome(back);
  const auto again = sent<Register>(take());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].name, "alice");
  link.received(Registered{.request = again[0].request, .name = "alice"}, back);
  EXPECT_THAT(take(), IsEmpty());  // nobody asked for that answer
}

TEST_F(RendezvousLinkTest, SaysSoWhenItsNameWasGivenAwayMeanwhile) {
  take();
  online_at(start);
  const auto asked = link.request(Register{.name = "alice"}, start + 1min, start);
  link.received(Registered{.request = asked.number, .name = "alice"}, start);
  link.connection_lost(reset, start + 2s);
  take();
  welcome(reconnect());
  const auto again = sent<Register>(take());
  ASSERT_EQ(again.size(), 1u);
  link.received(Trouble{.request = again[0].request, .code = Errc::refused, .words = "taken"}, start + 1min);
  EXPECT_EQ(only_of<RendezvousLink::Noticed>(take()).size(), 1u);
}

TEST_F(RendezvousLinkTest, HandsOutDeliveriesInOrder) {
  take();
  online_at(start);
  for (const std::uint64_t device : {1, 2}) {
    Delivery delivery;
    delivery.from_device.number = device;
    link.received(delivery, start);
  }
  const auto delivered = only_of<RendezvousLink::Delivered>(take());
  ASSERT_EQ(delivered.size(), 2u);
  EXPECT_EQ(delivered[0].delivery.from_device.number, 1u);
  EXPECT_EQ(delivered[1].delivery.from_device.number, 2u);
}

TEST_F(RendezvousLinkTest, EndsForGoodWhenTheServersKeyIsNotThePinnedOne) {
  take();
  const auto asked = link.request(Who{}, start + 1min, start);
  link.connection_lost({.code = Errc::identity_mismatch, .doing = "another key"}, start);
  const auto actions = take();
  ASSERT_EQ(only_of<RendezvousLink::Failed>(actions).size(), 1u);
  EXPECT_EQ(only_of<RendezvousLink::Failed>(actions)[0].request, asked);
  ASSERT_EQ(only_of<RendezvousLink::Ended>(actions).size(), 1u);
  EXPECT_EQ(only_of<RendezvousLink::Ended>(actions)[0].error.code, Errc::identity_mismatch);
  EXPECT_EQ(link.deadline(), std::nullopt);
  link.request(Who{}, start + 1min, start);
  EXPECT_EQ(only_of<RendezvousLink::Failed>(take()).size(), 1u);  // at once
}

TEST_F(RendezvousLinkTest, AnotherKeyAfterAWelcomeIsANetworkThatWillBeLeftAgain) {
  take();
  online_at(start);
  link.connection_lost(reset, start + 1min);
  take();
  const auto again = reconnect();
  link.connection_lost({.code = Errc::identity_mismatch, .doing = "a captive portal"}, again);
  const auto actions = take();
  EXPECT_FALSE(has<RendezvousLink::Ended>(actions));
  ASSERT_EQ(only_of<RendezvousLink::Offline>(actions).size(), 1u);
  EXPECT_EQ(only_of<RendezvousLink::Offline>(actions)[0].why.doing, "a captive portal");
  online_at(reconnect());
  EXPECT_TRUE(link.online());
}

TEST_F(RendezvousLinkTest, OneOfSeveralServersMayHaveAnotherKeyOrVersion) {
  RendezvousLink several{"pshare/test", random, start, {}, RendezvousLink::Servers::several};
  drained(several);
  several.connection_lost({.code = Errc::identity_mismatch, .doing = "another key"}, start);
  EXPECT_FALSE(has<RendezvousLink::Ended>(drained(several)));
  several.expire(*several.deadline());
  several.connected(start + 1s);
  drained(several);
  Welcome welcome;
  welcome.version = control_version + 1;
  several.received(welcome, start + 1s);
  const auto actions = drained(several);
  EXPECT_EQ(only_of<RendezvousLink::Disconnect>(actions).size(), 1u);
  EXPECT_EQ(only_of<RendezvousLink::Offline>(actions).size(), 1u);
  EXPECT_FALSE(has<RendezvousLink::Ended>(actions));
}

TEST_F(RendezvousLinkTest, DoubtLeavesNoLongPauseBeforeTheNextAttempt) {
  take();
  auto now = start;
  for (int failure = 0; failure < 12; ++failure) {
    link.connection_lost(reset, now);
    take();
    if (failure < 11) now = reconnect();
  }
  ASSERT_GT(*link.deadline(), now + longest_doubtful_pause);
  link.doubt(now);
  EXPECT_EQ(link.deadline(), now + longest_doubtful_pause);
  link.doubt(now + longest_doubtful_pause / 2);  // puts nothing off
  EXPECT_EQ(reconnect(), now + longest_doubtful_pause);
}

TEST_F(RendezvousLinkTest, EndsForGoodWhenVersionsDoNotMeet) {
  take();
  link.connected(start);
  take();
  Welcome welcome;
  welcome.version = control_version + 1;
  link.received(welcome, start);
  const auto ended = only_of<RendezvousLink::Ended>(take());
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].error.code, Errc::version);
  EXPECT_THAT(ended[0].error.hint, HasSubstr("update pshare"));
}

TEST_F(RendezvousLinkTest, EndsForGoodWhenTheServerRefusesOurVersion) {
  take();
  link.connected(start);
  take();
  link.received(Trouble{.request = std::nullopt, .code = Errc::version, .words = "update pshare to 2.0"}, start);
  const auto ended = only_of<RendezvousLink::Ended>(take());
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_THAT(ended[0].error.doing, HasSubstr("update pshare to 2.0"));
}

TEST_F(RendezvousLinkTest, ComesBackToAServerThatIsFull) {
  take();
  link.connected(start);
  take();
  link.received(Trouble{.request = std::nullopt, .code = Errc::busy, .words = "the server is full"}, start);
  const auto actions = take();
  ASSERT_EQ(only_of<RendezvousLink::Offline>(actions).size(), 1u);
  EXPECT_THAT(only_of<RendezvousLink::Offline>(actions)[0].why.doing, HasSubstr("the server is full"));
  link.connection_lost(reset, start + 1ms);  // the connection's end is no second loss
  EXPECT_THAT(take(), IsEmpty());
  EXPECT_TRUE(link.deadline());
}

TEST_F(RendezvousLinkTest, HangsUpOnAServerThatAnswersBeforeItWelcomes) {
  take();
  link.connected(start);
  take();
  link.received(Pong{}, start);
  const auto actions = take();
  EXPECT_TRUE(has<RendezvousLink::Disconnect>(actions));
  EXPECT_EQ(only_of<RendezvousLink::Offline>(actions).at(0).why.code, Errc::malformed);
}

TEST_F(RendezvousLinkTest, IgnoresWhatStillArrivesFromAConnectionItGaveUp) {
  take();
  online_at(start);
  link.connection_lost(reset, start + 1s);
  take();
  link.received(Delivery{}, start + 1s);
  link.received(Pong{}, start + 1s);
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(RendezvousLinkTest, AsksRightBehindHelloWithoutWaitingForTheWelcome) {
  const auto early = link.request(Resolve{.whom = std::string{"bob"}}, start + 1min, start);
  link.connected(start);
  const auto greeting = take();
  EXPECT_EQ(sent<Hello>(greeting).size(), 1u);
  ASSERT_EQ(sent<Resolve>(greeting).size(), 1u);
  EXPECT_EQ(sent<Resolve>(greeting)[0].request, early.number);
  link.request(Register{.name = "alice"}, start + 1min, start + 1ms);
  EXPECT_EQ(sent<Register>(take()).size(), 1u);
  link.received(Welcome{}, start + 50ms);
  const auto welcomed = take();
  EXPECT_TRUE(sent<Resolve>(welcomed).empty() && sent<Register>(welcomed).empty());  // not twice
  link.received(Resolved{.request = early.number, .name = "bob", .key = {}}, start + 51ms);
  EXPECT_TRUE(has<RendezvousLink::Answered>(take()));
}

TEST_F(RendezvousLinkTest, SaysItsNameAgainBehindTheHelloOfANewConnection) {
  online_at(start);
  const auto asked = link.request(Register{.name = "Alice"}, start + 1min, start);
  link.received(Registered{asked.number, "alice"}, start);
  take();
  link.connection_lost(reset, start + 1s);
  take();
  link.connected(reconnect());
  const auto greeting = take();
  ASSERT_EQ(sent<Register>(greeting).size(), 1u);
  EXPECT_EQ(sent<Register>(greeting)[0].name, "alice");
}

TEST_F(RendezvousLinkTest, AsksToBeDialledBackOnlyWhereTheWelcomeSaysThatItCan) {
  const auto early = link.request(Probe{.port = Port{1}}, start + 1min, start);
  link.connected(start);
  EXPECT_TRUE(sent<Probe>(take()).empty());
  Welcome able;
  able.stun = Port{4700};
  link.received(able, start);
  ASSERT_EQ(sent<Probe>(take()).size(), 1u);
  link.received(Probed{early.number, DialBackOutcome::refused}, start);
  const auto answers = only_of<RendezvousLink::Answered>(take());
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(std::get<Probed>(answers[0].reply).outcome, DialBackOutcome::refused);
  link.request(Probe{.port = Port{1}}, start + 1min, start);
  EXPECT_EQ(sent<Probe>(take()).size(), 1u);
}

TEST_F(RendezvousLinkTest, AsksAnOlderServerForNoDialBack) {
  link.request(Probe{.port = Port{1}}, start + 1min, start);
  welcome(start);
  link.request(Probe{.port = Port{1}}, start + 1min, start);
  const auto actions = take();
  EXPECT_TRUE(sent<Probe>(actions).empty());
  const auto failed = only_of<RendezvousLink::Failed>(actions);
  ASSERT_EQ(failed.size(), 2u);
  for (const auto& each : failed) EXPECT_EQ(each.error.code, Errc::unsupported);
  EXPECT_EQ(link.deadline(), start + keep_alive);  // nothing is pending
}

TEST_F(RendezvousLinkTest, MeasuresTheRoundTripByHelloAndPingAndKeepsTheShortest) {
  EXPECT_EQ(link.round_trip_time(), std::nullopt);
  link.connected(start);
  link.received(Welcome{}, start + 80ms);
  EXPECT_EQ(link.round_trip_time(), 80ms);
  const auto pinged = *link.deadline();
  link.expire(pinged);
  EXPECT_EQ(sent<Ping>(take()).size(), 1u);
  link.received(Pong{}, pinged + 50ms);
  EXPECT_EQ(link.round_trip_time(), 50ms);
  link.received(Pong{}, pinged + 51ms);  // that nobody asked for
  EXPECT_EQ(link.round_trip_time(), 50ms);
  const auto again = *link.deadline();
  link.expire(again);
  link.received(Pong{}, again + 70ms);
  EXPECT_EQ(link.round_trip_time(), 50ms);
  link.connection_lost(reset, again + 1s);
  EXPECT_EQ(link.round_trip_time(), 50ms);
  link.connected(reconnect());
  EXPECT_EQ(link.round_trip_time(), std::nullopt);  // perhaps by another way
}

TEST_F(RendezvousLinkTest, MovesToAnotherConnectionAtOnceWithWhatItHasNotHeardYet) {
  online_at(start);
  const auto number = link.request(Resolve{.whom = std::string{"bob"}}, start + 1min, start);
  take();
  link.move();
  const auto moving = take();
  EXPECT_TRUE(has<RendezvousLink::Disconnect>(moving));
  EXPECT_TRUE(has<RendezvousLink::Connect>(moving));
  EXPECT_FALSE(has<RendezvousLink::Offline>(moving));
  EXPECT_FALSE(link.online());
  link.connected(start + 1s);
  const auto asked = sent<Resolve>(take());
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].request, number.number);
}

TEST_F(RendezvousLinkTest, DoesNotMoveWithoutAConnection) {
  take();
  link.move();
  EXPECT_THAT(take(), IsEmpty());
}

}  // namespace
}  // namespace pshare
