#include "traversal/quic/quic_connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quic_world.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using testing::endpoint;
using testing::QuicEnd;
using testing::QuicWorld;

Errc code_of(const QuicEnd& end) { return end.connection && end.connection->trouble() ? end.connection->trouble()->code : Errc::failed; }

// --- the handshake ----------------------------------------------------------------------------------------------------

TEST(QuicConnection, SendsItsFirstBytesAfterOneRoundTripAndKnowsThatItWasLetInAfterTwo) {
  QuicWorld world{{.delay = 50ms}};
  world.client.to_send = 100;
  world.begin();
  ASSERT_TRUE(world.run_until([&] { return world.client.confirmed_at && world.server.received == 100; }, 5s));
  EXPECT_EQ(*world.client.may_write_at - world.start, 100ms);
  EXPECT_EQ(*world.server.may_write_at - world.start, 150ms);
  EXPECT_EQ(*world.server.first_byte_at - world.start, 150ms);
  EXPECT_EQ(*world.client.confirmed_at - world.start, 200ms);
}

TEST(QuicConnection, LetsTheServerWriteFirst) {
  QuicWorld world;
  world.server.to_send = 100;
  world.begin();
  EXPECT_TRUE(world.run_until([&] { return world.client.received == 100; }, 5s));
}

TEST(QuicConnection, DoesNotTalkToAServerWithAnotherKey) {
  QuicWorld world;
  world.client_expects = Identity::generate()->id();
  world.client.to_send = 100;
  world.begin();
  ASSERT_TRUE(world.run_until([&] { return world.client.ended_at && world.server.ended_at; }, 5s));
  EXPECT_EQ(code_of(world.client), Errc::identity_mismatch);
  EXPECT_THAT(world.client.connection->trouble()->doing, HasSubstr(world.server.identity.id().text()));
  EXPECT_EQ(code_of(world.server), Errc::identity_mismatch);
  EXPECT_FALSE(world.client.may_write_at || world.server.may_write_at);
  EXPECT_EQ(world.server.received, 0u);
}

TEST(QuicConnection, DoesNotTalkToAClientWithAnotherKey) {
  QuicWorld world;
  world.server_expects = Identity::generate()->id();
  world.client.to_send = world.server.to_send = 100;
  world.begin();
  ASSERT_TRUE(world.run_until([&] { return world.client.ended_at && world.server.ended_at; }, 5s));
  EXPECT_EQ(code_of(world.server), Errc::identity_mismatch);
  EXPECT_THAT(world.server.connection->trouble()->doing, HasSubstr(world.client.identity.id().text()));
  EXPECT_EQ(code_of(world.client), Errc::identity_mismatch);
  EXPECT_FALSE(world.client.confirmed_at || world.server.may_write_at);
  EXPECT_EQ(world.server.received, 0u);
  EXPECT_EQ(world.client.received, 0u);
}

TEST(QuicConnection, GivesUpOnAServerThatDoesNotAnswer) {
  QuicWorld world;
  world.cut = true;
  world.client_settings.patience = 4s;
  world.begin();
  ASSERT_TRUE(world.run_until([&] { return world.client.ended_at.has_value(); }, 20s));
  EXPECT_EQ(*world.client.ended_at - world.start, 4s);
  EXPECT_EQ(code_of(world.client), Errc::timed_out);
}

TEST(QuicConnection, AsksAnImpatientlyKnownServerAgainSoon) {
  QuicWorld world;
  world.cut = true;
  world.client_settings.rtt = 20ms;
  world.begin();
  world.run_for(100ms);
  world.cut = false;
  ASSERT_TRUE(world.run_until([&] { return world.client.may_write_at.has_value(); }, 20s));
  EXPECT_THAT(*world.client.may_write_at - world.start, Le(300ms));
}

