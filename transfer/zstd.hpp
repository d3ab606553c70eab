// Compression of one chunk at a time by zstd (RFC 8878). The only files that include zstd.h.
//
// A context holds zstd's working memory and is used over and over; one for each thread that compresses or decompresses.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

inline constexpr int lowest_level = 1;
inline constexpr int highest_level = 19;  // those above need memory that a receiver cannot be expected to spend

class Compressor {
 public:
  Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;
  ~Compressor();

  /// Compresses `in` at `level` (lowest_level to highest_level) into `out`, whose former content is lost and whose capacity is
  /// kept. True if that made it smaller than `in`; otherwise `out` means nothing, and the chunk is better stored.
  bool compress(int level, ByteView in, ByteBuffer& out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

class Decompressor {
 public:
  Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;
  ~Decompressor();

  /// Fills `out`, whose size is the raw length that was announced. Nothing is ever allocated by the size the compressed data
  /// claims. Errors: malformed (no zstd, torn, or of another length than `out`).
  Result<void> decompress(ByteView in, std::span<std::byte> out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace pshare
