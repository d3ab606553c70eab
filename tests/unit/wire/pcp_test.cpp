// PCP: what RFC 6887 draws, what miniupnpd 2.3.1 answered, and what nobody should.
#include "wire/pcp.hpp"

#include <gmock/gmock.h>

#include "from_hex.hpp"
#include "wire/ids.hpp"
#include "wire/random.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::from_hex;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
Endpoint at(std::string_view text) { return Endpoint::parse(text).value(); }

PcpNonce some_nonce() {
  PcpNonce nonce;
  for (std::size_t i = 0; i < nonce.bytes.size(); ++i) nonce.bytes[i] = static_cast<std::byte>(i);
  return nonce;
}

PcpAnswer answer(std::string_view digits) { return decode_pcp_answer(from_hex(digits)).value(); }
PcpQuestion question(ByteView datagram) { return decode_pcp_request(datagram).value(); }
PcpQuestion refused(PcpResult why) { return PcpRefusal{why}; }

Errc answer_refusal(ByteView datagram) {
  const auto decoded = decode_pcp_answer(datagram);
  return decoded ? Errc::failed : decoded.error().code;
}
Errc request_refusal(ByteView datagram) {
  const auto decoded = decode_pcp_request(datagram);
  return decoded ? Errc::failed : decoded.error().code;
}

const PcpMap some_map{.nonce = some_nonce(), .protocol = IpProtocol::udp, .internal = Port{4701}, .external = at("0.0.0.0:4701")};
const PcpPeer some_peer{.mapping = {some_nonce(), IpProtocol::tcp, Port{4702}, at("[::]:0")}, .remote = at("[2001:db8::1]:443")};

PcpRequest request_for(PcpOperation operation, PcpOptions options = {}) {
  return {.lifetime = 7200s, .client = address("192.168.7.2"), .operation = std::move(operation), .options = std::move(options)};
}

const PcpOptions every_option{.third_party = address("192.168.7.3"),
                              .prefer_failure = true,
                              .filters = {PcpFilter{120, at("192.0.2.0:0")}, PcpFilter{0, at("[::]:0")}, PcpFilter{128, at("[2001:db8::1]:7")}}};

// One of each, as clients and servers write them.
const std::vector<PcpRequest> requests{
    request_for(PcpAnnounce{}), request_for(some_map), request_for(some_map, every_option), request_for(some_peer),
    request_for(some_peer, {.third_party = address("fd00::1")}),
    request_for(PcpMap{.nonce = some_nonce(), .protocol = IpProtocol::every})};
const std::vector<PcpResponse> responses{
    {.lifetime = 0s, .epoch = 3s, .operation = PcpAnnounce{}},
    {.lifetime = 7200s, .epoch = 0xFFFFFFFFs, .operation = some_map},
    {.lifetime = 0xFFFFFFFFs, .epoch = 0s, .operation = some_map, .options = every_option},
    {.lifetime = 60s, .epoch = 1s, .operation = some_peer},
    {.result = PcpResult::no_resources, .lifetime = 30s, .epoch = 1s, .operation = some_map},
    {.result = PcpResult{200}, .lifetime = 30s, .epoch = 1s, .operation = some_peer}};

// --- as the RFC draws them ----------------------------------------------------------------------------------------------

const std::string_view map_bytes =  // what miniupnpd was asked below
    "0201000000001c2000000000000000000000ffffc0a80702000102030405060708090a0b11000000125d125d00000000000000000000ffff00000000";

TEST(Pcp, RequestsAreWrittenAsTheRfcDrawsThem) {  // RFC 6887 sections 7.1, 11.1, 12.1 and 14.1
  EXPECT_EQ(hex(encode(request_for(some_map))), map_bytes);
  EXPECT_EQ(hex(encode(request_for(PcpAnnounce{}))), "0200000000001c2000000000000000000000ffffc0a80702");
  EXPECT_EQ(encode(request_for(some_peer)),
            from_hex("02020000 00001c20 00000000000000000000ffffc0a80702 000102030405060708090a0b 06000000 125e0000"
                     "00000000000000000000000000000000 01bb0000 20010db8000000000000000000000001"));
}

