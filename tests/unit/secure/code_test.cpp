// One-time codes as they are typed, and the exchange over them.
#include "secure/code.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "secure/code_exchange.hpp"
#include "secure/identity.hpp"
#include "secure/words.hpp"

namespace pshare {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Code code(const char* text) {
  auto parsed = Code::parse(text);
  EXPECT_TRUE(parsed) << parsed.error().message();
  return *parsed;
}

TEST(Code, IsANumberAndWordsHoweverItIsTyped) {
  for (const char* text : {"4821-comet-walnut", "4821 comet walnut", " 4821-Comet-WALNUT\r\n", "4821--comet_walnut", "4821.comet.walnut", "pshare:4821-comet-walnut", "PSHARE:4821-COMET-WALNUT"})
    EXPECT_EQ(code(text).text(), "4821-comet-walnut") << text;
  EXPECT_FALSE(code("4821-comet-walnut").server);
}

TEST(Code, MayNameTheServerAsTheOneInAQrCodeDoes) {
  const auto link = Code::link("4821-comet-walnut", "example.org:4700", "ABCDEFG-HIJKLMN");
  EXPECT_EQ(link, "pshare:4821-comet-walnut/example.org:4700/ABCDEFGHIJKLMN");
  EXPECT_EQ(code(link.c_str()).server, "example.org:4700#ABCDEFGHIJKLMN");
  EXPECT_EQ(code("PSHARE:4821-COMET-WALNUT/EXAMPLE.ORG:4700/ABCDEFGHIJKLMN").server, "example.org:4700#ABCDEFGHIJKLMN");
  EXPECT_EQ(code("pshare:4821-comet-walnut/[2001:db8::1]:4700").server, "[2001:db8::1]:4700");
}

TEST(Code, SaysWhatIsWrongWithWhatIsNone) {
  const auto refused = [](const char* text) {
    const auto parsed = Code::parse(text);
    EXPECT_FALSE(parsed) << text;
    EXPECT_EQ(parsed ? Errc::failed : parsed.error().code, Errc::usage);
    return parsed ? std::string{} : parsed.error().doing + " / " + parsed.error().hint;
  };
  EXPECT_THAT(refused("comet-walnut"), HasSubstr("no number in front"));       // the whole secret, sent as a number, would be the server's
  EXPECT_THAT(refused("walnut-4821-comet"), HasSubstr("no number in front"));
  EXPECT_THAT(refused("4821-comte-walnut"), HasSubstr("perhaps it is meant to be \"comet\""));
  EXPECT_THAT(refused("4821-comet-walntu"), HasSubstr("word 2 of the code, \"walntu\""));
  EXPECT_THAT(refused("4821-comet-walntu"), HasSubstr("\"walnut\""));
  EXPECT_THAT(refused("4821-comet-qqqqqqqqqqqq"), Not(HasSubstr("perhaps")));
  EXPECT_THAT(refused("4821-comet-\x1b[31m"), Not(HasSubstr("\x1b")));
  EXPECT_THAT(refused("4821-comet"), HasSubstr("has 1 word behind its number"));
  EXPECT_THAT(refused("4821"), HasSubstr("has 0 words"));
  EXPECT_THAT(refused("4821-acid-acid-acid-acid-acid-acid-acid-acid-acid"), HasSubstr("has 9 words"));
  for (const char* number : {"0-comet-walnut", "999-comet-walnut", "10000000-comet-walnut", "99999999999999999999999-comet-walnut"})
    EXPECT_THAT(refused(number), HasSubstr("none that a server gives out"));
  EXPECT_THAT(refused(""), HasSubstr("there is no code"));
  EXPECT_THAT(refused(std::string(max_code_text + 1, '4').c_str()), HasSubstr("too long"));
}

TEST(Code, HasTenBitsInEachWord) {
  SeededRandom random{3};
  std::set<std::string> firsts;
  for (int i = 0; i < 20'000; ++i) {
    const auto words = CodeWords::random(min_code_words, random).reveal();
    firsts.insert(words.substr(0, words.find('-')));
  }
  EXPECT_EQ(firsts.size(), words().size());  // each of the 1,024 comes up
  EXPECT_GE(min_code_words * 10, 20u);
  EXPECT_EQ(code(("4821-" + CodeWords::random(max_code_words, random).reveal()).c_str()).number, 4821u);
}

TEST(Code, TellsWhichArgumentsMightBeOne) {
  for (const char* argument : {"4821-comet-walnut", "comet-walnut", "4821 comet walnut", "pshare:4821-comet-walnut/x", "4821-comte"}) EXPECT_TRUE(looks_like_a_code(argument)) << argument;
  for (const char* argument : {"--dir", "-", "receive", "pair", "", "my-folder-2", "/tmp/comet-walnut", "--from"}) EXPECT_FALSE(looks_like_a_code(argument)) << argument;
}

TEST(Code, CompletesWordsAtTheTabKey) {
  EXPECT_EQ(complete_code("4821-come").added, "t");
  EXPECT_EQ(complete_code("4821-comet-WALN").added, "ut");
  EXPECT_EQ(complete_code("4821-comet").added, "");
  EXPECT_EQ(complete_code("48").added, "");
  EXPECT_EQ(complete_code("4821-xq").added, "");
  EXPECT_THAT(complete_code("4821-wal").choices, ElementsAre("wall", "walnut", "walrus"));
  EXPECT_EQ(complete_code("4821-wal").added, "");
  EXPECT_THAT(complete_code("4821-").choices, IsEmpty());  // too many to be shown
}

TEST(Code, IsOfferedToAShellWithEachWordThatItsLastOneMayBe) {
  EXPECT_THAT(codes_begun("4821-wal"), ElementsAre("4821-wall-", "4821-walnut-", "4821-walrus-"));  // another word must follow
  EXPECT_THAT(codes_begun("4821-comet-waln"), ElementsAre("4821-comet-walnut"));
  EXPECT_EQ(codes_begun("4821-").size(), words().size());
  for (const char* typed : {"", "48", "4821", "4821-xq", "48-wal", "pshare:4821-wal", "-", "a-wal"}) EXPECT_THAT(codes_begun(typed), IsEmpty()) << typed;
  EXPECT_THAT(codes_begun("4821-a-a-a-a-a-a-a-a-wal"), IsEmpty());  // there are no such long ones
}

TEST(CodeExchange, TellsEachWhoTheOtherIs) {
  SeededRandom random{11};
  const auto shown = code("4821-comet-walnut");
  const Introduction alice{Identity::generate()->public_key(), "alice", CodePurpose::send}, bob{Identity::generate()->public_key(), "bob", CodePurpose::pair};
  CodeHost host{shown, alice, random};
  CodeGuest guest{code("4821 COMET WALNUT"), bob, random};
  const auto answer = host.joined(guest.share());
  ASSERT_TRUE(answer);
  const auto reply = guest.answered(*answer);
  ASSERT_TRUE(reply) << reply.error().message();
  EXPECT_EQ(reply->host, alice);
  const auto agreed = host.confirmed(reply->reply);
  ASSERT_TRUE(agreed);
  EXPECT_EQ(agreed->guest, bob);
  EXPECT_TRUE(guest.welcomed(agreed->welcome));
  for (const auto& body : {guest.share(), *answer, reply->reply, agreed->welcome}) EXPECT_LE(body.size(), max_code_body);
}

TEST(CodeExchange, GivesAGuesserOneTryAndNothingToTellHowCloseItWas) {
  SeededRandom random{12};
  const Introduction us{Identity::generate()->public_key(), "alice", CodePurpose::send};
  CodeHost host{code("4821-comet-walnut"), us, random};
  CodeGuest guesser{code("4821-comet-walrus"), us, random};
  const auto answer = host.joined(guesser.share());
  ASSERT_TRUE(answer);
  const auto seen = guesser.answered(*answer);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, Errc::identity_mismatch);
  // Another guess against the same host, even the right one, is not answered.
  CodeGuest second{code("4821-comet-walnut"), us, random};
  EXPECT_FALSE(host.joined(second.share()));
  EXPECT_FALSE(host.confirmed(ByteBuffer(200, std::byte{1})));
}

