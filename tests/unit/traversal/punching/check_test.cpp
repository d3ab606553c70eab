// Connectivity checks: what they look like on the wire, and which of them are believed.
#include "traversal/punching/check.hpp"

#include <gtest/gtest.h>

#include <array>

#include "../../wire/from_hex.hpp"

namespace pshare {
namespace {

using testing::from_hex;

template <std::size_t N>
std::array<std::byte, N> counting_from(unsigned first) {
  std::array<std::byte, N> bytes;
  for (auto& byte : bytes) byte = static_cast<std::byte>(first++);
  return bytes;
}

const CheckKey key{counting_from<32>(0)};
const SessionId session{counting_from<16>(0xA0)};
const TransactionId id{counting_from<12>(0x10)};
const Endpoint somebody = Endpoint::parse("192.0.2.1:4700").value();

// Made by another program, after RFC 8489 (HMAC over the message up to the proof, length as far as the proof goes; CRC-32) and RFC 8445 section 7.1.
const auto plain_check = from_hex(
    "00010064 2112a442 101112131415161718191a1b 802a0008 0000000000000000"
    "00060027 7073686172653a 6130613161326133613461356136613761386139616161626163616461656166 00"
    "001c0020 e287f39a2caf2569612cea5e06d7991465c949426e4b51fdc2e5d37f89a212fc 80280004 1d188f4a");
const auto nominating_check = from_hex(
    "00010068 2112a442 101112131415161718191a1b 00250000 802a0008 0000000000000000"
    "00060027 7073686172653a 6130613161326133613461356136613761386139616161626163616461656166 00"
    "001c0020 32702365f3aea0c40c0ce332468c52102d6799bac0b49bfd579d0b0073f84598 80280004 8d5a9c1b");
const auto name_first = from_hex(
    "00010064 2112a442 101112131415161718191a1b"
    "00060027 7073686172653a 6130613161326133613461356136613761386139616161626163616461656166 00"
    "802a0008 0000000000000000"
    "001c0020 bdb476c8597bdcd2fca96b4b4d624eb4d603f6086e1a3f1acb22bd352f7db900 80280004 0c6f244b");
const auto answer = from_hex(
    "01010038 2112a442 101112131415161718191a1b 00200008 0001334e e112a643"
    "001c0020 20e9dcc863a4f57abdf2addaa79f86f77ea3579d9c89c03f67d1100a9797cabd 80280004 94ac3d6a");

ReceivedStun received(const ByteBuffer& datagram) { return decode_stun(datagram).value(); }

/// What a check says, put together by hand.
StunMessage check_message() {
  StunMessage message{.id = id};
  message.username = "pshare:" + session.text();
  message.ice_role = IceRole{.side = CheckSide::controlling};
  return message;
}

TEST(Check, IsWrittenAsTheStandardsSay) {
  EXPECT_EQ(encode_check({.id = id, .from = CheckSide::controlling}, session, key), plain_check);
  EXPECT_EQ(encode_check({.id = id, .from = CheckSide::controlling, .nominates = true}, session, key), nominating_check);
  EXPECT_EQ(encode_check_answer(id, somebody, key), answer);
}

TEST(Check, IsReadInWhateverOrderItsAttributesCome) {
  for (const auto& datagram : {plain_check, name_first}) {
    EXPECT_EQ(session_of_check(received(datagram)), session);
    const auto check = read_check(received(datagram), CheckSide::controlled, key);
    ASSERT_TRUE(check);
    EXPECT_EQ(check->id, id);
    EXPECT_EQ(check->from, CheckSide::controlling);
    EXPECT_FALSE(check->nominates);
  }
  EXPECT_TRUE(read_check(received(nominating_check), CheckSide::controlled, key).value().nominates);
}

TEST(Check, AnswerTellsTheMappedAddress) {
  EXPECT_EQ(read_check_answer(received(answer), key), somebody);
  const auto v6 = Endpoint::parse("[2001:db8::7]:9").value();
  EXPECT_EQ(read_check_answer(received(encode_check_answer(id, v6, key)), key), v6);
}

TEST(Check, OfBothSidesIsToldApart) {
  const auto ours = encode_check({.id = id, .from = CheckSide::controlled}, session, key);
  EXPECT_FALSE(read_check(received(ours), CheckSide::controlled, key)) << "our own, sent back to us";
  EXPECT_TRUE(read_check(received(ours), CheckSide::controlling, key));
  EXPECT_FALSE(read_check(received(plain_check), CheckSide::controlling, key));
}

TEST(Check, IsNotBelievedWithAnotherKey) {
  auto other = key;
  other.bytes[31] ^= std::byte{1};
  EXPECT_FALSE(read_check(received(plain_check), CheckSide::controlled, other));
  EXPECT_FALSE(read_check_answer(received(answer), other));
}

TEST(Check, IsNotBelievedWithAnyByteChanged) {
  constexpr std::size_t fingerprint = 8;  // is behind the proof, and proves nothing
  for (std::size_t i = 0; i + fingerprint < plain_check.size(); ++i) {
    auto changed = plain_check;
    changed[i] ^= std::byte{1};
    const auto read = decode_stun(changed);
    if (read) {
      EXPECT_FALSE(read_check(*read, CheckSide::controlled, key)) << "byte " << i;
    }
  }
  for (std::size_t i = 0; i + fingerprint < answer.size(); ++i) {
    auto changed = answer;
    changed[i] ^= std::byte{1};
    const auto read = decode_stun(changed);
    if (read) {
      EXPECT_FALSE(read_check_answer(*read, key)) << "byte " << i;
    }
  }
}

TEST(Check, IsNotBelievedWithoutProof) {
  const auto bare = received(encode(check_message()));
  EXPECT_EQ(session_of_check(bare), session) << "only a hint whose it is";
  EXPECT_FALSE(read_check(bare, CheckSide::controlled, key));
  const auto older = received(encode(check_message(), {.integrity = [](ByteView) { return ByteBuffer(20); }, .integrity_sha256 = {}}));
  EXPECT_FALSE(read_check(older, CheckSide::controlled, key)) << "SHA-1 is not what we ask for";
  const auto wrong = received(encode(check_message(), {.integrity = {}, .integrity_sha256 = [](ByteView) { return ByteBuffer(32); }}));
  EXPECT_FALSE(read_check(wrong, CheckSide::controlled, key));
  StunMessage reply{.kind = StunClass::success, .id = id};
  reply.xor_mapped_address = somebody;
  EXPECT_FALSE(read_check_answer(received(encode(reply)), key));
}

TEST(Check, IsLeftAloneIfItDemandsWhatWeDoNotUnderstand) {  // RFC 8489 section 6.3.1; the proofs of these hold
  const auto demanding_check = from_hex(
      "000100642112a442101112131415161718191a1b7fff000461626364802a00080000000000000000000600277073686172653a6130613161326133613461356136613761"
      "38613961616162616361646165616600001c00201d8b0734a2dd49cdf6e767a73850af081dc598a3ad7c4ec4f2f0b112b240ba3a");
  const auto demanding_answer = from_hex("010100382112a442101112131415161718191a1b7fff000461626364002000080001334ee112a643001c0020ae796fc4e92a4759716994413b68eb0f0a5e4316d1a1f4132e66f9b30122661d");
  EXPECT_FALSE(read_check(received(demanding_check), CheckSide::controlled, key));
  EXPECT_FALSE(read_check_answer(received(demanding_answer), key));
}

TEST(Check, IsARequestAndItsAnswerASuccess) {
  EXPECT_FALSE(session_of_check(received(answer)));
  EXPECT_FALSE(read_check(received(answer), CheckSide::controlled, key));
  EXPECT_FALSE(read_check_answer(received(plain_check), key));
  auto indication = check_message();
  indication.kind = StunClass::indication;
  EXPECT_FALSE(session_of_check(received(encode(indication))));
  auto other_method = check_message();
  other_method.method = StunMethod{3};
  EXPECT_FALSE(session_of_check(received(encode(other_method))));
  auto classic = check_message();
  classic.cookie = 42;
  EXPECT_FALSE(session_of_check(received(encode(classic))));
}

TEST(Check, NamesItsSessionInOneWayOnly) {
  auto message = check_message();
  const auto session_named = [&](std::string name) {
    message.username = std::move(name);
    return session_of_check(received(encode(message)));
  };
  EXPECT_EQ(session_named("pshare:" + session.text()), session);
  EXPECT_FALSE(session_named("pshare:A0A1a2a3a4a5a6a7a8a9aaabacadaeaf"));
  EXPECT_FALSE(session_named("pshare:" + session.text() + "0"));
  EXPECT_FALSE(session_named("pshare:" + session.text().substr(1)));
  EXPECT_FALSE(session_named("pshare:+0a1a2a3a4a5a6a7a8a9aaabacadaeaf"));
  EXPECT_FALSE(session_named("pshare:g0a1a2a3a4a5a6a7a8a9aaabacadaeaf"));
  EXPECT_FALSE(session_named("someone:" + session.text()));
  EXPECT_FALSE(session_named(""));
  message.username.reset();
  EXPECT_FALSE(session_of_check(received(encode(message))));
}

TEST(Check, IsNoAmplifier) {
  const auto v6 = Endpoint::parse("[2001:db8::7]:9").value();
  EXPECT_LE(encode_check_answer(id, v6, key).size(), plain_check.size());
}

TEST(CheckKey, IsAnotherEachTime) {
  SeededRandom random{1};
  EXPECT_NE(CheckKey::random(random), CheckKey::random(random));
}

}  // namespace
}  // namespace pshare
