// Finishing is killed before each of its steps in turn, and the next run completes it.
#include <sys/stat.h>
#include <unistd.h>

#include "trees.hpp"

namespace pshare::test {
namespace {

struct FinishingTree : testing::Test {
  FinishingTree() {
    write_file(folder / "from/tree/file", noise(3 * min_chunk_size));
    write_file(folder / "from/tree/dir/inner/deep", "x");
    write_file(folder / "from/tree/empty", "");
    write_file(folder / "from/single", "y");
    fs::create_symlink("dir/inner", folder / "from/tree/link");
    fs::permissions(folder / "from/tree/file", fs::perms{0444});
    fs::permissions(folder / "from/tree/dir/inner", fs::perms{0555});
    fs::permissions(folder / "from/tree", fs::perms{0555});
  }
  FileSource source() const { return source_of({folder / "from/tree", folder / "from/single"}, min_chunk_size); }
  TempFolder folder;
};
struct Finishing : FinishingTree, testing::WithParamInterface<OnConflict> {};

/// Runs until the `last`-th step, then ends the process. Gives the exit status: 0 if all went through before that.
int run_until_step(const FileSource& source, const fs::path& to, OnConflict on_conflict, int last) {
  return in_child([&] {
    auto sink = sink_at(to, on_conflict);
    int steps = 0;
    sink.watch([&](std::string_view) {
      if (++steps == last) ::_exit(1);
    });
    move(source, sink);
    return 0;
  });
}

TEST_P(Finishing, CanBeKilledAtEveryStep) {
  const auto sent = source();
  const auto wanted = picture(folder / "from");
  bool all_through = false;
  for (int step = 1; !all_through; ++step) {
    ASSERT_LT(step, 100);
    const auto to = folder / ("to" + std::to_string(step));
    fs::create_directory(to);
    all_through = run_until_step(sent, to, GetParam(), step) == 0;
    auto sink = sink_at(to, GetParam());
    if (!all_through) move(sent, sink);
    EXPECT_EQ(picture(to), wanted) << "killed at step " << step;
  }
}

TEST_P(Finishing, CanBeKilledAtEveryStepAndAtTheNextOneAgain) {
  const auto sent = source();
  const auto to = folder / "to";
  fs::create_directory(to);
  // Each run dies one step later than the one before, until one gets through.
  int step = 1;
  while (run_until_step(sent, to, GetParam(), step) != 0) ASSERT_LT(++step, 100);
  EXPECT_EQ(picture(to), picture(folder / "from"));
}

TEST_F(FinishingTree, MergesIntoWhatIsThereHoweverOftenItIsKilled) {
  const auto sent = source();
  const auto to = folder / "to";
  write_file(to / "tree/kept", "kept");
  write_file(to / "tree/file", "old");
  write_file(to / "tree/dir/inner/kept", "kept");
  int step = 1;
  while (run_until_step(sent, to, OnConflict::overwrite, step) != 0) ASSERT_LT(++step, 100);
  EXPECT_EQ(content_of(to / "tree/file"), content_of(folder / "from/tree/file"));
  EXPECT_EQ(content_of(to / "tree/dir/inner/deep"), "x");
  EXPECT_EQ(content_of(to / "tree/kept") + content_of(to / "tree/dir/inner/kept"), "keptkept");
}

TEST_F(FinishingTree, KeepsTheNamesThatWereDecidedOnce) {
  const auto to = folder / "to";
  write_file(to / "single", "there before");
  const auto sent = source();
  EXPECT_EQ(in_child([&] {
    auto sink = sink_at(to);
    sink.watch([](std::string_view step) {
      if (step == "directories") ::_exit(0);
    });
    move(sent, sink);
    return 1;
  }), 0);
  fs::remove(to / "single");  // the conflict is gone, the decision stands
  auto sink = sink_at(to);
  EXPECT_THAT(move(sent, sink).names, testing::ElementsAre("tree", "single (1)"));
  EXPECT_EQ(content_of(to / "single (1)"), "y");
}

INSTANTIATE_TEST_SUITE_P(WithEachPolicy, Finishing, testing::Values(OnConflict::rename, OnConflict::overwrite, OnConflict::skip),
                         [](const auto& each) { return each.param == OnConflict::rename ? "rename" : each.param == OnConflict::overwrite ? "overwrite" : "skip"; });

TEST(FinishedBefore, IsToldAgainAsLongAsTheFilesAreThere) {
  TempFolder folder;
  write_file(folder / "from/file", "content");
  fs::create_directory(folder / "to");
  const auto sent = source_of({folder / "from/file"});
  const auto deliver_but_never_hear_farewell = [&] {
    return in_child([&] {
      auto sink = sink_at(folder / "to");
      sink.watch([](std::string_view step) {
        if (step == "end") ::_exit(0);
      });
      move(sent, sink);
      return 1;
    });
  };
  ASSERT_EQ(deliver_but_never_hear_farewell(), 0);
  {
    auto sink = sink_at(folder / "to");
    const auto moved = move(sent, sink);
    EXPECT_EQ(moved.stored, 0u);
    EXPECT_THAT(moved.names, testing::ElementsAre("file"));
  }
  fs::remove(folder / "to/file");
  ASSERT_EQ(deliver_but_never_hear_farewell(), 0);
  fs::remove(folder / "to/file");
  auto sink = sink_at(folder / "to");
  EXPECT_EQ(move(sent, sink).stored, 1u) << "what was delivered is gone, so it travels again";
  EXPECT_EQ(content_of(folder / "to/file"), "content");
}

}  // namespace
}  // namespace pshare::test