TEST(CodeExchange, NoticesAnotherNumberAndEveryAlteredByte) {
  SeededRandom random{13};
  const Introduction us{Identity::generate()->public_key(), "alice", CodePurpose::send};
  {
    CodeHost host{code("4821-comet-walnut"), us, random};
    CodeGuest led_elsewhere{code("4822-comet-walnut"), us, random};
    const auto answer = host.joined(led_elsewhere.share());
    ASSERT_TRUE(answer);
    EXPECT_FALSE(led_elsewhere.answered(*answer));
  }
  CodeHost host{code("4821-comet-walnut"), us, random};
  CodeGuest guest{code("4821-comet-walnut"), us, random};
  const auto answer = *host.joined(guest.share());
  for (std::size_t i = 0; i < answer.size(); i += 7) {
    auto altered = answer;
    altered[i] ^= std::byte{0x40};
    EXPECT_FALSE(guest.answered(altered)) << "byte " << i;
  }
  for (std::size_t size = 0; size < answer.size(); size += 11) EXPECT_FALSE(guest.answered(ByteView{answer}.first(size)));
  const auto reply = guest.answered(answer);
  ASSERT_TRUE(reply);
  for (std::size_t i = 0; i < reply->reply.size(); i += 5) {
    auto altered = reply->reply;
    altered[i] ^= std::byte{0x01};
    EXPECT_FALSE(host.confirmed(altered)) << "byte " << i;
  }
  EXPECT_FALSE(guest.welcomed(reply->reply));  // its own words back
  EXPECT_TRUE(host.confirmed(reply->reply));
}

