// Measuring a NAT by STUN, under a virtual clock: a NAT and a server of a few lines, and a network that loses what the test says.
#include "traversal/nat/udp_measurement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <string>

#include "drained.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::drained;
using Kind = PortForecast::Kind;

static_assert(Core<UdpMeasurement>);

constexpr TimePoint start{1h};

Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }
const Endpoint primary = endpoint("81.2.69.10:4700"), alternate = endpoint("81.2.69.10:4701");
Endpoint outside(int port) { return {endpoint("81.2.70.2:1").address, Port{static_cast<std::uint16_t>(port)}}; }

using Socket = std::size_t;
/// What the NAT makes of the n-th mapping that it is asked for.
using Nat = std::function<Endpoint(Socket socket, const Endpoint& to, int mapping)>;
const Nat cone = [](Socket socket, const Endpoint&, int) { return outside(5000 + static_cast<int>(socket)); };
const Nat stepping = [](Socket, const Endpoint&, int mapping) { return outside(5000 + 2 * mapping); };

struct Network {
  Nat nat = cone;
  Duration round_trip = 40ms;
  std::function<bool(int packet, const Endpoint& to)> loses = [](int, const Endpoint&) { return false; };  // on the way to the server, behind the NAT
};

struct Sent { Duration after; Socket socket; Endpoint to; std::size_t size; };
struct Run {
  std::vector<Sent> sent;
  std::vector<std::pair<Duration, UdpMeasurement::Reflexive>> reflexive;
  std::optional<std::pair<Duration, UdpMeasurement::Measured>> measured;
};

class Laboratory {
 public:
  Laboratory(Network network, std::size_t sockets, std::vector<Endpoint> destinations, UdpMeasurement::Settings settings = {})
      : network_(std::move(network)), core(locals(sockets), std::move(destinations), settings, random_, start) {}

  Run run() {
    take();
    for (int step = 0; step < 1000; ++step) {
      auto next = core.deadline();
      if (!answers_.empty() && (!next || answers_.begin()->first <= *next)) {
        const auto answer = answers_.extract(answers_.begin());
        now_ = answer.key();
        const auto& [socket, from, bytes] = answer.mapped();
        EXPECT_TRUE(core.arrived(socket, from, decode_stun(bytes).value(), now_));
      } else if (next) {
        now_ = *next;
        core.expire(now_);
      } else {
        return run_;
      }
      take();
    }
    ADD_FAILURE() << "it never ends";
    return run_;
  }

