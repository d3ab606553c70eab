#include "transfer/kept_state.hpp"

#include <string_view>

#include "transfer/safe_name.hpp"

namespace pshare {

namespace {

constexpr std::string_view magic = "pshare manifest 1\n";

std::optional<KeptManifest> head_in(ByteReader& in) {
  const auto begins = in.bytes(magic.size());
  if (!begins || text_of(*begins) != magic) return std::nullopt;
  const auto transfer = in.array<16>();
  const auto entries = in.u64(), bytes = in.u64(), chunk_size = in.u64();
  const auto stream = in.u8();
  const auto digest = in.array<16>();
  if (!digest) return std::nullopt;
  const KeptManifest kept{{TransferId{*transfer}, *entries, *bytes, *chunk_size, *stream == 1}, *digest};
  if (!check_announcement(kept.begin)) return std::nullopt;
  return kept;
}

Unexpected broken() { return Unexpected{{.code = Errc::malformed, .doing = "reading the manifest that was kept"}}; }

}  // namespace

ByteBuffer KeptManifest::encode(const TransferId& transfer, const Manifest& manifest, const ChunkHash& digest) {
  ByteWriter out;
  out.bytes(bytes_of(magic)).bytes(transfer.bytes);
  out.u64(manifest.entries()).u64(manifest.bytes()).u64(manifest.chunk_size()).u8(0).bytes(digest);
  manifest.encode([&](ByteView part) { out.u32(static_cast<std::uint32_t>(part.size())).bytes(part); });
  return out.take();
}

std::optional<KeptManifest> KeptManifest::head(ByteView file) {
  ByteReader in{file};
  return head_in(in);
}

Result<Manifest> KeptManifest::decode(ByteView file) {
  ByteReader in{file};
  const auto head = head_in(in);
  if (!head) return broken();
  ManifestReader reader{head->begin};
  while (!in.empty()) {
    const auto length = in.u32();
    const auto part = length ? in.bytes(*length) : std::nullopt;
    if (!part) return broken();
    if (auto taken = reader.part(*part); !taken) return Unexpected{std::move(taken).error()};
  }
  return std::move(reader).end({head->digest});
}

ByteBuffer encode_final_names(const std::vector<FinalName>& names) {
  ByteWriter out;
  for (const auto& each : names)
    out.u8(static_cast<std::uint8_t>(each.how)).u16(static_cast<std::uint16_t>(each.name.size())).bytes(bytes_of(each.name));
  return out.take();
}

std::optional<std::vector<FinalName>> decode_final_names(ByteView file) {
  std::vector<FinalName> names;
  ByteReader in{file};
  while (!in.empty()) {
    const auto how = in.u8();
    const auto length = in.u16();
    const auto name = length ? in.bytes(*length) : std::nullopt;
    if (!name || *how > static_cast<std::uint8_t>(FinalName::How::dropped) || !check_name(text_of(*name))) return std::nullopt;
    names.push_back({static_cast<FinalName::How>(*how), std::string{text_of(*name)}});
  }
  return names;
}

ByteBuffer encode_kept_checks(const ChunkHash& digest, const std::vector<ChunkIndex>& chunks) {
  ByteWriter out;
  out.bytes(digest);
  for (const auto chunk : chunks) out.u64(chunk.number);
  return out.take();
}

std::vector<ChunkIndex> decode_kept_checks(ByteView file, const ChunkHash& digest) {
  std::vector<ChunkIndex> chunks;
  ByteReader in{file};
  if (in.array<16>() != digest) return chunks;
  while (const auto number = in.u64()) chunks.push_back(ChunkIndex{*number});
  return chunks;
}

}  // namespace pshare
