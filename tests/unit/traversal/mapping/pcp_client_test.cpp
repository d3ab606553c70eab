// A client of PCP and what a gateway, or somebody who poses as one, may send it.
#include "traversal/mapping/pcp_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "story.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

static_assert(Core<PcpClient>);

const auto gateway = ip("192.168.1.1"), own = ip("192.168.1.10");
const Endpoint server{gateway, pcp_server_port};
constexpr Port local{4700};

struct PcpClientTest : ::testing::Test {
  SeededRandom random{7};
  PcpClient client{gateway, own, random, start};

  PcpRequest sent() {
    const auto sends = drained_of<PcpClient::Send>(client);
    if (sends.size() != 1) throw std::runtime_error{"not one send"};
    return std::get<PcpRequest>(value_or_throw(decode_pcp_request(sends.front().bytes)));
  }
  void answers(const PcpResponse& response, TimePoint now = start, const Endpoint& from = server) { client.receive(from, encode(response), now); }
  void is_there(std::chrono::seconds epoch = 100s) {
    answers({.epoch = epoch, .operation = PcpAnnounce{}});
    drained(client);
  }
  /// Asks for the UDP port, and gives what was asked.
  PcpMap asks(TimePoint now = start, Transport transport = Transport::udp) {
    client.map(transport, local, {{}, local}, 3600s, now);
    return std::get<PcpMap>(sent().operation);
  }
  PcpResponse grant(PcpMap map, std::string_view external = "81.2.70.2:4700", std::chrono::seconds lifetime = 3600s) {
    map.external = at(external);
    return {.lifetime = lifetime, .epoch = 100s, .operation = map};
  }
};

TEST_F(PcpClientTest, AsksAtOnceWhetherThereIsAnybody) {
  const auto request = sent();
  EXPECT_EQ(request.operation, PcpOperation{PcpAnnounce{}});
  EXPECT_EQ(request.client, own);
}

TEST_F(PcpClientTest, AsksAgainAfterWaitsThatDoubleAndVaryByATenthAndGivesUpAfterNine) {  // RFC 6887 section 8.1.1
  const auto sends = times_of<PcpClient::Send>(lived(client, start + 10min));
  ASSERT_THAT(sends, SizeIs(9));
  Duration wait = 250ms;
  bool varies = false;
  for (std::size_t i = 1; i < sends.size(); ++i, wait *= 2) {
    const auto waited = sends[i] - sends[i - 1];
    EXPECT_GE(waited, wait * 9 / 10);
    EXPECT_LE(waited, wait * 11 / 10);
    varies = varies || waited != wait;
  }
  EXPECT_TRUE(varies);
}

TEST_F(PcpClientTest, SaysThatThereIsNobodyLongBeforeItStopsAsking) {
  const auto story = lived(client, start + 10min);
  EXPECT_THAT(times_of<GatewayUnusable>(story), ElementsAre(silence_of_gateway));
  EXPECT_GT(times_of<PcpClient::Send>(story).back(), 50s);
}

TEST_F(PcpClientTest, TakesALateAnswerForOne) {
  lived(client, start + 10s);
  answers({.epoch = 5s, .operation = PcpAnnounce{}}, start + 10s);
  EXPECT_THAT(drained_of<GatewayAnswers>(client), SizeIs(1));
}

TEST_F(PcpClientTest, HearsFromTheSystemThatNobodyListens) {
  drained(client);
  client.refused(start);
  EXPECT_THAT(drained_of<GatewayUnusable>(client), ElementsAre(GatewayUnusable{Reason::no_igd, ""}));
}

TEST_F(PcpClientTest, SaysWhichVersionTheGatewaySpeaksAndAsksNoMore) {  // section 9
  drained(client);
  const ByteBuffer of_nat_pmp{std::byte{0}, std::byte{128}, std::byte{0}, std::byte{1}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{9}};
  client.receive(server, of_nat_pmp, start);
  EXPECT_THAT(drained_of<GatewayUnusable>(client), ElementsAre(GatewayUnusable{Reason::unsupported, "version-0"}));
  EXPECT_THAT(times_of<PcpClient::Send>(lived(client, start + 10min)), IsEmpty());
}

TEST_F(PcpClientTest, CountsARefusalToAnnounceAsAnAnswer) {
  drained(client);
  answers({.result = PcpResult::unsupported_opcode, .lifetime = 1800s, .epoch = 1s, .operation = PcpAnnounce{}});
  EXPECT_THAT(drained_of<GatewayAnswers>(client), SizeIs(1));
}

TEST_F(PcpClientTest, AsksForAMappingAndIsGrantedIt) {
  is_there();
  client.map(Transport::udp, local, {{}, local}, 3600s, start);
  const auto request = sent();
  EXPECT_EQ(request.lifetime, 3600s);
  const auto map = std::get<PcpMap>(request.operation);
  EXPECT_EQ(map.protocol, IpProtocol::udp);
  EXPECT_EQ(map.internal, local);
  EXPECT_EQ(map.external, (Endpoint{{}, local}));
  answers(grant(map, "81.2.70.2:4711", 1200s));
  EXPECT_THAT(drained_of<MappingGranted>(client), ElementsAre(MappingGranted{Transport::udp, at("81.2.70.2:4711"), 1200s}));
  EXPECT_THAT(times_of<PcpClient::Send>(lived(client, start + 10min)), IsEmpty());
}

TEST_F(PcpClientTest, SendsALostRequestAgainWordForWord) {
  is_there();
  client.map(Transport::udp, local, {{}, local}, 3600s, start);
  const auto first = drained_of<PcpClient::Send>(client);
  client.expire(start + 500ms);
  EXPECT_THAT(drained(client), IsEmpty()) << "a router may be slow, and be confused by hearing it twice";
  client.expire(start + 1100ms);
  const auto second = drained_of<PcpClient::Send>(client);
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(first.at(0).bytes, second.at(0).bytes);
}

