#include "traversal/punching/rounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "traversal/overloaded.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Kind = PortForecast::Kind;

const TimePoint start{1h};

Endpoint at(std::string_view text) { return Endpoint::parse(text).value(); }
const Endpoint peer_udp = at("203.0.113.9:5000"), peer_tcp = at("203.0.113.9:5001");
const IpAddress peer_address = peer_udp.address;

PortForecast forecast(Kind kind, const Endpoint& external) { return {.kind = kind, .external = external}; }
PortForecast ours(Kind kind) { return forecast(kind, at("198.51.100.1:4000")); }
PortForecast theirs(Kind kind) { return forecast(kind, peer_udp); }

PunchRounds::Settings settings(Kind own, Kind peers) {
  return {.side = CheckSide::controlling,
          .key = CheckKey{{std::byte{1}}},
          .main_sockets = {false},
          .mine = {.udp = ours(own), .tcp = ours(own), .server_rtt = 50ms},
          .theirs = {.udp = theirs(peers), .tcp = theirs(peers), .server_rtt = 50ms},
          .vouched = {peer_address}};
}

/// One side under a virtual clock, and what it has asked for.
struct Side {
  explicit Side(PunchRounds::Settings with, PunchRounds::Targets targets = {{{peer_udp}}, {{peer_tcp}}})
      : rounds(std::move(targets), std::move(with), random, now) {
    collect();
  }

  void collect() {
    while (auto action = rounds.take()) actions.push_back(std::move(*action));
  }
  /// Lives through all deadlines until then.
  void run_until(TimePoint then) {
    for (int steps = 0; steps < 200'000; ++steps) {
      const auto due = rounds.deadline();
      if (!due || *due > then) break;
      now = std::max(now, *due);
      rounds.expire(now);
      collect();
    }
    now = then;
  }
  template <typename Action>
  std::vector<Action> all() const {
    std::vector<Action> found;
    for (const auto& action : actions)
      if (const auto* one = std::get_if<Action>(&action)) found.push_back(*one);
    return found;
  }
  void heard(std::uint64_t round, Transport transport, const PortForecast& what) {
    rounds.heard(round, transport, what, 50ms, now);
    collect();
  }
  void measured(std::uint64_t round, const PortForecast& what) {
    rounds.measured(round, what, now);
    collect();
  }

  SeededRandom random{7};
  TimePoint now = start;
  PunchRounds rounds;
  std::vector<PunchRounds::Action> actions;
};

std::vector<Transport> over(const std::vector<PunchRounds::Failed>& failures) {
  std::vector<Transport> transports;
  for (const auto& each : failures) transports.push_back(each.transport);
  return transports;
}

TEST(PunchRounds, BeginWithPlainOnesOverBothTransports) {
  Side side{settings(Kind::stable, Kind::stable)};
  side.run_until(start + 500ms);
  ASSERT_FALSE(side.all<PunchRounds::SendUdp>().empty());
  for (const auto& sent : side.all<PunchRounds::SendUdp>()) {
    EXPECT_EQ(sent.to, peer_udp);
    EXPECT_TRUE(sent.socket.main);
  }
  ASSERT_FALSE(side.all<PunchRounds::Dial>().empty());
  for (const auto& dial : side.all<PunchRounds::Dial>()) {
    EXPECT_EQ(dial.dial.to, peer_tcp);
    EXPECT_FALSE(dial.dial.from);
  }
  EXPECT_TRUE(side.all<PunchRounds::Measure>().empty());
}

TEST(PunchRounds, MeasureAtOnceBehindAHardNat) {
  Side side{settings(Kind::stepping, Kind::stable)};
  const auto wanted = side.all<PunchRounds::Measure>();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].round, 1u);
  EXPECT_EQ(wanted[0].transport, Transport::udp);
  EXPECT_TRUE(side.all<PunchRounds::Say>().empty());

  side.measured(1, ours(Kind::stepping));
  const auto said = side.all<PunchRounds::Say>();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].forecast, ours(Kind::stepping));

  side.heard(1, Transport::udp, theirs(Kind::stable));
  side.run_until(start + 100ms);
  const auto sent = side.all<PunchRounds::SendUdp>();
  EXPECT_TRUE(std::any_of(sent.begin(), sent.end(), [](const auto& each) { return !each.socket.main && each.socket.round == 1 && each.to == peer_udp; }));
}

