// How many files are complete, for people who watch: those that lie wholly before the first chunk that is not durable. With chunks that
// overtake each other it lags behind a little, and never has to be taken back.
#pragma once

#include <cstdint>

#include "transfer/manifest.hpp"

namespace pshare {

class FilesDone {
 public:
  /// Every chunk before `prefix` is durable. Goes on from where it was.
  void advance(const Manifest& manifest, ChunkIndex prefix) {
    if (prefix.number >= manifest.chunks()) prefix.number = manifest.chunks();
    const auto bytes = prefix.number == manifest.chunks() ? manifest.bytes() : prefix.number * manifest.chunk_size();
    for (; next_.number < manifest.entries(); ++next_.number) {
      const auto entry = manifest.entry(next_);
      if (entry.type != EntryType::file) continue;
      if (manifest.offset(next_) + entry.size > bytes) break;
      ++count_;
    }
  }
  std::uint64_t count() const { return count_; }

 private:
  EntryIndex next_;
  std::uint64_t count_ = 0;
};

}  // namespace pshare