TEST(QuicConnection, BeginsWithNothingButAClientsFirstDatagram) {
  QuicWorld world;
  const auto answer = [&](ByteView datagram) {
    return QuicConnection::answer(datagram, world.server.credentials, world.client.identity.id(), world.server.address, world.client.address, {}, world.random,
                                  world.events.now());
  };
  EXPECT_EQ(answer({}), nullptr);
  EXPECT_EQ(answer(ByteBuffer(1200, std::byte{0xC0})), nullptr);
  EXPECT_EQ(answer(ByteBuffer(1200, std::byte{0x40})), nullptr);  // a short header
  std::vector<ByteBuffer> first;
  world.stranger = [&](ByteView datagram) { first.push_back(buffer_of(datagram)); };
  world.begin();
  ASSERT_TRUE(world.run_until([&] { return !first.empty(); }, 1s));
  EXPECT_NE(answer(first.front()), nullptr);
  EXPECT_EQ(answer(ByteView{first.front()}.first(1100)), nullptr);  // RFC 9000 section 14.1: not padded to 1200 bytes
  first.front()[1] = std::byte{0x7F};                                // another version
  EXPECT_EQ(answer(first.front()), nullptr);
}

// --- the stream -------------------------------------------------------------------------------------------------------

struct Line {
  const char* name;
  sim::DatagramLink::Settings settings;
};
void PrintTo(const Line& line, std::ostream* out) { *out << line.name; }

class QuicConnectionOver : public ::testing::TestWithParam<Line> {};

TEST_P(QuicConnectionOver, EveryByteArrivesOnceAndInOrderBothWays) {
  for (const auto congestion_control : {CongestionControl::bbr, CongestionControl::cubic}) {
    QuicWorld world{GetParam().settings, 7};
    world.client_settings.congestion_control = world.server_settings.congestion_control = congestion_control;
    world.client.to_send = world.server.to_send = 2 * MiB;
    world.client.finish_when_sent = world.server.finish_when_sent = true;
    world.begin();
    ASSERT_TRUE(world.run_until([&] { return world.client.connection->finished_by_peer() && world.server.connection && world.server.connection->finished_by_peer(); }));
    EXPECT_EQ(world.client.received, 2 * MiB);
    EXPECT_EQ(world.server.received, 2 * MiB);
    EXPECT_FALSE(world.client.damaged || world.server.damaged);
  }
}

