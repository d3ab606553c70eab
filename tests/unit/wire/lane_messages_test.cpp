// The messages of a lane: their bytes, their limits, and that no other bytes pass.
#include "wire/lane_messages.hpp"

#include <gmock/gmock.h>

#include "wire/random.hpp"

namespace pshare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ChunkHash some_hash(int value = 5) {
  ChunkHash hash;
  hash.fill(static_cast<std::byte>(value));
  return hash;
}

ByteView body_of(const ByteBuffer& frame) { return ByteView{frame}.subspan(LaneFrameHeader::size); }

Result<LaneFrameHeader> header_of(ByteView frame) { return decode_lane_frame_header(frame.first<LaneFrameHeader::size>()); }

Result<LaneMessage> decode(const ByteBuffer& frame) {
  const auto header = header_of(frame);
  if (!header) return Unexpected{header.error()};
  EXPECT_EQ(header->length, frame.size() - LaneFrameHeader::size);
  return decode_lane_message(*header, body_of(frame));
}

template <typename Message>
Message again(const Message& message) {
  return std::get<Message>(decode(encode(LaneMessage{message})).value());
}

template <typename Message>
Errc refusal(const Message& message) {
  const auto decoded = decode(encode(LaneMessage{message}));
  return decoded ? Errc::failed : decoded.error().code;
}

std::vector<ChunkIndex> chunks(std::size_t count) {
  std::vector<ChunkIndex> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(ChunkIndex{i});
  return all;
}

/// One of each, so that what must hold for all is asked of all.
std::vector<LaneMessage> one_of_each() {
  return {LaneHello{}, LaneReady{}, ManifestBegin{.transfer = {}, .entries = 3, .bytes = 10, .chunk_size = default_chunk_size, .stream = false},
          ManifestPart{buffer_of(bytes_of("entries"))}, ManifestEnd{some_hash()}, HaveBegin{12}, HavePart{ChunkIndex{8}, ByteBuffer(2)},
          HaveCheck{{{ChunkIndex{1}, some_hash()}, {ChunkIndex{2}, some_hash()}}}, HaveEnd{}, CheckResult{chunks(2)},
          ChunkHeader{ChunkIndex{1}, 100, 50, Codec::zstd, some_hash()}, Stored{chunks(3)}, Durable{chunks(1)}, Again{chunks(1)}, End{10},
          Verified{{"film.mkv", ""}}, Farewell{}, Beat{}, Stop{Errc::local_io, "the disk is full"}, Receipt{ByteBuffer(signed_receipt_size)}};
}

TEST(LaneFrame, BeginsWithTypeAndLength) {
  EXPECT_THAT(encode(LaneMessage{End{0x0102}}),
              ElementsAre(std::byte{14}, std::byte{0}, std::byte{0}, std::byte{8}, std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0},
                          std::byte{0}, std::byte{0}, std::byte{1}, std::byte{2}));
  EXPECT_THAT(encode(LaneMessage{Beat{}}), ElementsAre(std::byte{17}, std::byte{0}, std::byte{0}, std::byte{0}));
}

TEST(LaneFrame, OfUnknownTypeOrTooLongIsRefusedBeforeItsBody) {
  const std::byte unknown[] = {std::byte{std::variant_size_v<LaneMessage>}, std::byte{0}, std::byte{0}, std::byte{0}};
  EXPECT_EQ(header_of(unknown).error().code, Errc::malformed);
  const std::byte longest[] = {std::byte{3}, std::byte{1}, std::byte{0}, std::byte{0}};
  EXPECT_EQ(header_of(longest)->length, max_lane_body);
  const std::byte too_long[] = {std::byte{3}, std::byte{1}, std::byte{0}, std::byte{1}};
  EXPECT_EQ(header_of(too_long).error().code, Errc::limit);
}

TEST(LaneMessage, HasATypeForEachKind) {
  const auto all = one_of_each();
  ASSERT_EQ(all.size(), std::variant_size_v<LaneMessage>);
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(all[i].index(), i);
    EXPECT_EQ(header_of(encode(all[i]))->type, i);
  }
}

TEST(LaneMessage, OfEachKindIsReadBackToTheSameBytes) {
  for (const auto& message : one_of_each()) EXPECT_EQ(encode(decode(encode(message)).value()), encode(message)) << message.index();
}

TEST(LaneMessage, CutOffAnywhereIsRefusedOrShorterButNeverTheSame) {
  for (const auto& message : one_of_each()) {
    const auto whole = encode(message);
    const auto type = header_of(whole)->type;
    for (std::size_t length = 0; length < whole.size() - LaneFrameHeader::size; ++length) {
      const LaneFrameHeader header{type, static_cast<std::uint32_t>(length)};
      const auto read = decode_lane_message(header, body_of(whole).first(length));
      EXPECT_TRUE(!read || encode(*read) != whole) << message.index() << " cut to " << length;
    }
  }
}

