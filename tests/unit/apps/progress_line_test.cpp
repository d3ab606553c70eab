#include "apps/pshare/progress_line.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

Path some_path() {
  return {.tier = Tier::direct, .transport = Transport::tcp, .local = {}, .remote = *Endpoint::parse("192.0.2.1:4701"), .elapsed = 5ms};
}

TEST(ProgressLine, ShowsShareRateTimePathAndBottleneck) {
  const ProgressFacts facts{.bytes = 520'000'000, .total = 1'000'000'000, .files_done = 3, .files = 7, .bytes_per_second = 80e6, .remaining = 6s, .path = some_path(), .bottleneck = Bottleneck::disk};
  EXPECT_EQ(progress_line(facts, 200), "[############------------]   52 %  520 MB of 1.0 GB  3/7 files  80 MB/s  6 s left  direct tcp, limited by disk");
  EXPECT_THAT(progress_line(facts, 80), Not(HasSubstr("#")));
  EXPECT_LE(progress_line(facts, 40).size(), 40u);
}

TEST(ProgressLine, SaysAHundredPercentOnlyWhenItIsTrue) {
  EXPECT_THAT(progress_line({.bytes = 999'999, .total = 1'000'000, .path = some_path()}, 200), HasSubstr(" 99 %"));
  EXPECT_THAT(progress_line({.bytes = 1'000'000, .total = 1'000'000, .path = some_path(), .finishing = true}, 200), EndsWith("giving the files their names"));
  EXPECT_THAT(progress_line({.bytes = 0, .total = 0, .path = some_path()}, 200), HasSubstr("100 %"));
}

TEST(ProgressLine, TellsOfTheSearchForAPathAndOfStreams) {
  EXPECT_THAT(progress_line({.bytes = 0, .total = 10}, 200), EndsWith("looking for a path"));
  EXPECT_THAT(progress_line({.bytes = 5'000'000, .path = some_path()}, 200), Not(HasSubstr("%")));
}

TEST(SummaryLine, TellsWhatWentOverTheWireAndWhatHadBeenThere) {
  const DoneFacts facts{.bytes = 1'200'000'000, .wire_bytes = 900'000'000, .files = 3, .resumed_bytes = 200'000'000, .seconds = 4, .path = some_path()};
  EXPECT_EQ(summary_line("Sent", facts),
            "Sent 3 files, 1.2 GB in 4.0 s (250 MB/s) by direct tcp to 192.0.2.1:4701; 900 MB on the wire; 200 MB had been sent before.");
}

TEST(SummaryLine, CallsATextATextAndNotNoFiles) { EXPECT_EQ(summary_line("Sent", {.bytes = 7, .seconds = 0.04}), "Sent a text of 7 B in 0.0 s."); }

}  // namespace
}  // namespace pshare
