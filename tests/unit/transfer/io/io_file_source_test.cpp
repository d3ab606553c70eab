#include "transfer/io/file_source.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "trees.hpp"

namespace pshare::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> paths_of(const FileSource& source) {
  std::vector<std::string> paths;
  for (EntryIndex index; index.number < source.manifest().entries(); ++index.number) paths.push_back(source.manifest().path(index));
  return paths;
}

std::string read_all(const FileSource& source) {
  std::string all;
  for (ChunkIndex chunk; chunk.number < source.manifest().chunks(); ++chunk.number) {
    ByteBuffer raw(source.length(chunk));
    value_or_throw(source.read(chunk, raw));
    all += text_of(raw);
  }
  return all;
}

Error walk_error(const fs::path& path) {
  const auto walked = FileSource::walk({.paths = {path}, .excludes = {}});
  return walked ? Error{.code = Errc::failed, .doing = "nothing went wrong"} : walked.error();
}

TEST(FileSource, WalksATreeSortedByNameWithParentsFirst) {
  TempFolder folder;
  write_file(folder / "tree/b/2", "two");
  write_file(folder / "tree/b/1", "one");
  write_file(folder / "tree/a", "a");
  write_file(folder / "tree/c/deep/er", "x");
  fs::create_directory(folder / "tree/empty");
  const auto source = source_of({folder / "tree"});
  EXPECT_THAT(paths_of(source), ElementsAre("tree", "tree/a", "tree/b", "tree/c", "tree/empty", "tree/b/1", "tree/b/2", "tree/c/deep", "tree/c/deep/er"));
  EXPECT_EQ(read_all(source), "aonetwox");
}

TEST(FileSource, NamesADirectoryGivenAsDotByItsRealName) {
  TempFolder folder;
  write_file(folder / "photos/1.jpg", "x");
  for (const auto* given : {"photos/.", "photos/", "photos//", "photos/../photos", "./photos"})
    EXPECT_EQ(paths_of(source_of({folder / given})).front(), "photos") << given;
}

TEST(FileSource, RefusesTheWholeFileSystem) {
  EXPECT_EQ(walk_error("/").code, Errc::usage);
  EXPECT_EQ(walk_error("/tmp/..").code, Errc::usage);
}

TEST(FileSource, RefusesTwoThingsOfOneName) {
  TempFolder folder;
  write_file(folder / "a/x", "1");
  write_file(folder / "b/x", "2");
  const auto walked = FileSource::walk({.paths = {folder / "a/x", folder / "b/x"}, .excludes = {}});
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().code, Errc::usage);
}

TEST(FileSource, SaysWhichFileIsNotThere) {
  EXPECT_EQ(walk_error("/nowhere/at/all").code, Errc::local_io);
  EXPECT_THAT(walk_error("/nowhere/at/all").message(), HasSubstr("/nowhere/at/all"));
}

TEST(FileSource, FailsEarlyOnAFileThatCannotBeRead) {
  TempFolder folder;
  write_file(folder / "tree/secret", "x");
  fs::permissions(folder / "tree/secret", fs::perms::none);
  fs::permissions(folder.path(), fs::perms::all);
  const auto status = in_child([&] {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0 && ::setuid(nobody) != 0) return 1;
    const auto error = walk_error(folder / "tree");
    if (error.code != Errc::local_io || error.hint.empty()) return 2;
    return error.message().find("tree/secret") == std::string::npos ? 3 : 0;
  });
  EXPECT_EQ(status, 0);
}

TEST(FileSource, FollowsALinkThatWasNamedAndKeepsOnlyInnerLinksThatStayInside) {
  TempFolder folder;
  write_file(folder / "tree/dir/file", "content");
  fs::create_symlink("dir/file", folder / "tree/inner");
  fs::create_symlink("../../outside", folder / "tree/outer");
  fs::create_symlink("/etc/passwd", folder / "tree/absolute");
  fs::create_directory_symlink("tree", folder / "named");
  const auto source = source_of({folder / "named"});
  EXPECT_THAT(paths_of(source), ElementsAre("named", "named/dir", "named/inner", "named/dir/file"));
  ASSERT_EQ(source.skipped().size(), 2u);
  EXPECT_EQ(source.skipped()[0].path, "named/absolute");
  EXPECT_EQ(source.skipped()[0].why, "a link that leads outside");
}

