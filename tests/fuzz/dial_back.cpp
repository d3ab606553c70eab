// Fuzzes what the server says by itself, the dial-back frame and the reflection, and the role that it is told. What is accepted is written and read again as the same.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "wire/dial_back.hpp"
#include "wire/reflection.hpp"
#include "wire/role.hpp"

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
  if (const auto role = decode_role(bytes); role && role->size() + 8 <= max_role_frame) {
    const auto again = decode_role(encode_role(*role));
    if (!again || *again != *role) std::abort();
  }
  return 0;
}
