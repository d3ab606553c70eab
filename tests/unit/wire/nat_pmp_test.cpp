// NAT-PMP: what RFC 6886 draws, what miniupnpd 2.3.1 answered, and what nobody should.
#include "wire/nat_pmp.hpp"

#include <gmock/gmock.h>

#include "from_hex.hpp"
#include "wire/ids.hpp"
#include "wire/random.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::from_hex;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

NatPmpAnswer answer(std::string_view digits) { return decode_nat_pmp_answer(from_hex(digits)).value(); }
NatPmpQuestion question(std::string_view digits) { return decode_nat_pmp_request(from_hex(digits)).value(); }

Errc answer_refusal(ByteView datagram) {
  const auto decoded = decode_nat_pmp_answer(datagram);
  return decoded ? Errc::failed : decoded.error().code;
}
Errc request_refusal(ByteView datagram) {
  const auto decoded = decode_nat_pmp_request(datagram);
  return decoded ? Errc::failed : decoded.error().code;
}

const NatPmpMapRequest some_mapping{.transport = Transport::tcp, .internal = Port{4700}, .suggested = Port{4701}, .lifetime = 7200s};

// One of each, as gateways and clients write them.
const std::vector<NatPmpRequest> requests{NatPmpAddressRequest{}, some_mapping, NatPmpMapRequest{.internal = Port{1}, .lifetime = 0s}};
const std::vector<NatPmpResponse> responses{
    {5s, NatPmpAddress{address("81.2.69.1")}},
    {0xFFFFFFFFs, NatPmpMapping{Transport::udp, Port{4700}, Port{65535}, 0xFFFFFFFFs}},
    {0s, NatPmpMapping{Transport::tcp, Port{4700}, Port{0}, 0s}},
    {1s, NatPmpRefused{NatPmpOpcode::address, NatPmpResult::network_failure}},
    {1s, NatPmpRefused{NatPmpOpcode::map_udp, NatPmpResult::out_of_resources}},
    {1s, NatPmpRefused{NatPmpOpcode::map_tcp, NatPmpResult::not_authorized}},
    {1s, NatPmpRefused{NatPmpOpcode{9}, NatPmpResult::unsupported_opcode}},
    {1s, NatPmpRefused{NatPmpOpcode::address, NatPmpResult::unsupported_version}}};

TEST(NatPmp, RequestsAreWrittenAsTheRfcDrawsThem) {  // RFC 6886 sections 3.2 and 3.3
  EXPECT_EQ(hex(encode(NatPmpRequest{NatPmpAddressRequest{}})), "0000");
  EXPECT_EQ(hex(encode(NatPmpRequest{some_mapping})), "00020000125c125d00001c20");
  auto udp = some_mapping;
  udp.transport = Transport::udp;
  EXPECT_EQ(hex(encode(NatPmpRequest{udp})), "00010000125c125d00001c20");
}

TEST(NatPmp, AnswersAreWrittenAsTheRfcDrawsThem) {
  EXPECT_EQ(hex(encode(responses[0])), "008000000000000551024501");
  EXPECT_EQ(hex(encode(NatPmpResponse{3s, NatPmpMapping{Transport::tcp, Port{4700}, Port{4701}, 7200s}})), "0082000000000003125c125d00001c20");
  EXPECT_EQ(hex(encode(responses[3])), "008000030000000100000000");
  EXPECT_EQ(hex(encode(responses[4])), "00810004000000010000000000000000");
  EXPECT_EQ(hex(encode(responses[6])), "0089000500000001");
  EXPECT_EQ(hex(encode(responses[7])), "0080000100000001");  // erratum 3618
}

TEST(NatPmp, RequestsAndAnswersComeBack) {
  for (const auto& request : requests) EXPECT_EQ(decode_nat_pmp_request(encode(request)).value(), NatPmpQuestion{request});
  for (const auto& response : responses) EXPECT_EQ(decode_nat_pmp_answer(encode(response)).value(), NatPmpAnswer{response});
}

