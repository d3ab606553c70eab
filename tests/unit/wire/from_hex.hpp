// Packets in tests, written as they are seen in a capture.
#pragma once

#include <string>
#include <string_view>

#include "wire/bytes.hpp"

namespace pshare::testing {

/// The bytes of hexadecimal digits; blanks are for the reader.
inline ByteBuffer from_hex(std::string_view digits) {
  ByteBuffer out;
  std::string pair;
  for (const char digit : digits) {
    if (digit == ' ') continue;
    pair += digit;
    if (pair.size() < 2) continue;
    out.push_back(static_cast<std::byte>(std::stoi(pair, nullptr, 16)));
    pair.clear();
  }
  return out;
}

}  // namespace pshare::testing
