#include "io/happy_eyeballs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TimePoint start{};

std::vector<std::size_t> dialled(HappyEyeballs& pace) {
  std::vector<std::size_t> out;
  while (const auto action = pace.take())
    if (const auto* dial = std::get_if<HappyEyeballs::Dial>(&*action)) out.push_back(dial->attempt);
  return out;
}

bool exhausted(HappyEyeballs& pace) {
  const auto action = pace.take();
  return action && std::holds_alternative<HappyEyeballs::Exhausted>(*action);
}

TEST(HappyEyeballs, StartsTheFirstAtOnceAndEachOtherAfterTheDelay) {
  HappyEyeballs pace{3, start};
  EXPECT_THAT(dialled(pace), ElementsAre(0));
  EXPECT_EQ(pace.deadline(), start + 250ms);  // RFC 8305 section 5
  pace.expire(start + 249ms);
  EXPECT_THAT(dialled(pace), IsEmpty());
  pace.expire(start + 250ms);
  EXPECT_THAT(dialled(pace), ElementsAre(1));
  pace.expire(start + 500ms);
  EXPECT_THAT(dialled(pace), ElementsAre(2));
  EXPECT_EQ(pace.deadline(), std::nullopt);
}

TEST(HappyEyeballs, StartsTheNextAtOnceWhenOneFails) {
  HappyEyeballs pace{3, start};
  EXPECT_THAT(dialled(pace), ElementsAre(0));
  pace.failed(0, start + 10ms);
  EXPECT_THAT(dialled(pace), ElementsAre(1));
  EXPECT_EQ(pace.deadline(), start + 260ms);
}

TEST(HappyEyeballs, IsExhaustedOnlyWhenAllHaveFailed) {
  HappyEyeballs pace{2, start};
  EXPECT_THAT(dialled(pace), ElementsAre(0));
  pace.failed(0, start + 1ms);
  EXPECT_THAT(dialled(pace), ElementsAre(1));
  EXPECT_FALSE(exhausted(pace));
  pace.failed(1, start + 2ms);
  EXPECT_TRUE(exhausted(pace));
}

TEST(HappyEyeballs, WithoutAnyAddressIsExhaustedAtOnce) {
  HappyEyeballs pace{0, start};
  EXPECT_TRUE(exhausted(pace));
}

TEST(HappyEyeballs, DialsWhatIsAddedLater) {
  HappyEyeballs pace{1, start};
  EXPECT_THAT(dialled(pace), ElementsAre(0));
  pace.added(2, start + 100ms);
  EXPECT_THAT(dialled(pace), IsEmpty());  // the first still has its head start
  EXPECT_EQ(pace.deadline(), start + 250ms);
  pace.expire(start + 250ms);
  EXPECT_THAT(dialled(pace), ElementsAre(1));
  pace.expire(start + 500ms);
  EXPECT_THAT(dialled(pace), ElementsAre(2));
}

TEST(HappyEyeballs, DialsWhatIsAddedAtOnceWhenTheDelayIsOver) {
  HappyEyeballs pace{1, start};
  EXPECT_THAT(dialled(pace), ElementsAre(0));
  pace.added(1, start + 300ms);
  EXPECT_THAT(dialled(pace), ElementsAre(1));
}

Endpoint at(const char* text) { return *Endpoint::parse(text); }

TEST(Interleaved, AlternatesFamiliesBeginningWithTheFirst) {
  const auto a6 = at("[2001:db8::1]:1"), b6 = at("[2001:db8::2]:1"), c6 = at("[2001:db8::3]:1");
  const auto a4 = at("192.0.2.1:1"), b4 = at("192.0.2.2:1");
  EXPECT_THAT(interleaved({a6, b6, c6, a4, b4}), ElementsAre(a6, a4, b6, b4, c6));
  EXPECT_THAT(interleaved({a4, b4, a6}), ElementsAre(a4, a6, b4));
  EXPECT_THAT(interleaved({a4}), ElementsAre(a4));
  EXPECT_THAT(interleaved({}), IsEmpty());
}

}  // namespace
}  // namespace pshare
