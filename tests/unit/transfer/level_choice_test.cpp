// Whether to compress, by tables of what was measured; and the sample on which the decision rests.
#include "transfer/level_choice.hpp"

#include <gtest/gtest.h>

#include "wire/random.hpp"
#include "wire/units.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using How = LevelChoice::Choice::How;

constexpr LevelSetting automatic{};

Duration at(double bytes, double rate) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>{bytes / rate}); }

/// A choice that has seen so fast a wire, and so fast a worker at level 1 (bytes each second).
LevelChoice measured(double wire, double worker, std::size_t workers = 1) {
  LevelChoice choice{automatic, workers};
  for (int i = 0; i < 20; ++i) {
    choice.wrote(1 * MiB, at(1 * MiB, wire));
    choice.compressed(1, 1 * MiB, 200 * KiB, at(1 * MiB, worker));
  }
  return choice;
}

TEST(LevelChoice, FollowsWireAndWorker) {
  struct Row { const char* what; double wire, worker; std::size_t workers; double ratio; How how; int lowest, highest; };
  for (const auto& [what, wire, worker, workers, ratio, how, lowest, highest] : {
           Row{"loopback, log lines", 1000e6, 440e6, 1, 0.2, How::stored, 0, 0},
           Row{"loopback, two workers that share the processor", 1000e6, 250e6, 2, 0.2, How::stored, 0, 0},
           Row{"a gigabit, log lines", 118e6, 440e6, 1, 0.2, How::zstd, 1, 3},
           Row{"200 Mbit/s, log lines: time for more than level 1", 25e6, 440e6, 1, 0.2, How::zstd, 3, 6},
           Row{"8 Mbit/s: time for a high level", 1e6, 440e6, 1, 0.3, How::zstd, 12, 15},
           Row{"200 Mbit/s, hardly compressible", 25e6, 440e6, 1, 0.97, How::stored, 0, 0},
           Row{"a slow processor on a gigabit", 118e6, 60e6, 1, 0.2, How::stored, 0, 0},
           Row{"the same with eight of them", 118e6, 60e6, 8, 0.2, How::zstd, 1, 1},
       }) {
    auto choice = measured(wire, worker, workers);
    const auto next = choice.next({.ratio = ratio});
    EXPECT_EQ(next.how, how) << what;
    EXPECT_GE(next.level, lowest) << what;
    EXPECT_LE(next.level, highest) << what;
  }
}

TEST(LevelChoice, TurnsItselfOnAgainWhenTheWireGetsSlow) {
  auto choice = measured(1000e6, 440e6);
  EXPECT_EQ(choice.next({.ratio = 0.2}).how, How::stored);
  for (int i = 0; i < 100; ++i) choice.wrote(1 * MiB, at(1 * MiB, 20e6));
  EXPECT_EQ(choice.next({.ratio = 0.2}).how, How::zstd);
  for (int i = 0; i < 200; ++i) choice.wrote(1 * MiB, at(1 * MiB, 1000e6));
  EXPECT_EQ(choice.next({.ratio = 0.2}).how, How::stored);
}

TEST(LevelChoice, CountsAllLanesTogether) {
  auto choice = measured(118e6, 440e6);
  EXPECT_EQ(choice.next({.ratio = 0.2}).how, How::zstd);
  choice.lanes(8);
  EXPECT_EQ(choice.next({.ratio = 0.2}).how, How::stored);
}

TEST(LevelChoice, ForgetsASlowMomentOfTheProcessorInTime) {
  auto choice = measured(200e6, 30e6);
  int stored = 0;
  while (choice.next({.ratio = 0.2}).how == How::stored && stored < 100'000) ++stored;
  EXPECT_GT(stored, 500) << "but does not try so often that it costs anything";
  EXPECT_LT(stored, 20'000);
}

TEST(LevelChoice, BeginsWithTheCheapestLevelBeforeAnythingIsMeasured) {
  LevelChoice choice{automatic, 2};
  EXPECT_EQ(choice.next({.ratio = 0.5}), (LevelChoice::Choice{How::zstd, 1}));
  EXPECT_EQ(choice.next({.ratio = 1}).how, How::stored);
}

TEST(LevelChoice, KeepsToAFixedSetting) {
  LevelChoice none{{LevelSetting::Mode::none, 0}, 2}, nineteen{{LevelSetting::Mode::fixed, 19}, 2};
  for (auto* choice : {&none, &nineteen})
    for (int i = 0; i < 20; ++i) choice->wrote(1 * MiB, at(1 * MiB, 1000e6));
  EXPECT_EQ(none.next({.ratio = 0.1}).how, How::stored);
  EXPECT_EQ(nineteen.next({.ratio = 0.1}), (LevelChoice::Choice{How::zstd, 19}));
  EXPECT_EQ(nineteen.next({.ratio = 1}).how, How::stored) << "nothing is gained";
}

TEST(LevelChoice, SendsZerosAsZerosWhateverTheSetting) {
  for (const auto mode : {LevelSetting::Mode::automatic, LevelSetting::Mode::none, LevelSetting::Mode::fixed})
    EXPECT_EQ((LevelChoice{{mode, 5}, 1}.next({.zeros = true, .ratio = 0}).how), How::zeros);
}

TEST(Sample, TellsZerosRandomAndTextApart) {
  Compressor compressor;
  ByteBuffer scratch, chunk(1 * MiB);
  EXPECT_TRUE(sample_of(chunk, compressor, scratch).zeros);
  chunk[500'000] = std::byte{1};
  EXPECT_FALSE(sample_of(chunk, compressor, scratch).zeros) << "one byte that no slice sees";
  SeededRandom random{3};
  random.fill(chunk);
  EXPECT_EQ(sample_of(chunk, compressor, scratch).ratio, 1);
  for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = static_cast<std::byte>("the quick brown fox "[i % 20]);
  EXPECT_LT(sample_of(chunk, compressor, scratch).ratio, 0.1);
}

TEST(Sample, WorksOnTheSmallestChunks) {
  Compressor compressor;
  ByteBuffer scratch;
  for (std::size_t size : {1u, 2u, 100u}) {
    const ByteBuffer chunk(size, std::byte{'x'});
    EXPECT_FALSE(sample_of(chunk, compressor, scratch).zeros);
    EXPECT_TRUE(sample_of(ByteBuffer(size), compressor, scratch).zeros);
  }
}

TEST(Sample, MeasuresEntropyInBitsAByte) {
  EXPECT_EQ(entropy_of({}), 0);
  EXPECT_EQ(entropy_of(ByteBuffer(100, std::byte{7})), 0);
  ByteBuffer all(256);
  for (std::size_t i = 0; i < 256; ++i) all[i] = static_cast<std::byte>(i);
  EXPECT_DOUBLE_EQ(entropy_of(all), 8);
}

}  // namespace
}  // namespace pshare
