// One climb under virtual time: who is dialled when, which reason is given, and the words when there is no path.
#include "traversal/ascent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "drained.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;
using testing::drained;

Pair pair(const char* remote, Tier tier = Tier::direct) { return {.remote = *Endpoint::parse(remote), .tier = tier, .likely = true}; }
Pair long_shot(const char* remote, Tier tier = Tier::direct) { return {.remote = *Endpoint::parse(remote), .tier = tier}; }

const Targets two_pairs{.dials = {pair("192.0.2.1:1001"), pair("192.0.2.2:1002")}};
const Path some_path{.remote = two_pairs.dials[0].remote};

Path path(Tier tier, Transport transport = Transport::tcp) { return {.tier = tier, .transport = transport, .remote = *Endpoint::parse("192.0.2.1:1001")}; }

/// What two peers behind NATs offer each other: a private address each, and where servers see them.
Targets behind_nats() {
  return {.dials = {long_shot("192.168.7.9:1001")},
          .punches = {pair("203.0.113.1:1002", Tier::punched)},
          .checks = {pair("203.0.113.1:1003", Tier::punched), long_shot("192.168.7.9:1004")}};
}

/// "direct tcp: refused", "punched udp: connected".
std::string text(const Attempt& attempt) {
  return std::string{word(attempt.tier)} + " " + std::string{word(attempt.transport)} + ": " +
         std::string{attempt.outcome == Outcome::connected ? word(attempt.outcome) : word(attempt.reason)};
}

struct Climbing {
  explicit Climbing(Targets targets, Ascent::Settings settings = {.patience = 25s})
      : ascent(std::move(targets), std::move(settings), random, now) {
    drain();
  }

  void drain() {
    for (auto& action : drained(ascent)) {
      if (const auto* dial = std::get_if<Ascent::Dial>(&action)) dials.push_back(dial->pair);
      if (const auto* begin = std::get_if<Ascent::Punch>(&action))
        for (const auto transport : begin->over) punching.push_back("begin " + std::string{word(transport)});
      if (const auto* end = std::get_if<Ascent::StopPunching>(&action)) punching.push_back("stop " + std::string{word(end->transport)});
      if (const auto* report = std::get_if<Ascent::Report>(&action)) reports.push_back(report->attempt);
      if (const auto* meet = std::get_if<Ascent::Meet>(&action)) meetings.push_back(meet->tier);
      if (const auto* use = std::get_if<Ascent::Use>(&action)) used.push_back(use->lane.number);
      if (const auto* rival = std::get_if<Ascent::Rival>(&action)) rivals.push_back(rival->lane.number);
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
      if (++steps > 10'000) throw std::logic_error{"the deadline does not move on"};
    }
    now = until;
  }
  void fail(std::size_t number, Errc code) {
    ascent.dial_failed(number, code, now);
    drain();
  }
  void lane_up(std::optional<std::size_t> number, const Path& over = some_path) {
    ascent.lane_up(over, number, now);
    drain();
  }
  void punching_ended(Transport transport, Reason reason, std::string words = {}) {
    ascent.punching_ended(transport, reason, now, std::move(words));
    drain();
  }
  void meeting_ended(Tier tier, Reason reason) {
    ascent.meeting_ended(tier, reason, now);
    drain();
  }
  void fell_back(const Path& to) {
    ascent.fell_back(to, now);
    drain();
  }
  void more_relays() {
    ascent.more_relays(now);
    drain();
  }
  void try_again() {
    ascent.try_again(now);
    drain();
  }
  Targets more(const Targets& targets) {
    auto added = ascent.more_pairs(targets, now);
    drain();
    return added;
  }
  /// What was reported since the last call, of the tiers that are driven.
  std::vector<std::string> told() {
    std::vector<std::string> out;
    for (; reports_told < reports.size(); ++reports_told)
      if (reports[reports_told].tier < Tier::supernode) out.push_back(text(reports[reports_told]));
    return out;
  }

  SeededRandom random{1};
  TimePoint now{1h};
  Ascent ascent;
  std::vector<std::size_t> dials;
  std::vector<std::string> punching;
  std::vector<Tier> meetings;
  std::vector<Attempt> reports;
  std::vector<std::uint32_t> used, rivals, closed;
  std::optional<Error> why;
  std::size_t reports_told = 0, steps = 0;
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
    EXPECT_THAT(climbing.told(), ElementsAre("mapped tcp: no-candidates", "punched tcp: no-candidates", "direct tcp: connected"));
    EXPECT_EQ(climbing.reports.back().remote, some_path.remote);
    climbing.wait(30s);
    EXPECT_THAT(climbing.dials, ElementsAre(0));
    climbing.lane_up(std::nullopt);
    EXPECT_THAT(climbing.closed, ElementsAre(1));
    EXPECT_THAT(climbing.told(), IsEmpty());
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
      EXPECT_THAT(climbing.told(), Contains("direct tcp: " + std::string{word(reason)}));
    }
}

