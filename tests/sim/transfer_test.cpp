// Sender and receiver in the simulated world: whatever happens, at every step of a small transfer, the files arrive as they are
// at the source, and little travels twice.
#include <gtest/gtest.h>

#include "transfer_world.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

/// What may travel twice because of one disturbance: what was sent and not reported Stored.
constexpr auto at_most_a_window = send_window;

/// Sessions until one delivers; a killed or interrupted one is followed by another, as people run the command again.
void run_to_the_end(TransferWorld& world, int sessions) {
  for (int session = 1;; ++session) {
    ASSERT_TRUE(world.run_session()) << "a session did not end";
    if (world.sender_end && !world.sender_end->trouble) break;
    ASSERT_LT(session, sessions) << "it needs more sessions than there were disturbances: "
                                 << (world.sender_end ? world.sender_end->trouble->doing : "killed") << " / "
                                 << (world.receiver_end && world.receiver_end->trouble ? world.receiver_end->trouble->doing : "");
    ASSERT_NO_FATAL_FAILURE(world.begin_session());
  }
  EXPECT_TRUE(world.delivered_right());
  EXPECT_EQ(world.disk().deliveries, 1) << "files were given their final names twice";
  if (world.receiver_end) {
    EXPECT_FALSE(world.receiver_end->trouble) << world.receiver_end->trouble->doing;
  }
}

std::uint64_t steps_undisturbed(const Plan& plan) {
  TransferWorld world{Seed{1}, plan};
  world.begin_session();
  EXPECT_TRUE(world.run_session());
  return world.world().events().steps();
}

/// Runs the transfer once for every step it has, and lets `disturb` happen right after that step.
void at_every_step(const Plan& plan, int sessions, const std::function<void(TransferWorld&)>& disturb) {
  const auto steps = steps_undisturbed(plan);
  ASSERT_GT(steps, 40u);
  for (std::uint64_t at = 1; at <= steps; ++at) {
    SCOPED_TRACE("disturbed after step " + std::to_string(at) + ", seed 1");
    TransferWorld world{Seed{1}, plan};
    world.begin_session();
    while (world.world().events().steps() < at && world.step()) {}
    if (!world.idle()) disturb(world);
    ASSERT_NO_FATAL_FAILURE(run_to_the_end(world, sessions));
    EXPECT_LE(world.sent(), world.run() + at_most_a_window);
    if (testing::Test::HasFailure()) return;  // one is enough to look at
  }
}

Plan with_lanes(std::size_t lanes) { return {.files = {30 * MiB, 0, 1, 3 * MiB}, .lanes = lanes}; }

TEST(SimulatedTransfer, DeliversWithoutSendingAnythingTwice) {
  for (std::size_t lanes = 1; lanes <= 4; ++lanes) {
    TransferWorld world{Seed{1}, with_lanes(lanes)};
    world.begin_session();
    run_to_the_end(world, 1);
    EXPECT_EQ(world.sent(), world.run());
    ASSERT_TRUE(world.receiver_end);
    EXPECT_FALSE(world.receiver_end->trouble);
    EXPECT_TRUE(world.disk().journal.empty()) << "the partial is forgotten";
  }
}

TEST(SimulatedTransfer, OfManySmallFilesInOneChunkOrOfNothingAtAllWorks) {
  for (const auto& files : {std::vector<std::uint64_t>{}, std::vector<std::uint64_t>{0, 0, 0}, std::vector<std::uint64_t>(1000, 7)}) {
    TransferWorld world{Seed{1}, {.files = files}};
    world.begin_session();
    run_to_the_end(world, 1);
    EXPECT_EQ(world.sent(), world.run());
  }
}

