// A look at a chunk before it is compressed: is it all zeros, and how far would it shrink, judged by a small part of it.
#pragma once

#include <cstddef>
#include <optional>

#include "transfer/zstd.hpp"
#include "wire/bytes.hpp"

namespace pshare {

/// Of each of three places in the chunk (front, middle, end) so much is compressed to judge it.
inline constexpr std::size_t sample_slice = 8 * 1024;

/// From this many bits a byte on, a sample looks random, and is not even tried: zstd could gain 2 % at most.
inline constexpr double incompressible_entropy = 7.85;

struct Sample {
  bool zeros = false;  // every byte is 0
  double ratio = 1;    // compressed size to raw size at level 1, estimated; 1: not worth compressing
};

bool all_zeros(ByteView chunk);

/// The order-0 entropy of `bytes`, in bits a byte: 0 to 8.
double entropy_of(ByteView bytes);

/// `compressor` is used for a few KiB. `scratch` is working memory that is kept from call to call.
Sample sample_of(ByteView chunk, Compressor& compressor, ByteBuffer& scratch);

}  // namespace pshare
