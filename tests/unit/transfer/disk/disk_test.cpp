// What transfer/disk/ promises, on every system.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../../wine.hpp"
#include "temp_folder.hpp"
#include "transfer/disk/beneath.hpp"
#include "transfer/disk/file.hpp"
#include "transfer/disk/folder.hpp"

namespace pshare::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Disk : public testing::Test {
 protected:
  Disk() {
    write_file(folder / "root/inside/file", "ours");
    write_file(folder / "outside", "not ours");
    root = folder_at(folder / "root");
  }
  Result<Handle> open(std::string_view path, Opening how = {}) const { return open_beneath(root, path, how); }
  Handle made(const std::string& name, const std::string& content = "") const {
    auto file = value_or_throw(open(name, {.access = Access::read_write, .create = true}));
    value_or_throw(write_at(file, bytes_of(content).data(), content.size(), 0));
    return file;
  }
  std::string read(const std::string& name) const { return content_of(folder / "root" / name); }
  static std::error_code cause_of(const auto& result) { return result ? std::error_code{} : result.error().cause; }

  TempFolder folder;
  Handle root;
};

TEST_F(Disk, OpensWhatLiesBelow) {
  EXPECT_TRUE(open("inside/file"));
  EXPECT_TRUE(open("inside", {.access = Access::list}));
  EXPECT_TRUE(open("", {.access = Access::list}));
  EXPECT_EQ(cause_of(open("inside/absent")), std::errc::no_such_file_or_directory);
  EXPECT_EQ(cause_of(open("absent/file")), std::errc::no_such_file_or_directory);
}

TEST_F(Disk, RefusesEveryWayOut) {
  for (const auto* path : {"../outside", "inside/../../outside", "/etc/passwd", "inside/./../../outside", "/"})
    EXPECT_FALSE(open(path)) << path;
  EXPECT_FALSE(open("../planted", {.access = Access::write, .create = true}));
  EXPECT_FALSE(std::filesystem::exists(folder / "planted"));
}

TEST_F(Disk, MakesAndEmptiesFiles) {
  made("file", "once");
  const auto emptied = open("file", {.access = Access::write, .create = true, .empty = true});
  ASSERT_TRUE(emptied);
  EXPECT_EQ(facts_of(*emptied)->size, 0u);
  EXPECT_EQ(cause_of(open("other", {.access = Access::write})), std::errc::no_such_file_or_directory);
}

TEST_F(Disk, GoesToPathsLongerThanTheSystemTakes) {
  const std::string component(200, 'd');
  std::string path;
  for (int depth = 0; depth < (on_wine() ? 15 : 40); ++depth) {  // Wine itself knows each file by a path that Linux takes
    const auto above = open(path.empty() ? path : path.substr(0, path.size() - 1), {.access = Access::way});
    ASSERT_TRUE(above);
    ASSERT_TRUE(make_folder(*above, component));
    path += component + "/";
  }
  EXPECT_TRUE(open(path + "deep", {.access = Access::write, .create = true}));
  EXPECT_TRUE(open(path + "deep"));
  EXPECT_TRUE(remove_tree(root, component));
  EXPECT_FALSE(kind_at(root, component));
}

TEST_F(Disk, ListsNamesInOrder) {
  for (const auto* name : {"b", "a", "\xCE\xA9 \xE6\x96\x87", "C"}) made(name);
  EXPECT_THAT(*names_in(root), ElementsAre("C", "a", "b", "inside", "\xCE\xA9 \xE6\x96\x87"));
  EXPECT_TRUE(make_folder(root, "empty"));
  EXPECT_THAT(*names_in(*open("empty", {.access = Access::list})), IsEmpty());
}

TEST_F(Disk, ListsMoreNamesThanComeAtOnce) {
  constexpr std::size_t many = 1500;
  for (std::size_t i = 0; i < many; ++i) made(std::string(100, 'n') + std::to_string(i));
  EXPECT_EQ(names_in(root)->size(), many + 1);
  EXPECT_EQ(names_in(root)->size(), many + 1) << "the second time as well";
}

TEST_F(Disk, TellsWhatThereIs) {
  made("file", "12345");
  const auto file = facts_at(root, "file");
  ASSERT_TRUE(file);
  EXPECT_EQ(file->kind, Kind::file);
  EXPECT_EQ(file->size, 5u);
  EXPECT_EQ(kind_at(root, "inside"), Kind::folder);
  EXPECT_EQ(kind_at(root, "absent"), std::nullopt);
  EXPECT_EQ(facts_named(folder / "root/file")->size, 5u);
  EXPECT_EQ(cause_of(facts_named(folder / "absent")), std::errc::no_such_file_or_directory);
  EXPECT_TRUE(*is_ours(root));
}