INSTANTIATE_TEST_SUITE_P(Lines, QuicConnectionOver,
                         ::testing::Values(Line{"clean", {.delay = 10ms, .rate = {20'000'000}}}, Line{"losing", {.delay = 10ms, .rate = {20'000'000}, .loss = 0.05}},
                                           Line{"overtaking", {.delay = 10ms, .jitter = 30ms, .rate = {20'000'000}}},
                                           Line{"short_queue", {.delay = 30ms, .rate = {2'000'000}, .queue = 60'000}},
                                           Line{"bursts", {.delay = 10ms, .rate = {20'000'000}, .bursts_every = 400ms, .burst_lasts = 20ms}}),
                         [](const auto& line) { return std::string{line.param.name}; });

TEST(QuicConnection, FillsALineThatLosesOneDatagramInAHundred) {
  QuicWorld world{{.delay = 50ms, .rate = {25'000'000}, .queue = 2'500'000, .loss = 0.01}, 3};
  ASSERT_TRUE(world.come_up());
  world.client.to_send = 64 * MiB;
  const auto begun = world.events.now();
  world.client.drive();
  ASSERT_TRUE(world.run_until([&] { return world.server.received == 64 * MiB; }));
  const std::chrono::duration<double> took = world.events.now() - begun;
  EXPECT_THAT(static_cast<double>(64 * MiB) / took.count(), Ge(0.60 * 25e6));
}

TEST(QuicConnection, AReaderWhoDoesNotReadStopsTheWriterAndGoesOnWhenHeDoes) {
  QuicWorld world{{.delay = 5ms}};
  ASSERT_TRUE(world.come_up());
  world.server.reads = false;
  world.client.to_send = 24 * MiB;
  world.client.drive();
  world.run_for(60s);
  EXPECT_EQ(world.server.connection->readable(), quic_first_window);
  EXPECT_THAT(world.client.connection->unacknowledged(), Ge(1u));
  EXPECT_FALSE(world.client.ended_at || world.server.ended_at);
  world.server.reads = true;
  world.server.drive();
  EXPECT_TRUE(world.run_until([&] { return world.server.received == 24 * MiB; }));
  EXPECT_FALSE(world.server.damaged);
}

TEST(QuicConnection, OneDirectionMayEndBeforeTheOther) {
  QuicWorld world;
  ASSERT_TRUE(world.come_up());
  world.client.to_send = 1000;
  world.client.finish_when_sent = true;
  world.client.drive();
  ASSERT_TRUE(world.run_until([&] { return world.server.connection->finished_by_peer(); }, 5s));
  EXPECT_FALSE(world.client.connection->finished_by_peer());
  world.server.to_send = 2000;
  world.server.drive();
  EXPECT_TRUE(world.run_until([&] { return world.client.received == 2000; }, 5s));
}

TEST(QuicConnection, AnOrderlyCloseIsToldAndWhatCameBeforeItCanStillBeRead) {
  QuicWorld world;
  ASSERT_TRUE(world.come_up());
  world.server.reads = false;
  world.client.to_send = 1000;
  world.client.drive();
  ASSERT_TRUE(world.run_until([&] { return world.client.connection->unacknowledged() == 0; }, 5s));
  const auto at = world.events.now();
  world.client.connection->close(at);
  world.client.drive();
  EXPECT_EQ(code_of(world.client), Errc::closed);
  ASSERT_TRUE(world.run_until([&] { return world.server.ended_at.has_value(); }, 5s));
  EXPECT_EQ(*world.server.ended_at - at, 25ms);
  EXPECT_EQ(code_of(world.server), Errc::closed);
  world.server.reads = true;
  world.server.drive();
  EXPECT_EQ(world.server.received, 1000u);
}

// --- life and death ---------------------------------------------------------------------------------------------------

TEST(QuicConnection, StaysUpForAnHourInWhichNobodySaysAnything) {
  QuicWorld world;
  ASSERT_TRUE(world.come_up());
  world.run_for(1h);
  EXPECT_FALSE(world.client.ended_at || world.server.ended_at);
  world.client.to_send = 100;
  world.client.drive();
  EXPECT_TRUE(world.run_until([&] { return world.server.received == 100; }, 1s));
}

/// Cuts the line in the middle, at many moments of the keep-alive's period. Gives after how long each end knows: the client, the server.
std::vector<std::pair<Duration, Duration>> noticed_after_a_cut(const std::function<void(QuicWorld&)>& begin, Duration delay) {
  std::vector<std::pair<Duration, Duration>> all;
  for (auto moment = 0ms; moment < 2500ms; moment += 100ms) {
    QuicWorld world{{.delay = delay, .rate = {1'000'000}, .queue = 100'000}};
    EXPECT_TRUE(world.come_up());
    begin(world);
    world.run_for(7s + moment);
    EXPECT_FALSE(world.client.ended_at || world.server.ended_at);
    world.cut = true;
    const auto at = world.events.now();
    EXPECT_TRUE(world.run_until([&] { return world.client.ended_at && world.server.ended_at; }, 1min));
    EXPECT_EQ(code_of(world.client), Errc::timed_out);
    EXPECT_EQ(code_of(world.server), Errc::timed_out);
    all.emplace_back(*world.client.ended_at - at, *world.server.ended_at - at);
  }
  return all;
}

constexpr QuicSettings as_we_are;
constexpr auto some_round_trips = 1s;  // of the lines below; and the queue

TEST(QuicConnection, WhoHasDataUnderWayKnowsOfADeadPeerByTheIdleTimer) {
  const auto sends = [](QuicWorld& world) {
    world.client.to_send = 100'000'000;
    world.client.drive();
  };
  for (const auto delay : {5ms, 25ms, 150ms})
    for (const auto& [sender, receiver] : noticed_after_a_cut(sends, delay)) {
      EXPECT_THAT(sender, AllOf(Ge(as_we_are.idle() - some_round_trips), Le(as_we_are.idle() + some_round_trips)));
      EXPECT_THAT(receiver, Le(as_we_are.silence));
      EXPECT_THAT(receiver - sender, Le(as_we_are.keep_alive() + some_round_trips)) << "both look for each other at the same time for a while";
    }
}

TEST(QuicConnection, WhoHasNothingUnderWayKnowsOfADeadPeerAKeepAliveLater) {
  const auto idles = [](QuicWorld&) {};
  for (const auto delay : {5ms, 25ms, 150ms})
    for (const auto& [client, server] : noticed_after_a_cut(idles, delay)) {
      EXPECT_THAT(client, AllOf(Ge(as_we_are.idle() - as_we_are.keep_alive()), Le(as_we_are.silence)));
      EXPECT_THAT(server, AllOf(Ge(as_we_are.idle() - as_we_are.keep_alive()), Le(as_we_are.silence)));
      EXPECT_THAT(std::max(client, server) - std::min(client, server), Le(as_we_are.keep_alive() + some_round_trips));
    }
}

TEST(QuicConnection, OfTwoWhoBearSilenceForDifferentTimesTheShorterOneCounts) {
  for (const bool client_is_patient : {true, false}) {
    QuicWorld world;
    (client_is_patient ? world.client_settings : world.server_settings).silence = 15s;
    ASSERT_TRUE(world.come_up());
    world.run_for(7s);
    world.cut = true;
    const auto at = world.events.now();
    ASSERT_TRUE(world.run_until([&] { return world.client.ended_at && world.server.ended_at; }, 1min));
    EXPECT_THAT(*world.client.ended_at - at, Le(as_we_are.silence));
    EXPECT_THAT(*world.server.ended_at - at, Le(as_we_are.silence));
  }
}

TEST(QuicConnection, SurvivesOutagesInTheMiddleOfATransfer) {
  for (const auto outage : {1000ms, 2500ms, 3100ms, 3500ms, 5000ms}) {
    QuicWorld world{{.delay = 25ms, .rate = {1'000'000}, .queue = 100'000}};
    ASSERT_TRUE(world.come_up());
    world.client.to_send = 6 * MiB;
    world.client.drive();
    world.run_for(2s);
    world.cut = true;
    world.run_for(outage);
    world.cut = false;
    EXPECT_TRUE(world.run_until([&] { return world.server.received == 6 * MiB; })) << outage.count();
    EXPECT_FALSE(world.client.ended_at);
  }
}

TEST(QuicConnection, FollowsAClientWhoseNatGivesItAnotherPort) {
  QuicWorld world{{.delay = 25ms, .rate = {1'000'000}, .queue = 100'000}};
  ASSERT_TRUE(world.come_up());
  world.server.to_send = 6 * MiB;
  world.server.drive();
  world.client.to_send = 1000;
  world.run_for(2s);
  world.client_seen = endpoint("192.0.2.1:1001");
  world.client.drive();
  EXPECT_TRUE(world.run_until([&] { return world.client.received == 6 * MiB && world.server.received == 1000; }, 20s));
  EXPECT_FALSE(world.client.damaged);
}

TEST(QuicConnection, KnowsItsOwnDatagramsByTheirConnectionId) {
  QuicWorld world;
  ASSERT_TRUE(world.come_up());
  std::vector<ByteBuffer> heard;
  world.stranger = [&](ByteView datagram) { heard.push_back(buffer_of(datagram)); };
  world.client.to_send = 100;
  world.client.drive();
  ASSERT_TRUE(world.run_until([&] { return !heard.empty(); }, 1s));
  EXPECT_TRUE(world.server.connection->recognises(heard.front()));
  EXPECT_FALSE(world.client.connection->recognises(heard.front()));
  EXPECT_FALSE(world.server.connection->recognises(ByteView{heard.front()}.first(10)));
  heard.front()[5] ^= std::byte{1};
  EXPECT_FALSE(world.server.connection->recognises(heard.front()));
}

TEST(QuicConnection, APeerThatWasRestartedSaysSoAtOnce) {
  QuicWorld world;
  ASSERT_TRUE(world.come_up());
  std::size_t asked = 0, answered = 0;
  world.stranger = [&](ByteView datagram) {  // the new program with the old identity
    const auto answer = stateless_reset(datagram, quic_reset_secret(world.server.identity), world.random);
    if (!answer) return;
    asked = datagram.size();
    answered = answer->size();
    world.carry(world.server, world.client_seen, *answer);
  };
  world.client.to_send = 100;
  const auto at = world.events.now();
  world.client.drive();
  ASSERT_TRUE(world.run_until([&] { return world.client.ended_at.has_value(); }, 20s));
  EXPECT_EQ(*world.client.ended_at - at, 50ms);
  EXPECT_EQ(code_of(world.client), Errc::unreachable);
  EXPECT_LT(answered, asked);
}

TEST(QuicConnection, AStrangersResetIsNotBelieved) {
  QuicWorld world;
  ASSERT_TRUE(world.come_up());
  world.stranger = [&](ByteView datagram) {
    if (const auto answer = stateless_reset(datagram, quic_reset_secret(world.client.identity), world.random)) world.carry(world.server, world.client_seen, *answer);
  };
  world.client.to_send = 100;
  world.client.drive();
  world.run_for(1s);
  EXPECT_FALSE(world.client.ended_at);
}

TEST(StatelessReset, IsShorterThanWhatItAnswersAndNeverAnswersTheShortest) {
  SeededRandom random{1};
  const auto secret = quic_reset_secret(*Identity::generate());
  for (std::size_t size = 0; size < 100; ++size) {
    const auto answer = stateless_reset(ByteBuffer(size, std::byte{0x40}), secret, random);
    EXPECT_EQ(answer.has_value(), size >= 22) << size;
    EXPECT_LT(answer ? answer->size() : 0, std::max<std::size_t>(size, 1));
  }
  EXPECT_FALSE(stateless_reset(ByteBuffer(1200, std::byte{0xC0}), secret, random));  // a long header
}

// --- the path's MTU ---------------------------------------------------------------------------------------------------

TEST(QuicConnection, FindsOutHowLongItsDatagramsMayBe) {
  QuicWorld world{{.delay = 10ms, .rate = {20'000'000}}};
  ASSERT_TRUE(world.come_up());
  world.client.to_send = 2 * MiB;
  world.client.drive();
  ASSERT_TRUE(world.run_until([&] { return world.server.received == 2 * MiB; }));
  EXPECT_THAT(world.client.longest_sent, Ge(1400u));
  EXPECT_THAT(world.client.probes, Ge(1u));
  EXPECT_EQ(world.client.misplaced_probes, 0u);  // with which the kernel would refuse the others

  QuicWorld narrow{{.delay = 10ms, .rate = {20'000'000}}};
  narrow.mtu = 1280 - 28;
  narrow.client.to_send = 2 * MiB;
  narrow.begin();
  EXPECT_TRUE(narrow.run_until([&] { return narrow.server.received == 2 * MiB; }));

  QuicWorld modest{{.delay = 10ms, .rate = {20'000'000}}};
  modest.client_settings.path_mtu_search = modest.server_settings.path_mtu_search = PathMtuSearch::off;
  modest.client.to_send = 2 * MiB;
  modest.begin();
  ASSERT_TRUE(modest.run_until([&] { return modest.server.received == 2 * MiB; }));
  EXPECT_EQ(modest.client.longest_sent, 1200u);
}

TEST(QuicConnection, NoticesThatItsPathLetsLongDatagramsThroughNoLonger) {
  for (const auto delay : {5ms, 25ms, 150ms}) {
    QuicWorld world{{.delay = delay, .rate = {1'000'000}, .queue = 100'000}};
    ASSERT_TRUE(world.come_up());
    world.client.to_send = 100 * MiB;
    world.client.drive();
    world.run_for(3s);
    ASSERT_FALSE(world.client.ended_at);
    world.mtu = 1300;
    const auto at = world.events.now();
    ASSERT_TRUE(world.run_until([&] { return world.client.ended_at.has_value(); }, 1min));
    EXPECT_THAT(*world.client.ended_at - at, Le(12s));
    EXPECT_TRUE(path_mtu_fell(*world.client.connection->trouble())) << world.client.connection->trouble()->message();
    ASSERT_TRUE(world.run_until([&] { return world.server.ended_at.has_value(); }, 1s));
    EXPECT_TRUE(path_mtu_fell(*world.server.connection->trouble())) << "the peer is told";
  }
}

TEST(QuicConnection, FailsAsSoonAsTheSystemSaysThatItsDatagramsAreTooLong) {
  QuicWorld world;
  ASSERT_TRUE(world.come_up());
  world.client.connection->too_long(world.events.now());
  world.client.drive();
  EXPECT_TRUE(path_mtu_fell(*world.client.connection->trouble()));
  EXPECT_TRUE(world.run_until([&] { return world.server.ended_at.has_value(); }, 1s));
}

}  // namespace
}  // namespace pshare
