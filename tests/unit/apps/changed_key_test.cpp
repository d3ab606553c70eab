#include "apps/pshare/changed_key.hpp"

#include <gmock/gmock.h>

#include "secure/identity.hpp"

namespace pshare {
namespace {

using testing::HasSubstr;
using testing::Not;

PeerId filled_with(int value) {
  PeerId::Digest digest;
  digest.fill(static_cast<std::byte>(value));
  return PeerId{digest};
}

const Pin alice{"alice", filled_with(1), false}, verified_alice{"alice", filled_with(1), true};
const PeerId another = filled_with(2);

TEST(AChangedKey, IsShownBesideTheOldOneInWordsWithWhatMayHaveHappenedAndWhatToDo) {
  for (const auto& error : {changed_key(alice, another), pinned_otherwise(alice, another)}) {
    EXPECT_EQ(error.code, Errc::identity_mismatch);
    for (const auto& id : {alice.id, another}) {
      EXPECT_THAT(error.doing, HasSubstr(fingerprint_words(id)));
      EXPECT_THAT(error.doing, HasSubstr(id.text()));
    }
    for (const auto* word : {"new machine", "posing", "another channel", "pshare id", "contacts remove alice", "contacts add alice", "contacts verify alice"}) EXPECT_THAT(error.hint, HasSubstr(word));
    EXPECT_THAT(error.hint, Not(HasSubstr("seriously")));
  }
}

TEST(AChangedKey, IsMoreSeriousWhereTheOldOneWasVerified) {
  for (const auto& error : {changed_key(verified_alice, another), pinned_otherwise(verified_alice, another)}) EXPECT_THAT(error.hint, HasSubstr("seriously"));
  EXPECT_THAT(not_the_contact(verified_alice, another), HasSubstr("seriously"));
}

TEST(AChangedKey, OfACallerIsAWarningThatShowsBothInWords) {
  const auto words = not_the_contact(alice, another);
  for (const auto& each : {fingerprint_words(alice.id), fingerprint_words(another), std::string{"posing"}, std::string{"Do not accept"}}) EXPECT_THAT(words, HasSubstr(each));
}

}  // namespace
}  // namespace pshare
