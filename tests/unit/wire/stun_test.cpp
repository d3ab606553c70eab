// STUN: the vectors of RFC 5769 and RFC 8489, what coturn and the `stun` client put on the wire, and what nobody should.
#include "wire/stun.hpp"

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "from_hex.hpp"
#include "wire/ids.hpp"
#include "wire/random.hpp"

namespace pshare {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::from_hex;

// --- tools ------------------------------------------------------------------------------------------------------------

ByteBuffer digest(const EVP_MD* algorithm, std::string_view text) {
  ByteBuffer out(static_cast<std::size_t>(EVP_MD_get_size(algorithm)));
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr, algorithm, nullptr);
  return out;
}

StunMac hmac(const EVP_MD* algorithm, ByteBuffer key) {
  return [algorithm, key = std::move(key)](ByteView covered) {
    ByteBuffer out(static_cast<std::size_t>(EVP_MD_get_size(algorithm)));
    HMAC(algorithm, key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(covered.data()), covered.size(),
         reinterpret_cast<unsigned char*>(out.data()), nullptr);
    return out;
  };
}

StunMac hmac_sha1(std::string_view key) { return hmac(EVP_sha1(), buffer_of(bytes_of(key))); }
StunMac hmac_sha256(std::string_view key) { return hmac(EVP_sha256(), buffer_of(bytes_of(key))); }

Endpoint at(std::string_view text) { return Endpoint::parse(text).value(); }

