// Fuzzes what the server says by itself: the dial-back frame and the reflection. What is accepted is written and read again as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "wire/dial_back.hpp"
#include "wire/reflection.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto bytes = std::as_bytes(std::span{data, size});
  if (const auto nonce = decode_dial_back(bytes)) {
    const auto again = encode_dial_back(*nonce);
    if (!looks_like_dial_back(bytes) || !std::ranges::equal(again, bytes)) std::abort();
  }
  if (const auto reflection = decode_reflection(bytes)) {
    const auto again = decode_reflection(encode(*reflection));
    if (!again || *again != *reflection || reflection->observed.port.number == 0) std::abort();
  }
  return 0;
}
