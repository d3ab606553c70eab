// Reads tests/e2e/hostile/names.txt, which says what its lines mean.
#pragma once

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pshare::test {

struct HostileName {
  std::string on_linux, on_windows;  // the words of the file
  std::string name;
};

inline void append_utf8(std::string& out, unsigned long character) {
  const auto put = [&](unsigned long value) { out.push_back(static_cast<char>(static_cast<unsigned char>(value))); };
  if (character < 0x80) return put(character);
  if (character < 0x800) return put(0xC0 | character >> 6), put(0x80 | (character & 0x3F));
  if (character < 0x10000) return put(0xE0 | character >> 12), put(0x80 | (character >> 6 & 0x3F)), put(0x80 | (character & 0x3F));
  put(0xF0 | character >> 18), put(0x80 | (character >> 12 & 0x3F)), put(0x80 | (character >> 6 & 0x3F)), put(0x80 | (character & 0x3F));
}

/// `text` stands behind an opening quote; it is left behind the closing one.
inline std::string quoted(std::string_view& text) {
  std::string out;
  const auto number = [&](std::size_t digits) {
    const auto value = std::stoul(std::string{text.substr(0, digits)}, nullptr, 16);
    text.remove_prefix(digits);
    return value;
  };
  for (;;) {
    const char letter = text.at(0);
    text.remove_prefix(1);
    if (letter == '"') return out;
    if (letter != '\\') {
      out += letter;
      continue;
    }
    const char escape = text.at(0);
    text.remove_prefix(1);
    switch (escape) {
      case 'x': out += static_cast<char>(static_cast<unsigned char>(number(2))); break;
      case 'u': append_utf8(out, number(4)); break;
      case 'U': append_utf8(out, number(8)); break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'e': out += '\x1b'; break;
      case '0': out += '\0'; break;
      default: out += escape;
    }
  }
}

inline std::vector<HostileName> hostile_names() {
  std::ifstream file{PSHARE_HOSTILE_NAMES};
  if (!file) throw std::runtime_error{"cannot read " PSHARE_HOSTILE_NAMES};
  std::vector<HostileName> all;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#' || line[0] == '[') continue;
    const auto first = line.find(' '), second = line.find(' ', first + 1);
    HostileName each{line.substr(0, first), line.substr(first + 1, second - first - 1), {}};
    auto text = std::string_view{line}.substr(second + 1);
    while (!text.empty()) {
      text.remove_prefix(text.find('"') + 1);
      const auto piece = quoted(text);
      std::size_t times = 1;
      if (text.starts_with('*')) {
        text.remove_prefix(1);
        times = std::stoul(std::string{text});
      }
      for (; times != 0; --times) each.name += piece;
      text.remove_prefix(std::min(text.find('"'), text.size()));
    }
    all.push_back(std::move(each));
  }
  return all;
}

}  // namespace pshare::test