TEST(FileSource, SkipsWhatIsNeitherFileNorFolder) {
  TempFolder folder;
  write_file(folder / "tree/file", "x");
  ASSERT_EQ(::mkfifo((folder / "tree/pipe").c_str(), 0600), 0);
  const auto source = source_of({folder / "tree"});
  ASSERT_EQ(source.skipped().size(), 1u);
  EXPECT_EQ(source.skipped()[0].why, "a named pipe");
  const auto alone = walk_error(folder / "tree/pipe");
  EXPECT_EQ(alone.code, Errc::usage);
  EXPECT_THAT(alone.hint, HasSubstr("a named pipe"));
}

TEST(FileSource, LeavesOutWhatIsExcludedByNameOrByPath) {
  TempFolder folder;
  for (const auto* each : {"tree/a.o", "tree/a.c", "tree/build/x", "tree/src/b.o", "tree/src/build"}) write_file(folder / each, "x");
  const auto source = value_or_throw(FileSource::walk({.paths = {folder / "tree"}, .excludes = {"*.o", "build/x"}}));
  EXPECT_THAT(paths_of(source), ElementsAre("tree", "tree/a.c", "tree/build", "tree/src", "tree/src/build"));
}

TEST(FileSource, NoticesEveryChangeSinceTheWalk) {
  const std::map<std::string, std::function<void(const fs::path&)>> changes{
      {"grown", [](const fs::path& file) { std::filesystem::resize_file(file, 5000); }},
      {"shrunk", [](const fs::path& file) { std::filesystem::resize_file(file, 10); }},
      {"rewritten", [](const fs::path& file) { write_file(file, noise(1000, 2)); }},
      {"replaced", [](const fs::path& file) { write_file(file.string() + ".new", noise(1000, 2)), fs::rename(file.string() + ".new", file); }},
      {"removed", [](const fs::path& file) { fs::remove(file); }},
      {"a link now", [](const fs::path& file) { fs::remove(file), fs::create_symlink("/etc/passwd", file); }},
      {"a pipe now", [](const fs::path& file) { fs::remove(file), ::mkfifo(file.c_str(), 0600); }},
  };
  for (const auto& [what, change] : changes) {
    TempFolder folder;
    write_file(folder / "tree/film.mkv", noise(1000));
    const auto source = source_of({folder / "tree"});
    change(folder / "tree/film.mkv");
    ByteBuffer raw(1000);
    const auto read = source.read(ChunkIndex{0}, raw);
    ASSERT_FALSE(read) << what;
    EXPECT_EQ(read.error().code, Errc::source_changed) << what;
    EXPECT_THAT(read.error().message(), HasSubstr("film.mkv changed while it was being sent")) << what;
  }
}

TEST(FileSource, NoticesAChangeOfAFileThatIsKeptOpen) {
  TempFolder folder;
  write_file(folder / "film", noise(3 * min_chunk_size));
  const auto source = source_of({folder / "film"}, min_chunk_size);
  ByteBuffer raw(min_chunk_size);
  ASSERT_TRUE(source.read(ChunkIndex{0}, raw));
  write_file(folder / "film", noise(3 * min_chunk_size, 9));
  const auto read = source.read(ChunkIndex{1}, raw);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::source_changed);
}

TEST(FileSource, ReadsMoreSpanningFilesThanItKeepsOpen) {
  TempFolder folder;
  std::string all;
  for (int file = 10; file < 50; ++file) {
    const auto content = noise(min_chunk_size + 100, static_cast<unsigned>(file));
    write_file(folder / ("tree/" + std::to_string(file)), content);
    all += content;
  }
  EXPECT_EQ(read_all(source_of({folder / "tree"}, min_chunk_size)), all);
}

TEST(FileSource, RefusesAChunkSizeBeyondTheLimits) {
  TempFolder folder;
  write_file(folder / "x", "x");
  for (const auto size : {min_chunk_size - 1, max_chunk_size + 1}) {
    const auto walked = FileSource::walk({.paths = {folder / "x"}, .excludes = {}, .chunk_size = size});
    ASSERT_FALSE(walked);
    EXPECT_EQ(walked.error().code, Errc::usage);
  }
}

}  // namespace
}  // namespace pshare::test
