#include "wire/ids.hpp"

#include <algorithm>
#include <cstring>

#include "wire/bytes.hpp"

namespace pshare {

namespace {

constexpr std::string_view base32_alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // RFC 4648 section 6
constexpr std::size_t check_size = 3;
constexpr std::size_t text_symbols = (PeerId::size + check_size) * 8 / 5;
constexpr std::size_t group_symbols = 7;

// RFC 4880 section 6.1.
std::uint32_t crc24(ByteView bytes) {
  std::uint32_t crc = 0xB704CE;
  for (const auto byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte) << 16;
    for (int bit = 0; bit < 8; ++bit) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864CFB;
    }
  }
  return crc & 0xFFFFFF;
}

char forgive(char typed) {
  if (typed >= 'a' && typed <= 'z') typed = static_cast<char>(typed - 'a' + 'A');
  switch (typed) {
    case '0': return 'O';
    case '1': return 'I';
    case '8': return 'B';
    default: return typed;
  }
}

Unexpected refuse(std::string why) {
  return Unexpected{{.code = Errc::malformed,
                     .doing = "reading a peer ID: " + std::move(why),
                     .hint = "Copy the whole ID, as `pshare id` prints it on the other machine."}};
}

}  // namespace

Result<PeerId> PeerId::parse(std::string_view text) {
  ByteBuffer decoded;
  std::uint32_t pending = 0;
  int pending_bits = 0;
  std::size_t symbols = 0;
  for (const char typed : text) {
    if (typed == '-' || typed == ' ') continue;
    const auto value = base32_alphabet.find(forgive(typed));
    if (value == std::string_view::npos) return refuse("it holds a character that no peer ID has");
    if (++symbols > text_symbols) return refuse("it is longer than 56 characters");
    pending = (pending << 5 | static_cast<std::uint32_t>(value)) & 0xFFF;
    pending_bits += 5;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    decoded.push_back(static_cast<std::byte>(pending >> pending_bits));
  }
  if (symbols < text_symbols)
    return refuse("it has " + std::to_string(symbols) + " characters instead of " + std::to_string(text_symbols));

  ByteReader reader{decoded};
  const auto digest = reader.array<size>();
  const auto check = crc24(*digest);
  ByteWriter expected;
  expected.u8(static_cast<std::uint8_t>(check >> 16)).u16(static_cast<std::uint16_t>(check));
  if (!std::ranges::equal(reader.rest(), expected.view())) return refuse("its check characters do not fit, so it is mistyped");
  return PeerId{*digest};
}

std::string PeerId::text() const {
  const auto check = crc24(digest_);
  ByteWriter all;
  all.bytes(digest_).u8(static_cast<std::uint8_t>(check >> 16)).u16(static_cast<std::uint16_t>(check));

  std::string out;
  std::uint32_t pending = 0;
  int pending_bits = 0;
  std::size_t symbols = 0;
  for (const auto byte : all.view()) {
    pending = (pending << 8 | std::to_integer<std::uint32_t>(byte)) & 0xFFFF;
    pending_bits += 8;
    while (pending_bits >= 5) {
      pending_bits -= 5;
      if (symbols > 0 && symbols % group_symbols == 0) out += '-';
      out += base32_alphabet[pending >> pending_bits & 31];
      ++symbols;
    }
  }
  return out;
}

std::string PeerId::short_text() const { return text().substr(0, 2 * group_symbols + 1); }

SessionId SessionId::random(Random& random) {
  SessionId id;
  random.fill(id.bytes);
  return id;
}

TicketId TicketId::random(Random& random) {
  TicketId id;
  random.fill(id.bytes);
  return id;
}

std::string SessionId::text() const { return hex(bytes); }
std::string TicketId::text() const { return hex(bytes); }
std::string TransferId::text() const { return hex(bytes); }

std::string hex(std::span<const std::byte> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[std::to_integer<std::size_t>(byte >> 4)];
    out += digits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return out;
}

}  // namespace pshare

// Both are uniformly random already, so any eight bytes of them are a hash.
std::size_t std::hash<pshare::PeerId>::operator()(const pshare::PeerId& id) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, id.digest().data(), sizeof value);
  return value;
}

std::size_t std::hash<pshare::SessionId>::operator()(const pshare::SessionId& id) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, id.bytes.data(), sizeof value);
  return value;
}
