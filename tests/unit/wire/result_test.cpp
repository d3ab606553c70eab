// Result: a value or an error, and the way from one to an exception.
#include "wire/result.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>

namespace pshare {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return Unexpected{{.code = Errc::malformed, .doing = "halving " + std::to_string(number)}};
  return number / 2;
}

Result<void> must_be_even(int number) {
  if (const auto halved = half(number); !halved) return Unexpected{halved.error()};
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_TRUE(half(4));
  EXPECT_EQ(*half(4), 2);
  ASSERT_FALSE(half(3));
  EXPECT_EQ(half(3).error().code, Errc::malformed);
}

TEST(Result, OfNothingHoldsSuccessOrAnError) {
  EXPECT_TRUE(must_be_even(4));
  ASSERT_FALSE(must_be_even(3));
  EXPECT_EQ(must_be_even(3).error().doing, "halving 3");
}

TEST(Result, GivesAnotherValueInsteadOfAnError) {
  EXPECT_EQ(half(4).value_or(7), 2);
  EXPECT_EQ(half(3).value_or(7), 7);
}

TEST(Result, LetsItsValueBeMovedOut) {
  Result<std::unique_ptr<int>> result{std::make_unique<int>(5)};
  const auto taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(ValueOrThrow, GivesTheValueOrThrowsTheErrorAsAFailure) {
  EXPECT_EQ(value_or_throw(half(4)), 2);
  EXPECT_NO_THROW(value_or_throw(must_be_even(4)));
  try {
    value_or_throw(half(3));
    FAIL() << "nothing was thrown";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().doing, "halving 3");
  }
}

}  // namespace
}  // namespace pshare
