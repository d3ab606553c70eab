// Peer IDs as people type them, and the text forms of the other identifiers.
#include "wire/ids.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <unordered_set>

namespace pshare {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

PeerId some_id(std::uint64_t seed = 7) {
  SeededRandom random{seed};
  PeerId::Digest digest;
  random.fill(digest);
  return PeerId{digest};
}

std::string without_dashes(std::string text) {
  std::erase(text, '-');
  return text;
}

TEST(PeerId, IsWrittenInEightGroupsOfSeven) {
  const auto text = some_id().text();
  ASSERT_EQ(text.size(), 8u * 7 + 7);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view allowed = i % 8 == 7 ? "-" : "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    EXPECT_NE(allowed.find(text[i]), allowed.npos) << text << " at " << i;
  }
}

TEST(PeerId, OfZerosIsTheKnownText) {
  // CRC-24 of RFC 4880 over 32 zero bytes is 77B850; base32 of RFC 4648. Worked out apart from this code.
  EXPECT_EQ(without_dashes(PeerId{}.text()), std::string(51, 'A') + "HPOCQ");
  EXPECT_EQ(PeerId::parse(PeerId{}.text()).value(), PeerId{});
}

TEST(PeerId, IsReadBackAsItWasWritten) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) EXPECT_EQ(PeerId::parse(some_id(seed).text()).value(), some_id(seed));
}

TEST(PeerId, DoesNotMindCaseDashesAndSpaces) {
  auto typed = some_id().text();
  std::ranges::transform(typed, typed.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  std::ranges::replace(typed, '-', ' ');
  EXPECT_EQ(PeerId::parse(typed).value(), some_id());
  EXPECT_EQ(PeerId::parse(without_dashes(some_id().text())).value(), some_id());
}

TEST(PeerId, ReadsTheDigitsThatAreNoneOfItsLettersAsThoseTheyLookLike) {
  auto typed = some_id().text();
  std::ranges::replace(typed, 'O', '0');
  std::ranges::replace(typed, 'I', '1');
  std::ranges::replace(typed, 'B', '8');
  ASSERT_NE(typed, some_id().text());
  EXPECT_EQ(PeerId::parse(typed).value(), some_id());
}

TEST(PeerId, RefusesEverySingleWrongCharacter) {
  const auto right = without_dashes(some_id().text());
  for (std::size_t at = 0; at < right.size(); ++at) {
    for (const char wrong : std::string_view{"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"}) {
      if (wrong == right[at]) continue;
      auto typed = right;
      typed[at] = wrong;
      const auto parsed = PeerId::parse(typed);
      ASSERT_FALSE(parsed) << typed;
      EXPECT_THAT(parsed.error().doing, HasSubstr("mistyped"));
    }
  }
}

TEST(PeerId, RefusesEverySwapOfTwoNeighbours) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto right = without_dashes(some_id(seed).text());
    for (std::size_t at = 0; at + 1 < right.size(); ++at) {
      if (right[at] == right[at + 1]) continue;
      auto typed = right;
      std::swap(typed[at], typed[at + 1]);
      EXPECT_FALSE(PeerId::parse(typed)) << typed;
    }
  }
}

TEST(PeerId, SaysWhatIsWrongAndWhatToDo) {
  const auto right = some_id().text();
  const std::pair<std::string, const char*> table[] = {
      {right.substr(0, 40), "characters instead of 56"},
      {right + "A", "longer than 56"},
      {"!" + right.substr(1), "a character that no peer ID has"},
      {"9" + right.substr(1), "a character that no peer ID has"},
      {"", "0 characters instead of 56"},
  };
  for (const auto& [typed, words] : table) {
    const auto parsed = PeerId::parse(typed);
    ASSERT_FALSE(parsed) << typed;
    EXPECT_EQ(parsed.error().code, Errc::malformed);
    EXPECT_THAT(parsed.error().doing, HasSubstr(words));
    EXPECT_THAT(parsed.error().hint, HasSubstr("pshare id"));
  }
}

TEST(PeerId, ShortFormIsItsBeginning) {
  EXPECT_THAT(some_id().text(), StartsWith(some_id().short_text() + "-"));
  EXPECT_EQ(some_id().short_text().size(), 15u);
}

TEST(PeerId, HashesApart) {
  std::unordered_set<PeerId> ids;
  for (std::uint64_t seed = 0; seed < 100; ++seed) ids.insert(some_id(seed));
  EXPECT_EQ(ids.size(), 100u);
}

TEST(SessionId, IsRandomAndWrittenInHexadecimal) {
  SeededRandom random{1};
  std::set<SessionId> ids;
  for (int i = 0; i < 100; ++i) ids.insert(SessionId::random(random));
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(ids.begin()->text().size(), 32u);
  EXPECT_EQ(ids.begin()->text().find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Hex, WritesTwoDigitsForEachByte) {
  const std::byte some[] = {std::byte{0}, std::byte{0x0F}, std::byte{0xA0}, std::byte{0xFF}};
  EXPECT_EQ(hex(some), "000fa0ff");
  EXPECT_EQ(hex({}), "");
}

}  // namespace
}  // namespace pshare
