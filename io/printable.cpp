#include "io/printable.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace pshare {

namespace {

constexpr std::string_view cut_mark = "...";

struct Character {
  char32_t code = 0;
  std::size_t length = 0;  // in bytes
};

/// The character that `text` begins with, by the table of well-formed sequences (Unicode 15, table 3-7); nothing: a byte that
/// belongs to none.
std::optional<Character> first_character(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto lead = at(0);
  if (lead < 0x80) return Character{lead, 1};
  std::size_t length = 0;
  std::uint8_t low = 0x80, high = 0xBF;  // of the second byte
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;   // shorter would do: overlong
    if (lead == 0xED) high = 0x9F;  // surrogates
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;  // beyond U+10FFFF
  }
  if (length == 0 || text.size() < length || at(1) < low || at(1) > high) return std::nullopt;
  auto code = static_cast<char32_t>(lead & (0x7Fu >> length));
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0u) != 0x80u) return std::nullopt;
    code = (code << 6) | (at(i) & 0x3Fu);
  }
  return Character{code, length};
}

struct Range {
  char32_t first, last;
};

/// Characters above ASCII that reorder, hide or break what stands around them. The joiners U+200C and U+200D are left alone:
/// scripts and emoji need them.
constexpr std::array deceptive{
    Range{0x80, 0x9F},        // C1 controls; U+009B is CSI to some terminals
    Range{0xAD, 0xAD},        // soft hyphen
    Range{0x61C, 0x61C},      // Arabic letter mark
    Range{0x180E, 0x180E},    // Mongolian vowel separator
    Range{0x200B, 0x200B},    // zero width space
    Range{0x200E, 0x200F},    // left-to-right and right-to-left marks
    Range{0x2028, 0x202E},    // line and paragraph separators; embeddings and overrides
    Range{0x2060, 0x206F},    // invisible operators; isolates; deprecated format characters
    Range{0xFEFF, 0xFEFF},    // zero width no-break space
    Range{0xFFF9, 0xFFFB},    // interlinear annotation
    Range{0xE0000, 0xE0FFF},  // tags
};

bool is_deceptive(char32_t code) {
  return std::any_of(deceptive.begin(), deceptive.end(),
                     [&](const Range& range) { return code >= range.first && code <= range.last; });
}

std::string escaped(const char* format, unsigned number) {
  std::array<char, 16> out;
  const auto length = std::snprintf(out.data(), out.size(), format, number);
  return {out.data(), static_cast<std::size_t>(length)};
}

}  // namespace

std::string printable(std::string_view bytes, Newlines newlines, std::size_t longest) {
  assert(longest >= 16);
  std::string out;
  std::size_t last_that_leaves_room = 0;  // for the mark, if what follows does not fit
  while (!bytes.empty()) {
    const auto character = first_character(bytes);
    const auto length = character ? character->length : 1;
    std::string piece;
    if (!character)
      piece = escaped("\\x%02x", static_cast<std::uint8_t>(bytes[0]));
    else if (character->code == '\n' && newlines == Newlines::kept)
      piece = "\n";
    else if (character->code < 0x20 || character->code == 0x7F)
      piece = escaped("\\x%02x", static_cast<unsigned>(character->code));
    else if (is_deceptive(character->code))
      piece = escaped("\\u{%x}", static_cast<unsigned>(character->code));
    else
      piece = bytes.substr(0, length);
    if (out.size() + cut_mark.size() <= longest) last_that_leaves_room = out.size();
    if (out.size() + piece.size() > longest) {
      out.resize(last_that_leaves_room);
      return out += cut_mark;
    }
    out += piece;
    bytes.remove_prefix(length);
  }
  return out;
}

}  // namespace pshare
