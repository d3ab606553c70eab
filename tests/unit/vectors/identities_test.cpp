#include <gtest/gtest.h>

#include <fstream>

#include "secure/comparison_words.hpp"
#include "secure/words.hpp"
#include "vectors.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

TEST(WordList, IsTheOneOfTheVectors) {
  std::ifstream in{PSHARE_VECTORS "/words.txt"};
  std::vector<std::string> list;
  for (std::string word; in >> word;) list.push_back(word);
  ASSERT_EQ(list.size(), words().size());
  EXPECT_TRUE(std::ranges::equal(list, words()));
}

TEST(IdentityVectors, GiveKeyIdWordsAndCertificateOfASeed) {
  for (const auto& each : vectors("identities").at("keys")) {
    SCOPED_TRACE(text_in(each.at("name")));
    const auto identity = identity_of(text_in(each.at("name")));
    EXPECT_EQ(identity.public_key(), key_in(each.at("public key")));
    EXPECT_EQ(identity.id(), peer_in(each.at("id")));
    EXPECT_EQ(id_of(key_in(each.at("public key"))), peer_in(each.at("id")));
    EXPECT_EQ(identity.id().text(), text_in(each.at("id text")));
    EXPECT_EQ(fingerprint_words(identity.id()), text_in(each.at("fingerprint words")));
    EXPECT_EQ(shown(identity.certificate()), shown(bytes_in(each.at("certificate"))));
  }
}

TEST(IdentityVectors, AreReadAsTheyMayBeTyped) {
  for (const auto& each : vectors("identities").at("typed")) {
    SCOPED_TRACE(text_in(each.at("text")));
    const auto read = PeerId::parse(text_in(each.at("text")));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, peer_in(each.at("id")));
  }
}

TEST(IdentityVectors, AreRefusedWhereTheyAreMistyped) {
  for (const auto& each : vectors("identities").at("refused")) EXPECT_FALSE(PeerId::parse(text_in(each.at("text")))) << each.at("why");
}

TEST(IdentityVectors, GiveTheSameComparisonWordsToBothSides) {
  for (const auto& each : vectors("identities").at("comparison words")) {
    const auto spelt = comparison_words(peer_in(each.at("one")), peer_in(each.at("other")));
    ASSERT_TRUE(spelt);
    EXPECT_EQ(*spelt, text_in(each.at("words")));
  }
}

}  // namespace