TEST(Pcp, OptionsAreWrittenAsTheRfcDrawsThem) {  // sections 13.1 to 13.3
  EXPECT_EQ(ByteView{encode(request_for(some_map, every_option))}.size(), 60U + 20 + 4 + 3 * 24);
  const auto bytes = encode(request_for(some_map, every_option));
  EXPECT_EQ(hex(ByteView{bytes}.subspan(60, 48)), "0100001000000000000000000000ffffc0a80703"
                                                  "02000000"
                                                  "030000140078000000000000000000000000ffffc0000200");
}

TEST(Pcp, RequestsAndAnswersComeBack) {
  for (const auto& request : requests) EXPECT_EQ(question(encode(request)), PcpQuestion{request});
  for (const auto& response : responses) EXPECT_EQ(decode_pcp_answer(encode(response)).value(), PcpAnswer{response});
}

TEST(Pcp, AsManyFiltersAsAreAllowedFit) {
  PcpOptions options = every_option;
  options.filters.assign(max_pcp_filters, PcpFilter{128, at("192.0.2.1:1")});
  const auto bytes = encode(request_for(some_map, options));
  EXPECT_LE(bytes.size(), max_pcp_message);
  EXPECT_EQ(question(bytes), PcpQuestion{request_for(some_map, options)});
}

TEST(Pcp, TimesBeyondThirtyTwoBitsAreBroughtBackIntoThem) {
  auto request = request_for(PcpAnnounce{});
  request.lifetime = 24h * 365 * 1000;
  EXPECT_EQ(hex(ByteView{encode(request)}.subspan(4, 4)), "ffffffff");
  request.lifetime = -1s;
  EXPECT_EQ(hex(ByteView{encode(request)}.subspan(4, 4)), "00000000");
}

TEST(Pcp, NoncesAreRandom) {
  SeededRandom random{1};
  EXPECT_NE(PcpNonce::random(random), PcpNonce::random(random));
}

// --- miniupnpd 2.3.1, external address 81.2.69.1 ------------------------------------------------------------------------

TEST(PcpFromMiniupnpd, MappingsAreRead) {
  EXPECT_EQ(answer("0281000000001c2000000001000000000000000000000000000102030405060708090a0b11000000125d125d"
                   "00000000000000000000ffff51024501"),
            (PcpAnswer{PcpResponse{.lifetime = 7200s,
                                   .epoch = 1s,
                                   .operation = PcpMap{some_nonce(), IpProtocol::udp, Port{4701}, at("81.2.69.1:4701")}}}));
  EXPECT_EQ(answer("0282000000001c2000000003000000000000000000000000000102030405060708090a0b11000000125e125e"
                   "00000000000000000000ffff510245011f90000000000000000000000000ffff08080808"),
            (PcpAnswer{PcpResponse{.lifetime = 7200s,
                                   .epoch = 3s,
                                   .operation = PcpPeer{{some_nonce(), IpProtocol::udp, Port{4702}, at("81.2.69.1:4702")}, at("8.8.8.8:8080")}}}));
  EXPECT_EQ(answer("028000000000000000000003000000000000000000000000"),
            (PcpAnswer{PcpResponse{.epoch = 3s, .operation = PcpAnnounce{}}}));
}

TEST(PcpFromMiniupnpd, AMappingThatWasTakenAwayIsRead) {
  const auto gone = std::get<PcpResponse>(answer("028100000000000000000003000000000000000000000000000102030405060708090a0b11000000125d0000"
                                                 "00000000000000000000ffff51024501"));
  EXPECT_EQ(gone.lifetime, 0s);
  EXPECT_TRUE(answers(gone.operation, PcpMap{.nonce = some_nonce(), .internal = Port{4701}}));
}

