// What a second run finds of the first: killed, with a changed source, with other chunks, with damage.
#include <fcntl.h>
#include <unistd.h>

#include "transfer/disk/handle.hpp"
#include "trees.hpp"

namespace pshare::test {
namespace {

struct Resume : testing::Test {
  Resume() { fs::create_directory(folder / "to"); }
  fs::path from(const fs::path& below = {}) const { return folder / "from" / below; }
  fs::path to(const fs::path& below = {}) const { return folder / "to" / below; }
  /// In a process that ends without a word after `chunks`.
  void killed_after(std::uint64_t chunks, std::uint64_t chunk_size = min_chunk_size) const {
    EXPECT_EQ(in_child([&] {
      auto sink = sink_at(to());
      move(source_of({from("tree")}, chunk_size), sink, chunks);
      return 0;
    }), 0);
  }
  Moved run(std::uint64_t chunk_size = min_chunk_size) const {
    auto sink = sink_at(to());
    return move(source_of({from("tree")}, chunk_size), sink);
  }
  void flip_a_byte(const fs::path& file, off_t at) const {
    const Handle handle{::open(file.c_str(), O_RDWR)};
    char byte = 0;
    ASSERT_EQ(::pread(handle.native(), &byte, 1, at), 1);
    byte = static_cast<char>(~byte);
    ASSERT_EQ(::pwrite(handle.native(), &byte, 1, at), 1);
  }
  TempFolder folder;
};

TEST_F(Resume, FindsWhatAKilledProcessHadWritten) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  killed_after(6);
  const auto moved = run();
  EXPECT_EQ(moved.resumed, 6u);
  EXPECT_EQ(moved.stored, 4u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, DoesNotBelieveAChunkThatLostItsBytesInAPowerCut) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  killed_after(6);
  flip_a_byte(partial_in(to()) / "data/tree/film", 3 * min_chunk_size + 5);
  EXPECT_EQ(run().resumed, 5u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, DoesNotLaterBelieveWhatItDidNotBelieveOnce) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  killed_after(6);
  flip_a_byte(partial_in(to()) / "data/tree/film", 3 * min_chunk_size + 5);
  killed_after(0);
  EXPECT_EQ(run().resumed, 5u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, BeginsAnewWhereTheKeptManifestSpeaksOfMoreThanAnyTransferHas) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  killed_after(6);
  constexpr off_t highest_byte_of_the_length = 18 + 16 + 8;  // transfer/kept_state.hpp
  flip_a_byte(partial_in(to()) / "manifest", highest_byte_of_the_length);
  EXPECT_EQ(run().resumed, 0u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, SurvivesATornJournal) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  killed_after(6);
  const auto journal = partial_in(to()) / "journal";
  fs::resize_file(journal, fs::file_size(journal) - 5);
  EXPECT_EQ(run().resumed, 5u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, BeginsAnewWhenTheStateCannotBeUnderstood) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  for (const auto* each : {"journal", "manifest"}) {
    killed_after(6);
    write_file(partial_in(to()) / each, "rubbish");
    EXPECT_EQ(run().resumed, 0u);
    EXPECT_EQ(picture(to()), picture(from()));
    fs::remove_all(to("tree"));
  }
}

TEST_F(Resume, NoticesFilesThatWereDeletedFromThePartial) {
  for (const auto* each : {"tree/a", "tree/b"}) write_file(from(each), noise(4 * min_chunk_size));
  killed_after(7);
  fs::remove(partial_in(to()) / "data/tree/a");
  EXPECT_EQ(run().resumed, 3u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, SendsOnlyTheChangedChunksOfAChangedFile) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  write_file(from("tree/other"), noise(3 * min_chunk_size, 2));
  killed_after(11);
  flip_a_byte(from("tree/film"), 4 * min_chunk_size + 1);
  const auto moved = run();
  EXPECT_EQ(moved.resumed, 1u) << "of the file that did not change";
  EXPECT_EQ(moved.confirmed, 9u) << "of the one that did";
  EXPECT_EQ(moved.stored, 3u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, StillComparesAfterAKillBetweenChangeAndAnswer) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  killed_after(8);
  flip_a_byte(from("tree/film"), 4 * min_chunk_size + 1);
  EXPECT_EQ(in_child([&] {  // learns of the change, and is killed before it could ask
    auto sink = sink_at(to());
    sink.watch([](std::string_view step) {
      if (step == "prepare") ::_exit(0);
    });
    move(source_of({from("tree")}, min_chunk_size), sink);
    return 1;
  }), 0);
  const auto moved = run();
  EXPECT_EQ(moved.confirmed, 7u);
  EXPECT_EQ(moved.stored, 3u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, KeepsWhatStillHoldsWhenFilesComeAndGo) {
  write_file(from("tree/a"), noise(4 * min_chunk_size, 1));
  write_file(from("tree/b"), noise(4 * min_chunk_size, 2));
  write_file(from("tree/dir/c"), noise(4 * min_chunk_size, 3));
  killed_after(10);
  fs::remove(from("tree/b"));
  write_file(from("tree/aa"), noise(2 * min_chunk_size, 4));
  const auto moved = run();
  EXPECT_EQ(moved.resumed, 6u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, KeepsWhatItHasWhenTheChunksAreOfAnotherSize) {
  write_file(from("tree/film"), noise(16 * min_chunk_size));
  killed_after(9);
  const auto moved = run(4 * min_chunk_size);
  EXPECT_EQ(moved.resumed, 2u);
  EXPECT_EQ(moved.stored, 2u);
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, TurnsFilesIntoFoldersAndBackWithTheSource) {
  write_file(from("tree/x"), noise(2 * min_chunk_size));
  write_file(from("tree/y/z"), noise(2 * min_chunk_size, 2));
  killed_after(3);
  fs::remove(from("tree/x"));
  fs::remove_all(from("tree/y"));
  write_file(from("tree/x/deep"), "now a folder");
  write_file(from("tree/y"), "now a file");
  run();
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, ShrinksAFileWithItsSource) {
  write_file(from("tree/film"), noise(40 * min_chunk_size));
  killed_after(30);
  write_file(from("tree/film"), noise(40 * min_chunk_size).substr(0, 20 * min_chunk_size + 7));
  const auto moved = run();
  EXPECT_EQ(moved.confirmed, 21u) << "the last one is shorter now, and its bytes are the same";
  EXPECT_EQ(picture(to()), picture(from()));
}

TEST_F(Resume, SurvivesAKillAtEveryStepOfAChangeOfState) {
  for (const auto* step : {"state", "sweep", "prepare"}) {
    TempFolder again;
    write_file(from("tree/film"), noise(10 * min_chunk_size));
    killed_after(8);
    flip_a_byte(from("tree/film"), 5);
    EXPECT_EQ(in_child([&] {
      auto sink = sink_at(to());
      sink.watch([&](std::string_view each) {
        if (each == step) ::_exit(0);
      });
      move(source_of({from("tree")}, min_chunk_size), sink);
      return 1;
    }), 0) << step;
    run();
    EXPECT_EQ(picture(to()), picture(from())) << step;
    fs::remove_all(to("tree"));
  }
}

TEST_F(Resume, CompletesAReplacementOfStateThatWasHalfDone) {
  write_file(from("tree/film"), noise(10 * min_chunk_size));
  killed_after(6);
  // Killed between the two renames: the new manifest is in place, its journal still beside the old one.
  const auto partial = partial_in(to());
  fs::rename(partial / "journal", partial / "journal.new");
  write_file(partial / "journal", "of the old state");
  EXPECT_EQ(run().resumed, 6u);
  EXPECT_EQ(picture(to()), picture(from()));
}

}  // namespace
}  // namespace pshare::test
