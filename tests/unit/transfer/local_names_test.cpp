#include "transfer/local_names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* colon = "\xEF\x80\xBA";  // U+F03A, in the place of ':'

EntryIndex add(Manifest& manifest, std::string_view name, EntryType type = EntryType::file, std::optional<EntryIndex> parent = {}) {
  return value_or_throw(manifest.add({.type = type, .parent = parent, .name = name}));
}

TEST(LocalNames, AreTheOwnOnesOnLinux) {
  Manifest manifest;
  const auto folder = add(manifest, "a:b", EntryType::directory);
  const auto file = add(manifest, "CON", EntryType::file, folder);
  const LocalNames names{manifest, Platform::linux};
  EXPECT_EQ(names.path(file), "a:b/CON");
  EXPECT_THAT(names.changed(), IsEmpty());
}

TEST(LocalNames, AreWrittenOtherwiseWhereWindowsCannotHoldThem) {
  Manifest manifest;
  const auto folder = add(manifest, "a:b", EntryType::directory);
  const auto file = add(manifest, "plain", EntryType::file, folder);
  const auto small = add(manifest, "readme");
  const auto large = add(manifest, "README");
  const LocalNames names{manifest, Platform::windows};
  EXPECT_EQ(names.path(file), std::string{"a"} + colon + "b/plain");
  EXPECT_EQ(names.name(file), "plain");
  EXPECT_EQ(names.name(small), "readme");
  EXPECT_NE(names.name(large), "README") << "one folder cannot hold both";
  EXPECT_EQ(original_name(Platform::windows, names.name(large)), "README");
  EXPECT_THAT(names.changed(), SizeIs(2));
}

TEST(LocalNames, OfOneFolderDoNotMindThoseOfAnother) {
  Manifest manifest;
  const auto one = add(manifest, "one", EntryType::directory), two = add(manifest, "two", EntryType::directory);
  add(manifest, "readme", EntryType::file, one);
  add(manifest, "README", EntryType::file, two);
  EXPECT_THAT((LocalNames{manifest, Platform::windows}.changed()), IsEmpty());
}

TEST(LocalNames, AreTold) {
  Manifest manifest;
  for (const auto* name : {"a:", "b:", "c:", "d"}) add(manifest, name);
  const LocalNames names{manifest, Platform::windows};
  const auto all = remarks_on(names, manifest);
  ASSERT_THAT(all, SizeIs(3));
  EXPECT_THAT(all[0], HasSubstr("a:"));
  EXPECT_THAT(all[0], HasSubstr(std::string{"a"} + colon));
  const auto some = remarks_on(names, manifest, 1);
  ASSERT_THAT(some, SizeIs(2));
  EXPECT_THAT(some[1], HasSubstr("2 more"));
}

TEST(NamesToSend, GetBackWhatTheyCameWith) {
  const auto written = std::string{"a"} + colon + "b";
  EXPECT_THAT(names_to_send({written, "plain"}, Platform::windows), ElementsAre("a:b", "plain"));
  EXPECT_THAT(names_to_send({written}, Platform::linux), ElementsAre(written));
}

TEST(NamesToSend, StayWhereTheOriginalCannotTravelOrIsTaken) {
  const std::string slash = "a\xEF\x80\xAF" "b", dots = "\xEF\x80\xAE\xEF\x80\xAE";  // U+F02F, U+F02E: '/', '.'
  EXPECT_THAT(names_to_send({slash, dots}, Platform::windows), ElementsAre(slash, dots));
  const std::string letter = "\xEF\x81\xA1";  // U+F061: 'a'
  EXPECT_THAT(names_to_send({"a", letter}, Platform::windows), ElementsAre("a", letter));
}

}  // namespace
}  // namespace pshare