TEST(PunchRounds, TellAStableMappingWithoutMeasuringAndProbeFromThePunchingPort) {
  Side side{settings(Kind::stable, Kind::random)};
  EXPECT_TRUE(side.all<PunchRounds::Measure>().empty());
  const auto said = side.all<PunchRounds::Say>();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].forecast, ours(Kind::stable));
  side.actions.clear();
  side.heard(1, Transport::udp, theirs(Kind::random));
  side.run_until(start + 1s);
  std::set<Port> ports;
  for (const auto& sent : side.all<PunchRounds::SendUdp>()) {
    EXPECT_TRUE(sent.socket.main);
    EXPECT_EQ(sent.to.address, peer_address);
    ports.insert(sent.to.port);
  }
  EXPECT_GT(ports.size(), 500u);
}

TEST(PunchRounds, SearchOverTcpWhereUdpIsBlocked) {
  auto with = settings(Kind::stable, Kind::random);
  with.mine.udp = {.kind = Kind::blocked};
  Side side{with};
  const auto failures = side.all<PunchRounds::Failed>();
  ASSERT_EQ(over(failures), std::vector{Transport::udp});
  EXPECT_EQ(failures[0].reason, Reason::unreachable);
  EXPECT_THAT(failures[0].words, HasSubstr("our network"));
  const auto said = side.all<PunchRounds::Say>();
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].transport, Transport::tcp);
}

TEST(PunchRounds, GiveUpWhatNobodyCanForesee) {
  Side side{settings(Kind::random, Kind::random)};
  ASSERT_EQ(side.all<PunchRounds::Measure>().size(), 1u) << "chance may keep to a small block, which only measuring shows";
  EXPECT_TRUE(side.all<PunchRounds::Failed>().empty()) << "a plain round may meet a NAT that does not filter";
  for (int i = 0; i < 20; ++i) {
    for (const auto& wanted : side.all<PunchRounds::Measure>()) side.measured(wanted.round, ours(Kind::random));
    for (const auto& said : side.all<PunchRounds::Say>()) side.heard(said.round, said.transport, theirs(Kind::random));
    side.run_until(side.now + 1s);
  }
  EXPECT_EQ(side.all<PunchRounds::Measure>().size(), 2u) << "once for each transport";
  for (const auto& sent : side.all<PunchRounds::SendUdp>()) EXPECT_EQ(sent.to, peer_udp);
  const auto failures = side.all<PunchRounds::Failed>();
  EXPECT_THAT(over(failures), ::testing::UnorderedElementsAre(Transport::udp, Transport::tcp));
  for (const auto& each : failures) {
    EXPECT_EQ(each.reason, Reason::unreachable);
    EXPECT_THAT(each.words, HasSubstr("nobody can foresee"));
  }
}

TEST(PunchRounds, SearchTwoSmallBlocksThatOnlyMeasuringShows) {
  Side side{settings(Kind::random, Kind::random)};
  const auto block = [](PortForecast forecast) {
    forecast.lowest = Port{4096};
    forecast.highest = Port{4607};
    return forecast;
  };
  side.measured(1, block(ours(Kind::random)));
  side.heard(1, Transport::udp, block(forecast(Kind::random, at("203.0.113.9:4200"))));
  side.run_until(start + 300ms);
  std::set<Port> ports;
  for (const auto& sent : side.all<PunchRounds::SendUdp>())
    if (!sent.socket.main) ports.insert(sent.to.port);
  EXPECT_FALSE(ports.empty());
  for (const auto port : ports) EXPECT_TRUE(Port{4096} <= port && port <= Port{4607}) << port.number;
}