 private:
  static std::vector<Port> locals(std::size_t sockets) {
    std::vector<Port> ports;
    for (std::size_t i = 0; i < sockets; ++i) ports.push_back(Port{static_cast<std::uint16_t>(40'001 + i)});
    return ports;
  }

  void take() {
    for (auto& action : drained(core)) {
      if (auto* send = std::get_if<UdpMeasurement::Send>(&action)) carry(*send);
      if (auto* reflexive = std::get_if<UdpMeasurement::Reflexive>(&action)) run_.reflexive.emplace_back(now_ - start, *reflexive);
      if (auto* measured = std::get_if<UdpMeasurement::Measured>(&action)) run_.measured.emplace(now_ - start, *measured);
    }
  }

  void carry(const UdpMeasurement::Send& send) {
    run_.sent.push_back({now_ - start, send.socket, send.to, send.bytes.size()});
    auto [mapping, made] = mappings_.try_emplace({send.socket, send.to});
    if (made) mapping->second = network_.nat(send.socket, send.to, static_cast<int>(mappings_.size()) - 1);
    if (network_.loses(static_cast<int>(run_.sent.size()), send.to)) return;
    StunMessage answer{.kind = StunClass::success, .id = decode_stun(send.bytes).value().message.id};
    answer.xor_mapped_address = mapping->second;
    answer.mapped_address = mapping->second;
    answer.response_origin = send.to;
    answer.other_address = alternate;
    const auto bytes = encode(answer);
    EXPECT_LE(bytes.size(), send.bytes.size()) << "no amplification";
    answers_.emplace(now_ + network_.round_trip, std::tuple{send.socket, send.to, bytes});
  }

  SeededRandom random_{1};
  Network network_;
  TimePoint now_ = start;
  std::map<std::pair<Socket, Endpoint>, Endpoint> mappings_;
  std::multimap<TimePoint, std::tuple<Socket, Endpoint, ByteBuffer>> answers_;
  Run run_;

 public:
  UdpMeasurement core;
};

std::vector<Duration> times_to(const Run& run, const Endpoint& to) {
  std::vector<Duration> times;
  for (const auto& each : run.sent)
    if (each.to == to) times.push_back(each.after);
  return times;
}

TEST(UdpMeasurement, OfOneSocketTellsItsReflexiveEndpointAndAStableNatAfterOneRoundTrip) {
  const auto run = Laboratory{{}, 1, {primary, alternate}}.run();
  ASSERT_EQ(run.reflexive.size(), 1u);
  EXPECT_EQ(run.reflexive[0].first, 40ms);
  EXPECT_EQ(run.reflexive[0].second.external, outside(5000));
  EXPECT_EQ(run.reflexive[0].second.round_trip, 40ms);
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 40ms);
  EXPECT_EQ(run.measured->second.forecast, (PortForecast{.kind = Kind::stable, .external = outside(5000)}));
  EXPECT_EQ(run.measured->second.round_trip, 40ms);
  EXPECT_EQ(run.measured->second.other_address, alternate);
  EXPECT_EQ(run.sent.size(), 2u);
}

TEST(UdpMeasurement, OfFreshSocketsIsOverBeforeTheSecondVolleyIfTheNatIsStable) {
  const auto run = Laboratory{{}, sockets_to_measure_with, {primary, alternate}}.run();
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 40ms);
  EXPECT_EQ(run.measured->second.forecast.kind, Kind::stable);
  EXPECT_EQ(run.measured->second.socket, 0u);
  EXPECT_EQ(run.sent.size(), 4u);
}

TEST(UdpMeasurement, FindsStepAndStrangersByTwoVolleys) {
  Network network{.nat = [](Socket socket, const Endpoint&, int mapping) { return outside(5000 + 2 * mapping + (socket == 2 ? 2 * 12 : 0)); }};
  const auto run = Laboratory{network, sockets_to_measure_with, {primary, alternate}}.run();
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 100ms) << "the pause and a round trip";
  const auto& forecast = run.measured->second.forecast;
  EXPECT_EQ(forecast.kind, Kind::stepping);
  EXPECT_EQ(forecast.step, 2);
  EXPECT_EQ(forecast.strangers, 200u);
  EXPECT_EQ(forecast.external, outside(5034));
  EXPECT_EQ(run.measured->second.taken - start, 60ms);
  EXPECT_EQ(run.sent.size(), 6u);
}

TEST(UdpMeasurement, IsBlockedAfterTwoSecondsOfSilence) {
  Network network;
  network.loses = [](int, const Endpoint&) { return true; };
  const auto run = Laboratory{network, 1, {primary, alternate}}.run();
  EXPECT_THAT(times_to(run, primary), ElementsAre(0ms, 100ms, 300ms, 700ms, 1500ms));
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 2s);
  EXPECT_EQ(run.measured->second.forecast.kind, Kind::blocked);
  EXPECT_EQ(run.measured->second.round_trip, std::nullopt);
  EXPECT_THAT(run.reflexive, IsEmpty());
}

TEST(UdpMeasurement, AsksAgainSoonWhenAPacketIsLost) {
  Network network;
  network.loses = [](int packet, const Endpoint&) { return packet == 1; };
  const auto run = Laboratory{network, 1, {primary, alternate}}.run();
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 140ms);
  EXPECT_EQ(run.measured->second.forecast.kind, Kind::stable);
  ASSERT_EQ(run.reflexive.size(), 1u);
  EXPECT_EQ(run.reflexive[0].first, 40ms) << "by way of the other port";
}

TEST(UdpMeasurement, DoesNotWaitLongForAPortOfTheServersThatIsBlocked) {
  Network network;
  network.loses = [](int, const Endpoint& to) { return to == alternate; };
  const auto run = Laboratory{network, 1, {primary, alternate}}.run();
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 790ms);
  EXPECT_EQ(run.measured->second.forecast, (PortForecast{.kind = Kind::unknown, .external = outside(5000)}));
}