TEST(LaneMessage, OfFixedLengthWithBytesLeftOverIsRefused) {
  for (const auto& message : {LaneMessage{LaneHello{}}, LaneMessage{LaneReady{}}, LaneMessage{End{1}}, LaneMessage{Beat{}},
                              LaneMessage{ManifestEnd{}}, LaneMessage{HaveBegin{}}, LaneMessage{Farewell{}}, LaneMessage{Stored{chunks(1)}},
                              LaneMessage{ChunkHeader{ChunkIndex{0}, 1, 1, Codec::stored, {}}}}) {
    auto longer = encode(message);
    longer.push_back(std::byte{0});
    const LaneFrameHeader header{header_of(longer)->type, static_cast<std::uint32_t>(longer.size() - LaneFrameHeader::size)};
    EXPECT_FALSE(decode_lane_message(header, body_of(longer))) << message.index();
  }
}

TEST(LaneHello, CarriesSessionOrdinalAndTier) {
  SeededRandom random{1};
  for (const auto tier : all_tiers) {
    const LaneHello hello{SessionId::random(random), 15, tier};
    EXPECT_EQ(again(hello).session, hello.session);
    EXPECT_EQ(again(hello).ordinal, 15u);
    EXPECT_EQ(again(hello).tier, tier);
  }
}

TEST(LaneHello, OfAnUnknownTierIsRefused) {
  auto frame = encode(LaneMessage{LaneHello{}});
  frame.back() = std::byte{5};
  const auto header = decode_lane_frame_header(ByteView{frame}.first<LaneFrameHeader::size>()).value();
  EXPECT_EQ(decode_lane_message(header, ByteView{frame}.subspan(LaneFrameHeader::size)).error().code, Errc::malformed);
}

TEST(ManifestBegin, CarriesEverything) {
  ManifestBegin begin{.transfer = {}, .entries = 1'000'000, .bytes = std::uint64_t{1} << 50, .chunk_size = max_chunk_size, .stream = true};
  begin.transfer.bytes.fill(std::byte{3});
  const auto read = again(begin);
  EXPECT_EQ(read.transfer, begin.transfer);
  EXPECT_EQ(read.entries, begin.entries);
  EXPECT_EQ(read.bytes, begin.bytes);
  EXPECT_EQ(read.chunk_size, begin.chunk_size);
  EXPECT_TRUE(read.stream);
}

TEST(ManifestBegin, AllowsOnlyChunkSizesWithinTheLimits) {
  const auto of_size = [](std::uint64_t size) { return refusal(ManifestBegin{.transfer = {}, .entries = 1, .bytes = 1, .chunk_size = size, .stream = false}); };
  EXPECT_EQ(of_size(min_chunk_size), Errc::failed);
  EXPECT_EQ(of_size(max_chunk_size), Errc::failed);
  EXPECT_EQ(of_size(min_chunk_size - 1), Errc::limit);
  EXPECT_EQ(of_size(max_chunk_size + 1), Errc::limit);
  EXPECT_EQ(of_size(0), Errc::limit);
  EXPECT_EQ(of_size(UINT64_MAX), Errc::limit);
}

TEST(HavePart, BeginsAtAWholeByte) {
  EXPECT_EQ(again(HavePart{ChunkIndex{16}, buffer_of(bytes_of("bits"))}).first, ChunkIndex{16});
  EXPECT_EQ(text_of(again(HavePart{ChunkIndex{16}, buffer_of(bytes_of("bits"))}).bits), "bits");
  EXPECT_EQ(refusal(HavePart{ChunkIndex{15}, ByteBuffer(1)}), Errc::malformed);
}

TEST(HaveCheck, CarriesHashesUpToItsLimit) {
  const auto read = again(HaveCheck{{{ChunkIndex{4}, some_hash(1)}, {ChunkIndex{9}, some_hash(2)}}});
  ASSERT_EQ(read.items.size(), 2u);
  EXPECT_EQ(read.items[1].chunk, ChunkIndex{9});
  EXPECT_EQ(read.items[1].hash, some_hash(2));
  EXPECT_EQ(again(HaveCheck{std::vector<HaveCheck::Item>(max_checked_chunks)}).items.size(), max_checked_chunks);

  ByteBuffer over((max_checked_chunks + 1) * 24);
  const LaneFrameHeader header{7, static_cast<std::uint32_t>(over.size())};
  EXPECT_EQ(decode_lane_message(header, over).error().code, Errc::limit);
}

TEST(NamedChunks, AreReadUpToTheirLimit) {
  EXPECT_EQ(again(Stored{chunks(max_named_chunks)}).chunks, chunks(max_named_chunks));
  EXPECT_EQ(again(Durable{{ChunkIndex{UINT64_MAX}}}).chunks, std::vector{ChunkIndex{UINT64_MAX}});
  EXPECT_EQ(again(Again{chunks(2)}).chunks, chunks(2));
  EXPECT_EQ(again(CheckResult{chunks(5)}).same, chunks(5));
  for (const auto type : std::initializer_list<std::uint8_t>{9, 11, 12, 13}) {
    ByteBuffer over((max_named_chunks + 1) * 8), torn(9);
    EXPECT_EQ(decode_lane_message({type, static_cast<std::uint32_t>(over.size())}, over).error().code, Errc::limit) << int{type};
    EXPECT_EQ(decode_lane_message({type, 9}, torn).error().code, Errc::malformed) << int{type};
  }
}