TEST(PunchRounds, SearchSmallBlocksAgainAfterAFailure) {
  auto with = settings(Kind::random, Kind::random);
  with.tcp = false;
  Side side{with};
  const auto block = [](const Endpoint& external) {
    return PortForecast{.kind = Kind::random, .external = external, .lowest = Port{4096}, .highest = Port{4607}};
  };
  side.measured(1, block(at("198.51.100.1:4100")));
  side.heard(1, Transport::udp, block(at("203.0.113.9:4200")));
  side.run_until(start + measured_udp_patience + measured_round_pause + 200ms);
  const auto wanted = side.all<PunchRounds::Measure>();
  ASSERT_EQ(wanted.size(), 2u) << "what was measured counts, not what the survey had guessed";
  EXPECT_EQ(wanted[1].transport, Transport::udp);
}

TEST(PunchRounds, SearchNowhereButWhereTheServerSeesThePeer) {
  const std::vector<IpAddress> elsewhere{at("192.0.2.77:1").address, at("[2001:db8::77]:1").address};
  for (const auto& seen : {std::vector<IpAddress>{}, elsewhere}) {
    auto with = settings(Kind::stable, Kind::random);
    with.vouched = seen;
    Side side{with};
    side.heard(1, Transport::udp, theirs(Kind::random));
    side.heard(2, Transport::tcp, theirs(Kind::random));
    side.run_until(start + 60s);
    for (const auto& sent : side.all<PunchRounds::SendUdp>()) EXPECT_EQ(sent.to, peer_udp) << "the plain round's only";
    for (const auto& dial : side.all<PunchRounds::Dial>()) EXPECT_EQ(dial.dial.to, peer_tcp);
    const auto failures = side.all<PunchRounds::Failed>();
    EXPECT_EQ(failures.size(), 2u);
    for (const auto& each : failures) EXPECT_THAT(each.words, HasSubstr("the server does not see"));
  }
}

TEST(PunchRounds, SearchAtEitherAddressAtWhichTheServerSeesThePeer) {
  for (const bool other_first : {false, true}) {
    auto with = settings(Kind::stable, Kind::random);
    with.vouched.insert(other_first ? with.vouched.begin() : with.vouched.end(), at("[2001:db8::77]:1").address);
    Side side{with};
    side.heard(1, Transport::udp, theirs(Kind::random));
    side.run_until(start + 3s);
    EXPECT_GT(side.all<PunchRounds::SendUdp>().size(), 500u) << other_first;
  }
}

TEST(PunchRounds, SearchOnceTheServerHasSeenThePeerOverTheOtherFamily) {
  auto with = settings(Kind::stable, Kind::random);
  with.vouched = {at("[2001:db8::77]:1").address};
  Side side{with};
  side.run_until(start + 500ms);
  EXPECT_TRUE(side.all<PunchRounds::Say>().empty());
  side.rounds.learned(with.mine, with.theirs, {at("[2001:db8::77]:1").address, peer_address}, side.now);
  side.collect();
  EXPECT_EQ(side.all<PunchRounds::Say>().size(), 1u);
}

TEST(PunchRounds, TakeNoForecastForAnAddressOtherThanTheVouchedOne) {
  Side side{settings(Kind::stable, Kind::random)};
  auto elsewhere = forecast(Kind::random, at("192.0.2.77:4000"));
  side.heard(1, Transport::udp, elsewhere);
  side.run_until(start + 2s);
  for (const auto& sent : side.all<PunchRounds::SendUdp>()) EXPECT_EQ(sent.to.address, peer_address);
}

