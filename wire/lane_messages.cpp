#include "wire/lane_messages.hpp"

#include <algorithm>
#include <cassert>

namespace pshare {

namespace {

// The type byte is the alternative's position in LaneMessage, so the order there is part of the protocol.
template <typename T, std::size_t I = 0>
constexpr std::uint8_t type_of() {
  if constexpr (std::is_same_v<std::variant_alternative_t<I, LaneMessage>, T>) {
    return static_cast<std::uint8_t>(I);
  } else {
    return type_of<T, I + 1>();
  }
}
static_assert(type_of<LaneHello>() == 0 && type_of<ChunkHeader>() == 10 && type_of<Stop>() == 18 && type_of<Receipt>() == 19);

constexpr std::size_t longest_stop_words = 1024;
constexpr std::size_t longest_final_name = 1024;

Unexpected malformed(std::string what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading a lane message: " + std::move(what)}};
}
Unexpected over_limit(std::string what) {
  return Unexpected{{.code = Errc::limit, .doing = "reading a lane message: " + std::move(what)}};
}

// --- bodies ---------------------------------------------------------------------------------------------------------

void put_chunks(ByteWriter& out, const std::vector<ChunkIndex>& chunks) {
  assert(chunks.size() <= max_named_chunks);
  for (const auto chunk : chunks) out.u64(chunk.number);
}

void put(ByteWriter& out, const LaneHello& hello) { out.bytes(hello.session.bytes).u32(hello.ordinal).u8(static_cast<std::uint8_t>(hello.tier)); }
void put(ByteWriter&, const LaneReady&) {}
void put(ByteWriter& out, const ManifestBegin& begin) {
  out.bytes(begin.transfer.bytes).u64(begin.entries).u64(begin.bytes).u64(begin.chunk_size).u8(begin.stream ? 1 : 0);
}
void put(ByteWriter& out, const ManifestPart& part) { out.bytes(part.encoded); }
void put(ByteWriter& out, const ManifestEnd& end) { out.bytes(end.digest); }
void put(ByteWriter& out, const HaveBegin& begin) { out.u64(begin.chunks); }
void put(ByteWriter& out, const HavePart& part) { out.u64(part.first.number).bytes(part.bits); }
void put(ByteWriter& out, const HaveCheck& check) {
  assert(check.items.size() <= max_checked_chunks);
  for (const auto& item : check.items) out.u64(item.chunk.number).bytes(item.hash);
}
void put(ByteWriter&, const HaveEnd&) {}
void put(ByteWriter& out, const CheckResult& result) { put_chunks(out, result.same); }
void put(ByteWriter& out, const ChunkHeader& header) {
  out.u64(header.chunk.number).u32(header.raw_length).u32(header.wire_length).u8(static_cast<std::uint8_t>(header.codec)).bytes(header.hash);
}
void put(ByteWriter& out, const Stored& stored) { put_chunks(out, stored.chunks); }
void put(ByteWriter& out, const Durable& durable) { put_chunks(out, durable.chunks); }
void put(ByteWriter& out, const Again& again) { put_chunks(out, again.chunks); }
void put(ByteWriter& out, const End& end) { out.u64(end.bytes); }
void put(ByteWriter& out, const Verified& verified) {
  for (const auto& name : verified.names) out.u16(static_cast<std::uint16_t>(name.size())).bytes(bytes_of(name));
}
void put(ByteWriter&, const Farewell&) {}
void put(ByteWriter&, const Beat&) {}
void put(ByteWriter& out, const Stop& stop) {
  const auto name = word(stop.code);
  out.u8(static_cast<std::uint8_t>(name.size())).bytes(bytes_of(name)).bytes(bytes_of(stop.words.substr(0, longest_stop_words)));
}
void put(ByteWriter& out, const Receipt& receipt) { out.bytes(receipt.signed_receipt); }

// --- reading them back ----------------------------------------------------------------------------------------------

Result<std::vector<ChunkIndex>> chunks_in(ByteReader& in) {
  std::vector<ChunkIndex> chunks;
  while (const auto number = in.u64()) {
    if (chunks.size() == max_named_chunks) return over_limit("it names too many chunks");
    chunks.push_back(ChunkIndex{*number});
  }
  return chunks;
}

template <typename Named>
Result<LaneMessage> named(ByteReader& in) {
  auto chunks = chunks_in(in);
  if (!chunks) return Unexpected{std::move(chunks).error()};
  return LaneMessage{Named{*std::move(chunks)}};
}

Result<LaneMessage> manifest_begin(ByteReader& in) {
  const auto transfer = in.array<16>();
  const auto entries = in.u64(), bytes = in.u64(), chunk_size = in.u64();
  const auto stream = in.u8();
  if (!transfer || !entries || !bytes || !chunk_size || !stream || *stream > 1) return malformed("a short ManifestBegin");
  if (*chunk_size < min_chunk_size || *chunk_size > max_chunk_size) return over_limit("a chunk size that is not allowed");
  return LaneMessage{ManifestBegin{TransferId{*transfer}, *entries, *bytes, *chunk_size, *stream == 1}};
}

Result<LaneMessage> have_check(ByteReader& in) {
  HaveCheck check;
  while (!in.empty()) {
    const auto chunk = in.u64();
    const auto hash = in.array<16>();
    if (!chunk || !hash) return malformed("a torn HaveCheck");
    if (check.items.size() == max_checked_chunks) return over_limit("it checks too many chunks");
    check.items.push_back({ChunkIndex{*chunk}, *hash});
  }
  return LaneMessage{std::move(check)};
}

Result<LaneMessage> chunk_header(ByteReader& in) {
  const auto chunk = in.u64();
  const auto raw = in.u32(), wire = in.u32();
  const auto codec = in.u8();
  const auto hash = in.array<16>();
  if (!chunk || !raw || !wire || !codec || !hash) return malformed("a short chunk header");
  if (*raw == 0 || *raw > max_chunk_size || *wire > max_chunk_size) return over_limit("a chunk longer than chunks may be, or empty");
  if (*codec > static_cast<std::uint8_t>(Codec::zeros)) return malformed("a chunk in an unknown codec");
  const auto known = static_cast<Codec>(*codec);
  if ((known == Codec::zeros) != (*wire == 0) || (known == Codec::stored && *wire != *raw))
    return malformed("a chunk whose lengths do not fit its codec");
  return LaneMessage{ChunkHeader{ChunkIndex{*chunk}, *raw, *wire, known, *hash}};
}

Result<LaneMessage> verified(ByteReader& in) {
  Verified message;
  while (!in.empty()) {
    const auto length = in.u16();
    const auto name = length ? in.bytes(*length) : std::nullopt;
    if (!name) return malformed("a torn Verified");
    if (*length > longest_final_name || message.names.size() == max_named_chunks) return over_limit("too many or too long names");
    message.names.emplace_back(text_of(*name));
  }
  return LaneMessage{std::move(message)};
}

Result<LaneMessage> stop(ByteReader& in) {
  const auto length = in.u8();
  const auto name = length ? in.bytes(*length) : std::nullopt;
  if (!name) return malformed("a torn Stop");
  if (in.rest().size() > longest_stop_words) return over_limit("a Stop with too many words");
  Stop message{.code = Errc::failed, .words = std::string{text_of(in.rest())}};
  in.bytes(in.rest().size());
  for (auto code = Errc::failed; code <= Errc::unsupported; code = static_cast<Errc>(static_cast<int>(code) + 1))
    if (word(code) == text_of(*name)) message.code = code;
  return LaneMessage{std::move(message)};
}

Result<LaneMessage> body_of(std::uint8_t type, ByteReader& in) {
  switch (type) {
    case type_of<LaneHello>(): {
      const auto session = in.array<16>();
      const auto ordinal = in.u32();
      const auto tier = in.u8();
      if (!session || !ordinal || !tier) return malformed("a short LaneHello");
      if (*tier >= all_tiers.size()) return malformed("a LaneHello of an unknown tier");
      return LaneMessage{LaneHello{SessionId{*session}, *ordinal, all_tiers[*tier]}};
    }
    case type_of<LaneReady>(): return LaneMessage{LaneReady{}};
    case type_of<ManifestBegin>(): return manifest_begin(in);
    case type_of<ManifestPart>(): {
      ManifestPart part{buffer_of(in.rest())};
      in.bytes(in.rest().size());
      return LaneMessage{std::move(part)};
    }
    case type_of<ManifestEnd>(): {
      const auto digest = in.array<16>();
      if (!digest) return malformed("a short ManifestEnd");
      return LaneMessage{ManifestEnd{*digest}};
    }
    case type_of<HaveBegin>(): {
      const auto chunks = in.u64();
      if (!chunks) return malformed("a short HaveBegin");
      return LaneMessage{HaveBegin{*chunks}};
    }
    case type_of<HavePart>(): {
      const auto first = in.u64();
      if (!first || *first % 8 != 0) return malformed("a HavePart that begins within a byte");
      HavePart part{ChunkIndex{*first}, buffer_of(in.rest())};
      in.bytes(in.rest().size());
      return LaneMessage{std::move(part)};
    }
    case type_of<HaveCheck>(): return have_check(in);
    case type_of<HaveEnd>(): return LaneMessage{HaveEnd{}};
    case type_of<CheckResult>(): return named<CheckResult>(in);
    case type_of<ChunkHeader>(): return chunk_header(in);
    case type_of<Stored>(): return named<Stored>(in);
    case type_of<Durable>(): return named<Durable>(in);
    case type_of<Again>(): return named<Again>(in);
    case type_of<End>(): {
      const auto bytes = in.u64();
      if (!bytes) return malformed("a short End");
      return LaneMessage{End{*bytes}};
    }
    case type_of<Verified>(): return verified(in);
    case type_of<Farewell>(): return LaneMessage{Farewell{}};
    case type_of<Beat>(): return LaneMessage{Beat{}};
    case type_of<Stop>(): return stop(in);
    case type_of<Receipt>(): {
      Receipt receipt{buffer_of(in.rest())};
      if (!receipt.signed_receipt.empty() && receipt.signed_receipt.size() != signed_receipt_size) return malformed("a Receipt of another length than receipts have");
      in.bytes(in.rest().size());
      return LaneMessage{std::move(receipt)};
    }
    default: return malformed("an unknown type");
  }
}

}  // namespace

Result<LaneFrameHeader> decode_lane_frame_header(std::span<const std::byte, LaneFrameHeader::size> bytes) {
  ByteReader in{bytes};
  const auto first = *in.u32();
  const LaneFrameHeader header{static_cast<std::uint8_t>(first >> 24), first & 0xFFFFFF};
  if (header.type >= std::variant_size_v<LaneMessage>) return malformed("a frame of unknown type " + std::to_string(header.type));
  if (header.length > max_lane_body) return over_limit("a frame of " + std::to_string(header.length) + " bytes");
  return header;
}

Result<LaneMessage> decode_lane_message(const LaneFrameHeader& header, ByteView body) {
  ByteReader in{body};
  auto message = body_of(header.type, in);
  if (message && !in.empty()) return malformed("bytes left over in a frame of type " + std::to_string(header.type));
  return message;
}

ByteBuffer encode(const LaneMessage& message) {
  ByteWriter body;
  std::visit([&](const auto& each) { put(body, each); }, message);
  assert(body.view().size() <= max_lane_body);
  ByteWriter out;
  out.u32(static_cast<std::uint32_t>(message.index() << 24 | body.view().size())).bytes(body.view());
  return out.take();
}

}  // namespace pshare
