// A client of NAT-PMP and what a gateway, or somebody who poses as one, may send it.
#include "traversal/mapping/nat_pmp_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "story.hpp"
#include "wire/pcp.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

static_assert(Core<NatPmpClient>);

const auto gateway = ip("192.168.1.1"), outside = ip("81.2.70.2");
const Endpoint server{gateway, nat_pmp_gateway_port};
constexpr Port local{4700};

struct NatPmpClientTest : ::testing::Test {
  NatPmpClient client{gateway, start};

  NatPmpRequest sent() {
    const auto sends = drained_of<NatPmpClient::Send>(client);
    if (sends.size() != 1) throw std::runtime_error{"not one send"};
    return std::get<NatPmpRequest>(value_or_throw(decode_nat_pmp_request(sends.front().bytes)));
  }
  void answers(decltype(NatPmpResponse::outcome) outcome, std::chrono::seconds epoch = 100s, TimePoint now = start, const Endpoint& from = server) {
    client.receive(from, encode(NatPmpResponse{epoch, std::move(outcome)}), now);
  }
  void is_there() {
    answers(NatPmpAddress{outside});
    drained(client);
  }
};

TEST_F(NatPmpClientTest, AsksForTheAddressAtOnce) { EXPECT_EQ(sent(), NatPmpRequest{NatPmpAddressRequest{}}); }

TEST_F(NatPmpClientTest, AsksAgainAfterWaitsThatDoubleAndGivesUpAfterNine) {  // RFC 6886 section 3.1
  EXPECT_THAT(times_of<NatPmpClient::Send>(lived(client, start + 10min)),
              ElementsAre(0ms, 250ms, 750ms, 1750ms, 3750ms, 7750ms, 15750ms, 31750ms, 63750ms));
}

TEST_F(NatPmpClientTest, SaysThatThereIsNobodyLongBeforeItStopsAsking) {
  EXPECT_THAT(times_of<GatewayUnusable>(lived(client, start + 10min)), ElementsAre(silence_of_gateway));
}

TEST_F(NatPmpClientTest, TellsTheAddressOutside) {
  drained(client);
  answers(NatPmpAddress{outside});
  EXPECT_THAT(drained_of<GatewayAnswers>(client), ElementsAre(GatewayAnswers{outside}));
  EXPECT_EQ(client.deadline(), std::nullopt);
}

TEST_F(NatPmpClientTest, SaysWhichVersionTheGatewaySpeaksAndAsksNoMore) {
  drained(client);
  client.receive(server, encode_pcp_refusal(encode(NatPmpRequest{NatPmpAddressRequest{}}), PcpResult::unsupported_version, 0s, 1s), start);
  EXPECT_THAT(drained_of<GatewayUnusable>(client), ElementsAre(GatewayUnusable{Reason::unsupported, "version-2"}));
  EXPECT_THAT(times_of<NatPmpClient::Send>(lived(client, start + 10min)), IsEmpty());
}

TEST_F(NatPmpClientTest, TellsARouterWithoutAnAddressFromOneThatRefuses) {
  drained(client);
  answers(NatPmpRefused{NatPmpOpcode::address, NatPmpResult::network_failure});
  EXPECT_THAT(drained_of<GatewayUnusable>(client), ElementsAre(GatewayUnusable{Reason::unreachable, "network-failure"}));
  NatPmpClient other{gateway, start};
  drained(other);
  other.receive(server, encode(NatPmpResponse{1s, NatPmpRefused{NatPmpOpcode::address, NatPmpResult::not_authorized}}), start);
  EXPECT_THAT(drained_of<GatewayUnusable>(other), ElementsAre(GatewayUnusable{Reason::igd_refused, "not-authorized"}));
}

TEST_F(NatPmpClientTest, AsksForAMappingAndIsGrantedIt) {
  is_there();
  client.map(Transport::tcp, local, local, 3600s, start);
  EXPECT_EQ(sent(), (NatPmpRequest{NatPmpMapRequest{.transport = Transport::tcp, .internal = local, .suggested = local, .lifetime = 3600s}}));
  answers(NatPmpMapping{.transport = Transport::tcp, .internal = local, .external = Port{4711}, .lifetime = 1200s});
  EXPECT_THAT(drained_of<MappingGranted>(client), ElementsAre(MappingGranted{Transport::tcp, {outside, Port{4711}}, 1200s}));
}

