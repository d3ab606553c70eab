#include <gtest/gtest.h>

#include "traversal/punching/check.hpp"
#include "vectors.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

CheckSide side_in(const Json& value) { return value == "sender" ? CheckSide::controlling : CheckSide::controlled; }
CheckSide other(CheckSide side) { return side == CheckSide::controlling ? CheckSide::controlled : CheckSide::controlling; }

TEST(CheckVectors, AreAskedAndBelievedByTheOtherSide) {
  for (const auto& each : vectors("checks").at("checks")) {
    const CheckKey key{array_in<32>(each.at("secret"))};
    const auto session = session_in(each.at("session"));
    const Check check{TransactionId{array_in<12>(each.at("transaction"))}, side_in(each.at("side")), each.at("nominates").get<bool>()};
    EXPECT_EQ(shown(encode_check(check, session, key)), shown(bytes_in(each.at("bytes"))));

    const auto received = decode_stun(bytes_in(each.at("bytes")));
    ASSERT_TRUE(received);
    EXPECT_EQ(session_of_check(*received), session);
    const auto read = read_check(*received, other(check.from), key);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, check.id);
    EXPECT_EQ(read->from, check.from);
    EXPECT_EQ(read->nominates, check.nominates);
    EXPECT_FALSE(read_check(*received, check.from, key)) << "of one's own side";
  }
}

TEST(CheckVectors, AreAnswered) {
  for (const auto& each : vectors("checks").at("answers")) {
    const CheckKey key{array_in<32>(each.at("secret"))};
    const Endpoint from{address_in(each.at("address")), port_in(each.at("port"))};
    EXPECT_EQ(shown(encode_check_answer(TransactionId{array_in<12>(each.at("transaction"))}, from, key)), shown(bytes_in(each.at("bytes"))));
    const auto received = decode_stun(bytes_in(each.at("bytes")));
    ASSERT_TRUE(received);
    EXPECT_EQ(read_check_answer(*received, key), from);
    EXPECT_EQ(received->message.id, TransactionId{array_in<12>(each.at("transaction"))});
  }
}

TEST(CheckVectors, ThatAreNotProvenAreNotBelieved) {
  for (const auto& each : vectors("checks").at("refused checks")) {
    const auto received = decode_stun(bytes_in(each.at("bytes")));
    EXPECT_FALSE(received && read_check(*received, CheckSide::controlled, CheckKey{array_in<32>(each.at("secret"))})) << each.at("name");
  }
}

}  // namespace