TransactionId id_of(std::string_view digits) {
  TransactionId id;
  const auto bytes = from_hex(digits);
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

const TransactionId some_id = id_of("000102030405060708090a0b");

StunMessage request() { return {.id = some_id}; }

/// A binding request with these attributes, whatever they are.
ByteBuffer with_attributes(std::string_view digits, std::string_view type = "0001") {
  const auto attributes = from_hex(digits);
  ByteWriter out;
  out.bytes(from_hex(type)).u16(static_cast<std::uint16_t>(attributes.size())).u32(stun_magic_cookie).bytes(some_id.bytes);
  return out.bytes(attributes).take();
}

Errc refusal(ByteView datagram) {
  const auto decoded = decode_stun(datagram);
  EXPECT_FALSE(decoded);
  return decoded ? Errc::failed : decoded.error().code;
}

StunMessage again(const StunMessage& message) { return decode_stun(encode(message)).value().message; }

// --- RFC 5769 ---------------------------------------------------------------------------------------------------------

const std::string_view rfc5769_password = "VOkJxbRl1RmTxUk/WvJxBt";
const TransactionId rfc5769_id = id_of("b7e7a701bc34d686fa87dfae");

const ByteBuffer sample_request = from_hex(
    "00010058 2112a442 b7e7a701bc34d686fa87dfae 80220010 5354554e207465737420636c69656e74 00240004 6e0001ff 80290008 932ff9b151263b36"
    "00060009 6576746a3a68367659202020 00080014 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2 80280004 e57a3bcf");

TEST(StunVectors, TheSampleRequestIsRead) {  // RFC 5769 section 2.1
  const auto received = decode_stun(sample_request).value();
  EXPECT_EQ(received.message, (StunMessage{.id = rfc5769_id,
                                           .software = "STUN test client",
                                           .priority = 0x6e0001ff,
                                           .ice_role = IceRole{IceRole::Side::controlled, 0x932ff9b151263b36},
                                           .username = "evtj:h6vY"}));
  EXPECT_THAT(received.not_understood, IsEmpty());
  EXPECT_TRUE(received.fingerprint);
  ASSERT_TRUE(received.integrity);
  EXPECT_TRUE(received.integrity->holds(hmac_sha1(rfc5769_password)));
  EXPECT_FALSE(received.integrity->holds(hmac_sha1("another password")));
  EXPECT_FALSE(received.integrity_sha256);
}

TEST(StunVectors, TheSampleRequestIsWrittenAsThereButForItsPadding) {  // RFC 8489 wants zeros where RFC 5769 has blanks
  const auto written =
      encode(decode_stun(sample_request).value().message, {.integrity = hmac_sha1(rfc5769_password), .fingerprint = true});
  auto up_to_integrity = ByteBuffer(sample_request.begin(), sample_request.begin() + 76);
  std::fill(up_to_integrity.begin() + 73, up_to_integrity.end(), std::byte{0});
  EXPECT_EQ(ByteBuffer(written.begin(), written.begin() + 76), up_to_integrity);
  EXPECT_EQ(written.size(), sample_request.size());
  EXPECT_EQ(hex(ByteView{written}.subspan(76)), "000800147907c2d2edbfea480e4c76d82962d5c3742af9e380280004e352928d");
}

TEST(StunVectors, TheSampleResponseOverIPv4IsRead) {  // RFC 5769 section 2.2
  const auto received =
      decode_stun(from_hex("0101003c 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220 00200008 0001a147e112a643"
                           "00080014 2b91f599fd9e90c38c7489f92af9ba53f06be7d7 80280004 c07d4c96"))
          .value();
  EXPECT_EQ(received.message, (StunMessage{.kind = StunClass::success,
                                           .id = rfc5769_id,
                                           .software = "test vector",
                                           .xor_mapped_address = at("192.0.2.1:32853")}));
  EXPECT_TRUE(received.fingerprint);
  EXPECT_TRUE(received.integrity.value().holds(hmac_sha1(rfc5769_password)));
}

TEST(StunVectors, TheSampleResponseOverIPv6IsRead) {  // RFC 5769 section 2.3
  const auto received = decode_stun(from_hex("01010048 2112a442 b7e7a701bc34d686fa87dfae 8022000b 7465737420766563746f7220"
                                             "00200014 0002a147 0113a9faa5d3f179bc25f4b5bed2b9d9"
                                             "00080014 a382954e4be67bf11784c97c8292c275bfe3ed41 80280004 c8fb0b4c"))
                            .value();
  EXPECT_EQ(received.message.xor_mapped_address, at("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
  EXPECT_TRUE(received.fingerprint);
  EXPECT_TRUE(received.integrity.value().holds(hmac_sha1(rfc5769_password)));
}

const std::string matrix = "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9";  // the user name of both long-term vectors
const std::string long_term_key_text = matrix + ":example.org:TheMatrIX";

TEST(StunVectors, TheSampleRequestWithLongTermCredentialsHolds) {  // RFC 5769 section 2.4
  const auto received =
      decode_stun(from_hex("00010060 2112a442 78ad3433c6ad72c029da412e 00060012 e3839ee38388e383aae38383e382afe382b90000"
                           "0015001c 662f2f3439396b39353464364f4c33346f4c39465354767936347341 0014000b 6578616d706c652e6f726700"
                           "00080014 f67024656dd64a3e02b8e0712e85c9a28ca89666"))
          .value();
  EXPECT_EQ(received.message.username, matrix);
  EXPECT_TRUE(received.integrity.value().holds(hmac(EVP_sha1(), digest(EVP_md5(), long_term_key_text))));
  EXPECT_FALSE(received.fingerprint);
  EXPECT_THAT(received.not_understood, ElementsAre(0x0015, 0x0014)) << "NONCE and REALM: we have no long-term credentials";
}

TEST(StunVectors, TheSampleRequestWithSha256Holds) {  // RFC 8489 appendix B.1
  const auto received =
      decode_stun(from_hex("00010090 2112a442 78ad3433c6ad72c029da412e"
                           "001e0020 4a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
                           "00150029 6f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000"
                           "0014000b 6578616d706c652e6f726700 001d0004 00020000"
                           "001c0020 b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65"))
          .value();
  EXPECT_TRUE(received.integrity_sha256.value().holds(hmac(EVP_sha256(), digest(EVP_sha256(), long_term_key_text))));
  EXPECT_FALSE(received.integrity);
}

// --- what others send ---------------------------------------------------------------------------------------------------

TEST(StunFromCoturn, ABindingAnswerIsRead) {  // coturn 4.6.1, two addresses
  const auto received =
      decode_stun(from_hex("010100482112a442000102030405060708090a0b0020000800018f1a5e12a443000100080001ae087f000001802b0008000134a6"
                           "7f000001802c0008000134a77f00000280220014436f7475726e2d342e362e312027476f72737427"))
          .value();
  EXPECT_EQ(received.message, (StunMessage{.kind = StunClass::success,
                                           .id = some_id,
                                           .software = "Coturn-4.6.1 'Gorst'",
                                           .xor_mapped_address = at("127.0.0.1:44552"),
                                           .mapped_address = at("127.0.0.1:44552"),
                                           .response_origin = at("127.0.0.1:13478"),
                                           .other_address = at("127.0.0.2:13479")}));
}

TEST(StunFromCoturn, ARefusalNamesWhatWasNotUnderstood) {
  const auto received =
      decode_stun(from_hex("0111003c2112a442000102030405060708090a0b0009001800000414556e6b6e6f776e20417474726962757465000000000a0002"
                           "7f00000080220014436f7475726e2d342e362e312027476f72737427"))
          .value();
  EXPECT_EQ(received.message.kind, StunClass::error);
  ASSERT_TRUE(received.message.error);
  EXPECT_EQ(received.message.error->number, 420);
  EXPECT_THAT(received.message.error->reason, ::testing::StartsWith("Unknown Attribute"));
  EXPECT_THAT(received.message.unknown_attributes, ElementsAre(0x7f00));
}

TEST(StunFromCoturn, ARequestWithAResponsePortIsReadAndWrittenTheSame) {  // turnutils_natdiscovery -t
  const auto bytes = from_hex("000100082112a442f84cad125da2e1ea2169376d00270004b3670000");
  const auto message = decode_stun(bytes).value().message;
  EXPECT_EQ(message.response_port, Port{45927});
  EXPECT_EQ(encode(message), bytes);
}

TEST(ClassicStun, TheRequestOfAnOldClientIsRead) {  // RFC 3489: `stun` of Debian's stun-client 0.97, test 1
  const auto bytes = from_hex("0001000801c2ce73b960da456ee2432612115c350003000400000000");
  const auto received = decode_stun(bytes).value();
  EXPECT_TRUE(received.message.is_classic());
  EXPECT_EQ(received.message.kind, StunClass::request);
  EXPECT_EQ(received.message.method, StunMethod::binding);
  EXPECT_EQ(received.message.change_request, ChangeRequest{});
  EXPECT_THAT(received.not_understood, IsEmpty());
  EXPECT_EQ(encode(received.message), bytes);
}

TEST(ClassicStun, TheAnswerToAnOldClientRepeatsAllItsTransactionId) {  // as coturn answered the request above, but without SOFTWARE
  const auto asked = decode_stun(from_hex("0001000801c2ce73b960da456ee2432612115c350003000400000000")).value().message;
  const StunMessage answer{.kind = StunClass::success,
                           .id = asked.id,
                           .cookie = asked.cookie,
                           .mapped_address = at("127.0.0.1:39140"),
                           .source_address = at("127.0.0.1:13478"),
                           .changed_address = at("127.0.0.2:13479")};
  EXPECT_EQ(hex(encode(answer)), "0101002401c2ce73b960da456ee2432612115c35000100080001"
                                 "98e47f00000100040008000134a67f00000100050008000134a77f000002");
  EXPECT_EQ(again(answer), answer);
}

TEST(ClassicStun, AnOddListOfUnknownAttributesRepeatsTheLast) {  // RFC 3489 section 11.2.10: nothing is padded there
  StunMessage answer{.kind = StunClass::error, .id = some_id, .cookie = 7, .error = StunError{420, ""}, .unknown_attributes = {2}};
  EXPECT_THAT(again(answer).unknown_attributes, ElementsAre(2, 2));
  answer.cookie = stun_magic_cookie;
  EXPECT_THAT(again(answer).unknown_attributes, ElementsAre(2));
}

// --- telling STUN from the rest -------------------------------------------------------------------------------------------

TEST(LooksLikeStun, SaysYesToMessagesAndNoToTheirNeighbours) {  // RFC 9443: by the first byte
  EXPECT_TRUE(looks_like_stun(encode(request())));
  EXPECT_TRUE(looks_like_stun(sample_request));
  for (int first = 0; first < 256; ++first) {
    auto bytes = encode(request());
    bytes[0] = static_cast<std::byte>(first);
    EXPECT_EQ(looks_like_stun(bytes), first <= 3) << first;
  }
}

TEST(LooksLikeStun, SaysNoToWhatIsTornOrHasAnotherLengthOrCookie) {
  for (std::size_t length = 0; length < sample_request.size(); ++length)
    EXPECT_FALSE(looks_like_stun(ByteView{sample_request}.first(length))) << length;
  auto longer = sample_request;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(looks_like_stun(longer));
  EXPECT_FALSE(looks_like_stun(from_hex("0001000801c2ce73b960da456ee2432612115c350003000400000000"))) << "classic";
  EXPECT_FALSE(looks_like_stun(from_hex("00010002 2112a442 000102030405060708090a0b 0000")));
}

// --- there and back -------------------------------------------------------------------------------------------------------

TEST(Stun, EveryAttributeComesBack) {
  const StunMessage everything{.kind = StunClass::success,
                               .id = some_id,
                               .software = "pshare",
                               .xor_mapped_address = at("[2001:db8::1]:1"),
                               .mapped_address = at("192.0.2.1:65535"),
                               .error = StunError{487, "Role Conflict"},
                               .unknown_attributes = {1, 2, 3},
                               .change_request = ChangeRequest{.address = true, .port = false},
                               .response_port = Port{0},
                               .response_origin = at("192.0.2.2:3478"),
                               .other_address = at("[2001:db8::2]:3479"),
                               .padding = 5,
                               .source_address = at("192.0.2.3:1"),
                               .changed_address = at("192.0.2.4:2"),
                               .priority = 0xFFFFFFFF,
                               .use_candidate = true,
                               .ice_role = IceRole{IceRole::Side::controlling, 0x0123456789abcdef},
                               .username = ""};
  EXPECT_EQ(again(everything), everything);
  auto classic = everything;
  classic.cookie = 1;
  classic.unknown_attributes.push_back(3);
  EXPECT_EQ(again(classic), classic);
}

TEST(Stun, EveryClassAndMethodComesBack) {
  for (const auto kind : {StunClass::request, StunClass::indication, StunClass::success, StunClass::error})
    for (std::uint16_t method = 0; method <= 0xFFF; ++method) {
      const StunMessage message{.kind = kind, .method = static_cast<StunMethod>(method), .id = some_id};
      ASSERT_EQ(again(message), message) << method;
    }
  EXPECT_EQ(hex(ByteView{encode({.kind = StunClass::error, .id = some_id})}.first(2)), "0111");       // RFC 8489 section 5
  EXPECT_EQ(hex(ByteView{encode({.kind = StunClass::indication, .id = some_id})}.first(2)), "0011");
}

TEST(Stun, BothFlagsOfAChangeRequestHaveTheirBit) {  // RFC 5780 section 7.2: A is 4, B is 2
  const auto flags = [](ChangeRequest change) { return hex(ByteView{encode({.id = some_id, .change_request = change})}.subspan(20)); };
  EXPECT_EQ(flags({.address = true, .port = false}), "0003000400000004");
  EXPECT_EQ(flags({.address = false, .port = true}), "0003000400000002");
  EXPECT_EQ(flags({.address = true, .port = true}), "0003000400000006");
}

TEST(Stun, BothProofsAndTheFingerprintHoldTogether) {
  auto message = request();
  message.username = "left:right";
  const auto bytes =
      encode(message, {.integrity = hmac_sha1("key"), .integrity_sha256 = hmac_sha256("other key"), .fingerprint = true});
  const auto received = decode_stun(bytes).value();
  EXPECT_EQ(received.message, message);
  EXPECT_TRUE(received.integrity.value().holds(hmac_sha1("key")));
  EXPECT_TRUE(received.integrity_sha256.value().holds(hmac_sha256("other key")));
  EXPECT_TRUE(received.fingerprint);
}

TEST(Stun, NoByteBeforeAProofCanChangeUnseen) {
  auto message = request();
  message.username = "left:right";
  message.use_candidate = true;
  const auto sent = encode(message, {.integrity = hmac_sha1("key"), .integrity_sha256 = hmac_sha256("key")});
  for (std::size_t at = 0; at < sent.size(); ++at) {
    auto changed = sent;
    changed[at] ^= std::byte{1};
    const auto received = decode_stun(changed);
    if (!received) continue;  // torn by it: as good
    const bool sha1_holds = received->integrity && received->integrity->holds(hmac_sha1("key"));
    const bool sha256_holds = received->integrity_sha256 && received->integrity_sha256->holds(hmac_sha256("key"));
    EXPECT_FALSE(sha256_holds) << at;
    EXPECT_EQ(sha1_holds, at >= sent.size() - 36) << at;  // the SHA-256 attribute itself, which SHA-1 does not cover
  }
}

TEST(Stun, AWrongBitBreaksTheFingerprint) {
  const auto sent = encode(request(), {.integrity = {}, .integrity_sha256 = {}, .fingerprint = true});
  for (std::size_t bit = 0; bit < sent.size() * 8; ++bit) {
    auto changed = sent;
    changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    const auto received = decode_stun(changed);
    EXPECT_FALSE(received && received->fingerprint) << bit;
  }
}

TEST(Stun, TransactionIdsAreRandomAndReadable) {
  SeededRandom random{1};
  EXPECT_NE(TransactionId::random(random), TransactionId::random(random));
  EXPECT_EQ(some_id.text(), "000102030405060708090a0b");
}

// --- order ------------------------------------------------------------------------------------------------------------

/// A message with these attributes, given and proven by the same key, and what hides behind the proof.
ByteBuffer with_something_behind(const StunTrailer& trailer, std::string_view behind) {
  auto bytes = encode(request(), trailer);
  const auto more = from_hex(behind);
  bytes.insert(bytes.end(), more.begin(), more.end());
  bytes[3] = static_cast<std::byte>(bytes.size() - stun_header_size);
  return bytes;
}

TEST(StunOrder, WhatFollowsAProofIsIgnored) {  // RFC 8489 sections 14.5 and 14.6
  for (const auto& trailer : {StunTrailer{.integrity = hmac_sha1("key")}, StunTrailer{.integrity_sha256 = hmac_sha256("key")}}) {
    const auto received = decode_stun(with_something_behind(trailer, "00250000 00240004 00000001 7f000000 00080000")).value();
    EXPECT_EQ(received.message, request());
    EXPECT_THAT(received.not_understood, IsEmpty());
  }
}

TEST(StunOrder, AProofBehindTheStrongerProofDoesNotCount) {
  const auto received = decode_stun(with_something_behind({.integrity_sha256 = hmac_sha256("key")},
                                                          "00080014 0000000000000000000000000000000000000000"))
                            .value();
  EXPECT_FALSE(received.integrity);
  EXPECT_TRUE(received.integrity_sha256.value().holds(hmac_sha256("key")));
}

TEST(StunOrder, AFingerprintStillCountsBehindAProofAndMustBeTheLast) {
  EXPECT_EQ(refusal(with_something_behind({.fingerprint = true}, "80220000")), Errc::malformed);
  EXPECT_EQ(refusal(with_something_behind({.integrity = hmac_sha1("key")}, "80280004 00000000")), Errc::malformed);
}

TEST(StunOrder, TheFirstOfTwoCounts) {
  const auto received = decode_stun(with_attributes("00240004 00000001 00240004 00000002 80290008 0000000000000001"
                                                    "802a0008 0000000000000002 80220001 61000000 80220001 62000000"))
                            .value();
  EXPECT_EQ(received.message.priority, 1U);
  EXPECT_EQ(received.message.ice_role, (IceRole{IceRole::Side::controlled, 1}));
  EXPECT_EQ(received.message.software, "a");
}

// --- hostile ------------------------------------------------------------------------------------------------------------

TEST(HostileStun, NoTruncatedMessagePasses) {
  auto message = request();
  message.username = "left:right";
  message.xor_mapped_address = at("[2001:db8::1]:1");
  const auto whole = encode(message, {.integrity = hmac_sha1("key"), .integrity_sha256 = hmac_sha256("key"), .fingerprint = true});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(refusal(ByteView{whole}.first(length)), Errc::malformed) << length;
    if (length < stun_header_size) continue;
    auto honest = ByteBuffer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));  // says how long it is
    honest[2] = static_cast<std::byte>((length - stun_header_size) >> 8);
    honest[3] = static_cast<std::byte>(length - stun_header_size);
    const auto decoded = decode_stun(honest);
    EXPECT_FALSE(decoded && decoded->fingerprint) << length;
  }
}

