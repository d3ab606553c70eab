// Fuzzes the files of a partial folder beside the journal: a manifest that is kept asks for no more memory than one that a sender announces, and what is
// accepted is written to the very same bytes. The first byte says which file it is.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "transfer/chunk_map.hpp"
#include "transfer/kept_state.hpp"

using namespace pshare;

namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

/// The digest would keep the fuzzer from ever seeing a manifest accepted, so it is put right where there is one.
void mend_digest(ByteBuffer& file) {
  constexpr std::size_t digest_at = 18 + 16 + 3 * 8 + 1, parts_at = digest_at + 16;
  if (file.size() < parts_at) return;
  Hasher hasher;
  ByteReader parts{ByteView{file}.subspan(parts_at)};
  while (const auto length = parts.u32()) {
    const auto part = parts.bytes(*length);
    if (!part) return;
    hasher.add(*part);
  }
  const auto digest = hasher.digest();
  std::ranges::copy(digest, file.begin() + digest_at);
}

void check_manifest(ByteBuffer file) {
  mend_digest(file);
  const auto head = KeptManifest::head(file);
  const auto manifest = KeptManifest::decode(file);
  demand(head.has_value() || !manifest);
  if (!head) return;
  const auto& begin = head->begin;
  const ChunkMap as_for_the_journal{chunks_in(begin.bytes, begin.chunk_size)};
  demand(as_for_the_journal.size() <= max_chunks && begin.entries <= max_entries);
  if (!manifest) return;
  demand(manifest->entries() == begin.entries && manifest->bytes() == begin.bytes && manifest->chunk_size() == begin.chunk_size);
  const auto again = KeptManifest::decode(KeptManifest::encode(begin.transfer, *manifest, manifest->encode([](ByteView) {})));
  demand(again && again->entries() == manifest->entries());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto file = std::as_bytes(std::span{data + 1, size - 1});
  switch (data[0] % 3) {
    case 0: check_manifest(buffer_of(file)); break;
    case 1:
      if (const auto names = decode_final_names(file)) {
        demand(std::ranges::equal(encode_final_names(*names), file));
        for (const auto& each : *names) demand(check_name(each.name).has_value());
      }
      break;
    case 2: {
      ChunkHash digest{};
      std::copy_n(file.begin(), std::min(file.size(), digest.size()), digest.begin());
      const auto checks = decode_kept_checks(file, digest);
      demand(checks.size() <= file.size() / 8);
      if (file.size() >= 16) demand(std::ranges::equal(encode_kept_checks(digest, checks), file.first(16 + checks.size() * 8)));
      break;
    }
  }
  return 0;
}
