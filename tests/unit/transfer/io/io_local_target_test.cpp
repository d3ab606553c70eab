#include "transfer/io/local_target.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

constexpr std::string_view colon = "\xEF\x80\xBA", backslash = "\xEF\x81\x9C";  // U+F03A and U+F05C, in the place of these

/// root/ with the folder a:b, the files readme and README, and a link to be tried.
struct Tree {
  Manifest manifest;
  EntryIndex root = add("root", EntryType::directory);
  EntryIndex folder = add("a:b", EntryType::directory, root);
  EntryIndex small = add("readme", EntryType::file, root);
  EntryIndex large = add("README", EntryType::file, root);

  EntryIndex add(std::string_view name, EntryType type, std::optional<EntryIndex> parent = {}, std::string_view target = {}) {
    return value_or_throw(manifest.add({.type = type, .parent = parent, .name = name, .target = target}));
  }
  LocalTarget leads(std::string_view target, Platform platform) {
    const auto link = add("link", EntryType::symlink, folder, target);
    const Children children{manifest};
    const LocalNames names{manifest, platform};
    return local_target(manifest, names, children, link, platform);
  }
};

TEST(LocalTarget, IsTheSendersOnLinux) {
  for (const auto* target : {"../readme", "..//a:b/", "x\\..\\y", "./C:\\"}) EXPECT_EQ(Tree{}.leads(target, Platform::linux).text, target);
}

TEST(LocalTarget, MeansNothingElseToWindows) {
  const std::string drive = "C" + std::string{colon} + std::string{backslash} + "x", up = std::string{".."} + std::string{backslash} + ".." + std::string{backslash} + "x";
  EXPECT_EQ(Tree{}.leads("C:\\x", Platform::windows).text, drive);
  EXPECT_EQ(Tree{}.leads("..\\..\\x", Platform::windows).text, up);
  EXPECT_EQ(Tree{}.leads("\\\\evil\\share", Platform::windows).text, std::string{backslash} + std::string{backslash} + "evil" + std::string{backslash} + "share");
  EXPECT_EQ(Tree{}.leads(".././/NUL", Platform::windows).text, ".././\xEF\x81\x8EUL") << "'N' in another way: no device, and no empty name";
}

TEST(LocalTarget, LeadsToWhatTheEntryIsCalledHere) {
  Tree tree;
  const LocalNames names{tree.manifest, Platform::windows};
  ASSERT_NE(names.name(tree.large), "README");
  EXPECT_EQ(Tree{}.leads("../README", Platform::windows).text, "../" + names.name(tree.large));
  EXPECT_EQ(Tree{}.leads("../readme", Platform::windows).text, "../readme");
  EXPECT_EQ(Tree{}.leads("../a:b/README", Platform::windows).text, "../a" + std::string{colon} + "b/README") << "there is none of that name there";
}

TEST(LocalTarget, KnowsFolders) {
  for (const auto* folder : {"..", ".", "../a:b", ".././a:b/./"}) EXPECT_TRUE(Tree{}.leads(folder, Platform::windows).to_folder) << folder;
  for (const auto* other : {"../readme", "../nothing", "../nothing/a:b", "../readme/x"}) EXPECT_FALSE(Tree{}.leads(other, Platform::windows).to_folder) << other;
}

TEST(LocalTarget, TravelsAsItCame) {
  for (const std::string target : {"../a:b/x", "C:\\x", "..\\..\\x", "NUL/a/con", "../plain", ".", "../README"}) {
    const auto here = Tree{}.leads(target, Platform::windows).text;
    EXPECT_EQ(target_to_send(here, Platform::windows), target);
    EXPECT_EQ(target_to_send(here, Platform::linux), here);
  }
}

TEST(LocalTarget, ThatWouldBecomeAnotherPathStaysAsItIs) {
  const std::string slash = "a\xEF\x80\xAF" "b", dots = "x/\xEF\x80\xAE\xEF\x80\xAE/y";  // U+F02F, and U+F02E twice
  EXPECT_EQ(target_to_send(slash, Platform::windows), slash);
  EXPECT_EQ(target_to_send(dots, Platform::windows), dots);
}

}  // namespace
}  // namespace pshare
