// A STUN request, its resends and its end, under a virtual clock.
#include "traversal/stun_transaction.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "drained.hpp"
#include "wire/core.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::drained;

static_assert(Core<StunTransaction>);

constexpr TimePoint start{};

StunMessage binding_request() {
  StunMessage request;
  request.id.bytes.fill(std::byte{7});
  return request;
}

StunMessage answer_to(const StunMessage& request, StunClass kind = StunClass::success) {
  return {.kind = kind, .method = request.method, .id = request.id, .cookie = request.cookie};
}

template <typename Wanted>
bool is(const StunTransaction::Action& action) {
  return std::holds_alternative<Wanted>(action);
}

/// What a transaction does that nobody answers, with times since the start; `lag` is how late its driver comes each time.
struct Story {
  std::vector<Duration> sends;
  std::optional<Duration> timed_out;
};
Story unanswered(StunTransaction& binding, Duration lag = 0ms) {
  Story story;
  auto now = start;
  for (int step = 0; step < 100; ++step) {
    for (const auto& action : drained(binding)) {
      if (is<StunTransaction::Send>(action)) story.sends.push_back(now - start);
      if (is<StunTransaction::TimedOut>(action)) story.timed_out = now - start;
    }
    const auto due = binding.deadline();
    if (!due) return story;
    now = *due + lag;
    binding.expire(now);
  }
  ADD_FAILURE() << "it never ends";
  return story;
}

struct StunTransactionTest : ::testing::Test {
  StunMessage request = binding_request();
  StunTransaction binding{encode(request), {}, start};
};

TEST_F(StunTransactionTest, GivesUpOnceTheLastSendHasHadItsWait) {  // RFC 8489 section 6.2.1: RTO 500 ms, Rc 7, Rm 16
  const auto story = unanswered(binding);
  EXPECT_THAT(story.sends, ElementsAre(0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms));
  EXPECT_EQ(story.timed_out, 39500ms);
  EXPECT_TRUE(binding.ended());
}

TEST_F(StunTransactionTest, SendsTheSameBytesEachTime) {
  EXPECT_EQ(std::get<StunTransaction::Send>(binding.take().value()).bytes, encode(request));
  EXPECT_FALSE(binding.take());
  binding.expire(start + 500ms);
  EXPECT_EQ(std::get<StunTransaction::Send>(binding.take().value()).bytes, encode(request));
}

TEST(StunTransaction, KeepsToOtherSettings) {
  StunTransaction twice{encode(binding_request()), {.rto = 100ms, .sends = 2, .last_wait = 3}, start};
  auto story = unanswered(twice);
  EXPECT_THAT(story.sends, ElementsAre(0ms, 100ms));
  EXPECT_EQ(story.timed_out, 400ms);

  StunTransaction once{encode(binding_request()), {.rto = 100ms, .sends = 1, .last_wait = 1}, start};
  story = unanswered(once);
  EXPECT_THAT(story.sends, ElementsAre(0ms));
  EXPECT_EQ(story.timed_out, 100ms);
}

TEST(StunTransaction, WaitsNoLongerBetweenTwoSendsThanItIsTold) {
  StunTransaction binding{encode(binding_request()), {.rto = 100ms, .sends = 6, .last_wait = 5, .longest_wait = 300ms}, start};
  const auto story = unanswered(binding);
  EXPECT_THAT(story.sends, ElementsAre(0ms, 100ms, 300ms, 600ms, 900ms, 1200ms));
  EXPECT_EQ(story.timed_out, 1700ms);
}

TEST(StunTransaction, WaitsItsFullTimesEvenIfItsDriverComesLate) {  // no burst of resends after a pause of the machine
  StunTransaction binding{encode(binding_request()), {.rto = 100ms, .sends = 3, .last_wait = 2}, start};
  const auto story = unanswered(binding, 50ms);
  EXPECT_THAT(story.sends, ElementsAre(0ms, 150ms, 400ms));
  EXPECT_EQ(story.timed_out, 650ms);
}

TEST_F(StunTransactionTest, DoesNothingBeforeItsDeadline) {
  drained(binding);
  binding.expire(start + 499ms);
  EXPECT_THAT(drained(binding), IsEmpty());
  EXPECT_EQ(binding.deadline(), start + 500ms);
}