TEST(PunchRounds, TryNewSocketsWhenHarmlessNatsDidNotMeet) {
  Side side{settings(Kind::stable, Kind::stable)};
  side.run_until(start + plain_udp_patience + 500ms);
  const auto wanted = side.all<PunchRounds::Measure>();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].transport, Transport::udp);
  side.measured(1, forecast(Kind::stable, at("198.51.100.1:4777")));
  side.actions.clear();
  side.heard(1, Transport::udp, forecast(Kind::stable, at("203.0.113.9:5777")));
  side.run_until(side.now + 500ms);
  const auto sent = side.all<PunchRounds::SendUdp>();
  EXPECT_TRUE(std::any_of(sent.begin(), sent.end(), [](const auto& each) { return !each.socket.main && each.to == at("203.0.113.9:5777"); }));
}

TEST(PunchRounds, BeginASecondPlainOneTogetherSoWhoeverSpeaksLastWaitsForTheWordToArrive) {
  const auto of_new_sockets = [](const Side& side) {
    const auto sent = side.all<PunchRounds::SendUdp>();
    return std::ranges::count_if(sent, [](const auto& each) { return !each.socket.main; });
  };
  const auto fresh = forecast(Kind::stable, at("198.51.100.1:4777")), peers_fresh = forecast(Kind::stable, at("203.0.113.9:5777"));
  auto far = settings(Kind::stable, Kind::stable);
  far.mine.server_rtt = far.theirs.server_rtt = 250ms;

  Side last{far};
  last.run_until(start + plain_udp_patience + 500ms);
  last.heard(1, Transport::udp, peers_fresh);
  last.measured(1, fresh);
  last.run_until(last.now + 249ms);
  EXPECT_EQ(of_new_sockets(last), 0);
  last.run_until(last.now + 1ms);
  EXPECT_GT(of_new_sockets(last), 0);

  Side first{far};
  first.run_until(start + plain_udp_patience + 500ms);
  first.measured(1, fresh);
  first.run_until(first.now + 250ms);
  first.heard(1, Transport::udp, peers_fresh);
  EXPECT_GT(of_new_sockets(first), 0);

  auto hard = far;
  hard.mine.udp = ours(Kind::stepping);
  Side searching{hard};
  searching.heard(1, Transport::udp, peers_fresh);
  searching.measured(1, ours(Kind::stepping));
  EXPECT_GT(of_new_sockets(searching), 0) << "a forecast grows old";
}

TEST(PunchRounds, GoOnWithThePlainOneForAsLongAsTheOtherSideMayBeginLater) {
  auto with = settings(Kind::stable, Kind::stable);
  with.side = CheckSide::controlled;
  with.tcp = false;
  with.plain_patience = 30s;
  Side side{with};
  side.run_until(start + 28s);
  EXPECT_LE(side.all<PunchRounds::SendUdp>().size(), max_checks_in_round);
  side.actions.clear();
  side.run_until(start + 29s);
  const auto sent = side.all<PunchRounds::SendUdp>();
  EXPECT_TRUE(std::ranges::any_of(sent, [](const auto& each) { return each.to == peer_udp; }));
  side.actions.clear();
  side.run_until(start + 40s);
  EXPECT_LE(side.all<PunchRounds::SendUdp>().size(), 5u);
}

TEST(PunchRounds, OfTheControlledSideFollowTheOther) {
  auto with = settings(Kind::stable, Kind::unknown);
  with.side = CheckSide::controlled;
  Side side{with};
  side.run_until(start + 200ms);
  EXPECT_TRUE(side.all<PunchRounds::Say>().empty());
  side.rounds.learned({}, {.udp = {}, .tcp = theirs(Kind::random)}, {peer_address}, side.now);
  side.collect();
  side.actions.clear();
  side.heard(2, Transport::udp, theirs(Kind::stepping));
  EXPECT_FALSE(side.all<PunchRounds::Measure>().empty() && side.all<PunchRounds::Say>().empty());
}