TEST(PcpFromMiniupnpd, HeededAndUnknownOptionsAreRead) {
  const auto response = std::get<PcpResponse>(answer("0281000000001c2000000003000000000000000000000000000102030405060708090a0b1100000012611261"
                                                     "00000000000000000000ffff51024501030000140080000000000000000000000000ffff08080808"));
  EXPECT_THAT(response.options.filters, ::testing::ElementsAre(PcpFilter{128, at("8.8.8.8:0")}));
  const auto with_optional = std::get<PcpResponse>(answer("0281000000001c2000000003000000000000000000000000000102030405060708090a0b11000000125f125f"
                                                          "00000000000000000000ffff5102450190000000"));
  EXPECT_EQ(with_optional.options, PcpOptions{});
  EXPECT_TRUE(std::get<PcpResponse>(answer("0281000000001c2000000003000000000000000000000000000102030405060708090a0b1100000012601260"
                                           "00000000000000000000ffff5102450102000000"))
                  .options.prefer_failure);
}

TEST(PcpFromMiniupnpd, RefusalsAreRead) {
  const auto mismatch = std::get<PcpResponse>(answer("0281000c0000000000000003000000000000000000000000000102030405060708090a0b11000000125d125d"
                                                     "00000000000000000000ffff00000000"));
  EXPECT_EQ(mismatch.result, PcpResult::address_mismatch);
  const auto second_nat = std::get<PcpResponse>(answer("028100080000001e00000002000000000000000000000000000102030405060708090a0b11000000125d125d"
                                                       "00000000000000000000ffff0a090901"));  // its own address is 10.9.9.1
  EXPECT_EQ(second_nat.result, PcpResult::no_resources);
  EXPECT_EQ(second_nat.lifetime, 30s);
  EXPECT_EQ(std::get<PcpMap>(second_nat.operation).external.address, address("10.9.9.1"));
  EXPECT_EQ(answer("028100010000000000000003000000000000000000000000000102030405060708090a0b110000000000000000000000"
                   "000000000000ffff00000000"),
            PcpAnswer{PcpVersionMismatch{2}});  // to a request of version 3
  EXPECT_EQ(answer_refusal(from_hex("018100060000000000000003000000000000000000000000000102030405060708090a0b11000000125d125d"
                                    "00000000000000000000ffff00000000")),
            Errc::malformed);  // to one of version 1, which it speaks as well
}

// --- versions -----------------------------------------------------------------------------------------------------------

TEST(PcpVersions, AGatewayThatSpeaksOnlyNatPmpIsUnderstood) {  // RFC 6886 section 3.5 and its erratum 3618
  EXPECT_EQ(answer("0080000100000007"), PcpAnswer{PcpVersionMismatch{0}});
  EXPECT_EQ(answer("0000000100000007"), PcpAnswer{PcpVersionMismatch{0}});
}

TEST(PcpVersions, AServerOfAnotherVersionIsUnderstood) {  // RFC 6887 section 9
  EXPECT_EQ(answer("038100010000000000000003000000000000000000000000"), PcpAnswer{PcpVersionMismatch{3}});
}

TEST(PcpVersions, AServerRefusesOtherVersionsInItsOwn) {
  const auto newer = from_hex("0301000000001c20");
  EXPECT_EQ(question(newer), refused(PcpResult::unsupported_version));
  EXPECT_EQ(hex(encode_pcp_refusal(newer, PcpResult::unsupported_version, 1800s, 5s)),
            "028100010000070800000005000000000000000000000000");
}

TEST(PcpVersions, AServerWithoutNatPmpAnswersItSoThatItIsUnderstood) {  // RFC 6887 appendix A
  const auto nat_pmp = from_hex("0000");
  EXPECT_EQ(question(nat_pmp), refused(PcpResult::unsupported_version));
  EXPECT_EQ(hex(encode_pcp_refusal(nat_pmp, PcpResult::unsupported_version, 0s, 5s)),
            "028000010000000000000005000000000000000000000000");
}

// --- refusals -----------------------------------------------------------------------------------------------------------

TEST(PcpRefusal, BringsTheRequestBack) {  // as miniupnpd did
  const auto answered = decode_pcp_answer(encode_pcp_refusal(from_hex(map_bytes), PcpResult::not_authorized, 1800s, 9s)).value();
  EXPECT_EQ(answered, (PcpAnswer{PcpResponse{
                          .result = PcpResult::not_authorized, .lifetime = 1800s, .epoch = 9s, .operation = some_map}}));
}