TEST_F(PcpClientTest, MapsTcpAndUdpEachWithANonceOfItsOwn) {
  is_there();
  const auto udp = asks(), tcp = asks(start, Transport::tcp);
  EXPECT_EQ(tcp.protocol, IpProtocol::tcp);
  EXPECT_NE(udp.nonce, tcp.nonce);
  answers(grant(tcp));
  answers(grant(udp));
  EXPECT_THAT(drained_of<MappingGranted>(client),
              ElementsAre(MappingGranted{Transport::tcp, at("81.2.70.2:4700"), 3600s}, MappingGranted{Transport::udp, at("81.2.70.2:4700"), 3600s}));
}

TEST_F(PcpClientTest, RenewsWithTheSameNonce) {
  is_there();
  const auto first = asks();
  answers(grant(first));
  drained(client);
  EXPECT_EQ(asks(start + 30min).nonce, first.nonce);
}

TEST_F(PcpClientTest, IgnoresWhatAnotherHostSends) {
  is_there();
  const auto map = asks();
  answers(grant(map), start, {ip("192.168.1.66"), pcp_server_port});
  answers(grant(map), start, {gateway, Port{5352}});
  EXPECT_THAT(drained(client), IsEmpty());
  answers(grant(map));
  EXPECT_THAT(drained_of<MappingGranted>(client), SizeIs(1));
}

TEST_F(PcpClientTest, IgnoresAnAnswerWithAnotherNonceOrPort) {
  is_there();
  const auto map = asks();
  auto forged = map;
  forged.nonce.bytes[0] ^= std::byte{1};
  answers(grant(forged));
  forged = map;
  forged.internal = Port{22};
  answers(grant(forged));
  EXPECT_THAT(drained(client), IsEmpty());
}

TEST_F(PcpClientTest, IgnoresWhatIsNoPcp) {
  is_there();
  asks();
  client.receive(server, bytes_of("not at all"), start);
  client.receive(server, {}, start);
  EXPECT_THAT(drained(client), IsEmpty());
}

TEST_F(PcpClientTest, SaysWhyItIsDenied) {
  is_there();
  auto refused = grant(asks(), "0.0.0.0:4700", 30s);
  refused.result = PcpResult::user_exceeded_quota;
  answers(refused);
  EXPECT_THAT(drained_of<MappingDenied>(client), ElementsAre(MappingDenied{Transport::udp, "user-exceeded-quota", {}}));
}

TEST_F(PcpClientTest, LearnsTheRoutersAddressFromARefusal) {  // as miniupnpd refuses behind another NAT
  is_there();
  auto refused = grant(asks(), "100.64.3.2:4700", 30s);
  refused.result = PcpResult::no_resources;
  answers(refused);
  EXPECT_THAT(drained_of<MappingDenied>(client), ElementsAre(MappingDenied{Transport::udp, "no-resources", ip("100.64.3.2")}));
}

TEST_F(PcpClientTest, TakesAMappingAwayWithALifetimeOfZeroAndItsNonce) {
  is_there();
  const auto map = asks();
  answers(grant(map));
  drained(client);
  client.release(Transport::udp, start + 1min);
  const auto request = sent();
  EXPECT_EQ(request.lifetime, 0s);
  EXPECT_EQ(std::get<PcpMap>(request.operation).nonce, map.nonce);
  answers(grant(map, "0.0.0.0:4700", 0s), start + 1min);
  EXPECT_THAT(drained_of<MappingReleased>(client), SizeIs(1));
}

TEST_F(PcpClientTest, TakesAwayWhatWasAskedForAndNotAnsweredYet) {
  is_there();
  const auto map = asks();
  client.release(Transport::udp, start);
  drained(client);
  answers(grant(map));  // overtaken
  EXPECT_THAT(drained(client), IsEmpty());
  answers(grant(map, "0.0.0.0:4700", 0s));
  EXPECT_THAT(drained_of<MappingReleased>(client), SizeIs(1));
}

TEST_F(PcpClientTest, ReleasesAtOnceWhatItNeverAskedFor) {
  is_there();
  client.release(Transport::tcp, start);
  EXPECT_THAT(drained_of<MappingReleased>(client), ElementsAre(MappingReleased{Transport::tcp}));
}

TEST_F(PcpClientTest, NoticesThatTheGatewayHasForgottenEverything) {  // section 8.5
  is_there(100s);
  const auto map = asks();
  answers(grant(map));
  drained(client);
  answers({.epoch = 101s, .operation = PcpAnnounce{}}, start + 1s);
  EXPECT_THAT(drained_of<GatewayForgot>(client), IsEmpty());
  answers({.epoch = 0s, .operation = PcpAnnounce{}}, start + 10s);
  EXPECT_THAT(drained_of<GatewayForgot>(client), SizeIs(1));
}

TEST_F(PcpClientTest, IsNotToldByStrangersThatEverythingIsForgotten) {
  is_there(100s);
  answers({.epoch = 0s, .operation = PcpAnnounce{}}, start + 10s, {ip("192.168.1.66"), pcp_server_port});
  EXPECT_THAT(drained(client), IsEmpty());
}

TEST_F(PcpClientTest, LetsNoVersionAnswerUndoWhatIsKnown) {
  is_there();
  client.receive(server, ByteBuffer{std::byte{0}, std::byte{128}, std::byte{0}, std::byte{1}, {}, {}, {}, {}}, start);
  EXPECT_THAT(drained(client), IsEmpty());
}

}  // namespace
}  // namespace pshare
