// What is taken for the first words on a lane.
#include "traversal/lane_greeting.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

using testing::HasSubstr;

struct Frame {
  LaneFrameHeader header;
  ByteBuffer body;
};

Result<LaneFrameHeader> begin(const ByteBuffer& bytes) { return begin_greeting(ByteView{bytes}.first<LaneFrameHeader::size>()); }
Frame frame_of(const LaneMessage& message) {
  const auto bytes = encode(message);
  return {value_or_throw(begin(bytes)), buffer_of(ByteView{bytes}.subspan(LaneFrameHeader::size))};
}

const LaneHello hello{SessionId{{std::byte{1}, std::byte{2}}}, 3, Tier::punched};

TEST(LaneGreeting, IsAHelloOfTheSenderAndAReadyOfTheReceiver) {
  const auto said = frame_of(hello);
  const auto heard = hello_of(said.header, said.body);
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->session, hello.session);
  EXPECT_EQ(heard->ordinal, 3u);
  EXPECT_EQ(heard->tier, Tier::punched);
  const auto ready = frame_of(LaneReady{});
  EXPECT_TRUE(ready_of(ready.header, ready.body));
}

TEST(LaneGreeting, IsNothingElse) {
  for (const LaneMessage& other : {LaneMessage{LaneReady{}}, LaneMessage{Beat{}}, LaneMessage{Stop{Errc::failed, "no"}}, LaneMessage{ChunkHeader{ChunkIndex{1}, 5, 5, Codec::stored, {}}}}) {
    const auto said = frame_of(other);
    const auto heard = hello_of(said.header, said.body);
    ASSERT_FALSE(heard) << other.index();
    EXPECT_EQ(heard.error().code, Errc::malformed);
    EXPECT_THAT(heard.error().message(), HasSubstr("said something else"));
  }
  const auto said = frame_of(hello);
  EXPECT_FALSE(ready_of(said.header, said.body));
}

TEST(LaneGreeting, IsShort) {
  EXPECT_TRUE(begin(encode(LaneMessage{ManifestPart{ByteBuffer(longest_greeting)}})));
  const auto long_winded = begin(encode(LaneMessage{ManifestPart{ByteBuffer(longest_greeting + 1)}}));
  ASSERT_FALSE(long_winded);
  EXPECT_EQ(long_winded.error().code, Errc::limit);
  EXPECT_THAT(long_winded.error().message(), HasSubstr("too long"));
}

TEST(LaneGreeting, IsNoneWhenItIsCutOffOrGoesOn) {
  auto said = frame_of(hello);
  said.body.pop_back();
  EXPECT_FALSE(hello_of(said.header, said.body));
  said.body.resize(said.body.size() + 2);
  EXPECT_FALSE(hello_of(said.header, said.body));
}

}  // namespace
}  // namespace pshare
