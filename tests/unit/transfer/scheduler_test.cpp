// Which chunk goes where: order, window, lost lanes, holds.
#include "transfer/scheduler.hpp"

#include <gtest/gtest.h>

#include "wire/lane_messages.hpp"

namespace pshare {
namespace {

constexpr LaneNumber left{1}, right{2};

TEST(Scheduler, HandsOutTheLowestNeededChunkFirst) {
  Scheduler scheduler{4, 1 * MiB, Scheduler::Window::until_stored};
  scheduler.durable(ChunkIndex{1});
  EXPECT_EQ(scheduler.next(left), ChunkIndex{0});
  EXPECT_EQ(scheduler.next(right), ChunkIndex{2});
  EXPECT_EQ(scheduler.next(left), ChunkIndex{3});
  EXPECT_FALSE(scheduler.next(left));
}

TEST(Scheduler, StopsAtTheWindowUntilAChunkIsStored) {
  for (const auto size : {min_chunk_size, default_chunk_size, max_chunk_size}) {
    Scheduler scheduler{1000, size, Scheduler::Window::until_stored};
    std::uint64_t sent = 0;
    while (scheduler.next(left)) sent += size;
    EXPECT_EQ(sent, send_window) << size;
    scheduler.stored(ChunkIndex{0});
    EXPECT_TRUE(scheduler.next(left));
    EXPECT_FALSE(scheduler.next(left));
  }
}

TEST(Scheduler, OfAStreamWaitsForTheFirstChunkToBeDurable) {
  Scheduler scheduler{1000, 1 * MiB, Scheduler::Window::until_durable};
  std::uint64_t sent = 0;
  while (scheduler.next(left)) ++sent;
  EXPECT_EQ(sent * MiB, stream_window);
  scheduler.stored(ChunkIndex{0});
  scheduler.durable(ChunkIndex{1});
  EXPECT_FALSE(scheduler.next(left)) << "the first is not durable";
  scheduler.durable(ChunkIndex{0});
  EXPECT_EQ(scheduler.durable_prefix(), ChunkIndex{2});
  EXPECT_TRUE(scheduler.next(left));
  EXPECT_TRUE(scheduler.next(left));
  EXPECT_FALSE(scheduler.next(left));
}

TEST(Scheduler, GivesWhatWasOnALostLaneToAnotherUnlessItWasStored) {
  Scheduler scheduler{4, 1 * MiB, Scheduler::Window::until_stored};
  EXPECT_EQ(scheduler.next(left), ChunkIndex{0});
  EXPECT_EQ(scheduler.next(left), ChunkIndex{1});
  EXPECT_EQ(scheduler.next(right), ChunkIndex{2});
  scheduler.stored(ChunkIndex{0});
  scheduler.lane_lost(left);
  EXPECT_EQ(scheduler.next(right), ChunkIndex{1});
  EXPECT_EQ(scheduler.next(right), ChunkIndex{3});
  EXPECT_FALSE(scheduler.next(right));
}

TEST(Scheduler, TakesALateStoredForAChunkThatIsBackInThePool) {
  Scheduler scheduler{1, 1 * MiB, Scheduler::Window::until_stored};
  EXPECT_TRUE(scheduler.next(left));
  scheduler.lane_lost(left);
  scheduler.stored(ChunkIndex{0});
  EXPECT_FALSE(scheduler.next(right));
}

TEST(Scheduler, DoesNotSendWhatIsHeldUntilItIsReleased) {
  Scheduler scheduler{3, 1 * MiB, Scheduler::Window::until_stored};
  scheduler.hold(ChunkIndex{0});
  scheduler.hold(ChunkIndex{1});
  EXPECT_EQ(scheduler.next(left), ChunkIndex{2});
  EXPECT_FALSE(scheduler.next(left));
  scheduler.release(ChunkIndex{1});
  EXPECT_EQ(scheduler.next(left), ChunkIndex{1});
  scheduler.spare(ChunkIndex{0});
  EXPECT_FALSE(scheduler.next(left));
  EXPECT_FALSE(scheduler.all_durable());
}

TEST(Scheduler, SendsAgainWhatArrivedWrongButNothingDurable) {
  Scheduler scheduler{2, 1 * MiB, Scheduler::Window::until_stored};
  EXPECT_EQ(scheduler.next(left), ChunkIndex{0});
  EXPECT_EQ(scheduler.next(left), ChunkIndex{1});
  scheduler.durable(ChunkIndex{1});
  scheduler.again(ChunkIndex{0});
  scheduler.again(ChunkIndex{1});
  EXPECT_EQ(scheduler.next(right), ChunkIndex{0});
  EXPECT_FALSE(scheduler.next(right));
}

}  // namespace
}  // namespace pshare
