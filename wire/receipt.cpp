#include "wire/receipt.hpp"

#include "wire/lane_messages.hpp"

namespace pshare {

namespace {

constexpr std::uint8_t version = 1;

Unexpected malformed(std::string what) { return Unexpected{{.code = Errc::malformed, .doing = "reading a receipt: " + std::move(what)}}; }

}  // namespace

ByteBuffer encode(const ReceiptStatement& statement) {
  const auto& held = statement.held;
  ByteWriter out;
  out.u8(version).u8(held.stream ? 1 : 0).bytes(statement.transfer.bytes).bytes(statement.sender.digest()).bytes(statement.receiver.bytes);
  out.u64(static_cast<std::uint64_t>(statement.signed_at.time_since_epoch().count()));
  out.u64(held.files).u64(held.bytes).u32(held.chunk_size).bytes(held.manifest).bytes(held.names).bytes(held.contents);
  return out.take();
}

Result<ReceiptStatement> decode_receipt_statement(ByteView bytes) {
  ByteReader in{bytes};
  const auto its_version = in.u8();
  if (its_version && *its_version != version)
    return Unexpected{{.code = Errc::version, .doing = "reading a receipt of version " + std::to_string(*its_version), .hint = "a newer pshare can read it"}};
  if (bytes.size() != receipt_statement_size) return malformed("it is not as long as receipts are");
  ReceiptStatement statement;
  auto& held = statement.held;
  const auto kind = *in.u8();
  if (kind > 1) return malformed("of neither files nor a stream");
  held.stream = kind == 1;
  statement.transfer.bytes = *in.array<16>();
  statement.sender = PeerId{*in.array<PeerId::size>()};
  statement.receiver.bytes = *in.array<32>();
  const auto time = static_cast<std::int64_t>(*in.u64());
  statement.signed_at = UnixTime{std::chrono::seconds{time}};
  held.files = *in.u64();
  held.bytes = *in.u64();
  held.chunk_size = *in.u32();
  held.manifest = *in.array<32>();
  held.names = *in.array<32>();
  held.contents = *in.array<32>();
  if (time < 0) return malformed("signed before 1970");
  if (held.chunk_size < min_chunk_size || held.chunk_size > max_chunk_size) return malformed("a chunk size that is not allowed");
  return statement;
}

}  // namespace pshare