TEST_F(Disk, SeesByItsVersionThatAFileHasChanged) {
  const auto file = made("file", "12345");
  const auto before = facts_of(file)->version;
  EXPECT_EQ(facts_of(file)->version, before);
  ASSERT_TRUE(write_at(file, bytes_of("1").data(), 1, 5));
  const auto longer = facts_of(file)->version;
  EXPECT_NE(longer, before);
  ASSERT_TRUE(set_mtime(file, 1'000'000'000));
  EXPECT_NE(facts_of(file)->version, longer);
}

TEST_F(Disk, KeepsTimesToTheTenthOfAMicrosecondAndBefore1970) {
  const auto file = made("file");
  for (const std::int64_t time : {std::int64_t{1'234'567'890'123'456'700}, std::int64_t{-1'500'000'100}, std::int64_t{0}}) {
    ASSERT_TRUE(set_mtime(file, time));
    EXPECT_EQ(facts_of(file)->mtime, time);
  }
}

TEST_F(Disk, ReadsToTheEndAndNoFurther) {
  const auto file = made("file", "12345");
  std::array<std::byte, 10> out{};
  EXPECT_EQ(*read_at(file, out.data(), out.size(), 0), 5u);
  EXPECT_EQ(*read_at(file, out.data(), out.size(), 3), 2u);
  EXPECT_EQ(out[0], std::byte{'4'});
  EXPECT_EQ(*read_at(file, out.data(), out.size(), 7), 0u);
}

TEST_F(Disk, AppendsWhereverTheEndIs) {
  made("file", "1234567");
  const auto file = value_or_throw(open("file", {.access = Access::append}));
  ASSERT_TRUE(append(file, bytes_of("89")));
  ASSERT_TRUE(set_size(file, 3));
  ASSERT_TRUE(append(file, bytes_of("end")));
  EXPECT_EQ(read("file"), "123end");
}

TEST_F(Disk, AllocatesAndSetsSizes) {
  const auto file = made("file");
  constexpr std::uint64_t size = 3'000'000;
  ASSERT_TRUE(allocate(file, size));
  EXPECT_EQ(facts_of(file)->size, size);
  ASSERT_TRUE(set_size(file, 10));
  EXPECT_EQ(facts_of(file)->size, 10u);
}

TEST_F(Disk, ReadsZerosFromHolesAndFindsTheDataBetween) {
  const auto file = made("file");
  allow_holes(file);
  constexpr std::uint64_t far = 4'194'304;
  ASSERT_TRUE(write_at(file, bytes_of("data").data(), 4, far));
  const auto first = next_data(file, 0);
  ASSERT_TRUE(first);
  EXPECT_LE(*first, far);
  EXPECT_EQ(next_data(file, far), far);
  EXPECT_EQ(next_data(file, far + 1'000'000), std::nullopt);
  std::array<std::byte, 4> out{};
  ASSERT_TRUE(make_hole(file, far, 2));
  EXPECT_EQ(*read_at(file, out.data(), out.size(), far), 4u);
  EXPECT_EQ(out, (std::array{std::byte{0}, std::byte{0}, std::byte{'t'}, std::byte{'a'}}));
  EXPECT_EQ(facts_of(file)->size, far + 4);
}

TEST_F(Disk, GivesAFreshNameOnlyWhereThereIsNone) {
  made("one", "one");
  made("two", "two");
  const auto one = place_in(root, "one"), two = place_in(root, "two"), three = place_in(root, "three");
  EXPECT_EQ(cause_of(rename_fresh(one, two)), std::errc::file_exists);
  EXPECT_EQ(read("two"), "two");
  ASSERT_TRUE(rename_fresh(one, three));
  EXPECT_EQ(read("three"), "one");
  EXPECT_FALSE(kind_at(root, "one"));
  EXPECT_EQ(cause_of(rename_fresh(one, place_in(root, "four"))), std::errc::no_such_file_or_directory);
}

TEST_F(Disk, GivesNamesOfOneLetter) {
  made("one", "one");
  ASSERT_TRUE(rename_fresh(place_in(root, "one"), place_in(root, "x")));
  ASSERT_TRUE(rename_over(place_in(root, "x"), place_in(root, "y")));
  EXPECT_EQ(read("y"), "one");
}

TEST_F(Disk, DoesNotPutAFolderOverAnother) {
  ASSERT_TRUE(make_folder(root, "one"));
  ASSERT_TRUE(make_folder(root, "two"));
  EXPECT_EQ(cause_of(rename_fresh(place_in(root, "one"), place_in(root, "two"))), std::errc::file_exists);
  ASSERT_TRUE(rename_fresh(place_in(root, "inside"), Place{value_or_throw(open("two", {.access = Access::way})), "moved"}));
  EXPECT_EQ(read("two/moved/file"), "ours");
}

TEST_F(Disk, ReplacesAFileAlsoOneThatMayNotBeWritten) {
  made("new", "new");
  { ASSERT_TRUE(set_mode(made("old", "old"), 0444)); }
  ASSERT_TRUE(rename_over(place_in(root, "new"), place_in(root, "old")));
  EXPECT_EQ(read("old"), "new");
  EXPECT_THAT(*names_in(root), ElementsAre("inside", "old"));
}

TEST_F(Disk, ReplacesAFileThatSomebodyHasOpen) {
  if (on_wine()) GTEST_SKIP() << "Wine 8 has not got the request by which Windows 10 does it";
  made("new", "new");
  const auto held = made("old", "old");
  ASSERT_TRUE(rename_over(place_in(root, "new"), place_in(root, "old")));
  EXPECT_EQ(read("old"), "new");
}

TEST_F(Disk, MarksAFileAsReadOnlyAndTakesThatBack) {
  { ASSERT_TRUE(set_mode(made("file", "x"), 0444)); }
  EXPECT_EQ(facts_at(root, "file")->mode, 0444);
  ASSERT_TRUE(reopen(root, "file"));
  EXPECT_NE(facts_at(root, "file")->mode & 0200, 0);
  EXPECT_TRUE(open("file", {.access = Access::write}));
}

TEST_F(Disk, RemovesTreesWithWhatMayNotBeWritten) {
  write_file(folder / "root/tree/a/b/file", "x");
  write_file(folder / "root/tree/file", "x");
  { ASSERT_TRUE(set_mode(value_or_throw(open("tree/a/b/file", {.access = Access::write})), 0444)); }
  EXPECT_TRUE(remove_tree(root, "tree"));
  EXPECT_FALSE(kind_at(root, "tree"));
  EXPECT_TRUE(remove_tree(root, "tree")) << "what is not there is removed already";
}

TEST_F(Disk, RemovesANameThatIsNoFolder) {
  made("file");
  EXPECT_TRUE(remove_name(root, "file"));
  EXPECT_FALSE(kind_at(root, "file"));
  EXPECT_TRUE(remove_name(root, "file")) << "gone already";
  EXPECT_FALSE(remove_name(root, "inside"));
  EXPECT_TRUE(kind_at(root, "inside"));
}

TEST_F(Disk, MakesAFolderOnce) {
  EXPECT_TRUE(make_folder(root, "new"));
  made("new/file");
  EXPECT_TRUE(make_folder(root, "new"));
  EXPECT_EQ(kind_at(root, "new"), Kind::folder);
  EXPECT_TRUE(open("new/file"));
}

TEST_F(Disk, LetsOneHoldALock) {
  made("lock");
  auto first = value_or_throw(open("lock", {.access = Access::read_write}));
  const auto second = value_or_throw(open("lock", {.access = Access::read_write}));
  EXPECT_TRUE(*try_lock(first));
  EXPECT_FALSE(*try_lock(second));
  first = Handle{};
  EXPECT_TRUE(*try_lock(second));
  EXPECT_TRUE(*has_a_name(second));
}

TEST_F(Disk, Syncs) {
  const auto file = made("file", "x");
  EXPECT_TRUE(sync(file));
  EXPECT_TRUE(sync_data(file));
  EXPECT_TRUE(sync(root));
  EXPECT_TRUE(sync_all(root));
}

TEST_F(Disk, SaysWhatMayBeDone) {
  made("file");
  EXPECT_TRUE(check_readable(root, "file"));
  EXPECT_TRUE(check_readable(folder / "root/file"));
  EXPECT_FALSE(check_readable(root, "absent"));
  EXPECT_TRUE(check_writable(root));
  EXPECT_GT(*free_space(root), 0u);
}

}  // namespace
}  // namespace pshare::test
