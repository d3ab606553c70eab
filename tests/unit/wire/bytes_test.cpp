// ByteReader and ByteWriter: network order, and never a field that is not all there.
#include "wire/bytes.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

ByteBuffer bytes(std::initializer_list<int> values) {
  ByteBuffer out;
  for (const auto value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

TEST(ByteWriter, WritesNumbersInNetworkOrder) {
  ByteWriter out;
  out.u8(0x01).u16(0x0203).u32(0x04050607).u64(0x08090A0B0C0D0E0F);
  EXPECT_EQ(out.take(), bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));
}

TEST(ByteReader, ReadsBackWhatTheWriterWrote) {
  ByteWriter out;
  out.u8(200).u16(60'000).u32(4'000'000'000).u64(18'000'000'000'000'000'000u).bytes(bytes_of("tail"));
  const auto written = out.take();
  ByteReader in{written};
  EXPECT_EQ(in.u8(), 200);
  EXPECT_EQ(in.u16(), 60'000);
  EXPECT_EQ(in.u32(), 4'000'000'000);
  EXPECT_EQ(in.u64(), 18'000'000'000'000'000'000u);
  EXPECT_EQ(text_of(in.rest()), "tail");
}

TEST(ByteReader, AFieldThatIsNotAllThereMovesNothing) {
  const auto three = bytes({1, 2, 3});
  ByteReader in{three};
  EXPECT_EQ(in.u32(), std::nullopt);
  EXPECT_EQ(in.u64(), std::nullopt);
  EXPECT_EQ(in.bytes(4), std::nullopt);
  EXPECT_EQ(in.array<4>(), std::nullopt);
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u16(), std::nullopt);
  EXPECT_EQ(in.u8(), 3);
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(in.u8(), std::nullopt);
}

TEST(ByteReader, TakesLengthsNearTheEndOfTheAddressSpaceForTooLong) {
  const auto three = bytes({1, 2, 3});
  ByteReader in{three};
  EXPECT_EQ(in.bytes(SIZE_MAX), std::nullopt);
  EXPECT_EQ(in.bytes(SIZE_MAX - 2), std::nullopt);
  EXPECT_EQ(in.rest().size(), 3u);
}

TEST(ByteReader, GivesNothingOfAnEmptyPacketButItsEmptiness) {
  ByteReader in{{}};
  EXPECT_TRUE(in.empty());
  EXPECT_EQ(in.u8(), std::nullopt);
  ASSERT_TRUE(in.bytes(0).has_value());
}

TEST(Bytes, OfATextAreThatTextAgainWhateverItHolds) {
  const std::string text{"a\0b\xFF\n", 5};
  EXPECT_EQ(text_of(bytes_of(text)), text);
  EXPECT_EQ(buffer_of(bytes_of(text)), bytes({'a', 0, 'b', 0xFF, '\n'}));
}

}  // namespace
}  // namespace pshare
