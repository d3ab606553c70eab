// What the STUN server answers to whom, from where, and how much of it: RFC 8489, RFC 5780, RFC 3489, and never more than was asked.
#include "relay/stun_server.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const IpAddress first = *IpAddress::parse("203.0.113.1"), second = *IpAddress::parse("203.0.113.2");
constexpr Port port{4700}, alternate_port{4701};
const Endpoint at{first, port};
const Endpoint client = *Endpoint::parse("192.0.2.9:50000");
const StunServer::Settings two_addresses{.port = port, .alternate_port = alternate_port, .addresses = std::pair{first, second}, .software = "pshare-server 0"};

StunMessage question() {
  SeededRandom random{3};
  return {.id = TransactionId::random(random)};
}

/// As a client asks who wants to know everything: the message is filled up to that many bytes.
ByteBuffer padded_to(std::size_t size, StunMessage message, const StunTrailer& trailer = {}) {
  const auto plain = encode(message, trailer).size();
  message.padding = size - plain - 4;
  auto bytes = encode(message, trailer);
  EXPECT_EQ(bytes.size(), size);
  return bytes;
}

struct Heard {
  StunMessage message;
  Endpoint from, to;
  std::size_t size = 0;
  bool fingerprint = false;
};

std::optional<Heard> ask(ByteView bytes, const Endpoint& where = at, const Endpoint& from = client, const StunServer::Settings& settings = two_addresses) {
  const auto answer = StunServer{settings}.answer(bytes, from, where);
  if (!answer) return std::nullopt;
  EXPECT_LE(answer->bytes.size(), bytes.size());
  auto read = decode_stun(answer->bytes).value();
  return Heard{std::move(read.message), answer->from, answer->to, answer->bytes.size(), read.fingerprint};
}

TEST(StunServer, TellsAClientItsEndpointAndWhereElseToAsk) {
  const auto heard = ask(padded_to(stun_room_for_all, question()));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->message.kind, StunClass::success);
  EXPECT_EQ(heard->message.id, question().id);
  EXPECT_EQ(heard->message.xor_mapped_address, client);
  EXPECT_EQ(heard->message.response_origin, at);
  EXPECT_EQ(heard->message.other_address, (Endpoint{second, alternate_port}));
  EXPECT_EQ(heard->message.software, "pshare-server 0");
  EXPECT_FALSE(heard->message.mapped_address || heard->message.source_address || heard->message.changed_address);
  EXPECT_EQ(heard->from, at);
  EXPECT_EQ(heard->to, client);
}

TEST(StunServer, HasRoomForEverythingOverIpv6InAQuestionOfTheStatedSize) {
  const auto v6 = *IpAddress::parse("2001:db8::1"), other = *IpAddress::parse("2001:db8::2");
  const StunServer::Settings settings{.port = port, .alternate_port = alternate_port, .addresses = std::pair{v6, other}};
  const auto heard = ask(padded_to(stun_room_for_all, question(), {.fingerprint = true}), {v6, port}, *Endpoint::parse("[2001:db8::9]:50000"), settings);
  ASSERT_TRUE(heard);
  EXPECT_TRUE(heard->message.xor_mapped_address && heard->message.response_origin && heard->message.other_address && heard->fingerprint);
  EXPECT_EQ(heard->size, stun_room_for_all);
}

TEST(StunServer, AnswersFromWhereItIsAsked) {
  struct Case { bool address, port; Endpoint asked, answers, other; };
  for (const auto& each : {Case{false, false, at, at, {second, alternate_port}},
                           Case{false, true, at, {first, alternate_port}, {second, alternate_port}},
                           Case{true, false, at, {second, port}, {second, alternate_port}},
                           Case{true, true, at, {second, alternate_port}, {second, alternate_port}},
                           Case{true, true, {second, alternate_port}, at, at},
                           Case{false, true, {second, alternate_port}, {second, port}, at}}) {
    auto asked = question();
    asked.change_request = ChangeRequest{each.address, each.port};
    const auto heard = ask(padded_to(128, asked), each.asked);
    ASSERT_TRUE(heard);
    EXPECT_EQ(heard->from, each.answers);
    EXPECT_EQ(heard->message.response_origin, each.answers);
    EXPECT_EQ(heard->message.other_address, each.other);  // as seen from where it was asked: RFC 5780 section 7.4
    EXPECT_EQ(heard->to, client);
  }
}

TEST(StunServer, WithOneAddressChangesThePortAndRefusesToChangeTheAddress) {
  const StunServer::Settings one{.port = port, .alternate_port = alternate_port};
  auto asked = question();
  asked.change_request = ChangeRequest{.address = false, .port = true};
  const auto changed = ask(padded_to(100, asked), at, client, one);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->from, (Endpoint{first, alternate_port}));
  EXPECT_FALSE(changed->message.other_address);  // it would promise what cannot be kept
  asked.change_request = ChangeRequest{.address = true, .port = true};
  const auto refused = ask(padded_to(100, asked), at, client, one);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->message.error->number, 420);
  EXPECT_THAT(refused->message.unknown_attributes, ElementsAre(0x0003));
  EXPECT_EQ(refused->from, at);
}

