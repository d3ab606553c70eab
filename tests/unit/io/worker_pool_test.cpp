#include "io/worker_pool.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "run.hpp"

namespace pshare {
namespace {

using testing::run;

TEST(WorkerPool, RunsElsewhereAndComesBack) {
  asio::io_context loop;
  WorkerPool pool{2};
  auto story = [&]() -> awaitable<void> {
    const auto home = std::this_thread::get_id();
    auto where = [] { return std::this_thread::get_id(); };
    const auto worker = co_await pool.run(where);
    EXPECT_NE(worker, home);
    EXPECT_EQ(std::this_thread::get_id(), home);
  };
  run(loop, story());
}

TEST(WorkerPool, BringsValuesThatCanOnlyMoveAndNone) {
  asio::io_context loop;
  WorkerPool pool{1};
  auto story = [&]() -> awaitable<void> {
    auto make = [] { return std::make_unique<int>(5); };
    const auto five = co_await pool.run(make);
    EXPECT_EQ(*five, 5);
    bool ran = false;
    auto mark = [&] { ran = true; };
    co_await pool.run(mark);
    EXPECT_TRUE(ran);
  };
  run(loop, story());
}

TEST(WorkerPool, BringsExceptionsHome) {
  asio::io_context loop;
  WorkerPool pool{1};
  auto story = [&]() -> awaitable<void> {
    auto fail = [] { throw std::runtime_error{"no"}; };
    try {
      co_await pool.run(fail);
      ADD_FAILURE() << "did not throw";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "no");
    }
  };
  run(loop, story());
}

TEST(WorkerPool, ACancelledAwaiterWaitsForItsFunction) {
  asio::io_context loop;
  WorkerPool pool{1};
  std::mutex mutex;
  std::condition_variable changed;
  bool started = false, may_end = false;
  bool ended = false;
  auto slow = [&] {
    std::unique_lock lock{mutex};
    started = true;
    changed.notify_all();
    changed.wait(lock, [&] { return may_end; });
    ended = true;
  };
  auto task = [&]() -> awaitable<void> { co_await pool.run(slow); };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(task());
      co_await sleep_until(Clock::now());
      {
        std::unique_lock lock{mutex};
        changed.wait(lock, [&] { return started; });
      }
      tasks.cancel();
      const std::lock_guard lock{mutex};
      EXPECT_FALSE(ended);
      may_end = true;
      changed.notify_all();
    };
    co_await with_tasks(body);
    EXPECT_TRUE(ended);
  };
  run(loop, story());
}

TEST(WorkerPool, RunsAsManyAtOnceAsItHasThreads) {
  asio::io_context loop;
  WorkerPool pool{3};
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  auto meet = [&] {  // returns only if three are inside together
    std::unique_lock lock{mutex};
    ++inside;
    changed.notify_all();
    changed.wait(lock, [&] { return inside == 3; });
  };
  int met = 0;
  auto task = [&]() -> awaitable<void> {
    co_await pool.run(meet);
    ++met;
  };
  for (int i = 0; i < 3; ++i) asio::co_spawn(loop, task(), asio::detached);
  loop.run();
  EXPECT_EQ(met, 3);
  EXPECT_EQ(pool.size(), 3u);
}

}  // namespace
}  // namespace pshare
