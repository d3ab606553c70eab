#include "traversal/quic/byte_queue.hpp"

#include <gtest/gtest.h>

#include "wire/random.hpp"

namespace pshare {
namespace {

ByteBuffer random_bytes(Random& random, std::size_t count) {
  ByteBuffer bytes(count);
  random.fill(bytes);
  return bytes;
}

TEST(ByteQueue, GivesEverythingInOrderHoweverItIsCut) {
  SeededRandom random{11};
  ByteQueue queue;
  ByteBuffer put, got;
  ByteBuffer out(300'000);
  while (put.size() < 3'000'000) {
    const auto more = random_bytes(random, static_cast<std::size_t>(random.below(200'000)));
    put.insert(put.end(), more.begin(), more.end());
    queue.append(more);
    const auto count = queue.take(std::span{out}.first(static_cast<std::size_t>(random.below(out.size()))));
    got.insert(got.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));
    ASSERT_EQ(queue.size(), put.size() - got.size());
  }
  while (const auto count = queue.take(out)) got.insert(got.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count));
  EXPECT_TRUE(got == put);
  EXPECT_EQ(queue.begin(), queue.end());
}

TEST(ByteQueue, KeepsWhatIsNotDroppedWhereItIs) {
  SeededRandom random{12};
  ByteQueue queue;
  const auto bytes = random_bytes(random, 1'000'000);
  queue.append(bytes);
  const auto piece = queue.at(500'000);
  ASSERT_FALSE(piece.empty());
  queue.drop_to(499'999);
  queue.append(bytes);
  EXPECT_EQ(queue.at(500'000).data(), piece.data());
  EXPECT_TRUE(std::equal(piece.begin(), piece.end(), bytes.begin() + 500'000));
  EXPECT_EQ(queue.begin(), 499'999u);
  EXPECT_TRUE(queue.at(2'000'000).empty());
  EXPECT_EQ(queue.at(1'999'999).size(), 1u);
}

TEST(ByteQueue, DroppingGoesNeitherBackNorBeyondTheEnd) {
  ByteQueue queue;
  queue.append(ByteBuffer(10));
  queue.drop_to(7);
  queue.drop_to(3);
  EXPECT_EQ(queue.begin(), 7u);
  queue.drop_to(100);
  EXPECT_EQ(queue.begin(), 10u);
  queue.append(bytes_of("x"));
  EXPECT_EQ(text_of(queue.at(10)), "x");
}

}  // namespace
}  // namespace pshare