TEST_F(StunTransactionTest, EndsWithTheAnswer) {
  for (const auto kind : {StunClass::success, StunClass::error}) {
    StunTransaction asked{encode(request), {}, start};
    drained(asked);
    EXPECT_TRUE(asked.receive(encode(answer_to(request, kind)), start + 40ms));
    const auto actions = drained(asked);
    ASSERT_THAT(actions, SizeIs(1));
    EXPECT_EQ(std::get<StunTransaction::Answered>(actions[0]).answer.message, answer_to(request, kind));
    EXPECT_FALSE(asked.deadline());
    EXPECT_TRUE(asked.ended());
  }
}

TEST_F(StunTransactionTest, TakesAnAnswerToALaterSend) {
  binding.expire(start + 500ms);
  binding.expire(start + 1500ms);
  drained(binding);
  EXPECT_TRUE(binding.receive(encode(answer_to(request)), start + 1540ms));
  EXPECT_THAT(drained(binding), ElementsAre(::testing::Truly(is<StunTransaction::Answered>)));
}

TEST_F(StunTransactionTest, TakesAnAnswerThatTheDriverSeesTogetherWithTheEnd) {
  StunTransaction asked{encode(request), {.sends = 1}, start};
  drained(asked);
  EXPECT_TRUE(asked.receive(encode(answer_to(request)), asked.deadline().value() + 1ms));  // first the input, then the deadline
  asked.expire(start + 1h);
  EXPECT_THAT(drained(asked), ElementsAre(::testing::Truly(is<StunTransaction::Answered>)));
}

TEST_F(StunTransactionTest, IsDeafToWhatIsNoAnswerToIt) {
  drained(binding);
  auto other_id = answer_to(request), other_method = answer_to(request), classic = answer_to(request);
  other_id.id.bytes[11] ^= std::byte{1};
  other_method.method = StunMethod{3};
  classic.cookie ^= 1;
  for (const auto& message :
       {other_id, other_method, classic, answer_to(request, StunClass::indication), request /* reflected */})
    EXPECT_FALSE(binding.receive(encode(message), start + 1ms));
  EXPECT_FALSE(binding.receive(bytes_of("noise"), start + 1ms));
  EXPECT_THAT(drained(binding), IsEmpty());
  EXPECT_EQ(binding.deadline(), start + 500ms);
}

TEST_F(StunTransactionTest, KnowsASecondAnswerAndSaysNothingMore) {
  binding.receive(encode(answer_to(request)), start + 40ms);
  drained(binding);
  EXPECT_TRUE(binding.receive(encode(answer_to(request, StunClass::error)), start + 50ms));
  binding.expire(start + 1h);
  EXPECT_THAT(drained(binding), IsEmpty());
}

TEST_F(StunTransactionTest, IsOverAfterTimingOut) {
  unanswered(binding);
  EXPECT_TRUE(binding.receive(encode(answer_to(request)), start + 40s)) << "ours, but too late";
  EXPECT_THAT(drained(binding), IsEmpty());
  EXPECT_FALSE(binding.deadline());
}

TEST_F(StunTransactionTest, HandsOutWhatItDidNotUnderstandInTheAnswer) {  // RFC 8489 section 6.3.3: then it failed
  auto bytes = encode(answer_to(request));
  bytes[3] = std::byte{4};
  const std::array more{std::byte{0x7F}, std::byte{0xFF}, std::byte{0}, std::byte{0}};
  bytes.insert(bytes.end(), more.begin(), more.end());
  drained(binding);
  ASSERT_TRUE(binding.receive(bytes, start + 1ms));
  EXPECT_THAT(std::get<StunTransaction::Answered>(binding.take().value()).answer.not_understood, ElementsAre(0x7FFF));
}

TEST(StunTransaction, AsksInTheOldWayToo) {  // RFC 3489: the cookie is part of the transaction ID
  auto request = binding_request();
  request.cookie = 42;
  StunTransaction classic{encode(request), {}, start};
  auto modern = answer_to(request);
  modern.cookie = stun_magic_cookie;
  EXPECT_FALSE(classic.receive(encode(modern), start));
  EXPECT_TRUE(classic.receive(encode(answer_to(request)), start));
}

}  // namespace
}  // namespace pshare