TEST(StunServer, LeavesOutTheLessImportantAndThenSaysNothingAtAll) {
  const auto with_room = [](std::size_t size) { return ask(padded_to(size, question())); };
  const auto none = [](const std::optional<Heard>& heard) { return !heard.has_value(); };
  EXPECT_TRUE(none(ask(encode(question()))));  // 20 bytes: the shortest question of all
  EXPECT_TRUE(none(with_room(28)));
  ASSERT_TRUE(with_room(32));
  EXPECT_EQ(with_room(32)->message.xor_mapped_address, client);
  EXPECT_FALSE(with_room(40)->message.response_origin);
  EXPECT_TRUE(with_room(44)->message.response_origin);
  EXPECT_FALSE(with_room(52)->message.other_address);
  EXPECT_TRUE(with_room(56)->message.other_address);
  EXPECT_FALSE(with_room(56)->message.software);
}

TEST(StunServer, NeverAnswersWithMoreThanItWasAskedWith) {
  for (std::size_t size = 24; size <= 300; size += 4)
    for (const bool change : {false, true})
      for (const bool fingerprint : {false, true})
        for (const std::uint32_t cookie : {stun_magic_cookie, 0x12345678u}) {
          auto asked = question();
          asked.cookie = cookie;
          if (change) asked.change_request = ChangeRequest{true, true};
          const StunTrailer trailer{.fingerprint = fingerprint};
          if (encode(asked, trailer).size() + 4 > size) continue;
          ask(padded_to(size, asked, trailer));  // which compares
        }
}

TEST(StunServer, RepeatsPaddingAsFarAsThereIsRoom) {  // RFC 5780 section 6.1: to see whether fragments come through
  const auto heard = ask(padded_to(1500, question()));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->size, 1500u);
  EXPECT_FALSE(ask(encode(StunMessage{.id = question().id, .software = "a client that asks with many words, none of them padding"}))->message.padding);
}

TEST(StunServer, AnswersToTheResponsePortOfTheSameAddress) {
  auto asked = question();
  asked.response_port = Port{50'001};
  const auto heard = ask(padded_to(128, asked));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->to, (Endpoint{client.address, Port{50'001}}));
  EXPECT_EQ(heard->message.xor_mapped_address, client);
  asked.response_port = Port{0};
  EXPECT_FALSE(ask(padded_to(128, asked)));
}

TEST(StunServer, PutsAFingerprintOnlyOnAnswersToQuestionsWithOne) {
  EXPECT_TRUE(ask(padded_to(100, question(), {.fingerprint = true}))->fingerprint);
  EXPECT_FALSE(ask(padded_to(100, question()))->fingerprint);
}

TEST(StunServer, RefusesAttributesThatMustBeUnderstoodAndAreNot) {
  auto bytes = padded_to(100, question());
  bytes[20] = std::byte{0x00}, bytes[21] = std::byte{0x7F};  // the PADDING becomes attribute 0x007F
  const auto heard = ask(bytes);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->message.kind, StunClass::error);
  EXPECT_EQ(heard->message.error->number, 420);
  EXPECT_THAT(heard->message.unknown_attributes, ElementsAre(0x007F));
  bytes[20] = std::byte{0x80};  // may be ignored
  EXPECT_EQ(ask(bytes)->message.kind, StunClass::success);
}

TEST(StunServer, RefusesInFewerWordsWhereTheQuestionIsShort) {
  auto bytes = padded_to(28, question());
  bytes[20] = std::byte{0x00}, bytes[21] = std::byte{0x7F};
  const auto heard = ask(bytes);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->message.error->number, 420);
  EXPECT_THAT(heard->message.unknown_attributes, IsEmpty());
  auto shorter = padded_to(24, question());
  shorter[20] = std::byte{0x00}, shorter[21] = std::byte{0x7F};
  EXPECT_FALSE(ask(shorter));
}

TEST(StunServer, AnswersOldClientsInTheirOwnWords) {  // RFC 3489
  auto asked = question();
  asked.cookie = 0x01020304;
  asked.change_request = ChangeRequest{.address = false, .port = true};
  const auto heard = ask(padded_to(64, asked));
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->message.cookie, asked.cookie);
  EXPECT_EQ(heard->message.mapped_address, client);
  EXPECT_EQ(heard->message.source_address, (Endpoint{first, alternate_port}));
  EXPECT_EQ(heard->message.changed_address, (Endpoint{second, alternate_port}));
  EXPECT_FALSE(heard->message.xor_mapped_address || heard->message.response_origin || heard->message.other_address);
}

TEST(StunServer, AnswersNothingButBindingRequests) {
  for (const auto kind : {StunClass::indication, StunClass::success, StunClass::error}) {
    auto other = question();
    other.kind = kind;
    EXPECT_FALSE(ask(padded_to(100, other)));
  }
  auto allocate = question();
  allocate.method = static_cast<StunMethod>(3);
  EXPECT_FALSE(ask(padded_to(100, allocate)));
  auto torn = padded_to(100, question());
  torn.pop_back();
  EXPECT_FALSE(ask(torn));
  EXPECT_FALSE(ask(ByteBuffer(100)));
  EXPECT_FALSE(ask(ByteView{}));
}

}  // namespace
}  // namespace pshare
