// Control frames: a length of four bytes (network order, without itself), then that many bytes of one CBOR map.
#pragma once

#include <cstddef>
#include <optional>

#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

/// The longest body of a control frame. Design section 4.
inline constexpr std::size_t max_frame = 64 * 1024;

/// The frame that carries `body`. `body` is at most max_frame long (our own reasoning, so asserted).
ByteBuffer frame(ByteView body);

/// Takes frames out of a byte stream that arrives in pieces. Holds at most one frame's bytes beyond what was fed last.
class FrameReader {
 public:
  void feed(ByteView more);
  /// The next whole body, nothing if more bytes are needed. Errors: limit (a length over max_frame); final.
  Result<std::optional<ByteBuffer>> next();

 private:
  ByteBuffer pending_;
  std::size_t consumed_ = 0;
};

}  // namespace pshare