TEST_F(NatPmpClientTest, SendsALostRequestAgain) {
  is_there();
  client.map(Transport::udp, local, local, 3600s, start);
  drained(client);
  EXPECT_EQ(client.deadline(), start + 250ms);
  client.expire(start + 250ms);
  EXPECT_THAT(drained_of<NatPmpClient::Send>(client), SizeIs(1));
  answers(NatPmpMapping{.transport = Transport::udp, .internal = local, .external = local, .lifetime = 3600s});
  EXPECT_THAT(drained_of<MappingGranted>(client), SizeIs(1));
  EXPECT_EQ(client.deadline(), std::nullopt);
}

TEST_F(NatPmpClientTest, IgnoresWhatAnotherHostSends) {  // section 3.1: MUST check the source address
  is_there();
  client.map(Transport::udp, local, local, 3600s, start);
  drained(client);
  const NatPmpMapping granted{.transport = Transport::udp, .internal = local, .external = local, .lifetime = 3600s};
  answers(granted, 100s, start, {ip("192.168.1.66"), nat_pmp_gateway_port});
  answers(granted, 100s, start, {gateway, Port{9}});
  EXPECT_THAT(drained(client), IsEmpty());
}

TEST_F(NatPmpClientTest, IgnoresWhatAnswersNoRequest) {
  is_there();
  answers(NatPmpMapping{.transport = Transport::udp, .internal = local, .external = local, .lifetime = 3600s});
  answers(NatPmpRefused{NatPmpOpcode::map_udp, NatPmpResult::not_authorized});
  client.map(Transport::udp, local, local, 3600s, start);
  drained(client);
  answers(NatPmpMapping{.transport = Transport::udp, .internal = Port{22}, .external = local, .lifetime = 3600s});
  answers(NatPmpMapping{.transport = Transport::tcp, .internal = local, .external = local, .lifetime = 3600s});
  answers(NatPmpRefused{NatPmpOpcode::map_tcp, NatPmpResult::not_authorized});
  client.receive(server, bytes_of("x"), start);
  EXPECT_THAT(drained(client), IsEmpty());
}

TEST_F(NatPmpClientTest, SaysWhyItIsDenied) {
  is_there();
  client.map(Transport::udp, local, local, 3600s, start);
  drained(client);
  answers(NatPmpRefused{NatPmpOpcode::map_udp, NatPmpResult::out_of_resources});
  EXPECT_THAT(drained_of<MappingDenied>(client), ElementsAre(MappingDenied{Transport::udp, "out-of-resources", {}}));
}

TEST_F(NatPmpClientTest, TakesAMappingAway) {
  is_there();
  client.map(Transport::udp, local, local, 3600s, start);
  answers(NatPmpMapping{.transport = Transport::udp, .internal = local, .external = local, .lifetime = 3600s});
  drained(client);
  client.release(Transport::udp, start);
  EXPECT_EQ(sent(), (NatPmpRequest{NatPmpMapRequest{.transport = Transport::udp, .internal = local, .suggested = Port{}, .lifetime = 0s}}));
  answers(NatPmpMapping{.transport = Transport::udp, .internal = local, .external = local, .lifetime = 3600s});  // of before
  EXPECT_THAT(drained(client), IsEmpty());
  answers(NatPmpMapping{.transport = Transport::udp, .internal = local, .external = Port{}, .lifetime = 0s});
  EXPECT_THAT(drained_of<MappingReleased>(client), SizeIs(1));
}

TEST_F(NatPmpClientTest, NoticesThatTheGatewayHasForgottenEverything) {  // section 3.6
  is_there();
  answers(NatPmpAddress{outside}, 110s, start + 10s);
  EXPECT_THAT(drained(client), IsEmpty());
  answers(NatPmpAddress{outside}, 0s, start + 20s);
  EXPECT_THAT(drained_of<GatewayForgot>(client), SizeIs(1));
}

TEST_F(NatPmpClientTest, NoticesAnotherAddressOutside) {  // section 3.2.1
  is_there();
  answers(NatPmpAddress{ip("81.2.70.9")}, 101s, start + 1s);
  const auto said = drained(client);
  EXPECT_THAT(only<GatewayAnswers>(said), ElementsAre(GatewayAnswers{ip("81.2.70.9")}));
  EXPECT_THAT(only<GatewayForgot>(said), SizeIs(1));
}

}  // namespace
}  // namespace pshare