/// What a program could compute of a guess without anything but the guess, to look for it in what went over the wire.
std::vector<ByteBuffer> derived_from(const Code& guess) {
  std::vector<ByteBuffer> derived;
  const auto add = [&](ByteView bytes) { derived.push_back(buffer_of(bytes)); };
  add(bytes_of(guess.words.reveal()));
  for (const auto* salt : {"", "pshare code v1", "pshare code v1 4821", "4821"}) {
    const auto w = spake2_scalar(guess.words.reveal(), salt);
    add(w.reveal());
  }
  return derived;
}

TEST(CodeExchange, SendsNothingThatAGuessCanBeCheckedAgainst) {
  // With the same random numbers, everything that is said follows from the secret. What is on the wire must fit any other secret as well: each share is a
  // point of a group of prime order, and for every wrong code there is an x that makes the same share of it. So no share tells codes apart;
  // and what stands behind the shares is keyed by what neither share gives away.
  SeededRandom random{14};
  const Introduction us{Identity::generate()->public_key(), "alice", CodePurpose::send};
  const auto shown = code("4821-comet-walnut");
  const auto secrets = derived_from(shown);
  std::set<std::vector<std::byte>> seen;
  for (int run = 0; run < 8; ++run) {
    CodeHost host{shown, us, random};
    CodeGuest guest{shown, us, random};
    const auto share = guest.share();
    const auto answer = *host.joined(share);
    const auto reply = guest.answered(answer)->reply;
    for (const auto& body : {share, answer, reply}) {
      // No field repeats from one run to the next, though the code is the same: nothing is a function of the code alone.
      for (std::size_t at = 0; at + 16 <= body.size(); ++at)
        EXPECT_TRUE(seen.emplace(body.begin() + static_cast<std::ptrdiff_t>(at), body.begin() + static_cast<std::ptrdiff_t>(at) + 16).second) << "run " << run << " at " << at;
      for (const auto& secret : secrets)
        for (std::size_t length = 8; length <= secret.size(); length += secret.size() - 8 == 0 ? 1 : secret.size() - 8)
          EXPECT_EQ(std::search(body.begin(), body.end(), secret.begin(), secret.begin() + static_cast<std::ptrdiff_t>(length)), body.end());
    }
  }
}

}  // namespace
}  // namespace pshare
