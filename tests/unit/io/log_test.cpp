#include "io/log.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

TEST(Log, ALineIsAnEventAndItsFacts) {
  const auto endpoint = *Endpoint::parse("192.0.2.1:4700");
  EXPECT_EQ(log_line("lane.accepted", {{"remote", endpoint}, {"ordinal", 3}, {"after", 1500ms}}),
            "lane.accepted remote=192.0.2.1:4700 ordinal=3 after=1500ms");
}

TEST(Log, QuotesTextsWithSpacesAndShowsWhatIsNotPrintable) {
  EXPECT_EQ(log_line("file.skipped", {{"name", "two \"words\"\n\x1b[1m"}, {"why", ""}}),
            "file.skipped name=\"two \\\"words\\\"\\x0a\\x1b[1m\" why=\"\"");
}

TEST(Log, WritesNothingBelowItsLevel) {
  ::testing::internal::CaptureStderr();
  set_log_level(LogLevel::info);
  log(LogLevel::debug, "too.small");
  log(LogLevel::info, "big.enough", {{"n", 1}});
  set_log_level(LogLevel::warn);
  const auto written = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(written.find("too.small"), std::string::npos);
  EXPECT_NE(written.find("info big.enough n=1\n"), std::string::npos);
}

}  // namespace
}  // namespace pshare
