#include "wire/bytes.hpp"

#include <algorithm>

namespace pshare {

namespace {

template <typename Number>
std::optional<Number> read(ByteReader& reader) {
  const auto field = reader.bytes(sizeof(Number));
  if (!field) return std::nullopt;
  std::uint64_t number = 0;
  for (const auto byte : *field) number = number << 8 | std::to_integer<std::uint64_t>(byte);
  return static_cast<Number>(number);
}

template <typename Number>
void write(ByteBuffer& out, Number number) {
  for (auto shift = 8 * sizeof(Number); shift > 0; shift -= 8)
    out.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(number) >> (shift - 8)));
}

}  // namespace

ByteView bytes_of(std::string_view text) { return std::as_bytes(std::span{text}); }

std::string_view text_of(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

ByteBuffer buffer_of(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

std::optional<std::uint8_t> ByteReader::u8() { return read<std::uint8_t>(*this); }
std::optional<std::uint16_t> ByteReader::u16() { return read<std::uint16_t>(*this); }
std::optional<std::uint32_t> ByteReader::u32() { return read<std::uint32_t>(*this); }
std::optional<std::uint64_t> ByteReader::u64() { return read<std::uint64_t>(*this); }

std::optional<ByteView> ByteReader::bytes(std::size_t count) {
  if (count > rest_.size()) return std::nullopt;
  const auto taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

ByteWriter& ByteWriter::u8(std::uint8_t number) { return write(out_, number), *this; }
ByteWriter& ByteWriter::u16(std::uint16_t number) { return write(out_, number), *this; }
ByteWriter& ByteWriter::u32(std::uint32_t number) { return write(out_, number), *this; }
ByteWriter& ByteWriter::u64(std::uint64_t number) { return write(out_, number), *this; }

ByteWriter& ByteWriter::bytes(ByteView more) {
  out_.insert(out_.end(), more.begin(), more.end());
  return *this;
}

}  // namespace pshare