TEST(HostileStun, WhatWeDoNotKnowIsReportedIfItMustBeUnderstood) {
  const auto received = decode_stun(with_attributes("7fff0000 00020004 00000000 80000003 01020300 ffff0000 7fff0000")).value();
  EXPECT_THAT(received.not_understood, ElementsAre(0x7fff, 0x0002, 0x7fff));
  EXPECT_EQ(received.message, request());
}

TEST(HostileStun, PaddingMayHoldAnythingAndIsNotRead) {
  EXPECT_EQ(decode_stun(with_attributes("80220001 61ffffff")).value().message.software, "a");
}

TEST(HostileStun, BrokenValuesAreRefused) {
  for (const auto* attribute : {
           "00200008 0003000000000000",                      // an address of no family
           "00200008 0002000000000000",                      // one of IPv6, as short as one of IPv4
           "00200014 0001000000000000000000000000000000000000",
           "00010004 00010000",                              // no address at all
           "00010000",                                       //
           "00010009 000100000000000000000000",              // a byte too many
           "802b0003 00010000",                              //
           "00030003 00000000",                              // CHANGE-REQUEST of three bytes
           "00030005 0000000000000000",                      //
           "00240003 00000000", "00240008 0000000000000000",  // PRIORITY
           "00250004 00000000",                              // USE-CANDIDATE with a value
           "80290004 00000000", "802a0007 0000000000000000",  // tie-breakers
           "00270000", "00270003 00000000",                  // RESPONSE-PORT
           "00090003 00000400",                              // ERROR-CODE without a number
           "00090004 00000263", "00090004 00000700", "00090004 00000464",  // 299, 700, 4 and 100
           "000a0001 00000000",                              // half a type
           "00080013 0000000000000000000000000000000000000000",  // a MAC of 19 bytes
           "001c000c 000000000000000000000000",              // a MAC cut below what is allowed
           "001c0011 0000000000000000000000000000000000000000",
           "001c0024 000000000000000000000000000000000000000000000000000000000000000000000000",
           "80280000", "80280003 00000000", "80280008 0000000000000000",
           "80220004 616263",                                // longer than the message, by a byte
           "8022ffff", "802200",                             //
           "80220001 61",                                    // no padding
       })
    EXPECT_EQ(refusal(with_attributes(attribute)), Errc::malformed) << attribute;
}

