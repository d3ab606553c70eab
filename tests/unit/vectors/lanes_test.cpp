#include <gtest/gtest.h>

#include <set>

#include "secure/sha256.hpp"
#include "transfer/checksum.hpp"
#include "transfer/zstd.hpp"
#include "vectors.hpp"
#include "wire/lane_messages.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

std::vector<ChunkIndex> chunks_in(const Json& array) {
  std::vector<ChunkIndex> chunks;
  for (const auto& each : array) chunks.push_back({number_in(each)});
  return chunks;
}

std::uint32_t u32_in(const Json& value) { return value.get<std::uint32_t>(); }

Errc stop_code_in(const Json& value) {
  for (auto code = Errc::failed; code <= Errc::unsupported; code = static_cast<Errc>(static_cast<int>(code) + 1))
    if (value == std::string{word(code)}) return code;
  return Errc::failed;
}

LaneMessage message_in(const Json& fields) {
  const auto kind = text_in(fields.at("is"));
  if (kind == "LaneHello") return LaneHello{session_in(fields.at("session")), u32_in(fields.at("ordinal")), all_tiers.at(number_in(fields.at("tier")))};
  if (kind == "LaneReady") return LaneReady{};
  if (kind == "ManifestBegin")
    return ManifestBegin{TransferId{array_in<16>(fields.at("transfer"))}, number_in(fields.at("entries")), number_in(fields.at("bytes")), number_in(fields.at("chunk size")),
                         number_in(fields.at("stream")) == 1};
  if (kind == "ManifestPart") return ManifestPart{bytes_in(fields.at("entries"))};
  if (kind == "ManifestEnd") return ManifestEnd{array_in<16>(fields.at("digest"))};
  if (kind == "HaveBegin") return HaveBegin{number_in(fields.at("chunks"))};
  if (kind == "HavePart") return HavePart{{number_in(fields.at("first"))}, bytes_in(fields.at("bits"))};
  if (kind == "HaveCheck") {
    HaveCheck check;
    for (const auto& each : fields.at("items")) check.items.push_back({{number_in(each.at("chunk"))}, array_in<16>(each.at("hash"))});
    return check;
  }
  if (kind == "HaveEnd") return HaveEnd{};
  if (kind == "CheckResult") return CheckResult{chunks_in(fields.at("same"))};
  if (kind == "Chunk")
    return ChunkHeader{{number_in(fields.at("chunk"))}, u32_in(fields.at("raw length")), u32_in(fields.at("wire length")), static_cast<Codec>(u32_in(fields.at("codec"))),
                       array_in<16>(fields.at("hash"))};
  if (kind == "Stored") return Stored{chunks_in(fields.at("chunks"))};
  if (kind == "Durable") return Durable{chunks_in(fields.at("chunks"))};
  if (kind == "Again") return Again{chunks_in(fields.at("chunks"))};
  if (kind == "End") return End{number_in(fields.at("bytes"))};
  if (kind == "Verified") {
    Verified verified;
    for (const auto& each : fields.at("names")) verified.names.emplace_back(text_of(bytes_in(each)));
    return verified;
  }
  if (kind == "Farewell") return Farewell{};
  if (kind == "Beat") return Beat{};
  if (kind == "Stop") return Stop{stop_code_in(fields.at("code")), text_in(fields.at("words"))};
  if (kind == "Receipt") return Receipt{bytes_in(fields.at("receipt"))};
  throw std::runtime_error{"nobody says " + kind};
}

/// The one message that a frame holds.
Result<LaneMessage> read(ByteView frame) {
  const auto header = decode_lane_frame_header(frame.first<LaneFrameHeader::size>());
  if (!header) return Unexpected{header.error()};
  return decode_lane_message(*header, frame.subspan(LaneFrameHeader::size));
}

TEST(LaneVectors, AreWrittenAndRead) {
  std::set<std::size_t> types;
  for (const auto& each : vectors("lanes").at("messages")) {
    SCOPED_TRACE(each.at("fields").dump());
    const auto frame = bytes_in(each.at("frame"));
    const auto message = message_in(each.at("fields"));
    types.insert(message.index());
    EXPECT_EQ(shown(encode(message)), shown(frame));
    const auto again = read(frame);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->index(), message.index());
    EXPECT_EQ(shown(encode(*again)), shown(frame));
  }
  EXPECT_EQ(types.size(), std::variant_size_v<LaneMessage>) << "a message has no vector";
}

TEST(LaneVectors, ThatAreNoFrameAreRefused) {
  for (const auto& each : vectors("lanes").at("refused")) EXPECT_FALSE(read(bytes_in(each.at("frame")))) << each.at("name");
}

TEST(ChunkVectors, AreUnpackedAndHaveTheirHash) {
  for (const auto& each : vectors("lanes").at("chunks")) {
    SCOPED_TRACE(text_in(each.at("name")));
    const auto message = read(bytes_in(each.at("header")));
    ASSERT_TRUE(message);
    const auto header = std::get<ChunkHeader>(*message);
    const auto payload = bytes_in(each.at("payload"));
    ASSERT_EQ(payload.size(), header.wire_length);
    ByteBuffer raw(header.raw_length);
    if (header.codec == Codec::stored) raw = payload;
    if (header.codec == Codec::zstd) {
      ASSERT_TRUE(Decompressor{}.decompress(payload, raw));
    }
    EXPECT_EQ(hash_of(raw), header.hash);
    EXPECT_EQ(std::move(Sha256{}.add(raw)).digest(), array_in<32>(each.at("raw sha256")));
  }
}

}  // namespace