TEST(ChunkHeader, CarriesEverything) {
  const auto read = again(ChunkHeader{ChunkIndex{1u << 20}, 1'000'000, 400'000, Codec::zstd, some_hash()});
  EXPECT_EQ(read.chunk, ChunkIndex{1u << 20});
  EXPECT_EQ(read.raw_length, 1'000'000u);
  EXPECT_EQ(read.wire_length, 400'000u);
  EXPECT_EQ(read.codec, Codec::zstd);
  EXPECT_EQ(read.hash, some_hash());
}

TEST(ChunkHeader, LengthsFitTheLimitsAndTheCodec) {
  const auto of = [](std::uint64_t raw, std::uint64_t wire, Codec codec) {
    return refusal(ChunkHeader{ChunkIndex{0}, static_cast<std::uint32_t>(raw), static_cast<std::uint32_t>(wire), codec, {}});
  };
  EXPECT_EQ(of(1, 1, Codec::stored), Errc::failed);
  EXPECT_EQ(of(max_chunk_size, max_chunk_size, Codec::stored), Errc::failed);
  EXPECT_EQ(of(max_chunk_size, 1, Codec::zstd), Errc::failed);
  EXPECT_EQ(of(max_chunk_size, 0, Codec::zeros), Errc::failed);
  EXPECT_EQ(of(0, 0, Codec::zeros), Errc::limit) << "no chunk is empty";
  EXPECT_EQ(of(0, 0, Codec::stored), Errc::limit);
  EXPECT_EQ(of(max_chunk_size + 1, 1, Codec::zstd), Errc::limit);
  EXPECT_EQ(of(1, max_chunk_size + 1, Codec::zstd), Errc::limit);
  EXPECT_EQ(of(UINT32_MAX, UINT32_MAX, Codec::stored), Errc::limit);
  EXPECT_EQ(of(10, 9, Codec::stored), Errc::malformed) << "what is stored is as long on the wire";
  EXPECT_EQ(of(10, 1, Codec::zeros), Errc::malformed) << "zeros have no payload";
  EXPECT_EQ(of(10, 0, Codec::zstd), Errc::malformed);
  EXPECT_EQ(of(10, 10, static_cast<Codec>(3)), Errc::malformed);
}

TEST(Verified, CarriesNamesWhateverTheyHold) {
  const std::vector<std::string> names{"film (1).mkv", std::string{"a\0\n\xFF", 4}, std::string(255, 'x')};
  EXPECT_EQ(again(Verified{names}).names, names);
  EXPECT_EQ(refusal(Verified{{std::string(1025, 'x')}}), Errc::limit);
  const auto torn = bytes_of(std::string_view{"\0\5abc", 5});
  EXPECT_EQ(decode_lane_message({15, 5}, torn).error().code, Errc::malformed);
}

TEST(Stop, CarriesEveryCodeAndItsWords) {
  for (auto code = Errc::failed; code <= Errc::unsupported; code = static_cast<Errc>(static_cast<int>(code) + 1)) {
    const auto read = again(Stop{code, "because"});
    EXPECT_EQ(read.code, code) << word(code);
    EXPECT_EQ(read.words, "because");
  }
}

TEST(Stop, OfALaterVersionIsStillAStop) {
  const auto body = bytes_of("\7weatherit rains");
  const auto read = std::get<Stop>(decode_lane_message({18, static_cast<std::uint32_t>(body.size())}, body).value());
  EXPECT_EQ(read.code, Errc::failed);
  EXPECT_EQ(read.words, "it rains");
}

TEST(Stop, CutsItsOwnWordsAndRefusesTooManyOfOthers) {
  EXPECT_EQ(again(Stop{Errc::failed, std::string(5000, 'w')}).words.size(), 1024u);
  ByteBuffer over(1 + 1025);
  EXPECT_EQ(decode_lane_message({18, static_cast<std::uint32_t>(over.size())}, over).error().code, Errc::limit);
  EXPECT_THAT(decode_lane_message({18, static_cast<std::uint32_t>(over.size())}, over).error().doing, HasSubstr("Stop"));
}

TEST(LaneMessage, HoldsAWholeReceiptOrNone) {
  EXPECT_TRUE(again(Receipt{}).signed_receipt.empty());
  EXPECT_EQ(refusal(Receipt{ByteBuffer(signed_receipt_size - 1)}), Errc::malformed);
  EXPECT_EQ(refusal(Receipt{ByteBuffer(signed_receipt_size + 1)}), Errc::malformed);
}

}  // namespace
}  // namespace pshare
