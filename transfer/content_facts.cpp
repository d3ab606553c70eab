#include "transfer/content_facts.hpp"

#include "secure/sha256.hpp"

namespace pshare {

namespace {

constexpr std::uint32_t no_parent = 0xFFFFFFFF;
static_assert(max_entries < no_parent);

}  // namespace

Sha256Digest names_digest(const Manifest& manifest) {
  Sha256 hash;
  for (EntryIndex index; index.number < manifest.entries(); ++index.number) {
    const auto entry = manifest.entry(index);
    ByteWriter out;
    out.u8(static_cast<std::uint8_t>(entry.type)).u32(entry.parent ? entry.parent->number : no_parent);
    out.u16(static_cast<std::uint16_t>(entry.name.size())).bytes(bytes_of(entry.name));
    if (entry.type == EntryType::file) out.u64(entry.size);
    if (entry.type == EntryType::symlink) out.u16(static_cast<std::uint16_t>(entry.target.size())).bytes(bytes_of(entry.target));
    hash.add(out.view());
  }
  return std::move(hash).digest();
}

ContentFacts content_facts(const Manifest& manifest, const ContentTree& contents, bool stream, std::uint64_t bytes) {
  Sha256 as_it_travels;
  manifest.encode([&](ByteView part) { as_it_travels.add(part); });
  return {.stream = stream,
          .files = manifest.files(),
          .bytes = bytes,
          .chunk_size = static_cast<std::uint32_t>(manifest.chunk_size()),
          .manifest = std::move(as_it_travels).digest(),
          .names = names_digest(manifest),
          .contents = contents.root(chunks_in(bytes, manifest.chunk_size()))};
}

}  // namespace pshare
