#include "transfer/zstd.hpp"

#include <zstd.h>

#include <algorithm>
#include <cassert>
#include <new>

namespace pshare {

namespace {

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Unexpected malformed(std::string what) {
  return Unexpected{{.code = Errc::malformed, .doing = "decompressing a chunk: " + std::move(what)}};
}

}  // namespace

struct Compressor::Context {
  std::unique_ptr<ZSTD_CCtx, FreeCompressor> zstd{ZSTD_createCCtx()};
};

Compressor::Compressor() : context_(std::make_unique<Context>()) {
  if (!context_->zstd) throw std::bad_alloc{};
}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

bool Compressor::compress(int level, ByteView in, ByteBuffer& out) {
  assert(level >= lowest_level && level <= highest_level);
  if (in.size() < 2) return false;
  // Room for one byte less than the raw length: what does not fit did not pay, and zstd stops as soon as it sees that.
  out.resize(in.size() - 1);
  const auto size = ZSTD_compressCCtx(context_->zstd.get(), out.data(), out.size(), in.data(), in.size(), level);
  if (ZSTD_isError(size) != 0) return false;
  out.resize(size);
  return true;
}

struct Decompressor::Context {
  std::unique_ptr<ZSTD_DCtx, FreeDecompressor> zstd{ZSTD_createDCtx()};
};

Decompressor::Decompressor() : context_(std::make_unique<Context>()) {
  if (!context_->zstd) throw std::bad_alloc{};
}
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

Result<void> Decompressor::decompress(ByteView in, std::span<std::byte> out) {
  const auto size = ZSTD_decompressDCtx(context_->zstd.get(), out.data(), out.size(), in.data(), in.size());
  if (ZSTD_isError(size) != 0) return malformed(ZSTD_getErrorName(size));
  if (size != out.size())
    return malformed("it holds " + std::to_string(size) + " bytes instead of " + std::to_string(out.size()));
  return {};
}

}  // namespace pshare