TEST(PcpRefusal, IsOfARightLengthWhateverTheRequestHad) {  // section 8.2
  for (std::size_t length = 0; length < 1200; ++length) {
    const auto bytes = encode_pcp_refusal(ByteBuffer(length), PcpResult::malformed_request, 0s, 0s);
    ASSERT_EQ(bytes.size() % 4, 0U);
    ASSERT_GE(bytes.size(), 24U);
    ASSERT_LE(bytes.size(), max_pcp_message);
  }
}

TEST(PcpRefusal, IsGivenToWhatCannotBeCarriedOut) {
  const auto with = [](std::string_view options) {
    auto bytes = from_hex(map_bytes);
    const auto more = from_hex(options);
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
  };
  const std::string_view of_third_party = "01000010 00000000000000000000ffffc0a80703";
  EXPECT_EQ(question(with("50000000")), refused(PcpResult::unsupported_option));
  EXPECT_EQ(question(with("00000000")), refused(PcpResult::unsupported_option));
  EXPECT_EQ(question(with("90000003 01020300")), PcpQuestion{request_for(some_map)}) << "may be ignored";
  for (const auto* broken : {"02000004 00000000",                                       // a value where there is none
                             "02000000 02000000",                                       // twice
                             "0100000c 0000000000000000 00000000",                      // a short address
                             "01000014 0000000000000000 0000000000000000 00000000",     // a long one
                             "03000014 00810000 00000000000000000000ffffc0a80703",      // a prefix of 129
                             "03000010 00800000 00000000000000000000ffff",              // a short filter
                             "03000018 00800000 00000000000000000000ffffc0a80703 00000000",
                             "02000004", "90000001", "9000ffff", "01000010"})            // longer than the message
    EXPECT_EQ(question(with(broken)), refused(PcpResult::malformed_option)) << broken;
  EXPECT_EQ(question(with(std::string{of_third_party} + std::string{of_third_party})), refused(PcpResult::malformed_option));

  auto announce = encode(request_for(PcpAnnounce{}));
  announce.resize(announce.size() + 4);
  announce[24] = std::byte{2};
  EXPECT_EQ(question(announce), refused(PcpResult::malformed_option)) << "PREFER_FAILURE is for MAP";

  auto unknown = from_hex(map_bytes);
  unknown[1] = std::byte{3};
  EXPECT_EQ(question(unknown), refused(PcpResult::unsupported_opcode));
  EXPECT_EQ(question(ByteView{unknown}.first(23)), refused(PcpResult::malformed_request)) << "the length comes first";

  auto every_port = some_map;
  every_port.protocol = IpProtocol::every;
  EXPECT_EQ(question(encode(request_for(every_port))), refused(PcpResult::malformed_request)) << "section 11.1";

  auto too_long = encode(request_for(some_map));
  too_long.resize(max_pcp_message + 4);
  EXPECT_EQ(question(too_long), refused(PcpResult::malformed_request));
}

// --- which answer is whose ------------------------------------------------------------------------------------------------

TEST(PcpAnswers, AreKnownByNonceProtocolInternalPortAndPeer) {
  auto given = some_map;
  given.external = at("81.2.69.1:9");
  EXPECT_TRUE(answers(given, some_map));
  for (const auto change : std::vector<void (*)(PcpMap&)>{[](PcpMap& map) { map.nonce.bytes[11] ^= std::byte{1}; },
                                                          [](PcpMap& map) { map.protocol = IpProtocol::tcp; },
                                                          [](PcpMap& map) { map.internal = Port{1}; }}) {
    auto other = given;
    change(other);
    EXPECT_FALSE(answers(other, some_map));
    auto other_peer = some_peer;
    other_peer.mapping = other;
    EXPECT_FALSE(answers(other_peer, some_peer));
  }
  EXPECT_TRUE(answers(some_peer, some_peer));
  auto elsewhere = some_peer;
  elsewhere.remote.port = Port{444};
  EXPECT_FALSE(answers(elsewhere, some_peer));
  EXPECT_FALSE(answers(some_map, PcpAnnounce{}));
  EXPECT_FALSE(answers(PcpPeer{some_map, {}}, some_map));
  EXPECT_TRUE(answers(PcpAnnounce{}, PcpAnnounce{}));
}

