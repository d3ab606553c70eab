#include "transfer/io/file_sink.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "trees.hpp"

namespace pshare::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t some_time = 1'234'567'890'123'456'789;

struct Sides : testing::Test {
  Sides() { fs::create_directory(folder / "to"); }
  fs::path from(const fs::path& below = {}) const { return folder / "from" / below; }
  fs::path to(const fs::path& below = {}) const { return folder / "to" / below; }
  std::vector<std::string> send(const fs::path& path, OnConflict on_conflict = OnConflict::rename) {
    auto sink = sink_at(to(), on_conflict);
    auto names = move(source_of({path}, min_chunk_size), sink).names;
    remarks = sink.remarks();
    return names;
  }
  TempFolder folder;
  std::vector<std::string> remarks;
};

using FileSinkTest = Sides;

TEST_F(FileSinkTest, RebuildsATreeWithEverythingInIt) {
  write_file(from("tree/large"), noise(5 * min_chunk_size + 17));
  write_file(from("tree/over a MiB"), noise(3 * MiB / 2));
  write_file(from("tree/empty"), "");
  write_file(from("tree/dir/run.sh"), "#!/bin/sh\n");
  write_file(from("tree/with\nnewline"), "n");
  write_file(from("tree/caf\xc3\xa9"), "utf-8");
  write_file(from("tree/\xff\xfe not utf-8"), "bytes");
  write_file(from("tree/" + std::string(255, 'x')), "long");
  fs::create_directories(from("tree/empty dir/empty too"));
  fs::create_symlink("dir/run.sh", from("tree/link"));
  fs::create_symlink("../empty", from("tree/dir/up"));
  fs::permissions(from("tree/dir/run.sh"), fs::perms{0755});
  fs::permissions(from("tree/large"), fs::perms{0400});
  set_time(from("tree/link"), some_time - 5);
  set_time(from("tree/large"), some_time);
  set_time(from("tree/dir/run.sh"), -1'500'000'001);
  fs::permissions(from("tree/empty dir"), fs::perms{0555});
  set_time(from("tree/dir"), some_time + 1);
  set_time(from("tree"), some_time + 2);
  EXPECT_THAT(send(from("tree")), ElementsAre("tree"));
  EXPECT_EQ(picture(to()), picture(from()));
  EXPECT_FALSE(fs::exists(partial_in(to())));
}

TEST_F(FileSinkTest, DropsSetuidAndTheLike) {
  write_file(from("tool"), "x");
  ASSERT_EQ(::chmod(from("tool").c_str(), 06755), 0);
  send(from("tool"));
  EXPECT_EQ(fs::status(to("tool")).permissions(), fs::perms{0755});
}

TEST_F(FileSinkTest, KeepsASparseFileSparse) {
  constexpr std::uint64_t size = 64 * MiB;
  write_file(from("disk.img"), noise(5000));
  fs::resize_file(from("disk.img"), size);
  ASSERT_LT(disk_bytes(from("disk.img")), size / 2);
  send(from("disk.img"));
  EXPECT_EQ(content_of(to("disk.img")), content_of(from("disk.img")));
  EXPECT_LT(disk_bytes(to("disk.img")), MiB);
}

TEST_F(FileSinkTest, WritesZerosWhereAFileIsNotSparse) {
  write_file(from("zeros"), std::string(3 * min_chunk_size, '\0'));
  send(from("zeros"));
  EXPECT_EQ(content_of(to("zeros")), content_of(from("zeros")));
}

TEST_F(FileSinkTest, KeepsThePartialPrivate) {
  write_file(from("tree/file"), noise(3 * min_chunk_size));
  auto sink = sink_at(to());
  move(source_of({from("tree")}, min_chunk_size), sink, 2);
  EXPECT_EQ(fs::status(partial_in(to())).permissions(), fs::perms{0700});
  EXPECT_EQ(fs::status(partial_in(to()) / "data/tree").permissions(), fs::perms{0700});
  EXPECT_EQ(fs::status(partial_in(to()) / "data/tree/file").permissions(), fs::perms{0600});
}

TEST_F(FileSinkTest, LetsOnlyOneProcessReceiveATransfer) {
  write_file(from("file"), noise(3 * min_chunk_size));
  const auto source = source_of({from("file")}, min_chunk_size);
  auto first = sink_at(to()), second = sink_at(to());
  move(source, first, 1);
  try {
    move(source, second);
    FAIL() << "the second got the lock as well";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::busy);
  }
}

