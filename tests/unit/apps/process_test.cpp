// What a program has of the system it runs on.
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <string>

#include "apps/process/arguments.hpp"
#include "apps/process/environment.hpp"
#include "apps/process/stop_request.hpp"

namespace pshare {
namespace {

#ifdef _WIN32
void set(const char* name, const char* value) { ::_putenv_s(name, value); }
#else
void set(const char* name, const char* value) { ::setenv(name, value, 1); }
#endif

TEST(Environment, AnEmptyVariableCountsAsNone) {
  set("PSHARE_TEST_VARIABLE", "value");
  EXPECT_EQ(environment("PSHARE_TEST_VARIABLE"), "value");
  set("PSHARE_TEST_VARIABLE", "");
  EXPECT_FALSE(environment("PSHARE_TEST_VARIABLE"));
  EXPECT_FALSE(environment("PSHARE_TEST_NO_SUCH_VARIABLE"));
}

TEST(Environment, WhatIsTakenIsNotThereAnyMore) {
  set("PSHARE_TEST_VARIABLE", "4821-orbit-velvet");
  EXPECT_EQ(take_from_environment("PSHARE_TEST_VARIABLE"), "4821-orbit-velvet");
  EXPECT_FALSE(environment("PSHARE_TEST_VARIABLE"));
  EXPECT_FALSE(take_from_environment("PSHARE_TEST_VARIABLE"));
}

#ifndef _WIN32  // where the command line of the whole process is asked, not what main() was given
TEST(Arguments, OneThatIsWipedIsOverwrittenInItsPlace) {
  std::string program = "pshare", verb = "receive", code = "4821-orbit-velvet";
  std::array argv{program.data(), verb.data(), code.data()};
  const auto copy = program_arguments(3, argv.data());
  wipe_argument(3, argv.data(), 2);
  EXPECT_EQ(code, std::string(copy[2].size(), 'x'));
  EXPECT_EQ(verb, "receive");
  EXPECT_EQ(copy[2], "4821-orbit-velvet");
}

TEST(StopRequests, WhatComesWhileNobodyWaitsIsThereForTheNextWhoDoes) {
  asio::io_context loop;
  StopRequests requests{loop.get_executor()};
  std::raise(SIGTERM);
  std::string heard;
  const auto wait = [&]() -> awaitable<void> { heard = co_await requests.next(); };
  asio::co_spawn(loop, wait, asio::detached);
  loop.run();
  EXPECT_EQ(heard, "SIGTERM");
}

TEST(StopRequests, AllWhoWaitHearOfIt) {
  asio::io_context loop;
  StopRequests requests{loop.get_executor()};
  int heard = 0;
  const auto wait = [&]() -> awaitable<void> { heard += co_await requests.next() == "SIGINT" ? 1 : 0; };
  for (int i = 0; i < 2; ++i) asio::co_spawn(loop, wait, asio::detached);
  asio::post(loop, [] { std::raise(SIGINT); });
  loop.run();
  EXPECT_EQ(heard, 2);
}
#endif

}  // namespace
}  // namespace pshare