TEST(Pcp, ResultsHaveWordsEvenIfNobodyKnowsThem) {
  EXPECT_EQ(word(PcpResult::cannot_provide_external), "cannot-provide-external");
  EXPECT_EQ(word(PcpResult{99}), "unknown");
}

// --- hostile --------------------------------------------------------------------------------------------------------------

TEST(HostilePcp, NoTruncatedRequestPasses) {
  for (const auto& request : requests) {
    const auto whole = encode(request);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const auto decoded = decode_pcp_request(ByteView{whole}.first(length));
      const bool lost_options_only = decoded && std::holds_alternative<PcpRequest>(*decoded);
      if (lost_options_only) {
        EXPECT_NE(std::get<PcpRequest>(*decoded), request) << length;
        EXPECT_EQ(std::get<PcpRequest>(*decoded).operation, request.operation) << length;
      }
      EXPECT_EQ(!decoded, length < 2) << length;
    }
  }
}

TEST(HostilePcp, NoTruncatedAnswerPasses) {
  for (const auto& response : responses) {
    const auto whole = encode(response);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const auto decoded = decode_pcp_answer(ByteView{whole}.first(length));
      if (!decoded) continue;
      EXPECT_FALSE(response.options == PcpOptions{}) << length;
      EXPECT_EQ(std::get<PcpResponse>(*decoded).operation, response.operation) << length;
      EXPECT_NE(std::get<PcpResponse>(*decoded), response) << length;
    }
  }
}

TEST(HostilePcp, QuestionsAreNoAnswersAndAnswersNoQuestions) {
  for (const auto& request : requests) EXPECT_EQ(answer_refusal(encode(request)), Errc::malformed);
  for (const auto& response : responses) EXPECT_EQ(request_refusal(encode(response)), Errc::malformed);
  EXPECT_EQ(answer_refusal(from_hex("0201000100000000 00000000000000000000ffffc0a80702")), Errc::malformed)
      << "a request whose reserved bits look like result 1";
  EXPECT_EQ(answer_refusal(from_hex("0001000100000000 00000000")), Errc::malformed) << "one of NAT-PMP, likewise";
}

TEST(HostilePcp, BrokenAnswersAreRefused) {
  const auto whole = encode(responses[1]);
  const auto changed = [&](std::size_t where, int value) {
    auto bytes = whole;
    bytes[where] = static_cast<std::byte>(value);
    return bytes;
  };
  EXPECT_EQ(answer_refusal(changed(1, 0x83)), Errc::malformed) << "an opcode that nobody uses";
  EXPECT_EQ(answer_refusal(changed(0, 1)), Errc::malformed) << "a success of another version";
  auto longer = whole;
  for (int more = 1; more < 4; ++more) {
    longer.push_back(std::byte{0});
    EXPECT_EQ(answer_refusal(longer), Errc::malformed) << more;
  }
  longer.push_back(std::byte{0});
  EXPECT_EQ(answer_refusal(longer), Errc::malformed) << "an option that nobody asked for";
  EXPECT_EQ(answer_refusal(ByteBuffer(max_pcp_message + 1)), Errc::limit);
}

TEST(HostilePcp, WhatIsReadFromNoiseComesBackTheSame) {
  SeededRandom random{7};
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    ByteBuffer noise(24 + 4 * random.below(30));
    random.fill(noise);
    noise[0] = std::byte{2};
    noise[1] &= std::byte{0x83};
    for (std::size_t where = 60; where < noise.size(); where += 4 * (1 + random.below(6))) {  // something like options
      noise[where] &= std::byte{0x83};
      noise[where + 2] = std::byte{0};
      noise[where + 3] &= std::byte{0x14};
    }
    if (const auto asked = decode_pcp_request(noise); asked && std::holds_alternative<PcpRequest>(*asked)) {
      ++read;
      EXPECT_EQ(question(encode(std::get<PcpRequest>(*asked))), *asked);
    }
    if (const auto answered = decode_pcp_answer(noise); answered && std::holds_alternative<PcpResponse>(*answered)) {
      ++read;
      EXPECT_EQ(decode_pcp_answer(encode(std::get<PcpResponse>(*answered))).value(), *answered);
    }
  }
  EXPECT_GT(read, 500);
}

}  // namespace
}  // namespace pshare
