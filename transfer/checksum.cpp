#include "transfer/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <span>

namespace pshare {

namespace {

ChunkHash canonical(const XXH128_hash_t& hash) {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, hash);
  ChunkHash out;
  std::ranges::copy(std::as_bytes(std::span{bytes.digest}), out.begin());
  return out;
}

}  // namespace

ChunkHash hash_of(ByteView bytes) { return canonical(XXH3_128bits(bytes.data(), bytes.size())); }

std::uint64_t short_hash_of(ByteView bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

struct Hasher::State {
  XXH3_state_t xxh;  // wants 64-byte alignment, which its type carries and new respects
};

Hasher::Hasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::add(ByteView more) { XXH3_128bits_update(&state_->xxh, more.data(), more.size()); }

ChunkHash Hasher::digest() const { return canonical(XXH3_128bits_digest(&state_->xxh)); }

}  // namespace pshare