TEST(HostileStun, AHeaderThatIsNotOneIsRefused) {
  EXPECT_EQ(refusal(with_attributes("", "4001")), Errc::malformed) << "the first two bits";
  EXPECT_EQ(refusal(with_attributes("", "8001")), Errc::malformed);
  auto longer = encode(request());
  longer.resize(longer.size() + 4);
  EXPECT_EQ(refusal(longer), Errc::malformed) << "more than the message";
  auto odd = with_attributes("0000");
  EXPECT_EQ(refusal(odd), Errc::malformed);
}

TEST(HostileStun, TextsHaveALongest) {
  const auto with_text = [](std::uint16_t type, std::size_t length) {
    ByteWriter out;
    out.u16(1).u16(static_cast<std::uint16_t>(4 + (length + 3) / 4 * 4)).u32(stun_magic_cookie).bytes(some_id.bytes);
    out.u16(type).u16(static_cast<std::uint16_t>(length)).bytes(ByteBuffer((length + 3) / 4 * 4, std::byte{'a'}));
    return out.take();
  };
  EXPECT_EQ(decode_stun(with_text(0x0006, max_stun_username)).value().message.username->size(), max_stun_username);
  EXPECT_EQ(refusal(with_text(0x0006, max_stun_username + 1)), Errc::malformed);
  EXPECT_EQ(decode_stun(with_text(0x8022, max_stun_text_read)).value().message.software->size(), max_stun_text_read);
  EXPECT_EQ(refusal(with_text(0x8022, max_stun_text_read + 1)), Errc::malformed);
}