TEST(SimulatedTransfer, TakesLittleLongerThanTheLineNeeds) {
  TransferWorld world{Seed{1}, {.files = {1000 * MiB}, .chunk_size = default_chunk_size, .delay = 10ms, .rate = {100 * MiB}}};
  const auto start = world.world().now();
  world.begin_session();
  run_to_the_end(world, 1);
  // 10 s on the line; 16 MiB of window cover the 20 ms of round trip.
  EXPECT_LT(world.world().now() - start, 10'500ms);
}

TEST(SimulatedTransfer, ALaneLostAtAnyStepCostsAtMostTheWindow) {
  for (std::size_t lanes = 1; lanes <= 4; ++lanes)
    for (std::size_t which = 0; which < lanes; ++which) {
      SCOPED_TRACE(std::to_string(lanes) + " lanes, lost: " + std::to_string(which));
      at_every_step(with_lanes(lanes), 1, [&](TransferWorld& world) { world.cut_lane(which); });
      if (HasFailure()) return;
    }
}

TEST(SimulatedTransfer, ALaneLostAtAnyStepAndNotReplacedIsNotMissed) {
  auto plan = with_lanes(3);
  plan.reconnect = false;
  at_every_step(plan, 1, [](TransferWorld& world) { world.cut_lane(0), world.cut_lane(1); });
}

TEST(SimulatedTransfer, AllLanesLostAtAnyStepAreReplaced) {
  at_every_step(with_lanes(2), 1, [](TransferWorld& world) { world.cut_lane(0), world.cut_lane(0); });
}

TEST(SimulatedTransfer, ASenderKilledAtAnyStepGoesOnWhereItWas) {
  for (const std::size_t lanes : {1u, 3u}) at_every_step(with_lanes(lanes), 2, [](TransferWorld& world) { world.kill_sender(); });
}

TEST(SimulatedTransfer, AReceiverKilledAtAnyStepGoesOnWhereItWas) {
  for (const std::size_t lanes : {1u, 3u}) at_every_step(with_lanes(lanes), 2, [](TransferWorld& world) { world.kill_receiver(); });
}

TEST(SimulatedTransfer, ALaneThatFallsSilentAtAnyStepIsNoticedAndReplaced) {
  for (const std::size_t lanes : {1u, 2u}) at_every_step(with_lanes(lanes), 1, [](TransferWorld& world) { world.mute_lane(0); });
}

TEST(SimulatedTransfer, APowerCutAtAnyStepLosesWhatWasNotSyncedAndNothingElse) {
  const auto plan = with_lanes(2);
  const auto steps = steps_undisturbed(plan);
  for (std::uint64_t at = 1; at <= steps; ++at) {
    SCOPED_TRACE("power cut after step " + std::to_string(at) + ", seed 1");
    TransferWorld world{Seed{1}, plan};
    world.begin_session();
    while (world.world().events().steps() < at && world.step()) {}
    if (!world.idle()) {
      world.kill_receiver();
      world.disk().lose_power();
    }
    ASSERT_NO_FATAL_FAILURE(run_to_the_end(world, 2));
    if (HasFailure()) return;
  }
}

TEST(SimulatedTransfer, ASourceThatChangedBetweenTwoRunsArrivesAsItIsNow) {
  const auto plan = with_lanes(2);
  const auto steps = steps_undisturbed(plan);
  for (std::uint64_t at = 1; at <= steps; ++at) {
    SCOPED_TRACE("killed and changed after step " + std::to_string(at) + ", seed 1");
    TransferWorld world{Seed{1}, plan};
    world.begin_session();
    while (world.world().events().steps() < at && world.step()) {}
    world.kill_sender();
    ASSERT_TRUE(world.run_session());
    if (world.disk().deliveries == 0) {  // it was not complete without the sender
      const auto stays = world.disk().written;
      world.change_source(ChunkIndex{2});
      const auto sent_before = world.sent();
      world.begin_session();
      ASSERT_NO_FATAL_FAILURE(run_to_the_end(world, 1));
      const auto unchanged = stays.size() - stays.count(ChunkIndex{2});
      EXPECT_LE(world.sent() - sent_before, world.run() - (unchanged == 0 ? 0 : (unchanged - 1) * plan.chunk_size))
          << "what lay there unchanged travelled again";
    }
    if (HasFailure()) return;
  }
}

TEST(SimulatedTransfer, SurvivesTwentyRandomKillsOfEitherSideAndSendsAtMostAWindowTwiceForEach) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TransferWorld world{Seed{seed}, {.files = {400 * MiB, 3, 100 * MiB}, .lanes = 1 + seed % 4}};
    world.begin_session();
    int kills = 0;
    while (kills < 20) {
      const auto at = world.world().events().steps() + 1 + world.world().random().below(150);
      while (!world.idle() && world.world().events().steps() < at) world.step();
      if (world.sender_end && !world.sender_end->trouble) break;
      if (!world.idle()) {
        ++kills;
        const auto choice = world.world().random().below(3);
        if (choice != 0) world.kill_sender();
        if (choice != 1) world.kill_receiver();
        ASSERT_TRUE(world.run_session());
        if (world.sender_end && !world.sender_end->trouble) break;
      }
      world.begin_session();
    }
    EXPECT_GT(kills, 3);
    ASSERT_NO_FATAL_FAILURE(run_to_the_end(world, 1));
    EXPECT_LE(world.sent(), world.run() + static_cast<std::uint64_t>(kills) * at_most_a_window);
    if (HasFailure()) return;
  }
}

// --- rivals ---------------------------------------------------------------------------------------------------------

Plan with_rival(BytesPerSecond incumbent, BytesPerSecond rival, std::uint64_t size = 1000 * MiB) {
  return {.files = {size}, .chunk_size = default_chunk_size, .rate = incumbent, .rival = rival};
}

