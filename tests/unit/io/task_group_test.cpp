#include "io/task_group.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "io/deadline.hpp"
#include "io/wakeup.hpp"
#include "run.hpp"
#include "wire/error.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::run;

/// Notes when a coroutine's frame goes, whatever ends it.
struct Trace {
  std::string& log;
  std::string word;
  ~Trace() { log += word; }
};

awaitable<void> for_ever(std::string& log, std::string word) {
  const Trace trace{log, std::move(word)};
  co_await sleep_until(TimePoint::max());
}

awaitable<void> fail_with(std::string words) {
  throw Failure{{.doing = std::move(words)}};
  co_return;
}

TEST(TaskGroup, WaitsForItsTasksBeforeItReturns) {
  asio::io_context loop;
  std::string log;
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<int> {
      tasks.start(for_ever(log, "a"));
      tasks.start(for_ever(log, "b"));
      EXPECT_EQ(tasks.running(), 2u);
      co_return 7;
    };
    const auto seven = co_await with_tasks<int>(body);
    EXPECT_EQ(seven, 7);
    EXPECT_THAT(log, ::testing::AnyOf("ab", "ba"));
  };
  run(loop, story());
}

TEST(TaskGroup, ThrowsWhatTheFirstTaskThrewAndEndsTheBody) {
  asio::io_context loop;
  std::string log;
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      const Trace trace{log, "body"};
      tasks.start(fail_with("first"));
      tasks.start(fail_with("second"));
      co_await sleep_until(TimePoint::max());
    };
    std::string words;
    try {
      co_await with_tasks(body);
    } catch (const Failure& failure) {
      words = failure.what();
    }
    EXPECT_EQ(words, "first");
    EXPECT_EQ(log, "body");
  };
  run(loop, story());
}

TEST(TaskGroup, ThrowsWhatTheBodyThrewAfterItsTasksHaveEnded) {
  asio::io_context loop;
  std::string log;
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(for_ever(log, "task"));
      co_await fail_with("body");
    };
    try {
      co_await with_tasks(body);
      ADD_FAILURE() << "did not throw";
    } catch (const Failure& failure) {
      EXPECT_STREQ(failure.what(), "body");
    }
    EXPECT_EQ(log, "task");
  };
  run(loop, story());
}

TEST(TaskGroup, LetsATaskStartOthers) {
  asio::io_context loop;
  int ran = 0;
  auto leaf = [&]() -> awaitable<void> {
    ++ran;
    co_return;
  };
  auto branch = [&](TaskGroup& tasks) -> awaitable<void> {
    for (int i = 0; i < 100; ++i) tasks.start(leaf());
    co_return;
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(branch(tasks));
      while (tasks.running() > 0) co_await sleep_until(Clock::now());
    };
    co_await with_tasks(body);
  };
  run(loop, story());
  EXPECT_EQ(ran, 100);
}

TEST(TaskGroup, PassesItsOwnCancellationToBodyAndTasksAndStillWaitsForThem) {
  asio::io_context loop;
  std::string log;
  auto inner = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(for_ever(log, "t"));
    co_await for_ever(log, "b");
  };
  auto nested = [&]() -> awaitable<void> {
    const Trace trace{log, "!"};
    co_await with_tasks(inner);
  };
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(nested());
      co_await sleep_until(Clock::now() + 1ms);
    };
    co_await with_tasks(body);
    EXPECT_THAT(log, ::testing::AnyOf("tb!", "bt!"));
  };
  run(loop, story());
}

TEST(TaskGroup, ATaskStartedWhileTheGroupEndsIsCancelledAtItsFirstWait) {
  asio::io_context loop;
  std::string log;
  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.cancel();
      tasks.start(for_ever(log, "late"));
      co_return;
    };
    co_await with_tasks(body);
    EXPECT_EQ(log, "late");
  };
  run(loop, story());
}

TEST(TaskGroup, LeavesNothingBehindWhenTheLoopIsThrownAwayInTheMiddle) {
  std::string log;
  {
    asio::io_context loop;
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(for_ever(log, "t"));
      co_await for_ever(log, "b");
    };
    auto story = [&]() -> awaitable<void> {
      const Trace trace{log, "s"};
      co_await with_tasks(body);
    };
    asio::co_spawn(loop, story(), [](std::exception_ptr) {});
    loop.poll();
  }
  EXPECT_EQ(log.size(), 3u);  // the sanitizers say the rest
}

TEST(Deadline, GivesTheResultOfWorkThatIsInTime) {
  asio::io_context loop;
  auto work = []() -> awaitable<std::string> { co_return "done"; };
  auto story = [&]() -> awaitable<void> {
    EXPECT_EQ(co_await with_deadline(work(), Clock::now() + 1h, "waiting"), "done");
  };
  run(loop, story());
}

TEST(Deadline, CancelsLateWorkAndSaysWhatTimedOut) {
  asio::io_context loop;
  std::string log;
  auto story = [&]() -> awaitable<void> {
    try {
      co_await with_deadline(for_ever(log, "ended"), Clock::now() + 1ms, "asking bob");
      ADD_FAILURE() << "did not throw";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.error().code, Errc::timed_out);
      EXPECT_EQ(failure.error().doing, "asking bob");
    }
    EXPECT_EQ(log, "ended");
  };
  run(loop, story());
}

TEST(Deadline, PassesOnWhatTheWorkThrows) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    try {
      co_await with_deadline(fail_with("broken"), Clock::now() + 1h, "waiting");
      ADD_FAILURE() << "did not throw";
    } catch (const Failure& failure) {
      EXPECT_STREQ(failure.what(), "broken");
    }
  };
  run(loop, story());
}

TEST(Deadline, OfTheOuterOneEndsTheInnerOne) {
  asio::io_context loop;
  std::string log;
  auto story = [&]() -> awaitable<void> {
    auto inner = with_deadline(for_ever(log, "ended"), Clock::now() + 1h, "inner");
    try {
      co_await with_deadline(std::move(inner), Clock::now() + 1ms, "outer");
      ADD_FAILURE() << "did not throw";
    } catch (const Failure& failure) {
      EXPECT_STREQ(failure.what(), "outer");
    }
    EXPECT_EQ(log, "ended");
  };
  run(loop, story());
}

TEST(Wakeup, KeepsARingUntilSomebodyWaits) {
  asio::io_context loop;
  auto story = [&]() -> awaitable<void> {
    Wakeup wakeup{co_await asio::this_coro::executor};
    wakeup.ring();
    wakeup.ring();
    co_await wakeup.wait();
    const auto before = Clock::now();
    co_await wakeup.wait(before + 2ms);  // rings do not add up
    EXPECT_GE(Clock::now(), before + 2ms);
  };
  run(loop, story());
}

TEST(Wakeup, WakesTheOneThatWaits) {
  asio::io_context loop;
  Wakeup wakeup{loop.get_executor()};
  std::string log;
  auto waiter = [&]() -> awaitable<void> {
    co_await wakeup.wait();
    log += "woken";
  };
  asio::co_spawn(loop, waiter(), asio::detached);
  loop.poll();
  EXPECT_EQ(log, "");
  wakeup.ring();
  loop.poll();
  EXPECT_EQ(log, "woken");
}

}  // namespace
}  // namespace pshare
