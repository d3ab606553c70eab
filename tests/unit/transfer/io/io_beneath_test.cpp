#include "transfer/io/beneath.hpp"

#include <unistd.h>

#include "trees.hpp"

namespace pshare::test {
namespace {

using Opener = Result<Handle> (*)(int, std::string_view, int, mode_t);

class Beneath : public testing::TestWithParam<Opener> {
 protected:
  Beneath() {
    write_file(folder / "root/inside/file", "ours");
    write_file(folder / "outside", "not ours");
    root = Handle{::open((folder / "root").c_str(), O_PATH | O_DIRECTORY)};
  }
  Result<Handle> open(std::string_view path, int flags = O_RDONLY) const { return GetParam()(root.fd(), path, flags, 0600); }

  TempFolder folder;
  Handle root;
};

TEST_P(Beneath, OpensWhatLiesBelow) {
  EXPECT_TRUE(open("inside/file"));
  EXPECT_TRUE(open("inside", O_RDONLY | O_DIRECTORY));
  EXPECT_TRUE(open("", O_RDONLY | O_DIRECTORY));
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
  EXPECT_FALSE(open("link", O_WRONLY | O_CREAT));
  EXPECT_FALSE(fs::exists(folder / "planted"));
}

TEST_P(Beneath, OpensPathsLongerThanTheKernelTakes) {
  const std::string component(250, 'd');
  std::string path;
  Handle here{::open((folder / "root").c_str(), O_RDONLY | O_DIRECTORY)};
  for (int depth = 0; depth < 40; ++depth) {
    ASSERT_EQ(::mkdirat(here.fd(), component.c_str(), 0700), 0);
    here = Handle{::openat(here.fd(), component.c_str(), O_RDONLY | O_DIRECTORY)};
    path += component + "/";
  }
  EXPECT_TRUE(open(path + "deep", O_WRONLY | O_CREAT));
  EXPECT_TRUE(open(path + "deep"));
  EXPECT_TRUE(remove_tree(root.fd(), component));
  EXPECT_FALSE(fs::exists(folder / "root" / component));
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
  const Handle parent{::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY)};
  EXPECT_TRUE(remove_tree(parent.fd(), "tree"));
  EXPECT_FALSE(fs::exists(folder / "tree"));
  EXPECT_EQ(content_of(folder / "kept"), "kept");
  EXPECT_TRUE(remove_tree(parent.fd(), "tree")) << "what is not there is removed already";
}

}  // namespace
}  // namespace pshare::test
