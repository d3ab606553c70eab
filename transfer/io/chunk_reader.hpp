// Where the sending session gets its bytes from: files (file_source.hpp) or a stream such as standard input (stream_source.hpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "transfer/manifest.hpp"
#include "wire/result.hpp"

namespace pshare {

class ChunkReader {
 public:
  virtual ~ChunkReader() = default;

  virtual const Manifest& manifest() const = 0;
  /// How long this chunk is. Only chunks that are there: below manifest().chunks(), or within what a stream has grown to.
  virtual std::uint64_t length(ChunkIndex chunk) const = 0;
  /// Reads chunk `chunk` whole into `out` (length(chunk) bytes). Blocking; from several threads at once.
  /// Errors: source_changed, local_io.
  virtual Result<void> read(ChunkIndex chunk, std::span<std::byte> out) const = 0;

  /// For a stream: what is known of it so far.
  struct Growth {
    std::uint64_t bytes = 0;         // there are so many
    bool ended = false;              // and there will be no more
    std::optional<Error> trouble;    // or it broke
  };
  virtual bool stream() const { return false; }
  /// Begins reading the stream ahead. `changed` is called, from a thread of the reader's, whenever growth() has changed.
  virtual void start(std::function<void()> changed) { (void)changed; }
  virtual Growth growth() const { return {}; }
  /// Chunks before this one are durable on the other side and need not be kept.
  virtual void release_before(ChunkIndex chunk) { (void)chunk; }
};

}  // namespace pshare
