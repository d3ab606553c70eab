#include <gtest/gtest.h>

#include "secure/code.hpp"
#include "secure/code_exchange.hpp"
#include "secure/spake2.hpp"
#include "vectors.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

TEST(CodeVectors, AreReadAsTheyAreTypedOrScanned) {
  for (const auto& each : vectors("codes").at("parsed")) {
    SCOPED_TRACE(each.at("given").dump());
    const auto code = Code::parse(text_in(each.at("given")));
    ASSERT_TRUE(code);
    EXPECT_EQ(code->number, number_in(each.at("number")));
    EXPECT_EQ(code->words.reveal(), text_in(each.at("words")));
    EXPECT_EQ(code->server, each.at("server").is_null() ? std::nullopt : std::optional{text_in(each.at("server"))});
  }
}

TEST(CodeVectors, ThatAreNoneAreRefused) {
  for (const auto& each : vectors("codes").at("refused")) EXPECT_FALSE(Code::parse(text_in(each.at("given")))) << each.at("given");
}

TEST(CodeVectors, MakeLinks) {
  for (const auto& each : vectors("codes").at("links"))
    EXPECT_EQ(Code::link(text_in(each.at("code")), text_in(each.at("server")), text_in(each.at("fingerprint"))), text_in(each.at("link")));
}

Spake2Scalar scalar_in(const Json& value) { return Spake2Scalar{array_in<32>(value)}; }

TEST(Spake2Vectors, GiveSharesKeyAndConfirmationsToBothSides) {
  for (const auto& each : vectors("codes").at("spake2")) {
    SCOPED_TRACE(number_in(each.at("number")));
    const auto context = "pshare code v1 " + std::to_string(number_in(each.at("number")));
    EXPECT_EQ(shown(spake2_scalar(text_in(each.at("words")), context).reveal()), shown(bytes_in(each.at("w"))));

    const Spake2Names names{.a = "pshare guest", .b = "pshare host", .extra = context};
    const Spake2 guest{Spake2Role::a, names, scalar_in(each.at("w")), scalar_in(each.at("x"))};
    const Spake2 host{Spake2Role::b, names, scalar_in(each.at("w")), scalar_in(each.at("y"))};
    EXPECT_EQ(shown(guest.share()), shown(bytes_in(each.at("pA"))));
    EXPECT_EQ(shown(host.share()), shown(bytes_in(each.at("pB"))));

    Drawn of_guest{{bytes_in(each.at("x material"))}}, of_host{{bytes_in(each.at("y material"))}};
    EXPECT_EQ(shown(Spake2(Spake2Role::a, names, scalar_in(each.at("w")), of_guest).share()), shown(guest.share()));
    EXPECT_EQ(shown(Spake2(Spake2Role::b, names, scalar_in(each.at("w")), of_host).share()), shown(host.share()));

    const auto by_guest = guest.finish(bytes_in(each.at("pB"))), by_host = host.finish(bytes_in(each.at("pA")));
    ASSERT_TRUE(by_guest && by_host);
    for (const auto* keys : {&*by_guest, &*by_host}) EXPECT_EQ(shown(keys->key.reveal()), shown(bytes_in(each.at("Ke"))));
    EXPECT_EQ(shown(by_guest->ours), shown(bytes_in(each.at("confirmation of the guest"))));
    EXPECT_EQ(shown(by_guest->theirs), shown(bytes_in(each.at("confirmation of the host"))));
    EXPECT_EQ(by_host->ours, by_guest->theirs);
    EXPECT_EQ(by_host->theirs, by_guest->ours);
  }
}

Introduction introduction_in(const Json& fields) {
  return {key_in(fields.at("key")), text_in(fields.at("name")), fields.at("for") == "pair" ? CodePurpose::pair : CodePurpose::send};
}

TEST(CodeExchangeVectors, AreSaidAndUnderstoodByBothSides) {
  for (const auto& each : vectors("codes").at("exchanges")) {
    SCOPED_TRACE(number_in(each.at("number")));
    const auto code = Code::parse(std::to_string(number_in(each.at("number"))) + "-" + text_in(each.at("words")));
    ASSERT_TRUE(code);
    const auto& drawn = each.at("drawn");
    const auto& bodies = each.at("bodies");
    Drawn for_guest{{bytes_in(drawn.at("guest's x")), bytes_in(drawn.at("guest's nonce"))}};
    Drawn for_host{{bytes_in(drawn.at("host's y")), bytes_in(drawn.at("host's nonce")), bytes_in(drawn.at("nonce of the welcome"))}};
    CodeGuest guest{*code, introduction_in(each.at("guest")), for_guest};
    CodeHost host{*code, introduction_in(each.at("host")), for_host};

    EXPECT_EQ(shown(guest.share()), shown(bytes_in(bodies.at(0))));
    const auto second = host.joined(bytes_in(bodies.at(0)));
    ASSERT_TRUE(second);
    EXPECT_EQ(shown(*second), shown(bytes_in(bodies.at(1))));
    const auto third = guest.answered(bytes_in(bodies.at(1)));
    ASSERT_TRUE(third);
    EXPECT_EQ(third->host, introduction_in(each.at("host")));
    EXPECT_EQ(shown(third->reply), shown(bytes_in(bodies.at(2))));
    const auto fourth = host.confirmed(bytes_in(bodies.at(2)));
    ASSERT_TRUE(fourth);
    EXPECT_EQ(fourth->guest, introduction_in(each.at("guest")));
    EXPECT_EQ(shown(fourth->welcome), shown(bytes_in(bodies.at(3))));
    EXPECT_TRUE(guest.welcomed(bytes_in(bodies.at(3))));
  }
}

}  // namespace
