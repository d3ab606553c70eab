#include "transfer/platform_name.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <vector>

namespace pshare {

namespace {

constexpr char32_t private_page = 0xF000;  // U+F000 to U+F0FF stand for a byte each

/// A character of a name, and whether it stays as it is. What is no UTF-8 comes byte by byte.
struct Piece {
  std::string_view bytes;
  char32_t character = 0;  // of a byte that is no UTF-8: that byte
  bool stays = true;
};

/// The first character of `text`; nothing of it is UTF-8: one byte that cannot stay.
Piece first_of(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {text.substr(0, 1), lead};
  const Piece broken{text.substr(0, 1), lead, false};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return broken;
  auto character = static_cast<char32_t>(lead & (0x7F >> length));
  for (std::size_t at = 1; at < length; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return broken;
    character = character << 6 | (byte(at) & 0x3F);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
  if (character < least[length] || character > 0x10FFFF || surrogate) return broken;
  return {text.substr(0, length), character};
}

std::vector<Piece> pieces_of(std::string_view name) {
  std::vector<Piece> pieces;
  while (!name.empty()) {
    pieces.push_back(first_of(name));
    name.remove_prefix(pieces.back().bytes.size());
  }
  return pieces;
}

void append(std::string& out, char32_t character) {
  const auto put = [&](char32_t value) { out.push_back(static_cast<char>(value)); };
  if (character < 0x80) return put(character);
  if (character < 0x800) return put(0xC0 | character >> 6), put(0x80 | (character & 0x3F));
  if (character < 0x10000) return put(0xE0 | character >> 12), put(0x80 | (character >> 6 & 0x3F)), put(0x80 | (character & 0x3F));
  put(0xF0 | character >> 18), put(0x80 | (character >> 12 & 0x3F)), put(0x80 | (character >> 6 & 0x3F)), put(0x80 | (character & 0x3F));
}

std::string written(const std::vector<Piece>& pieces) {
  std::string out;
  for (const auto& piece : pieces) {
    if (piece.stays) {
      out += piece.bytes;
      continue;
    }
    for (const char byte : piece.bytes) append(out, private_page + static_cast<unsigned char>(byte));
  }
  return out;
}

struct SmallLetters {
  char32_t first, last, step;
  std::int32_t to_capital;
};
constexpr auto small_letters = std::to_array<SmallLetters>({
#include "transfer/capital_letters.inc"
});

char32_t capital(char32_t letter) {
  if (letter < 0x80) return letter >= 'a' && letter <= 'z' ? letter - 0x20 : letter;
  const auto behind = std::ranges::upper_bound(small_letters, letter, {}, &SmallLetters::first);
  if (behind == small_letters.begin()) return letter;
  const auto& range = *std::prev(behind);
  if (letter > range.last || (letter - range.first) % range.step != 0) return letter;
  return static_cast<char32_t>(static_cast<std::int32_t>(letter) + range.to_capital);
}

bool is_capital(char32_t letter) {
  if (letter < 0x80) return letter >= 'A' && letter <= 'Z';
  return std::ranges::any_of(small_letters, [&](const SmallLetters& range) {
    const auto small = static_cast<char32_t>(static_cast<std::int32_t>(letter) - range.to_capital);
    return small >= range.first && small <= range.last && (small - range.first) % range.step == 0;
  });
}

/// A letter that without_case writes in another way, or that it writes others as.
bool has_case(char32_t letter) { return capital(letter) != letter || is_capital(letter); }

bool is_device(std::string_view name) {
  auto stem = without_case(name.substr(0, name.find_first_of(".:")));
  stem.erase(stem.find_last_not_of(' ') + 1);
  constexpr std::array<std::string_view, 7> plain{"CON", "PRN", "AUX", "NUL", "CLOCK$", "CONIN$", "CONOUT$"};
  if (std::find(plain.begin(), plain.end(), stem) != plain.end()) return true;
  if (!stem.starts_with("COM") && !stem.starts_with("LPT")) return false;
  constexpr std::array<std::string_view, 3> raised{"\u00B9", "\u00B2", "\u00B3"};  // Windows takes these digits too
  const auto number = std::string_view{stem}.substr(3);
  return (number.size() == 1 && number[0] >= '0' && number[0] <= '9') || std::find(raised.begin(), raised.end(), number) != raised.end();
}

/// Where the '~' of a short name is: at most eight characters, '~' and digits at their end, then perhaps a dot and at most three more.
std::size_t tilde_of_short_name(std::string_view name) {
  const auto dot = std::min(name.find('.'), name.size());
  const auto tilde = name.substr(0, dot).rfind('~');
  if (tilde == name.npos || tilde == 0 || dot > 8 || tilde + 1 == dot) return name.npos;
  const auto digits = name.substr(tilde + 1, dot - tilde - 1);
  if (digits.find_first_not_of("0123456789") != digits.npos) return name.npos;
  const auto behind = name.substr(dot);
  return behind.size() > 4 || behind.find('.', 1) != behind.npos ? name.npos : tilde;
}

/// The pieces of a name, with what Windows cannot hold marked.
std::vector<Piece> judged(std::string_view name) {
  constexpr std::u32string_view reserved = U"<>:\"/\\|?*";
  auto pieces = pieces_of(name);
  const auto tilde = tilde_of_short_name(name);
  for (auto& piece : pieces) {
    const auto character = piece.character;
    const bool ours = character >= private_page && character <= private_page + 0xFF;
    if (character < 0x20 || ours || reserved.find(character) != reserved.npos) piece.stays = false;
    if (tilde != name.npos && piece.bytes.data() == name.data() + tilde) piece.stays = false;
  }
  if (pieces.empty()) return pieces;
  if (pieces.back().character == U'.' || pieces.back().character == U' ') pieces.back().stays = false;
  if (is_device(name)) pieces.front().stays = false;
  return pieces;
}

}  // namespace

std::string without_case(std::string_view name) {
  std::string out;
  for (const auto& piece : pieces_of(name)) {
    if (piece.stays) append(out, capital(piece.character));
    else out += piece.bytes;
  }
  return out;
}

std::string name_on(Platform platform, std::string_view name) {
  return platform == Platform::windows ? written(judged(name)) : std::string{name};
}

std::string original_name(Platform platform, std::string_view name) {
  if (platform != Platform::windows) return std::string{name};
  std::string out;
  for (const auto& piece : pieces_of(name)) {
    if (piece.character >= private_page && piece.character <= private_page + 0xFF) out.push_back(static_cast<char>(piece.character - private_page));
    else out += piece.bytes;
  }
  return out;
}

std::string FolderNames::take(std::string_view name) {
  if (platform_ != Platform::windows) return std::string{name};
  auto pieces = judged(name);
  auto next = pieces.begin();
  for (;;) {
    auto candidate = written(pieces);
    if (taken_.insert(without_case(candidate)).second) return candidate;
    next = std::find_if(next, pieces.end(), [](const Piece& piece) { return piece.stays && has_case(piece.character); });
    if (next == pieces.end()) return candidate;  // every letter is written out: only the same name can have taken it
    next->stays = false;
  }
}

}  // namespace pshare
