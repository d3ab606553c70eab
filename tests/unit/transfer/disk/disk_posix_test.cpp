// Symbolic links, both ways that Linux has of opening what lies below, and modes.
#include <gtest/gtest.h>
#include <unistd.h>

#include "temp_folder.hpp"
#include "transfer/disk/posix/beneath.hpp"

namespace pshare::test {
namespace {

namespace fs = std::filesystem;

using Opener = Result<Handle> (*)(const Handle&, std::string_view, Opening);

class Beneath : public testing::TestWithParam<Opener> {
 protected:
  Beneath() {
    write_file(folder / "root/inside/file", "ours");
    write_file(folder / "outside", "not ours");
    root = value_or_throw(open_named(folder / "root", {.access = Access::way}));
  }
  Result<Handle> open(std::string_view path, Opening how = {}) const { return GetParam()(root, path, how); }

  TempFolder folder;
  Handle root;
};

TEST_P(Beneath, OpensWhatLiesBelow) {
  EXPECT_TRUE(open("inside/file"));
  EXPECT_TRUE(open("inside", {.access = Access::list}));
  EXPECT_TRUE(open("", {.access = Access::list}));
}

TEST_P(Beneath, RefusesEveryWayOut) {
  fs::create_symlink("../outside", folder / "root/link");
  fs::create_symlink(folder.path(), folder / "root/up");
  fs::create_symlink("inside", folder / "root/stays");
  for (const auto* path : {"../outside", "inside/../../outside", "/etc/passwd", "link", "up/outside", "stays/file", "inside/./../../outside"})
    EXPECT_FALSE(open(path)) << path;
}

TEST_P(Beneath, NeverCreatesThroughALink) {
  fs::create_symlink(folder / "planted", folder / "root/link");
  EXPECT_FALSE(open("link", {.access = Access::write, .create = true}));
  EXPECT_FALSE(fs::exists(folder / "planted"));
}

TEST_P(Beneath, OpensPathsLongerThanTheKernelTakes) {
  const std::string component(250, 'd');
  std::string path;
  auto here = folder_at(folder / "root");
  for (int depth = 0; depth < 40; ++depth) {
    ASSERT_TRUE(make_folder(here, component));
    here = value_or_throw(open_beneath(here, component, {.access = Access::list}));
    path += component + "/";
  }
  EXPECT_TRUE(open(path + "deep", {.access = Access::write, .create = true}));
  EXPECT_TRUE(open(path + "deep"));
}

INSTANTIATE_TEST_SUITE_P(ByBothWays, Beneath, testing::Values(&open_beneath, &open_by_components),
                         [](const auto& each) { return each.param == &open_beneath ? "openat2" : "components"; });

TEST(RemoveTree, RemovesClosedFoldersAndLinksButNotWhatTheyPointAt) {
  TempFolder folder;
  write_file(folder / "kept", "kept");
  write_file(folder / "tree/a/b/file", "x");
  fs::create_symlink(folder / "kept", folder / "tree/a/link");
  fs::create_directory_symlink(folder.path(), folder / "tree/up");
  fs::permissions(folder / "tree/a/b", fs::perms::none);
  const auto parent = folder_at(folder.path());
  EXPECT_TRUE(remove_tree(parent, "tree"));
  EXPECT_FALSE(fs::exists(folder / "tree"));
  EXPECT_EQ(content_of(folder / "kept"), "kept");
}

TEST(DiskModes, AreNobodyElsesUntilTheyAreSet) {
  TempFolder folder;
  const auto root = folder_at(folder.path());
  ASSERT_TRUE(make_folder(root, "new"));
  const auto file = value_or_throw(open_beneath(root, "new/file", {.access = Access::write, .create = true}));
  EXPECT_EQ(facts_at(root, "new")->mode, 0700);
  EXPECT_EQ(facts_of(file)->mode, 0600);
  ASSERT_TRUE(set_mode(file, 0640));
  EXPECT_EQ(facts_of(file)->mode, 0640);
}

TEST(DiskLinks, AreMadeAnewAndReadBack) {
  TempFolder folder;
  const auto root = folder_at(folder.path());
  write_file(folder / "link", "a file that is in the way");
  ASSERT_TRUE(make_link(place_in(root, "link"), "inside/file", false, 1'500'000'000));
  EXPECT_EQ(**link_target(root, "link"), "inside/file");
  EXPECT_EQ(facts_at(root, "link")->kind, Kind::link);
  EXPECT_EQ(facts_at(root, "link")->mtime, 1'500'000'000);
}

}  // namespace
}  // namespace pshare::test
