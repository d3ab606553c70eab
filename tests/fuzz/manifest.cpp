// Fuzzes manifests as they come from a stranger: whatever is accepted keeps what the receiver relies on when it goes to the disk,
// and comes back the same when it is encoded again. The first byte says how the rest is cut into parts.
#include <cstdint>
#include <cstdlib>

#include "transfer/manifest.hpp"

using namespace pshare;

namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

ByteBuffer encoded(const Manifest& manifest) {
  ByteBuffer out;
  manifest.encode([&](ByteView part) { out.insert(out.end(), part.begin(), part.end()); });
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto all = std::as_bytes(std::span{data, size}).subspan(1);
  const auto cut = std::min<std::size_t>(data[0], all.size());

  // First alone, to learn the totals that an announcement would have to name.
  ManifestBegin announced{.transfer = {}, .entries = max_entries, .bytes = max_run, .chunk_size = default_chunk_size, .stream = false};
  {
    ManifestReader reader{announced};
    if (cut != 0 && !reader.part(all.first(cut))) return 0;
    if (cut != all.size() && !reader.part(all.subspan(cut))) return 0;
  }
  // Read once more with those totals counted by trial: the digest is right, so only they can be wrong.
  std::uint64_t entries = 0, bytes = 0;
  for (ByteReader in{all}; !in.empty(); ++entries) {
    const auto first = *in.u8();
    if ((first & 8) != 0) in.u32();
    in.u16(), in.u64();
    in.bytes(*in.u16());
    if ((first & 3) == 0) bytes += *in.u64(), in.u64();
    if ((first & 3) == 2) in.bytes(*in.u16());
  }
  announced.entries = entries, announced.bytes = bytes;
  ManifestReader reader{announced};
  demand(cut == 0 || reader.part(all.first(cut)).has_value());
  demand(cut == all.size() || reader.part(all.subspan(cut)).has_value());
  auto whole = std::move(reader).end({hash_of(all)});
  if (!whole) return 0;  // too long for so small chunks

  for (std::uint32_t i = 0; i < whole->entries(); ++i) {
    const auto entry = whole->entry(EntryIndex{i});
    demand(check_name(entry.name).has_value());
    demand(!entry.parent || (entry.parent->number < i && whole->entry(*entry.parent).type == EntryType::directory));
    demand(entry.mode <= 0777);
    demand(entry.type != EntryType::symlink || (entry.parent && entry.target.front() != '/'));
  }
  if (whole->chunks() != 0) {
    for (const auto chunk : {ChunkIndex{0}, ChunkIndex{whole->chunks() - 1}}) {
      std::uint64_t length = 0;
      for (const auto& segment : whole->segments(chunk)) {
        demand(segment.length != 0 && segment.offset + segment.length <= whole->entry(segment.entry).size);
        length += segment.length;
      }
      demand(length == whole->length(chunk));
    }
  }
  const auto again = encoded(*whole);
  demand(std::equal(again.begin(), again.end(), all.begin(), all.end()));
  return 0;
}