TEST(SimulatedTransfer, KeepsTheFasterOfTwoRivalsAndSendsNothingTwice) {
  struct Row { BytesPerSecond incumbent, rival; bool rival_wins; };
  for (const auto& [incumbent, rival, rival_wins] :
       {Row{{2 * MiB}, {20 * MiB}, true}, Row{{20 * MiB}, {2 * MiB}, false}, Row{{50 * MiB}, {50 * MiB}, false}, Row{{50 * MiB}, {55 * MiB}, false},
        Row{{30 * MiB}, {50 * MiB}, true}, Row{{50 * MiB}, {30 * MiB}, false}, Row{{1 * MiB}, {3 * MiB}, true}}) {
    SCOPED_TRACE(std::to_string(incumbent.count / MiB) + " against " + std::to_string(rival.count / MiB));
    const auto faster = std::max(incumbent.count, rival.count);
    TransferWorld world{Seed{1}, with_rival(incumbent, rival, 20 * faster)};
    world.begin_session();
    const auto start = world.world().now();
    run_to_the_end(world, 1);
    EXPECT_EQ(world.chosen(), rival_wins ? std::vector{LaneNumber{1}} : std::vector<LaneNumber>{});
    EXPECT_EQ(world.retired(), std::vector{LaneNumber{rival_wins ? 0u : 1u}});
    EXPECT_EQ(world.sent(), world.run());
    EXPECT_LT(world.world().now() - start, 20s + 4 * turn_patience) << "what the contest may cost";
  }
}

TEST(SimulatedTransfer, IsNotHeldUpByARivalThatCarriesNothing) {
  TransferWorld world{Seed{1}, with_rival({100 * MiB}, {1000})};
  world.begin_session();
  const auto start = world.world().now();
  run_to_the_end(world, 1);
  EXPECT_TRUE(world.chosen().empty());
  EXPECT_LE(world.sent(), world.run() + contest_flight) << "what was given to it goes again over the other";
  EXPECT_LT(world.world().now() - start, 10s + turn_patience + seeing_off_silence + 1s);
}

TEST(SimulatedTransfer, ThatWouldSoonBeOverHasNoContest) {
  TransferWorld world{Seed{1}, with_rival({100 * MiB}, {500 * MiB}, 300 * MiB)};
  world.begin_session();
  run_to_the_end(world, 1);
  EXPECT_TRUE(world.chosen().empty());
  EXPECT_EQ(world.retired(), std::vector{LaneNumber{1}});
  EXPECT_EQ(world.sent(), world.run());
}

TEST(SimulatedTransfer, ThatCrawlsMovesToARivalThatComesLater) {
  TransferWorld world{Seed{1}, {.files = {1000 * MiB}, .chunk_size = default_chunk_size, .rate = {50 * MiB}}};
  world.begin_session();
  const auto start = world.world().now();
  const auto run_until = [&](Duration elapsed) {
    while (!world.idle() && world.world().now() - start < elapsed) world.step();
  };
  run_until(5s);
  world.slow_down(0, {100'000});
  run_until(6s);
  world.challenge({50 * MiB});
  run_to_the_end(world, 1);
  EXPECT_EQ(world.chosen(), std::vector{LaneNumber{1}});
  EXPECT_LE(world.sent(), world.run() + send_window);
  EXPECT_LT(world.world().now() - start, 20s + 3s + 2 * turn_patience) << "at the rate of the rest, and what was lost to the crawl and the contest";
}

TEST(SimulatedTransfer, ALaneLostAtAnyStepOfAContestIsNotMissed) {
  // Small chunks and slow lanes, so that a contest has few steps.
  const Plan plan{.files = {60 * MiB}, .chunk_size = max_chunk_size, .rate = {4 * MiB}, .reconnect = true, .rival = BytesPerSecond{8 * MiB}};
  for (std::size_t which = 0; which < 2; ++which)
    at_every_step(plan, 1, [&](TransferWorld& world) {
      if (which < world.lanes_up()) world.cut_lane(which);
    });
}

TEST(SimulatedTransfer, LanesThatComeAndGoAllTheTimeDoNotStopIt) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    TransferWorld world{Seed{seed}, {.files = {500 * MiB}, .lanes = 4}};
    world.begin_session();
    std::uint64_t cuts = 0;
    while (!world.idle() && cuts < 40) {
      const auto at = world.world().events().steps() + 1 + world.world().random().below(80);
      while (!world.idle() && world.world().events().steps() < at) world.step();
      if (const auto lanes = world.lanes_up(); lanes != 0) world.cut_lane(world.world().random().below(lanes)), ++cuts;
    }
    EXPECT_GT(cuts, 5u);
    ASSERT_NO_FATAL_FAILURE(run_to_the_end(world, 1));
    EXPECT_LE(world.sent(), world.run() + cuts * at_most_a_window);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace pshare::sim
