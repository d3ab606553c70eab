// What the server says when it dials back, and what its reflect role says.
#include "wire/dial_back.hpp"

#include <gtest/gtest.h>

#include "wire/random.hpp"
#include "wire/reflection.hpp"
#include "wire/stun.hpp"

namespace pshare {
namespace {

DialBackNonce some_nonce() {
  SeededRandom random{7};
  DialBackNonce nonce;
  random.fill(nonce);
  return nonce;
}

TEST(DialBack, CarriesTheNonce) {
  const auto frame = encode_dial_back(some_nonce());
  EXPECT_EQ(frame.size(), 24u);
  EXPECT_EQ(decode_dial_back(frame), some_nonce());
  EXPECT_TRUE(looks_like_dial_back(frame));
  EXPECT_TRUE(looks_like_dial_back(ByteView{frame}.first(8)));
}

TEST(DialBack, IsNothingElseThanThatMuchOfJustThat) {
  const auto frame = encode_dial_back(some_nonce());
  EXPECT_FALSE(looks_like_dial_back(ByteView{frame}.first(7)));
  for (std::size_t size = 0; size < frame.size(); ++size) EXPECT_FALSE(decode_dial_back(ByteView{frame}.first(size)));
  auto longer = buffer_of(frame);
  longer.push_back({});
  EXPECT_FALSE(decode_dial_back(longer));
  for (std::size_t i = 0; i < 8; ++i) {
    auto other = frame;
    other[i] ^= std::byte{1};
    EXPECT_FALSE(decode_dial_back(other));
  }
}

TEST(DialBack, BeginsLikeNoOtherProtocolOnThePort) {  // RFC 9443 section 3; a TLS record begins with 20 to 23
  const auto first = std::to_integer<unsigned>(encode_dial_back(some_nonce())[0]);
  EXPECT_GE(first, 128u);
  EXPECT_LE(first, 191u);
  EXPECT_FALSE(looks_like_stun(encode_dial_back(some_nonce())));
}

TEST(DialBackOutcome, HasAWordForEach) {
  for (const auto outcome : {DialBackOutcome::reached, DialBackOutcome::refused, DialBackOutcome::timeout, DialBackOutcome::unreachable})
    EXPECT_EQ(dial_back_outcome_from(word(outcome)), outcome);
  EXPECT_FALSE(dial_back_outcome_from("maybe"));
}

TEST(Reflection, CarriesAnEndpointOfEitherFamily) {
  for (const auto* text : {"192.0.2.1:4700", "[2001:db8::1]:4700"}) {
    const Reflection reflection{*Endpoint::parse(text)};
    EXPECT_EQ(decode_reflection(encode(reflection)).value(), reflection);
  }
}

TEST(Reflection, NeedsAnAddressAndAPort) {
  EXPECT_FALSE(decode_reflection(encode(Reflection{{*IpAddress::parse("192.0.2.1"), Port{0}}})));
  EXPECT_FALSE(decode_reflection(bytes_of("")));
  EXPECT_FALSE(decode_reflection(bytes_of("\xA1""dport\x18\x50")));  // {"port": 80}
}

}  // namespace
}  // namespace pshare