TEST(NatPmp, TimesBeyondThirtyTwoBitsAreBroughtBackIntoThem) {
  auto mapping = some_mapping;
  mapping.lifetime = 24h * 365 * 1000;
  EXPECT_EQ(hex(ByteView{encode(NatPmpRequest{mapping})}.subspan(8)), "ffffffff");
  mapping.lifetime = -1s;
  EXPECT_EQ(hex(ByteView{encode(NatPmpRequest{mapping})}.subspan(8)), "00000000");
}

TEST(NatPmpFromMiniupnpd, AnswersAreRead) {  // 2.3.1, external address 81.2.69.1
  EXPECT_EQ(answer("008000000000000151024501"), (NatPmpAnswer{NatPmpResponse{1s, NatPmpAddress{address("81.2.69.1")}}}));
  EXPECT_EQ(answer("0081000000000001125c125c00001c20"),
            (NatPmpAnswer{NatPmpResponse{1s, NatPmpMapping{Transport::udp, Port{4700}, Port{4700}, 7200s}}}));
  EXPECT_EQ(answer("0081000000000001125c000000000000"),  // to a request with lifetime 0
            (NatPmpAnswer{NatPmpResponse{1s, NatPmpMapping{Transport::udp, Port{4700}, Port{0}, 0s}}}));
  EXPECT_EQ(answer("0087000500000001"), (NatPmpAnswer{NatPmpResponse{1s, NatPmpRefused{NatPmpOpcode{7}, NatPmpResult::unsupported_opcode}}}));
}

TEST(NatPmpFromMiniupnpd, RefusalsBehindASecondNatAreReadWithoutTheirRest) {  // its own address is 10.9.9.1
  EXPECT_EQ(answer("008000030000000200000000"),
            (NatPmpAnswer{NatPmpResponse{2s, NatPmpRefused{NatPmpOpcode::address, NatPmpResult::network_failure}}}));
  EXPECT_EQ(answer("0081000300000002125c125c00001c20"),  // repeats what was asked, which means nothing
            (NatPmpAnswer{NatPmpResponse{2s, NatPmpRefused{NatPmpOpcode::map_udp, NatPmpResult::network_failure}}}));
}

TEST(NatPmpVersions, AGatewayThatSpeaksOnlyPcpIsUnderstood) {  // RFC 6887 appendix A: result 1 in version 2, in its 24 bytes
  EXPECT_EQ(answer("028000010000000000000003000000000000000000000000"), NatPmpAnswer{NatPmpVersionMismatch{2}});
  EXPECT_EQ(answer("0280000100000000"), NatPmpAnswer{NatPmpVersionMismatch{2}});
}

TEST(NatPmpVersions, AnAnswerAboutTheVersionMayHaveNoAnswerBit) {  // as RFC 6886 draws it, before erratum 3618
  EXPECT_EQ(answer("0000000100000007"), (NatPmpAnswer{NatPmpResponse{7s, NatPmpRefused{NatPmpOpcode::address, NatPmpResult::unsupported_version}}}));
}

TEST(NatPmpVersions, AGatewayRefusesAPcpRequest) {  // the first bytes of MAP
  const auto refused = std::get<NatPmpRefused>(question("0201000000001c20 00000000000000000000ffffc0a80702"));
  EXPECT_EQ(refused.why, NatPmpResult::unsupported_version);
  EXPECT_EQ(question("0100"), (NatPmpQuestion{NatPmpRefused{NatPmpOpcode::address, NatPmpResult::unsupported_version}}));
}

TEST(NatPmp, AGatewayRefusesOpcodesThatItDoesNotKnow) {
  EXPECT_EQ(question("0003"), (NatPmpQuestion{NatPmpRefused{NatPmpOpcode{3}, NatPmpResult::unsupported_opcode}}));
  EXPECT_EQ(question("007f"), (NatPmpQuestion{NatPmpRefused{NatPmpOpcode{127}, NatPmpResult::unsupported_opcode}}));
}

