// XXH3-128 (xxHash 0.8), by which a chunk is known to have arrived, and lie on disk, as it was sent. It finds damage, not
// malice: against malice stands the lane's TLS. The only files that include xxhash.h.
#pragma once

#include <cstdint>
#include <memory>

#include "wire/bytes.hpp"
#include "wire/lane_messages.hpp"

namespace pshare {

/// In canonical (big-endian) form, as it travels.
ChunkHash hash_of(ByteView bytes);

/// A short hash for tables and checks that never leave this program's own memory and files.
std::uint64_t short_hash_of(ByteView bytes, std::uint64_t seed = 0);

/// The same as hash_of() over pieces that come one after the other.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void add(ByteView more);
  ChunkHash digest() const;  // of all that was added so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