TEST(PunchRounds, OfTheControlledSideYieldWhereTheOtherBeganAnotherTransport) {
  auto with = settings(Kind::stable, Kind::random);
  with.side = CheckSide::controlled;
  Side side{with};
  ASSERT_EQ(side.all<PunchRounds::Say>().at(0).transport, Transport::udp);
  side.heard(1, Transport::tcp, theirs(Kind::random));
  ASSERT_EQ(side.all<PunchRounds::Say>().size(), 2u);
  EXPECT_EQ(side.all<PunchRounds::Say>().at(1).transport, Transport::tcp);

  Side controlling{settings(Kind::stable, Kind::random)};
  controlling.heard(1, Transport::tcp, theirs(Kind::random));
  EXPECT_EQ(controlling.all<PunchRounds::Say>().size(), 1u);
}

TEST(PunchRounds, SearchFirstOverWhatHasWorkedBefore) {
  auto with = settings(Kind::stable, Kind::random);
  with.search_first = Transport::tcp;
  Side side{with};
  EXPECT_EQ(side.all<PunchRounds::Say>().at(0).transport, Transport::tcp);
}

TEST(PunchRounds, BeginASearchWhenItIsLearntThatOneIsNeeded) {
  Side side{settings(Kind::unknown, Kind::stable)};
  EXPECT_TRUE(side.all<PunchRounds::Measure>().empty());
  side.rounds.learned({.udp = ours(Kind::blocked), .tcp = ours(Kind::stepping)}, {}, {peer_address}, side.now);
  side.collect();
  const auto wanted = side.all<PunchRounds::Measure>();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].transport, Transport::tcp);
}

TEST(PunchRounds, ThatAreContentBeginNoSearch) {
  Side side{settings(Kind::stable, Kind::stable)};
  side.rounds.contented();
  side.heard(1, Transport::udp, theirs(Kind::random));
  side.run_until(start + 30s);
  EXPECT_TRUE(side.all<PunchRounds::Measure>().empty());
  EXPECT_TRUE(side.all<PunchRounds::Say>().empty());
}

TEST(PunchRounds, ThatAreStoppedSendNothingAndTellNothing) {
  Side side{settings(Kind::stepping, Kind::stable)};
  side.rounds.stop(Transport::udp, side.now);
  side.rounds.stop(Transport::tcp, side.now);
  side.collect();
  std::set<std::pair<std::uint64_t, Transport>> ended;
  for (const auto& each : side.all<PunchRounds::End>()) ended.emplace(each.round, each.transport);
  EXPECT_TRUE(ended.contains({0, Transport::udp}));
  EXPECT_TRUE(ended.contains({0, Transport::tcp}));
  EXPECT_TRUE(ended.contains({1, Transport::udp}));
  side.actions.clear();
  side.measured(1, ours(Kind::stepping));
  side.heard(1, Transport::udp, theirs(Kind::stable));
  side.heard(2, Transport::tcp, theirs(Kind::stable));
  side.run_until(start + 60s);
  EXPECT_TRUE(side.actions.empty());
}

TEST(PunchRounds, KeepAHoleOpenThatCarriesALane) {
  Side side{settings(Kind::stable, Kind::stable)};
  side.run_until(start + 100ms);
  side.rounds.settle({}, peer_udp, side.now);
  side.rounds.stop(Transport::udp, side.now);
  side.rounds.stop(Transport::tcp, side.now);
  side.collect();
  side.actions.clear();
  side.run_until(start + 31s);
  EXPECT_GE(side.all<PunchRounds::SendUdp>().size(), 5u);
}

TEST(PunchRounds, GoOnWithoutAPeerThatDoesNotSayItsForecast) {
  Side side{settings(Kind::stepping, Kind::stable)};
  side.measured(1, ours(Kind::stepping));
  side.run_until(start + forecast_patience + measured_round_pause + 100ms);
  const auto wanted = side.all<PunchRounds::Measure>();
  ASSERT_GE(wanted.size(), 2u);
  EXPECT_EQ(wanted[1].round, 2u);
}

