// Control frames out of a byte stream that arrives in pieces.
#include "wire/framing.hpp"

#include <gmock/gmock.h>

#include <string>

#include "wire/random.hpp"

namespace pshare {
namespace {

ByteBuffer text(std::string_view words) { return buffer_of(bytes_of(words)); }

ByteBuffer joined(std::initializer_list<std::string_view> bodies) {
  ByteBuffer stream;
  for (const auto body : bodies) {
    const auto framed = frame(bytes_of(body));
    stream.insert(stream.end(), framed.begin(), framed.end());
  }
  return stream;
}

TEST(Frame, IsTheLengthInNetworkOrderAndTheBody) {
  EXPECT_EQ(frame(bytes_of("abc")), text(std::string_view{"\0\0\0\3abc", 7}));
  EXPECT_EQ(frame({}), text(std::string_view{"\0\0\0\0", 4}));
}

TEST(FrameReader, GivesTheBodiesInOrder) {
  FrameReader reader;
  reader.feed(joined({"one", "", "three"}));
  EXPECT_EQ(**reader.next(), text("one"));
  EXPECT_EQ(**reader.next(), text(""));
  EXPECT_EQ(**reader.next(), text("three"));
  EXPECT_FALSE(reader.next()->has_value());
}

TEST(FrameReader, PutsTogetherWhatArrivesByteByByte) {
  FrameReader reader;
  const auto stream = joined({"one", "two"});
  std::vector<ByteBuffer> bodies;
  for (std::size_t at = 0; at < stream.size(); ++at) {
    reader.feed(ByteView{stream}.subspan(at, 1));
    auto next = reader.next();
    ASSERT_TRUE(next);
    if (*next) bodies.push_back(**next);
  }
  EXPECT_THAT(bodies, ::testing::ElementsAre(text("one"), text("two")));
}

TEST(FrameReader, TakesTheLongestFrameAndRefusesALongerOneAtItsLength) {
  FrameReader reader;
  reader.feed(frame(ByteBuffer(max_frame)));
  EXPECT_EQ((*reader.next())->size(), max_frame);

  ByteWriter too_long;
  too_long.u32(static_cast<std::uint32_t>(max_frame + 1));
  reader.feed(too_long.view());
  const auto refused = reader.next();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::limit);
  EXPECT_FALSE(reader.next()) << "the refusal is final";
}

TEST(FrameReader, GivesTheSameBodiesHoweverTheStreamIsCut) {
  SeededRandom random{42};
  for (int round = 0; round < 50; ++round) {
    ByteBuffer stream;
    std::vector<ByteBuffer> sent, received;
    for (int i = 0; i < 20; ++i) {
      ByteBuffer body(random.below(300));
      random.fill(body);
      const auto framed = frame(body);
      stream.insert(stream.end(), framed.begin(), framed.end());
      sent.push_back(std::move(body));
    }
    FrameReader reader;
    for (ByteView rest = stream; !rest.empty();) {
      const auto piece = rest.first(std::min<std::size_t>(rest.size(), 1 + random.below(700)));
      rest = rest.subspan(piece.size());
      reader.feed(piece);
      for (auto next = reader.next(); next && *next; next = reader.next()) received.push_back(**next);
    }
    EXPECT_EQ(received, sent) << "round " << round;
  }
}

}  // namespace
}  // namespace pshare