TEST(NatPmp, ResultsHaveWordsEvenIfNobodyKnowsThem) {
  EXPECT_EQ(word(NatPmpResult::out_of_resources), "out-of-resources");
  EXPECT_EQ(word(NatPmpResult{77}), "unknown");
  EXPECT_EQ(answer("0081004d00000001"), (NatPmpAnswer{NatPmpResponse{1s, NatPmpRefused{NatPmpOpcode::map_udp, NatPmpResult{77}}}}));
}

TEST(NatPmp, WhatFollowsAMessageIsIgnored) {
  EXPECT_EQ(question("0000ffff"), (NatPmpQuestion{NatPmpRequest{NatPmpAddressRequest{}}}));
  EXPECT_EQ(answer("008000000000000151024501ffff"), (NatPmpAnswer{NatPmpResponse{1s, NatPmpAddress{address("81.2.69.1")}}}));
}

TEST(HostileNatPmp, NoTruncatedMessagePasses) {
  for (const auto& request : requests) {
    const auto whole = encode(request);
    for (std::size_t length = 0; length < whole.size(); ++length)
      EXPECT_EQ(request_refusal(ByteView{whole}.first(length)), Errc::malformed) << hex(whole) << " " << length;
  }
  for (const auto& response : responses) {
    const auto whole = encode(response);
    const std::size_t shortest = std::holds_alternative<NatPmpRefused>(response.outcome) ? 8 : whole.size();  // of errors, the head is enough
    for (std::size_t length = 0; length < shortest; ++length)
      EXPECT_EQ(answer_refusal(ByteView{whole}.first(length)), Errc::malformed) << hex(whole) << " " << length;
  }
}

TEST(HostileNatPmp, QuestionsAreNoAnswersAndAnswersNoQuestions) {
  for (const auto& request : requests) EXPECT_EQ(answer_refusal(encode(request)), Errc::malformed);
  for (const auto& response : responses) EXPECT_EQ(request_refusal(encode(response)), Errc::malformed);
  EXPECT_EQ(answer_refusal(from_hex("0000000000000001 51024501")), Errc::malformed);
  EXPECT_EQ(answer_refusal(from_hex("0001000100000000 00000000")), Errc::malformed) << "reserved bits that look like result 1";
}

TEST(HostileNatPmp, AnswersToWhatNobodyAsksAreRefused) {
  EXPECT_EQ(answer_refusal(from_hex("0083000000000001 0000000000000000")), Errc::malformed);
  EXPECT_EQ(answer_refusal(from_hex("0180000000000001 51024501")), Errc::malformed) << "a success of another version";
  EXPECT_EQ(answer_refusal(from_hex("0280010100000001")), Errc::malformed) << "result 257 is not result 1";
}

TEST(HostileNatPmp, AMessageHasALongest) {
  EXPECT_EQ(request_refusal(ByteBuffer(max_nat_pmp_message)), Errc::failed);
  EXPECT_EQ(request_refusal(ByteBuffer(max_nat_pmp_message + 1)), Errc::limit);
  EXPECT_EQ(answer_refusal(ByteBuffer(max_nat_pmp_message + 1)), Errc::limit);
}

TEST(HostileNatPmp, WhatIsReadFromNoiseComesBackTheSame) {
  SeededRandom random{7};
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    ByteBuffer noise(random.below(20));
    random.fill(noise);
    if (noise.size() > 3) noise[0] = std::byte{0}, noise[1] &= std::byte{0x83}, noise[2] = std::byte{0}, noise[3] &= std::byte{1};
    if (const auto asked = decode_nat_pmp_request(noise); asked && std::holds_alternative<NatPmpRequest>(*asked)) {
      ++read;
      EXPECT_EQ(decode_nat_pmp_request(encode(std::get<NatPmpRequest>(*asked))).value(), *asked);
    }
    if (const auto answered = decode_nat_pmp_answer(noise); answered && std::holds_alternative<NatPmpResponse>(*answered)) {
      ++read;
      EXPECT_EQ(decode_nat_pmp_answer(encode(std::get<NatPmpResponse>(*answered))).value(), *answered);
    }
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace pshare