TEST(PunchRounds, TakeStepsThatLedNowhereForChance) {
  Side side{settings(Kind::stepping, Kind::stable)};
  side.measured(1, ours(Kind::stepping));
  side.heard(1, Transport::udp, theirs(Kind::stable));
  side.run_until(start + measured_udp_patience + measured_round_pause + 200ms);
  for (const auto& wanted : side.all<PunchRounds::Measure>())
    if (wanted.round > 1) side.measured(wanted.round, ours(Kind::stepping));
  auto said = side.all<PunchRounds::Say>();
  while (said.size() < 3 && side.now < start + 60s) {  // TCP has its turn in between
    side.heard(said.back().round, said.back().transport, theirs(Kind::stable));
    side.run_until(side.now + 5s);
    for (const auto& wanted : side.all<PunchRounds::Measure>())
      if (wanted.round > said.back().round) side.measured(wanted.round, ours(Kind::stepping));
    said = side.all<PunchRounds::Say>();
  }
  ASSERT_GE(said.size(), 3u);
  EXPECT_EQ(said[2].transport, Transport::udp);
  EXPECT_EQ(said[2].forecast.kind, Kind::random);
  EXPECT_EQ(said[2].forecast.highest, highest_nat_port);
}

TEST(PunchRounds, LookAtAStableMappingAgainAfterASearchInVain) {
  auto with = settings(Kind::stable, Kind::random);
  with.tcp = false;
  Side side{with};
  side.heard(1, Transport::udp, theirs(Kind::random));
  side.run_until(start + 3s);
  EXPECT_TRUE(side.all<PunchRounds::Measure>().empty()) << "the first time what was seen at the start will do";
  side.run_until(start + measured_udp_patience + 2 * measured_round_pause);
  const auto wanted = side.all<PunchRounds::Measure>();
  ASSERT_EQ(wanted.size(), 1u);
  EXPECT_EQ(wanted[0].round, 2u);

  const auto moved = forecast(Kind::stable, at("198.51.100.1:4711"));
  side.measured(2, moved);
  EXPECT_EQ(side.all<PunchRounds::Say>().back().forecast, moved);
  side.actions.clear();
  side.heard(2, Transport::udp, theirs(Kind::random));
  side.run_until(side.now + 500ms);
  const auto sent = side.all<PunchRounds::SendUdp>();
  EXPECT_GE(std::count_if(sent.begin(), sent.end(), [](const auto& each) { return !each.socket.main && each.socket.round == 2; }), 100);
}

TEST(PunchRounds, AreBounded) {
  Side side{settings(Kind::stepping, Kind::stable)};
  for (int i = 0; i < 100; ++i) {
    side.run_until(side.now + 1s);
    for (const auto& wanted : side.all<PunchRounds::Measure>()) side.measured(wanted.round, ours(Kind::stepping));
    for (const auto& said : side.all<PunchRounds::Say>()) side.heard(said.round, said.transport, theirs(Kind::stable));
  }
  EXPECT_LE(side.all<PunchRounds::Measure>().size(), max_measured_rounds);
  EXPECT_THAT(over(side.all<PunchRounds::Failed>()), ::testing::UnorderedElementsAre(Transport::udp, Transport::tcp));
  side.actions.clear();
  side.heard(max_measured_rounds + 1, Transport::udp, theirs(Kind::stable));
  EXPECT_TRUE(side.actions.empty());
}

TEST(PunchRounds, FeedAnAuthenticCheckToTheRoundThatItIsFor) {
  Side side{settings(Kind::stable, Kind::stable)};
  Side peer{[] {
    auto with = settings(Kind::stable, Kind::stable);
    with.side = CheckSide::controlled;
    return with;
  }()};
  peer.run_until(start + 100ms);
  const auto sent = peer.all<PunchRounds::SendUdp>();
  ASSERT_FALSE(sent.empty());
  const auto check = decode_stun(sent.back().bytes).value();
  EXPECT_TRUE(side.rounds.arrived({}, peer_udp, check, side.now));
  const auto foreign = decode_stun(encode(StunMessage{.id = TransactionId{}})).value();
  EXPECT_FALSE(side.rounds.arrived({}, peer_udp, foreign, side.now));
}

}  // namespace
}  // namespace pshare
