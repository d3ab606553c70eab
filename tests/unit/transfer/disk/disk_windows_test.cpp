// Names, links and errors of Windows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../wine.hpp"
#include "temp_folder.hpp"
#include "transfer/disk/windows/long_path.hpp"
#include "transfer/disk/windows/native.hpp"

namespace pshare::test {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

TEST(WindowsNames, GoToUtf16AndBack) {
  for (const std::string name : {"plain", "\xCE\xA9\xE6\x96\x87", "\xF0\x9F\x98\x80", "\xEF\x80\xBA"}) EXPECT_EQ(narrow_name(wide_name(name)), name);
  EXPECT_EQ(wide_name("\xF0\x9F\x98\x80"), (std::wstring{wchar_t{0xD83D}, wchar_t{0xDE00}}));
}

TEST(WindowsNames, KeepHalfASurrogatePair) {
  const std::wstring half{L'a', wchar_t{0xD83D}, L'z'};
  EXPECT_EQ(narrow_name(half), "a\xED\xA0\xBDz");
  EXPECT_EQ(wide_name("a\xED\xA0\xBDz"), half);
}

TEST(WindowsNames, AreNotMadeOfWhatIsNoText) { EXPECT_EQ(wide_name("a\xFF\xC0z\xE6"), (std::wstring{L'a', wchar_t{0xFFFD}, wchar_t{0xFFFD}, L'z', wchar_t{0xFFFD}})); }

TEST(WindowsPaths, AreMarkedAsLong) {
  EXPECT_EQ(long_path(LR"(C:\folder\file)"), LR"(\\?\C:\folder\file)");
  EXPECT_EQ(long_path(LR"(C:/folder/../file)"), LR"(\\?\C:\file)");
  EXPECT_EQ(long_path(LR"(\\server\share\file)"), LR"(\\?\UNC\server\share\file)");
  EXPECT_EQ(long_path(LR"(\\?\C:\file)"), LR"(\\?\C:\file)");
  EXPECT_TRUE(long_path(L"file").starts_with(LR"(\\?\)"));
}

TEST(WindowsBeneath, RefusesNamesThatMeanSomethingElse) {
  TempFolder folder;
  write_file(folder / "root/inside/file", "ours");
  write_file(folder / "root/file", "ours");
  const auto root = folder_at(folder / "root");
  for (const auto* name : {"inside\\file", "file:stream", "file::$DATA", "C:", "C:\\windows", "inside\\..\\..\\outside"}) {
    EXPECT_EQ(open_beneath(root, name, {.access = Access::write, .create = true}).error().cause, std::errc::invalid_argument) << name;
    EXPECT_FALSE(place_beneath(root, name)) << name;
  }
  EXPECT_THAT(*names_in(root), ElementsAre("file", "inside"));
}

TEST(WindowsBeneath, TakesNoCaseForAnother) {
  TempFolder folder;
  write_file(folder / "root/File", "ours");
  const auto root = folder_at(folder / "root");
  EXPECT_TRUE(open_beneath(root, "fILE", {}));
  write_file(folder / "root/other", "ours");
  EXPECT_EQ(rename_fresh(place_in(root, "other"), place_in(root, "FILE")).error().cause, std::errc::file_exists);
}

TEST(WindowsBeneath, FollowsNoLink) {
  TempFolder folder;
  write_file(folder / "outside/file", "not ours");
  fs::create_directory(folder / "root");
  const auto root = folder_at(folder / "root");
  const auto link = make_link(place_in(root, "link"), "../outside", true, 0);
  if (!link) {
    EXPECT_EQ(link.error().cause, std::errc::operation_not_permitted);
    GTEST_SKIP() << "this system lets us make no links";
  }
  EXPECT_FALSE(open_beneath(root, "link/file", {}));
  EXPECT_EQ(kind_at(root, "link"), Kind::link);
  EXPECT_EQ(**link_target(root, "link"), "../outside");
  EXPECT_TRUE(remove_tree(root, "link"));
  EXPECT_TRUE(fs::exists(folder / "outside/file"));
}

TEST(WindowsBeneath, MakesNoLinkToADriveOrAnotherMachine) {
  TempFolder folder;
  const auto root = folder_at(folder.path());
  for (const auto* target : {"C:\\windows", "C:", "..\\..\\x", "\\\\machine\\share", "/x", "file:stream"}) {
    EXPECT_EQ(make_link(place_in(root, "link"), target, false, 0).error().cause, std::errc::invalid_argument) << target;
    EXPECT_FALSE(kind_at(root, "link"));
  }
}

TEST(WindowsErrors, AreThoseThatPosixHasWordsFor) {
  EXPECT_EQ(code_of(ERROR_FILE_NOT_FOUND), std::errc::no_such_file_or_directory);
  EXPECT_EQ(code_of(ERROR_DISK_FULL), std::errc::no_space_on_device);
  EXPECT_EQ(code_of(ERROR_SHARING_VIOLATION), std::errc::device_or_resource_busy);
  EXPECT_EQ(code_of_status(static_cast<NTSTATUS>(0xC0000035)), std::errc::file_exists);      // STATUS_OBJECT_NAME_COLLISION
  EXPECT_EQ(code_of_status(static_cast<NTSTATUS>(0xC00000BA)), std::errc::is_a_directory);   // STATUS_FILE_IS_A_DIRECTORY
  EXPECT_EQ(code_of_status(static_cast<NTSTATUS>(0xC0000103)), std::errc::not_a_directory);  // STATUS_NOT_A_DIRECTORY
  EXPECT_NE(code_of(ERROR_EAS_NOT_SUPPORTED).message(), "");
}

TEST(WindowsFiles, HeldByAnotherAreNamedSo) {
  TempFolder folder;
  write_file(folder / "file", "x");
  const Handle alone{::CreateFileW((folder / "file").c_str(), GENERIC_READ, 0, nullptr, OPEN_EXISTING, 0, nullptr)};
  ASSERT_TRUE(alone);
  EXPECT_EQ(open_beneath(folder_at(folder.path()), "file", {}).error().cause, std::errc::device_or_resource_busy);
}

TEST(WindowsFiles, KnowThatTheyHaveNoNameLeft) {
  if (on_wine()) GTEST_SKIP() << "Wine 8 tells nobody until the last handle is closed";
  TempFolder folder;
  write_file(folder / "file", "x");
  const auto root = folder_at(folder.path());
  const auto held = value_or_throw(open_beneath(root, "file", {}));
  ASSERT_TRUE(remove_name(root, "file"));
  EXPECT_FALSE(*has_a_name(held));
}

}  // namespace
}  // namespace pshare::test