// --- conflicts ------------------------------------------------------------------------------------------------------

TEST_F(FileSinkTest, NumbersANameThatIsTaken) {
  write_file(from("film.mkv"), "new");
  write_file(to("film.mkv"), "old");
  write_file(to("film (1).mkv"), "older");
  EXPECT_THAT(send(from("film.mkv")), ElementsAre("film (2).mkv"));
  EXPECT_EQ(content_of(to("film.mkv")), "old");
  EXPECT_EQ(content_of(to("film (2).mkv")), "new");
  EXPECT_THAT(remarks, ElementsAre(HasSubstr("film (2).mkv")));
}

TEST_F(FileSinkTest, SkipsANameThatIsTakenWhenToldTo) {
  write_file(from("film.mkv"), "new");
  write_file(to("film.mkv"), "old");
  EXPECT_THAT(send(from("film.mkv"), OnConflict::skip), ElementsAre());
  EXPECT_EQ(content_of(to("film.mkv")), "old");
  EXPECT_EQ(remarks.size(), 1u);
}

TEST_F(FileSinkTest, OverwritesFilesAndMergesFoldersWhenToldTo) {
  write_file(from("tree/same"), "new");
  write_file(from("tree/sub/file"), "new");
  write_file(from("tree/fresh/file"), "new");
  write_file(to("tree/same"), "old");
  write_file(to("tree/other"), "kept");
  write_file(to("tree/sub/other"), "kept");
  EXPECT_THAT(send(from("tree"), OnConflict::overwrite), ElementsAre("tree"));
  EXPECT_EQ(content_of(to("tree/same")), "new");
  EXPECT_EQ(content_of(to("tree/sub/file")), "new");
  EXPECT_EQ(content_of(to("tree/fresh/file")), "new");
  EXPECT_EQ(content_of(to("tree/other")), "kept");
  EXPECT_EQ(content_of(to("tree/sub/other")), "kept");
}

TEST_F(FileSinkTest, NeverReplacesAFolderByAFileNorFollowsALink) {
  write_file(from("tree/thing"), "new");
  write_file(from("tree/link"), "new");
  write_file(from("tree/way/file"), "new");
  write_file(to("tree/thing/inside"), "kept");
  write_file(folder / "victim/file", "kept");
  fs::create_symlink(folder / "victim/file", to("tree/link"));
  fs::create_directory_symlink(folder / "victim", to("tree/way"));
  send(from("tree"), OnConflict::overwrite);
  EXPECT_EQ(content_of(to("tree/thing/inside")), "kept");
  EXPECT_EQ(content_of(to("tree/thing (1)")), "new");
  EXPECT_EQ(content_of(folder / "victim/file"), "kept");
  EXPECT_EQ(content_of(to("tree/link")), "new");
  EXPECT_EQ(content_of(to("tree/way/file")), "new");
}

TEST_F(FileSinkTest, GivesWayToWhoTakesTheNameInTheLastMoment) {
  write_file(from("film.mkv"), "new");
  auto sink = sink_at(to());
  sink.watch([&](std::string_view step) {
    if (step == "rename") write_file(to("film.mkv"), "a moment earlier");
  });
  EXPECT_THAT(move(source_of({from("film.mkv")}), sink).names, ElementsAre("film (1).mkv"));
  EXPECT_EQ(content_of(to("film.mkv")), "a moment earlier");
  EXPECT_EQ(content_of(to("film (1).mkv")), "new");
}

// --- trouble --------------------------------------------------------------------------------------------------------

