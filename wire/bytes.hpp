// Reading and writing packets: bounds-checked, network byte order. Nothing is ever cast to a struct.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pshare {

using ByteView = std::span<const std::byte>;
using ByteBuffer = std::vector<std::byte>;

/// The bytes of a text, and the text of bytes (any bytes: nothing is validated).
ByteView bytes_of(std::string_view text);
std::string_view text_of(ByteView bytes);
ByteBuffer buffer_of(ByteView bytes);

/// Takes fields off the front of a packet. A field that is not all there gives nothing and moves nothing.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  std::optional<std::uint8_t> u8();
  std::optional<std::uint16_t> u16();
  std::optional<std::uint32_t> u32();
  std::optional<std::uint64_t> u64();
  std::optional<ByteView> bytes(std::size_t count);
  template <std::size_t N>
  std::optional<std::array<std::byte, N>> array() {
    const auto taken = bytes(N);
    if (!taken) return std::nullopt;
    std::array<std::byte, N> out;
    std::copy(taken->begin(), taken->end(), out.begin());
    return out;
  }

  ByteView rest() const { return rest_; }
  bool empty() const { return rest_.empty(); }

 private:
  ByteView rest_;
};

/// Appends fields to a packet.
class ByteWriter {
 public:
  ByteWriter& u8(std::uint8_t number);
  ByteWriter& u16(std::uint16_t number);
  ByteWriter& u32(std::uint32_t number);
  ByteWriter& u64(std::uint64_t number);
  ByteWriter& bytes(ByteView more);

  ByteView view() const { return out_; }
  ByteBuffer take() { return std::move(out_); }

 private:
  ByteBuffer out_;
};

}  // namespace pshare
