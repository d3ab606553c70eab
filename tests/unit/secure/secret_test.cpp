#include "secure/secret.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "secure/random_source.hpp"

namespace pshare {
namespace {

std::array<std::byte, 4> four(unsigned first) { return {std::byte(first), std::byte{2}, std::byte{3}, std::byte{4}}; }
bool all_zero(std::span<const std::byte> bytes) { return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; }); }

TEST(Secret, IsWipedWhereItWasMovedFrom) {
  Secret<4> from{four(1)};
  const Secret<4> to{std::move(from)};
  EXPECT_TRUE(all_zero(from.reveal()));
  EXPECT_TRUE(std::ranges::equal(to.reveal(), four(1)));
}

TEST(Secret, IsEqualOnlyToTheSameBytes) {
  EXPECT_TRUE(Secret<4>{four(1)} == Secret<4>{four(1)});
  EXPECT_FALSE(Secret<4>{four(1)} == Secret<4>{four(9)});
  const auto bytes = four(1);
  EXPECT_FALSE(equal_in_constant_time(bytes, std::span{bytes}.first(3)));
}

TEST(SecureRandom, DrawsSomethingElseEachTime) {
  SecureRandom random;
  std::array<std::byte, 32> one{}, other{};
  random.fill(one), random.fill(other);
  EXPECT_FALSE(all_zero(one));
  EXPECT_NE(one, other);
}

}  // namespace
}  // namespace pshare