TEST(Ascent, TriesAgainAndAtTheEndOfPatienceSaysOfEveryTierWhatCameOfIt) {
  Climbing climbing{two_pairs};
  climbing.fail(0, Errc::refused);
  climbing.fail(1, Errc::unreachable);
  std::vector<std::string> reports;
  for (const auto& each : climbing.reports) reports.push_back(text(each));
  EXPECT_THAT(reports, ElementsAre("mapped tcp: no-candidates", "punched tcp: no-candidates", "direct tcp: refused", "supernode tcp: unsupported",
                                   "relay tcp: unsupported"));
  climbing.wait(1s);
  EXPECT_THAT(climbing.dials, ElementsAre(0, 1, 0, 1));
  EXPECT_FALSE(climbing.why);
  climbing.fail(1, Errc::refused);
  climbing.wait(24s);
  ASSERT_TRUE(climbing.why);
  EXPECT_EQ(climbing.why->code, Errc::no_path);
  EXPECT_EQ(climbing.why->doing,
            "no path to the peer; tried direct: refused (192.0.2.1:1001 timeout, 192.0.2.2:1002 refused); mapped, punched: no-candidates; "
            "supernode, relay: unsupported");
}

TEST(Ascent, SaysInTheEndWhatTheRouterWasFoundOutToDo) {
  Climbing climbing{two_pairs, {.tiers = {Tier::direct, Tier::mapped}, .patience = 5s}};
  climbing.fail(0, Errc::refused);
  climbing.ascent.mapping_trouble(Reason::igd_refused);  // it took its time
  climbing.wait(5s);
  ASSERT_TRUE(climbing.why);
  EXPECT_THAT(climbing.why->doing, ::testing::EndsWith("; mapped: igd-refused"));
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
  Climbing climbing{Targets{}};
  EXPECT_EQ(climbing.reports.at(0).reason, Reason::no_candidates);
  climbing.wait(candidates_patience - 1s);
  EXPECT_FALSE(climbing.why);
  climbing.lane_up(std::nullopt);
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

TEST(Ascent, GivesUpAtOnceWhereNothingIsDriven) {
  Climbing climbing{two_pairs, {.tcp_allowed = false, .udp_allowed = false, .patience = 25s}};
  EXPECT_TRUE(climbing.dials.empty());
  ASSERT_TRUE(climbing.why);
  EXPECT_EQ(climbing.reports.size(), all_tiers.size());
}

// --- which addresses are dialled when ------------------------------------------------------------------------------------

TEST(Ascent, DialsDirectAndMappedAddressesSideBySideEachAtItsOwnPace) {
  Climbing climbing{{.dials = {pair("192.0.2.1:1"), pair("192.0.2.2:1"), pair("192.0.2.3:1", Tier::mapped), pair("192.0.2.4:1", Tier::mapped)}}};
  EXPECT_THAT(climbing.dials, ElementsAre(0, 2));
  climbing.fail(2, Errc::refused);
  EXPECT_THAT(climbing.dials, ElementsAre(0, 2, 3));
  climbing.wait(250ms);
  EXPECT_THAT(climbing.dials, ElementsAre(0, 2, 3, 1));
}

TEST(Ascent, DialsLongShotsAllAtOnceAfterTheLikelyOnes) {
  const std::vector dials{long_shot("10.0.0.1:1"), pair("192.0.2.1:1"), long_shot("10.0.0.2:1"), pair("192.0.2.2:1"), long_shot("10.0.0.3:1")};
  Climbing slow{{.dials = dials}};
  EXPECT_THAT(slow.dials, ElementsAre(1));
  slow.wait(250ms);
  EXPECT_THAT(slow.dials, ElementsAre(1, 3));
  slow.wait(249ms);
  EXPECT_THAT(slow.dials, ElementsAre(1, 3));
  slow.wait(1ms);
  EXPECT_THAT(slow.dials, ElementsAre(1, 3, 0, 2, 4));

  Climbing quick{{.dials = dials}};
  quick.fail(1, Errc::refused);
  quick.fail(3, Errc::refused);
  EXPECT_THAT(quick.dials, ElementsAre(1, 3, 0, 2, 4));
  quick.fail(0, Errc::unreachable);
  quick.fail(2, Errc::unreachable);
  EXPECT_THAT(quick.told(), Not(Contains("direct tcp: refused"))) << "one is still under way";
  quick.fail(4, Errc::unreachable);
  EXPECT_THAT(quick.told(), ElementsAre("direct tcp: refused"));

  Climbing nothing_else{{.dials = {long_shot("10.0.0.1:1"), long_shot("10.0.0.2:1")}}};
  EXPECT_THAT(nothing_else.dials, ElementsAre(0, 1));
  nothing_else.fail(0, Errc::unreachable);
  nothing_else.more({.dials = {long_shot("10.0.0.3:1")}});
  nothing_else.wait(250ms);
  EXPECT_THAT(nothing_else.dials, ElementsAre(0, 1, 2));
}

TEST(Ascent, DialsNoFurtherAddressesOfATierThatHasALaneAlready) {
  Climbing climbing{{.dials = {pair("192.0.2.1:1"), pair("192.0.2.2:1", Tier::mapped), pair("192.0.2.3:1", Tier::mapped)}}};
  climbing.wait(150ms);
  climbing.lane_up(1, path(Tier::mapped));
  climbing.wait(100ms);
  EXPECT_THAT(climbing.used, IsEmpty());
  EXPECT_THAT(climbing.dials, ElementsAre(0, 1));
}

TEST(Ascent, TriesOnlyWhatTiersAndTransportsAllow) {
  auto targets = behind_nats();
  targets.dials.push_back(pair("203.0.113.1:1005", Tier::mapped));
  Climbing no_punching{targets, {.tiers = {Tier::direct, Tier::mapped}, .patience = 25s}};
  EXPECT_THAT(no_punching.dials, ElementsAre(0, 1));
  EXPECT_THAT(no_punching.punching, ElementsAre("begin udp"));  // for the direct tier
  EXPECT_EQ(no_punching.ascent.targets().checks, (std::vector{targets.checks[1]}));
  EXPECT_THAT(no_punching.ascent.targets().punches, IsEmpty());

  Climbing udp{targets, {.tcp_allowed = false, .patience = 25s}};
  EXPECT_THAT(udp.dials, IsEmpty());
  EXPECT_THAT(udp.punching, ElementsAre("begin udp"));

  Climbing tcp{targets, {.udp_allowed = false, .patience = 25s}};
  EXPECT_THAT(tcp.dials, ElementsAre(0, 1));
  EXPECT_THAT(tcp.punching, ElementsAre("begin tcp"));
  EXPECT_EQ(tcp.ascent.targets().punches, targets.punches);
}

// --- punching ------------------------------------------------------------------------------------------------------------

TEST(Ascent, PunchesOverBothTransportsAtOnceBesideTheDials) {
  Climbing climbing{behind_nats()};
  EXPECT_THAT(climbing.dials, ElementsAre(0));
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp"));
  climbing.wait(20s);
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp")) << "one at a time";
}

TEST(Ascent, EndsEveryTiersPartOverUdpWhenTheChecksHaveEnded) {
  auto targets = behind_nats();
  targets.dials.push_back(pair("203.0.113.1:1005", Tier::mapped));
  targets.checks.push_back(pair("203.0.113.1:1006", Tier::mapped));
  Climbing climbing{targets};
  climbing.punching_ended(Transport::udp, Reason::timeout);
  EXPECT_THAT(climbing.told(), ElementsAre("direct udp: timeout", "mapped udp: timeout", "punched udp: timeout"));
  climbing.fail(1, Errc::refused);
  EXPECT_THAT(climbing.told(), ElementsAre("mapped tcp: refused"));
  climbing.punching_ended(Transport::tcp, Reason::unreachable);
  EXPECT_THAT(climbing.told(), ElementsAre("punched tcp: unreachable"));
  climbing.fail(0, Errc::unreachable);
  EXPECT_THAT(climbing.told(), ElementsAre("direct tcp: unreachable"));
}

TEST(Ascent, EndsTheDirectTierOverTcpWhenBothItsDialsAndItsPunchingHaveEnded) {
  const Targets to_a_firewall{.dials = {pair("[2001:db8::1]:1")}, .punches = {pair("[2001:db8::1]:1")}};
  for (const bool dials_first : {true, false}) {
    Climbing climbing{to_a_firewall};
    climbing.told();
    if (dials_first) climbing.fail(0, Errc::refused);
    else climbing.punching_ended(Transport::tcp, Reason::timeout);
    EXPECT_THAT(climbing.told(), IsEmpty());
    if (dials_first) climbing.punching_ended(Transport::tcp, Reason::timeout);
    else climbing.fail(0, Errc::refused);
    EXPECT_THAT(climbing.told(), ElementsAre("direct tcp: timeout"));
  }
}

TEST(Ascent, PunchesAgainAfterAPauseWhenAllOfItHasEnded) {
  Climbing climbing{behind_nats(), {.tiers = {Tier::punched}, .patience = 25s}};
  climbing.punching_ended(Transport::tcp, Reason::refused);
  climbing.wait(10s);
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp"));
  climbing.punching_ended(Transport::udp, Reason::timeout);
  climbing.wait(1s);
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp", "begin tcp", "begin udp"));
}

TEST(Ascent, PunchesAgainIfOneTransportAloneIsUnsupported) {
  for (const auto unsupported : {Transport::tcp, Transport::udp}) {
    Climbing climbing{behind_nats(), {.tiers = {Tier::punched}, .patience = 25s}};
    for (const auto transport : {Transport::tcp, Transport::udp})
      climbing.punching_ended(transport, transport == unsupported ? Reason::unsupported : Reason::timeout);
    climbing.wait(1s);
    EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp", "begin tcp", "begin udp"));
  }
}

TEST(Ascent, StopsPunchingWhenPatienceIsOver) {
  Climbing climbing{behind_nats(), {.patience = 3s}};
  climbing.punching_ended(Transport::tcp, Reason::refused);
  climbing.wait(3s);
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp", "stop udp"));
  ASSERT_TRUE(climbing.why);
  EXPECT_THAT(climbing.told(), ElementsAre("mapped tcp: no-candidates", "punched tcp: refused", "direct tcp: timeout", "direct udp: timeout",
                                           "punched udp: timeout"));
}

TEST(Ascent, IgnoresTheEndOfPunchingThatIsNotUnderWay) {
  Climbing climbing{two_pairs};
  climbing.told();
  climbing.punching_ended(Transport::udp, Reason::timeout);
  EXPECT_THAT(climbing.told(), IsEmpty());
  climbing.lane_up(0);
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

// --- who wins ------------------------------------------------------------------------------------------------------------

TEST(Ascent, UsesAPunchedLaneAtOnceWhenOnlyLongShotsAreAboveIt) {
  Climbing climbing{behind_nats()};
  climbing.wait(80ms);
  climbing.lane_up(std::nullopt, path(Tier::punched));
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

TEST(Ascent, WaitsAGraceForALikelyDirectLane) {
  auto targets = behind_nats();
  targets.dials.push_back(pair("[2001:db8::1]:1"));
  Climbing in_time{targets};
  in_time.wait(80ms);
  in_time.lane_up(std::nullopt, path(Tier::punched));
  in_time.wait(default_grace - 1ms);
  EXPECT_THAT(in_time.used, IsEmpty());
  in_time.lane_up(1);
  EXPECT_THAT(in_time.used, ElementsAre(1));
  EXPECT_THAT(in_time.closed, ElementsAre(0));

  Climbing too_late{targets};
  too_late.wait(80ms);
  too_late.lane_up(std::nullopt, path(Tier::punched));
  too_late.wait(default_grace);
  EXPECT_THAT(too_late.used, ElementsAre(0));

  Climbing refused{targets};
  refused.lane_up(std::nullopt, path(Tier::punched));
  refused.fail(1, Errc::refused);
  EXPECT_THAT(refused.used, ElementsAre(0)) << "what is left are long shots";
}

TEST(Ascent, WaitsAGraceForTcpOnlyWhileItMayComeOfTheSameTier) {
  Climbing both{behind_nats()};
  both.lane_up(std::nullopt, path(Tier::punched, Transport::udp));
  EXPECT_THAT(both.used, IsEmpty());
  both.punching_ended(Transport::tcp, Reason::refused);
  EXPECT_THAT(both.used, ElementsAre(0));

  auto targets = behind_nats();
  targets.punches.clear();
  Climbing udp_alone{targets};
  udp_alone.lane_up(std::nullopt, path(Tier::punched, Transport::udp));
  EXPECT_THAT(udp_alone.used, ElementsAre(0));
}

TEST(Ascent, UsesALaneOverUdpAtOnceWhereTcpOfTheSameTierIsALongShot) {
  Climbing climbing{{.dials = {long_shot("10.0.0.1:1")}, .checks = {pair("192.0.2.1:1001")}}};
  climbing.lane_up(std::nullopt, path(Tier::direct, Transport::udp));
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

TEST(Ascent, TellsOfTierAndTransportThatConnected) {
  Climbing climbing{behind_nats()};
  climbing.told();
  climbing.lane_up(std::nullopt, path(Tier::punched, Transport::udp));
  climbing.wait(default_grace);
  EXPECT_THAT(climbing.told(), ElementsAre("punched udp: connected"));
  climbing.fail(0, Errc::refused);
  EXPECT_THAT(climbing.told(), IsEmpty()) << "what was under way at the win has not failed";
}

// --- rivals --------------------------------------------------------------------------------------------------------------

TEST(Ascent, KeepsALaneOverTheOtherTransportThatComesUpSoonAfterTheWinAsItsRival) {
  for (const auto first : {Transport::tcp, Transport::udp}) {
    SCOPED_TRACE(word(first));
    const auto second = first == Transport::tcp ? Transport::udp : Transport::tcp;
    Climbing climbing{behind_nats()};
    climbing.lane_up(std::nullopt, path(Tier::punched, first));
    climbing.wait(default_grace);
    ASSERT_THAT(climbing.used, ElementsAre(0));
    EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp", "stop " + std::string{word(first)}));
    climbing.wait(rival_patience - default_grace - 1ms);
    climbing.told();
    climbing.lane_up(std::nullopt, path(Tier::punched, first));
    EXPECT_THAT(climbing.closed, ElementsAre(1));
    EXPECT_THAT(climbing.told(), IsEmpty());
    climbing.lane_up(std::nullopt, path(Tier::punched, second));
    EXPECT_THAT(climbing.rivals, ElementsAre(2));
    EXPECT_THAT(climbing.told(), ElementsAre("punched " + std::string{word(second)} + ": connected"));
    EXPECT_THAT(climbing.punching.back(), "stop " + std::string{word(second)});
    climbing.lane_up(std::nullopt, path(Tier::punched, second));
    EXPECT_THAT(climbing.closed, ElementsAre(1, 3)) << "one rival is enough";
    EXPECT_EQ(climbing.ascent.deadline(), std::nullopt);
  }
}

TEST(Ascent, KeepsAsRivalALaneThatCameUpBeforeTheWinner) {
  Climbing climbing{behind_nats()};
  climbing.lane_up(std::nullopt, path(Tier::punched, Transport::udp));
  climbing.wait(default_grace / 2);
  climbing.lane_up(std::nullopt, path(Tier::punched, Transport::tcp));
  EXPECT_THAT(climbing.used, ElementsAre(1));
  EXPECT_THAT(climbing.rivals, ElementsAre(0));
  EXPECT_THAT(climbing.closed, IsEmpty());
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp", "stop tcp", "stop udp"));
}

TEST(Ascent, KeepsNoRivalOfAnotherTierOrThatIsLate) {
  Climbing other_tier{behind_nats()};
  other_tier.lane_up(std::nullopt, path(Tier::punched));
  other_tier.told();
  other_tier.lane_up(std::nullopt, path(Tier::direct, Transport::udp));
  EXPECT_THAT(other_tier.closed, ElementsAre(1));
  EXPECT_THAT(other_tier.rivals, IsEmpty());
  EXPECT_THAT(other_tier.told(), IsEmpty());

  Climbing late{behind_nats()};
  late.lane_up(std::nullopt, path(Tier::punched));
  late.wait(rival_patience - 1ms);
  EXPECT_THAT(late.punching, ElementsAre("begin tcp", "begin udp", "stop tcp"));
  late.wait(1ms);
  EXPECT_THAT(late.punching, ElementsAre("begin tcp", "begin udp", "stop tcp", "stop udp"));
  late.lane_up(std::nullopt, path(Tier::punched, Transport::udp));
  EXPECT_THAT(late.closed, ElementsAre(1));
  EXPECT_THAT(late.rivals, IsEmpty());

  Climbing late_before_the_timer{behind_nats()};
  late_before_the_timer.lane_up(std::nullopt, path(Tier::punched));
  late_before_the_timer.now += rival_patience + 1ms;
  late_before_the_timer.lane_up(std::nullopt, path(Tier::punched, Transport::udp));
  EXPECT_THAT(late_before_the_timer.closed, ElementsAre(1));
}

TEST(Ascent, DialsNoMoreWhenTheTimeForRivalsIsOver) {
  Targets targets{.checks = {pair("192.0.2.1:1001")}};
  for (int i = 0; i < 20; ++i) targets.dials.push_back(pair(("192.0.2.1:" + std::to_string(i + 1)).c_str()));
  Climbing climbing{targets};
  climbing.lane_up(std::nullopt, path(Tier::direct, Transport::udp));
  climbing.wait(30s);
  EXPECT_EQ(climbing.dials.size(), 1 + (default_grace + rival_patience) / connection_attempt_delay);
}

TEST(Ascent, StopsPunchingAtOnceThatCanBringNoRival) {
  Targets targets{.dials = {pair("192.0.2.1:1")}, .checks = {pair("203.0.113.1:1003", Tier::punched)}};
  Climbing climbing{targets};
  climbing.lane_up(0);
  EXPECT_THAT(climbing.used, ElementsAre(0));
  EXPECT_THAT(climbing.punching, ElementsAre("begin udp", "stop udp"));
}

TEST(Ascent, GoesOnDialingForARivalOfAUdpLane) {
  auto targets = two_pairs;
  targets.checks = {pair("192.0.2.1:1001")};
  Climbing climbing{targets};
  climbing.lane_up(std::nullopt, path(Tier::direct, Transport::udp));
  climbing.wait(default_grace);
  ASSERT_THAT(climbing.used, ElementsAre(0));
  EXPECT_THAT(climbing.dials, ElementsAre(0));
  climbing.wait(100ms);
  EXPECT_THAT(climbing.dials, ElementsAre(0, 1));
  climbing.lane_up(1);
  EXPECT_THAT(climbing.rivals, ElementsAre(1));
}

// --- candidates that come late -------------------------------------------------------------------------------------------

TEST(Ascent, DialsAndPunchesTowardsCandidatesThatComeLate) {
  Climbing climbing{Targets{}};
  EXPECT_THAT(climbing.told(), ElementsAre("direct tcp: no-candidates", "mapped tcp: no-candidates", "punched tcp: no-candidates"));
  climbing.wait(3s);
  EXPECT_EQ(climbing.more(behind_nats()), behind_nats());
  EXPECT_THAT(climbing.dials, ElementsAre(0));
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp"));
  climbing.lane_up(std::nullopt, path(Tier::punched));
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

TEST(Ascent, AddsLateCandidatesToWhatRuns) {
  Climbing climbing{behind_nats()};
  auto targets = behind_nats();
  targets.dials.push_back(pair("192.0.2.9:1"));
  targets.dials.push_back(pair("203.0.113.1:1005", Tier::mapped));
  targets.checks.push_back(pair("203.0.113.1:1006", Tier::mapped));
  const auto added = climbing.more(targets);
  EXPECT_EQ(added.dials, (std::vector{targets.dials[1], targets.dials[2]}));
  EXPECT_EQ(added.punches, std::vector<Pair>{});
  EXPECT_EQ(added.checks, std::vector{targets.checks[2]});
  EXPECT_EQ(climbing.ascent.targets(), targets);
  climbing.wait(250ms);
  EXPECT_THAT(climbing.dials, UnorderedElementsAre(0, 1, 2));
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp"));
  climbing.told();
  climbing.punching_ended(Transport::udp, Reason::timeout);
  EXPECT_THAT(climbing.told(), ElementsAre("direct udp: timeout", "mapped udp: timeout", "punched udp: timeout"));
}

TEST(Ascent, BeginsTheTransportThatLateCandidatesAddToPunching) {
  auto targets = behind_nats();
  targets.checks.clear();
  Climbing climbing{targets};
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp"));
  climbing.more(behind_nats());
  EXPECT_THAT(climbing.punching, ElementsAre("begin tcp", "begin udp"));
}

TEST(Ascent, DoesNotWaitForALongShotThatComesLate) {
  Climbing climbing{behind_nats()};
  climbing.more({.dials = {long_shot("10.0.0.9:1")}});
  climbing.lane_up(std::nullopt, path(Tier::punched));
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

TEST(Ascent, WaitsForALikelyCandidateThatComesLate) {
  Climbing climbing{behind_nats()};
  climbing.more({.dials = {pair("192.0.2.9:1")}});
  climbing.lane_up(std::nullopt, path(Tier::punched));
  EXPECT_THAT(climbing.used, IsEmpty());
  climbing.wait(default_grace);
  EXPECT_THAT(climbing.used, ElementsAre(0));
}

TEST(Ascent, TakesLateCandidatesOnlySoManyAndOnlyThoseAllowed) {
  Climbing climbing{Targets{}, {.udp_allowed = false, .patience = 25s}};
  EXPECT_THAT(climbing.more(behind_nats()).checks, IsEmpty());
  for (int i = 0; i < 300; ++i) climbing.more({.dials = {pair(("192.0.2.1:" + std::to_string(i + 1)).c_str())}});
  EXPECT_EQ(climbing.ascent.targets().dials.size(), max_pairs);
  climbing.wait(1h);
  EXPECT_TRUE(climbing.why);
}

// --- the words -----------------------------------------------------------------------------------------------------------

TEST(Ascent, GivesTheReasonWhyThereIsNoMapping) {
  for (const auto trouble : {Reason::no_igd, Reason::igd_refused, Reason::double_nat}) {
    Climbing climbing{behind_nats(), {.patience = 5s, .mapping_trouble = trouble}};
    EXPECT_THAT(climbing.told(), ElementsAre("mapped tcp: " + std::string{word(trouble)}));
    climbing.wait(5s);
    ASSERT_TRUE(climbing.why);
    EXPECT_THAT(climbing.why->doing, HasSubstr("; mapped: " + std::string{word(trouble)} + ";"));
    EXPECT_THAT(climbing.told(), Not(Contains(HasSubstr("mapped"))));
  }
  Climbing nothing_at_all{Targets{}, {.patience = 5s, .mapping_trouble = Reason::no_igd}};
  EXPECT_THAT(nothing_at_all.told(), ElementsAre("direct tcp: no-candidates", "mapped tcp: no-igd", "punched tcp: no-candidates"));
  Climbing peer_has_one{{.dials = {pair("203.0.113.1:1005", Tier::mapped)}}, {.patience = 5s, .mapping_trouble = Reason::no_igd}};
  peer_has_one.fail(0, Errc::refused);
  EXPECT_THAT(peer_has_one.told(), Contains("mapped tcp: refused"));
}

TEST(Ascent, SaysOfEachTierAndTransportWhatCameOfIt) {
  struct Case { Reason tcp, udp; const char *tcp_words, *udp_words, *expected; };
  constexpr auto why = "both routers give every connection a new random port";
  for (const auto& [tcp, udp, tcp_words, udp_words, expected] :
       {Case{Reason::unreachable, Reason::unreachable, why, why, "; punched: unreachable over UDP and TCP: both routers give every connection a new random port;"},
        Case{Reason::timeout, Reason::timeout, "", "", "; punched: timeout over UDP and TCP;"},
        Case{Reason::refused, Reason::timeout, "", "no answer", "; punched: refused over TCP, timeout over UDP: no answer;"},
        Case{Reason::timeout, Reason::timeout, "one", "other", "; punched: timeout over TCP: one, timeout over UDP: other;"}}) {
    Climbing climbing{behind_nats(), {.patience = 100ms}};
    climbing.punching_ended(Transport::tcp, tcp, tcp_words);
    climbing.punching_ended(Transport::udp, udp, udp_words);
    climbing.wait(100ms);
    ASSERT_TRUE(climbing.why);
    EXPECT_THAT(climbing.why->doing, HasSubstr(udp == Reason::timeout ? "tried direct: timeout over UDP and TCP (192.168.7.9:1001 timeout); mapped:"
                                                                      : "tried direct: timeout over TCP (192.168.7.9:1001 timeout), unreachable over UDP; mapped:"));
    EXPECT_THAT(climbing.why->doing, HasSubstr(expected));
    EXPECT_THAT(climbing.why->hint, HasSubstr("pshare doctor --with NAME"));
  }
}

TEST(Ascent, NamesNotMoreThanAFewAddresses) {
  Targets many;
  for (int i = 0; i < 7; ++i) many.dials.push_back(long_shot(("10.0.0.1:" + std::to_string(i + 1)).c_str()));
  Climbing climbing{many, {.tiers = {Tier::direct}, .patience = 1s}};
  climbing.wait(1s);
  ASSERT_TRUE(climbing.why);
  EXPECT_EQ(climbing.why->doing, "no path to the peer; tried direct: timeout (10.0.0.1:1 timeout, 10.0.0.1:2 timeout, 10.0.0.1:3 timeout, 10.0.0.1:4 timeout and 3 more)");
}

TEST(Ascent, SaysOverUdpWhereOnlyThatWasTried) {
  Climbing climbing{behind_nats(), {.tiers = {Tier::punched}, .tcp_allowed = false, .patience = 1s}};
  climbing.punching_ended(Transport::udp, Reason::unreachable, "no way");
  climbing.wait(1s);
  ASSERT_TRUE(climbing.why);
  EXPECT_EQ(climbing.why->doing, "no path to the peer; tried punched: unreachable over UDP: no way");
}

// --- relays ---------------------------------------------------------------------------------------------------------

Ascent::Settings with_relays() { return {.patience = 25s, .relays = true}; }

TEST(Ascent, MeetsAtRelaysAsAStandbyAndUsesThemAfterTheHeadStart) {
  Climbing climb{behind_nats(), with_relays()};
  climb.wait(standby_delay - 1ms);
  EXPECT_THAT(climb.meetings, IsEmpty()) << "most straight paths are up by then";
  climb.wait(1ms);
  EXPECT_THAT(climb.meetings, ElementsAre(Tier::supernode, Tier::relay));
  climb.meeting_ended(Tier::supernode, Reason::no_candidates);
  climb.lane_up(std::nullopt, path(Tier::relay));
  climb.meeting_ended(Tier::relay, Reason::none);
  EXPECT_THAT(climb.used, IsEmpty()) << "it stays idle";
  climb.wait(default_head_start - standby_delay + default_grace);
  EXPECT_THAT(climb.used, ElementsAre(0));
  ASSERT_TRUE(climb.ascent.winner());
  EXPECT_EQ(climb.ascent.winner()->tier, Tier::relay);
}

TEST(Ascent, UsesARelayAtOnceWhereNothingStraightIsPossible) {
  Climbing climb{Targets{}, with_relays()};
  EXPECT_THAT(climb.meetings, ElementsAre(Tier::supernode)) << "the server's relay is a standby";
  climb.meeting_ended(Tier::supernode, Reason::no_candidates);
  EXPECT_THAT(climb.meetings, ElementsAre(Tier::supernode, Tier::relay));
  climb.lane_up(std::nullopt, path(Tier::relay));
  climb.meeting_ended(Tier::relay, Reason::none);
  EXPECT_THAT(climb.used, ElementsAre(0));
}

TEST(Ascent, ClosesTheStandbyWhenAStraightLaneWins) {
  Climbing climb{behind_nats(), with_relays()};
  climb.wait(standby_delay);
  climb.lane_up(std::nullopt, path(Tier::relay));
  climb.meeting_ended(Tier::relay, Reason::none);
  climb.lane_up(std::nullopt, path(Tier::punched));
  climb.wait(default_grace);
  EXPECT_THAT(climb.used, ElementsAre(1));
  EXPECT_THAT(climb.closed, Contains(0));
}

TEST(Ascent, GoesOnTryingStraightTiersOnARelayedPathAndMovesUp) {
  Climbing climb{behind_nats(), with_relays()};
  climb.wait(standby_delay);
  climb.meeting_ended(Tier::supernode, Reason::no_candidates);
  climb.lane_up(std::nullopt, path(Tier::relay));
  climb.meeting_ended(Tier::relay, Reason::none);
  climb.fail(0, Errc::timed_out);
  climb.punching_ended(Transport::tcp, Reason::timeout);
  climb.punching_ended(Transport::udp, Reason::timeout);
  climb.punching.clear();
  ASSERT_THAT(climb.used, ElementsAre(0)) << "all that is straight has failed";
  climb.wait(longest_retry_pause);
  EXPECT_THAT(climb.punching, Contains("begin udp"));
  climb.lane_up(std::nullopt, path(Tier::punched, Transport::udp));
  climb.wait(default_grace);
  EXPECT_THAT(climb.used, ElementsAre(0, 1));
  EXPECT_EQ(climb.ascent.winner()->tier, Tier::punched);
  EXPECT_THAT(climb.told(), Contains("punched udp: connected"));
}

TEST(Ascent, LooksForAStraightPathAgainWhenTheOneItMovedUpToIsLost) {
  Climbing climb{behind_nats(), with_relays()};
  climb.wait(standby_delay);
  climb.meeting_ended(Tier::supernode, Reason::no_candidates);
  climb.lane_up(std::nullopt, path(Tier::relay));
  climb.meeting_ended(Tier::relay, Reason::none);
  climb.wait(default_head_start);
  climb.lane_up(std::nullopt, path(Tier::punched));
  climb.wait(rival_patience + default_grace);
  ASSERT_THAT(climb.used, ElementsAre(0, 1));
  climb.dials.clear(), climb.punching.clear();
  climb.fell_back(path(Tier::relay));
  EXPECT_EQ(climb.ascent.winner()->tier, Tier::relay);
  climb.wait(first_retry_pause);
  climb.told();
  EXPECT_THAT(climb.dials, ElementsAre(0)) << "the first dial is under way still";
  EXPECT_THAT(climb.punching, UnorderedElementsAre("begin tcp", "begin udp"));
  climb.fail(0, Errc::timed_out);
  climb.punching_ended(Transport::tcp, Reason::timeout);
  climb.punching_ended(Transport::udp, Reason::timeout);
  EXPECT_THAT(climb.told(), UnorderedElementsAre("punched tcp: timeout", "punched udp: timeout", "direct udp: timeout"));
  climb.fail(0, Errc::timed_out);
  EXPECT_THAT(climb.told(), ElementsAre("direct tcp: timeout"));
  climb.lane_up(std::nullopt, path(Tier::punched));
  climb.wait(default_grace);
  EXPECT_THAT(climb.told(), ElementsAre("punched tcp: connected"));
  EXPECT_THAT(climb.used, ElementsAre(0, 1, 2));
}

TEST(Ascent, LooksForASupernodeAgainAndAtOnceWhenThePeerHasFoundSome) {
  Climbing climb{Targets{}, {.tiers = {Tier::supernode}, .patience = 25s, .relays = true}};
  climb.meeting_ended(Tier::supernode, Reason::no_candidates);
  climb.wait(first_retry_pause);
  ASSERT_THAT(climb.meetings, ElementsAre(Tier::supernode, Tier::supernode));
  climb.meeting_ended(Tier::supernode, Reason::timeout);
  climb.more_relays();
  EXPECT_THAT(climb.meetings, ElementsAre(Tier::supernode, Tier::supernode, Tier::supernode));
  climb.lane_up(std::nullopt, path(Tier::supernode));
  climb.meeting_ended(Tier::supernode, Reason::none);
  EXPECT_THAT(climb.used, ElementsAre(0));
  climb.more_relays();
  EXPECT_THAT(climb.meetings, ElementsAre(Tier::supernode, Tier::supernode, Tier::supernode));
}

TEST(Ascent, TriesAgainAtOnceWhenSomethingHasChanged) {
  Climbing climb{behind_nats(), with_relays()};
  climb.wait(standby_delay);
  climb.meeting_ended(Tier::supernode, Reason::no_candidates);
  climb.lane_up(std::nullopt, path(Tier::relay));
  climb.meeting_ended(Tier::relay, Reason::none);
  climb.fail(0, Errc::timed_out);
  climb.punching_ended(Transport::tcp, Reason::timeout);
  climb.punching_ended(Transport::udp, Reason::timeout);
  climb.wait(first_retry_pause / 4);
  ASSERT_THAT(climb.used, ElementsAre(0));
  climb.punching.clear();
  climb.try_again();
  EXPECT_THAT(climb.punching, Contains("begin udp"));
  climb.punching.clear();
  climb.try_again();
  EXPECT_THAT(climb.punching, IsEmpty()) << "it is under way";
}

TEST(Ascent, NeedsTcpForARelay) {
  Climbing climb{behind_nats(), {.tcp_allowed = false, .patience = 25s, .relays = true}};
  climb.wait(3s);
  EXPECT_THAT(climb.meetings, IsEmpty());
}

}  // namespace
}  // namespace pshare
