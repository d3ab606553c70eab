// Bounded CBOR maps: what is written is read back, and nothing that a stranger sends is believed, or costs much.
#include "wire/cbor.hpp"

#include <gmock/gmock.h>

#include "wire/ids.hpp"

namespace pshare {
namespace {

using ::testing::ElementsAre;

ByteBuffer bytes(std::initializer_list<int> values) {
  ByteBuffer out;
  for (const auto value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

Errc refusal(ByteView encoded) {
  const auto decoded = CborMap::decode(encoded);
  return decoded ? Errc::failed : decoded.error().code;
}

CborMap again(const CborMap& map) { return CborMap::decode(map.encode()).value(); }

TEST(Cbor, IsTheBytesOfTheDocument) {  // RFC 8949 appendix A: {"a": 1, "b": [...]} begins a2 61 61 01
  CborMap map;
  map.set("a", std::uint64_t{1}).set("b", std::vector<std::string>{"c"});
  EXPECT_EQ(map.encode(), bytes({0xA2, 0x61, 'a', 0x01, 0x61, 'b', 0x81, 0x61, 'c'}));
}

TEST(Cbor, ReadsBackEveryKindOfValue) {
  CborMap inner;
  inner.set("depth", std::uint64_t{2});
  CborMap map;
  map.set("text", "héllo")
      .set("number", std::uint64_t{18'446'744'073'709'551'615u})
      .set_flag("flag", true)
      .set_bytes("bytes", bytes({0, 255, 10}))
      .set("map", inner)
      .set("maps", std::vector<CborMap>{inner, CborMap{}})
      .set("texts", std::vector<std::string>{"one", ""});
  const auto read = again(map);
  EXPECT_EQ(read.text("text"), "héllo");
  EXPECT_EQ(read.number("number"), 18'446'744'073'709'551'615u);
  EXPECT_EQ(read.flag("flag"), true);
  EXPECT_EQ(read.bytes("bytes"), bytes({0, 255, 10}));
  EXPECT_EQ(read.map("map")->number("depth"), 2u);
  ASSERT_EQ(read.maps("maps")->size(), 2u);
  EXPECT_EQ(read.maps("maps")->front().number("depth"), 2u);
  EXPECT_THAT(*read.texts("texts"), ElementsAre("one", ""));
}

TEST(Cbor, AKeyThatIsNotThereIsAbsent) {
  const CborMap map;
  EXPECT_EQ(map.text("x"), std::nullopt);
  EXPECT_EQ(map.number("x"), std::nullopt);
  EXPECT_EQ(map.flag("x"), std::nullopt);
  EXPECT_EQ(map.bytes("x"), std::nullopt);
  EXPECT_FALSE(map.map("x").has_value());
  EXPECT_FALSE(map.maps("x").has_value());
  EXPECT_EQ(map.texts("x"), std::nullopt);
}

TEST(Cbor, AKnownKeyOfTheWrongTypeReadsAsAbsent) {
  CborMap map;
  map.set("text", "1").set("number", std::uint64_t{1}).set_bytes("bytes", bytes({1})).set("map", CborMap{});
  const auto read = again(map);
  EXPECT_EQ(read.number("text"), std::nullopt);
  EXPECT_EQ(read.bytes("text"), std::nullopt);
  EXPECT_EQ(read.text("number"), std::nullopt);
  EXPECT_EQ(read.flag("number"), std::nullopt);
  EXPECT_EQ(read.text("bytes"), std::nullopt);
  EXPECT_FALSE(read.maps("map").has_value());
  EXPECT_EQ(read.texts("map"), std::nullopt);
}

TEST(Cbor, ANegativeOrBrokenNumberIsNoNumber) {
  EXPECT_EQ(CborMap::decode(bytes({0xA1, 0x61, 'n', 0x20}))->number("n"), std::nullopt);              // -1
  EXPECT_EQ(CborMap::decode(bytes({0xA1, 0x61, 'n', 0xF9, 0x3C, 0x00}))->number("n"), std::nullopt);  // 1.0
}

TEST(Cbor, BytesOfAnotherLengthAreNoArray) {
  CborMap map;
  map.set_bytes("three", bytes({1, 2, 3}));
  EXPECT_EQ(map.array<2>("three"), std::nullopt);
  EXPECT_EQ(map.array<4>("three"), std::nullopt);
  EXPECT_TRUE(map.array<3>("three").has_value());
}

TEST(Cbor, TextLongerThanAskedForIsAbsent) {
  CborMap map;
  map.set("text", "12345").set("texts", std::vector<std::string>{"1", "12345"});
  EXPECT_EQ(map.text("text", 5), "12345");
  EXPECT_EQ(map.text("text", 4), std::nullopt);
  EXPECT_TRUE(map.texts("texts", 5).has_value());
  EXPECT_EQ(map.texts("texts", 4), std::nullopt);
}

TEST(Cbor, TextThatIsNotUtf8IsAbsent) {  // RFC 3629
  const std::pair<ByteBuffer, bool> table[] = {
      {bytes({0x41}), true},
      {bytes({0xC3, 0xA9}), true},
      {bytes({0xE2, 0x82, 0xAC}), true},
      {bytes({0xF0, 0x9F, 0x98, 0x80}), true},
      {bytes({0xF4, 0x8F, 0xBF, 0xBF}), true},   // U+10FFFF
      {bytes({0x80}), false},                    // begins in the middle
      {bytes({0xC3}), false},                    // cut off
      {bytes({0xE2, 0x82}), false},
      {bytes({0xC3, 0x41}), false},              // no continuation
      {bytes({0xC0, 0x80}), false},              // overlong NUL
      {bytes({0xE0, 0x80, 0xAF}), false},        // overlong '/'
      {bytes({0xF0, 0x80, 0x80, 0xAF}), false},
      {bytes({0xED, 0xA0, 0x80}), false},        // a surrogate
      {bytes({0xF4, 0x90, 0x80, 0x80}), false},  // beyond U+10FFFF
      {bytes({0xF8, 0x88, 0x80, 0x80}), false},
      {bytes({0xFF}), false},
  };
  for (const auto& [text, fine] : table) {
    auto encoded = bytes({0xA1, 0x61, 't', 0x60 + static_cast<int>(text.size())});
    encoded.insert(encoded.end(), text.begin(), text.end());
    const auto decoded = CborMap::decode(encoded);
    EXPECT_EQ(decoded && decoded->text("t").has_value(), fine) << hex(text);
  }
}

TEST(Cbor, UnknownKeysAreKeptOutOfTheWay) {
  CborMap map;
  map.set("known", std::uint64_t{1}).set("of a later version", "whatever");
  EXPECT_EQ(again(map).number("known"), 1u);
}

TEST(Cbor, RefusesWhatIsNotOneMap) {
  EXPECT_EQ(refusal({}), Errc::malformed);
  EXPECT_EQ(refusal(bytes({0x01})), Errc::malformed);                          // a number
  EXPECT_EQ(refusal(bytes({0x80})), Errc::malformed);                          // an array
  EXPECT_EQ(refusal(bytes({0xA1, 0x61, 'a'})), Errc::malformed);               // cut off
  EXPECT_EQ(refusal(bytes({0xA0, 0x00})), Errc::malformed);                    // something after it
  EXPECT_EQ(refusal(bytes({0xA1, 0x01, 0x01})), Errc::malformed);              // a key that is no text
  EXPECT_EQ(refusal(bytes({0xFF})), Errc::malformed);                          // break without a beginning
  EXPECT_EQ(refusal(bytes({0xBF, 0x61, 'a'})), Errc::malformed);               // indefinite and unfinished
  EXPECT_EQ(refusal(bytes({0xA1, 0x61, 'a', 0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF})), Errc::malformed);  // 2^64-1 bytes
}

TEST(Cbor, AnnouncedLengthsCostNothingBeforeTheBytesAreThere) {
  // 2^60 elements, 2^60 entries: refused for what is missing, without reserving room for them.
  EXPECT_NE(refusal(bytes({0xA1, 0x61, 'a', 0x9B, 0x10, 0, 0, 0, 0, 0, 0, 0})), Errc::failed);
  EXPECT_NE(refusal(bytes({0xBB, 0x10, 0, 0, 0, 0, 0, 0, 0})), Errc::failed);
}

ByteBuffer nested(std::size_t depth) {  // {"a": {"a": ... {}}}, `depth` maps in all
  ByteBuffer out;
  for (std::size_t level = 1; level < depth; ++level) {
    const auto opening = bytes({0xA1, 0x61, 'a'});
    out.insert(out.end(), opening.begin(), opening.end());
  }
  out.push_back(std::byte{0xA0});
  return out;
}

TEST(Cbor, NestsAsDeepAsItsLimitAndNoDeeper) {
  EXPECT_TRUE(CborMap::decode(nested(max_cbor_depth)));
  EXPECT_EQ(refusal(nested(max_cbor_depth + 1)), Errc::limit);
  EXPECT_EQ(refusal(nested(100'000)), Errc::limit);
}

ByteBuffer with_values(std::size_t count) {  // {"a": [0, 0, ...]}: map and array count as values, too
  auto out = bytes({0xA1, 0x61, 'a', 0x9A, static_cast<int>(count >> 24 & 255), static_cast<int>(count >> 16 & 255),
                    static_cast<int>(count >> 8 & 255), static_cast<int>(count & 255)});
  out.resize(out.size() + count);
  return out;
}

TEST(Cbor, HoldsAsManyValuesAsItsLimitAndNoMore) {
  EXPECT_TRUE(CborMap::decode(with_values(max_cbor_values - 2)));
  EXPECT_EQ(refusal(with_values(max_cbor_values - 1)), Errc::limit);
}

TEST(Cbor, SurvivesEveryCutAndEveryFlippedBit) {
  CborMap inner;
  inner.set("x", std::vector<std::string>{"a", "b"}).set_bytes("y", bytes({1, 2, 3}));
  CborMap map;
  map.set("t", "verb").set("n", std::uint64_t{70'000}).set("m", std::vector<CborMap>{inner, inner});
  const auto whole = map.encode();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_EQ(refusal(ByteView{whole}.first(length)), Errc::malformed) << length;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto flipped = whole;
    flipped[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
    const auto decoded = CborMap::decode(flipped);
    EXPECT_TRUE(!decoded || CborMap::decode(decoded->encode())) << bit;
  }
}

TEST(CborMap, CopiesAreIndependent) {
  CborMap first;
  first.set("n", std::uint64_t{1});
  CborMap second = first;
  second.set("n", std::uint64_t{2});
  EXPECT_EQ(first.number("n"), 1u);
  first = second;
  EXPECT_EQ(first.number("n"), 2u);
}

}  // namespace
}  // namespace pshare