TEST(UdpMeasurement, FindsTheStepWhateverOnePacketIsLost) {
  for (int lost = 1; lost <= 6; ++lost) {
    Network network{.nat = stepping};
    network.loses = [lost](int packet, const Endpoint&) { return packet == lost; };
    const auto run = Laboratory{network, sockets_to_measure_with, {primary, alternate}}.run();
    ASSERT_TRUE(run.measured) << lost;
    EXPECT_EQ(run.measured->second.forecast, (PortForecast{.kind = Kind::stepping, .external = outside(5010), .step = 2})) << lost;
    EXPECT_LE(run.measured->first, 250ms) << lost;
  }
}

TEST(UdpMeasurement, PunchesWithTheSocketThatWasSeenStable) {
  Network network;
  network.loses = [](int packet, const Endpoint&) { return packet <= 2; };  // all that the first socket sends at first
  const auto run = Laboratory{network, sockets_to_measure_with, {primary, alternate}}.run();
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->second.socket, 1u);
  EXPECT_EQ(run.measured->second.forecast.external, outside(5001));
}

TEST(UdpMeasurement, TakesALongRoundTripForNoLoss) {
  Laboratory laboratory{{.nat = stepping, .round_trip = 350ms}, sockets_to_measure_with, {primary, alternate}};
  const auto run = laboratory.run();
  for (const auto& sample : laboratory.core.samples()) EXPECT_FALSE(sample.repeated) << "what came was the answer to the first";
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 410ms);
  EXPECT_EQ(run.measured->second.round_trip, 350ms);
  EXPECT_EQ(run.measured->second.forecast, (PortForecast{.kind = Kind::stepping, .external = outside(5010), .step = 2}));
}

TEST(UdpMeasurement, AsksAgainLaterWhereTheRoundTripIsKnownToBeLong) {
  EXPECT_EQ(UdpMeasurement::settings_for(200ms).transaction.rto, 300ms);
  EXPECT_EQ(UdpMeasurement::settings_for(5ms).transaction.rto, 50ms);
  EXPECT_EQ(UdpMeasurement::settings_for(2s).transaction.rto, 500ms);
  const auto run = Laboratory{{.nat = stepping, .round_trip = 200ms}, sockets_to_measure_with, {primary, alternate}, UdpMeasurement::settings_for(200ms)}.run();
  EXPECT_EQ(run.sent.size(), 6u) << "nothing twice";
}