TEST(HostileStun, AMessageHasALongest) {
  const auto padded_to = [](std::size_t size) { return encode({.id = some_id, .padding = size - stun_header_size - 4}); };
  EXPECT_EQ(decode_stun(padded_to(max_stun_message)).value().message.padding, max_stun_message - 24);
  auto longer = padded_to(max_stun_message);
  longer.resize(longer.size() + 4);
  EXPECT_EQ(refusal(longer), Errc::limit);
}

TEST(HostileStun, AShortenedMacDoesNotHold) {  // RFC 8489 section 14.6 lets usages of STUN cut it; ours do not
  const auto received = decode_stun(with_attributes("001c0010 00000000000000000000000000000000")).value();
  const auto zeros = [](ByteView) { return ByteBuffer(32); };
  EXPECT_FALSE(received.integrity_sha256.value().holds(zeros));
}

TEST(HostileStun, WhatIsReadFromNoiseComesBackTheSame) {
  SeededRandom random{7};
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto noise = ByteBuffer(20 + 4 * random.below(30));
    random.fill(noise);
    std::copy_n(sample_request.begin() + 4, 4, noise.begin() + 4);  // the cookie
    noise[0] &= std::byte{1};
    noise[2] = std::byte{0};
    noise[3] = static_cast<std::byte>(noise.size() - stun_header_size);
    for (std::size_t at = 20; at < noise.size(); at += 4 * (1 + random.below(4))) {  // something like attributes
      noise[at] &= std::byte{0x80};
      noise[at + 1] &= std::byte{0x2F};
      noise[at + 2] = std::byte{0};
      noise[at + 3] &= std::byte{0x1F};
    }
    const auto received = decode_stun(noise);
    if (!received) continue;
    ++read;
    EXPECT_EQ(again(received->message), received->message);
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace pshare