TEST_F(FileSinkTest, WritesNothingThroughALinkThatSomebodyPlants) {
  write_file(from("tree/dir/file"), noise(4 * min_chunk_size));
  write_file(folder / "victim/file", "kept");
  const auto source = source_of({from("tree")}, min_chunk_size);
  {
    auto sink = sink_at(to());
    move(source, sink, 1);
  }
  const auto dir = partial_in(to()) / "data/tree/dir";
  fs::remove_all(dir);
  fs::create_directory_symlink(folder / "victim", dir);
  auto sink = sink_at(to());
  sink.watch([&](std::string_view step) {  // and once more, after the sweep has removed it
    if (step != "prepare") return;
    fs::remove_all(dir);
    fs::create_directory_symlink(folder / "victim", dir);
  });
  EXPECT_THROW(move(source, sink), Failure);
  EXPECT_EQ(content_of(folder / "victim/file"), "kept");
}

TEST_F(FileSinkTest, SaysWhatToDoAboutADestinationThatIsNotThere) {
  const auto sink = FileSink::at(folder / "nowhere", OnConflict::rename);
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, Errc::local_io);
  EXPECT_THAT(sink.error().hint, HasSubstr("--dir"));
}

TEST_F(FileSinkTest, ChecksTheSpaceFirst) {
  const auto sink = sink_at(to());
  EXPECT_TRUE(sink.check_space(1));
  const auto much = sink.check_space(std::uint64_t{1} << 60);
  ASSERT_FALSE(much);
  EXPECT_EQ(much.error().code, Errc::local_io);
  EXPECT_THAT(much.error().message(), HasSubstr("1.2 EB are needed"));
}

/// A tmpfs of `size` on `path`, in a namespace of its own. Only in a child. False where the system forbids it.
bool mount_small(const fs::path& path, const char* size) {
  const auto user = ::geteuid();
  if (::unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return ::mount("tmpfs", path.c_str(), "tmpfs", 0, (std::string{"size="} + size).c_str()) == 0;
}

constexpr int no_mounts_here = 42;

TEST_F(FileSinkTest, KeepsWhatItHasWhenTheDiskIsFull) {
  for (int file = 0; file < 8; ++file) write_file(from("tree/" + std::to_string(file)), noise(600'000, static_cast<unsigned>(file)));
  const auto status = in_child([&] {
    if (!mount_small(to(), "4m")) return no_mounts_here;
    const auto source = source_of({from("tree")}, min_chunk_size);
    auto sink = sink_at(to());
    sink.watch([&](std::string_view step) {  // there was room enough when it was checked
      if (step == "prepare") write_file(to("somebody else's"), noise(2'500'000));
    });
    try {
      move(source, sink);
      return 1;
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::local_io || failure.error().hint.find("received so far is kept") == std::string::npos) return 2;
    }
    return 0;
  });
  if (status == no_mounts_here) GTEST_SKIP() << "no mounts in a namespace here";
  EXPECT_EQ(status, 0);
}

TEST_F(FileSinkTest, SaysSoBeforeTheFirstByteWhenThereIsNoRoom) {
  write_file(from("film"), noise(8'000'000));
  const auto status = in_child([&] {
    if (!mount_small(to(), "4m")) return no_mounts_here;
    auto sink = sink_at(to());
    try {
      move(source_of({from("film")}), sink);
      return 1;
    } catch (const Failure& failure) {
      return failure.error().message().find("8.0 MB are needed") == std::string::npos ? 2 : 0;
    }
  });
  if (status == no_mounts_here) GTEST_SKIP() << "no mounts in a namespace here";
  EXPECT_EQ(status, 0);
}

TEST_F(FileSinkTest, ReportsALimitOnTheSizeOfFiles) {
  write_file(from("film"), noise(3'000'000));
  const auto status = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{1'000'000, 1'000'000};
    ::setrlimit(RLIMIT_FSIZE, &small);
    auto sink = sink_at(to());
    try {
      move(source_of({from("film")}), sink);
      return 1;
    } catch (const Failure& failure) {
      return failure.error().code == Errc::local_io && failure.error().hint.find("ulimit") != std::string::npos ? 0 : 2;
    }
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace pshare::test