TEST(UdpMeasurement, KnowsWhichMappingMayHaveBeenMadeLate) {
  Network network{.nat = stepping};
  network.loses = [](int packet, const Endpoint&) { return packet == 2; };
  Laboratory laboratory{network, sockets_to_measure_with, {primary, alternate}};
  laboratory.run();
  const auto samples = laboratory.core.samples();
  ASSERT_EQ(samples.size(), 6u);
  for (const auto& sample : samples) EXPECT_EQ(sample.repeated, sample.local == Port{40'001} && sample.destination == alternate);
}

TEST(UdpMeasurement, LearnsOfTheOtherPortFromTheServer) {
  UdpMeasurement::Settings settings;
  settings.asks_other_port = true;
  const auto run = Laboratory{{}, 1, {primary}, settings}.run();
  EXPECT_THAT(times_to(run, alternate), ElementsAre(40ms));
  ASSERT_TRUE(run.measured);
  EXPECT_EQ(run.measured->first, 80ms);
  EXPECT_EQ(run.measured->second.forecast.kind, Kind::stable);
  const auto hard = Laboratory{{.nat = stepping}, 1, {primary}, settings}.run();
  ASSERT_TRUE(hard.measured);
  EXPECT_EQ(hard.measured->second.forecast, (PortForecast{.kind = Kind::stepping, .external = outside(5002), .step = 2}));
  const auto not_told = Laboratory{{}, 1, {primary}}.run();
  EXPECT_EQ(not_told.sent.size(), 1u);
}

class Unasked : public ::testing::Test {
 protected:
  StunMessage answer_to(const UdpMeasurement::Send& send) {
    StunMessage answer{.kind = StunClass::success, .id = decode_stun(send.bytes).value().message.id};
    answer.xor_mapped_address = outside(5000);
    return answer;
  }
  bool give(const StunMessage& answer, const Endpoint& from, Socket socket = 0) {
    return core.arrived(socket, from, decode_stun(encode(answer)).value(), start + 10ms);
  }

  SeededRandom random{1};
  UdpMeasurement core{{Port{40'001}}, {primary, alternate}, {}, random, start};
  std::vector<UdpMeasurement::Action> first = drained(core);
};

TEST_F(Unasked, IsNotBelieved) {
  const auto answer = answer_to(std::get<UdpMeasurement::Send>(first[0]));
  auto wrong = answer;
  wrong.id.bytes[0] ^= std::byte{1};
  EXPECT_FALSE(give(wrong, primary));
  EXPECT_FALSE(give(answer, alternate)) << "the right answer from the wrong place";
  EXPECT_FALSE(give(answer, primary, 1)) << "on another socket";
  EXPECT_THAT(drained(core), IsEmpty());
  EXPECT_TRUE(give(answer, primary));
}

TEST_F(Unasked, AddressesThatCannotBeOursAreNotTaken) {
  auto answer = answer_to(std::get<UdpMeasurement::Send>(first[0]));
  for (const auto* text : {"0.0.0.0:5000", "224.0.0.1:5000", "[2001:db8::1]:5000"}) {
    answer.xor_mapped_address = endpoint(text);
    EXPECT_EQ(mapped_address_in({.message = answer}, primary), std::nullopt) << text;
  }
  answer.xor_mapped_address = Endpoint{endpoint("81.2.70.2:1").address, Port{}};
  EXPECT_EQ(mapped_address_in({.message = answer}, primary), std::nullopt);
  answer.xor_mapped_address.reset();
  EXPECT_EQ(mapped_address_in({.message = answer}, primary), std::nullopt);
  answer.mapped_address = outside(5000);
  EXPECT_EQ(mapped_address_in({.message = answer}, primary), outside(5000)) << "a server of RFC 3489";
  EXPECT_EQ(mapped_address_in({.message = answer, .not_understood = {7}}, primary), std::nullopt);
  answer.kind = StunClass::error;
  EXPECT_EQ(mapped_address_in({.message = answer}, primary), std::nullopt);
}

TEST_F(Unasked, RefusalsOfEveryPortAreAsGoodAsSilence) {
  for (const auto& action : first) {
    const auto& send = std::get<UdpMeasurement::Send>(action);
    auto answer = answer_to(send);
    answer.kind = StunClass::error;
    answer.xor_mapped_address.reset();
    answer.error = StunError{420, "no"};
    EXPECT_TRUE(give(answer, send.to));
  }
  const auto last = drained(core);
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(std::get<UdpMeasurement::Measured>(last[0]).forecast.kind, Kind::blocked);
  EXPECT_EQ(core.deadline(), std::nullopt);
}

TEST_F(Unasked, SaysNothingMoreOnceItHasEnded) {
  for (const auto& action : first) {
    const auto& send = std::get<UdpMeasurement::Send>(action);
    give(answer_to(send), send.to);
  }
  ASSERT_TRUE(core.ended());
  drained(core);
  core.expire(start + 1h);
  give(answer_to(std::get<UdpMeasurement::Send>(first[0])), primary);
  EXPECT_THAT(drained(core), IsEmpty());
}

TEST(UdpMeasurement, HasNoUseForAnswersThatComeAfterItsEnd) {
  SeededRandom random{1};
  UdpMeasurement core{{Port{40'001}, Port{40'002}, Port{40'003}}, {primary, alternate}, {}, random, start};
  std::vector<UdpMeasurement::Send> sends;
  for (const auto& action : drained(core)) sends.push_back(std::get<UdpMeasurement::Send>(action));
  const auto answer = [&](const UdpMeasurement::Send& send) {
    StunMessage message{.kind = StunClass::success, .id = decode_stun(send.bytes).value().message.id};
    message.xor_mapped_address = outside(5000 + static_cast<int>(send.socket));
    return core.arrived(send.socket, send.to, {.message = message}, start + 10ms);
  };
  EXPECT_TRUE(answer(sends[0]) && answer(sends[1]));
  EXPECT_TRUE(core.ended());
  EXPECT_EQ(drained(core).size(), 2u) << "reflexive, and measured";
  EXPECT_TRUE(answer(sends[2]));
  EXPECT_THAT(drained(core), IsEmpty());
}

}  // namespace
}  // namespace pshare
