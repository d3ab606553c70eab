// Fuzzes the patterns of --exclude and the names they are held against: lines, first the path, then patterns. A path is always left out by itself with each letter
// escaped; what each of the patterns means does not depend on the others, and is what the C library makes of it; and it is soon over.
#include <fnmatch.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/exclusion.hpp"
#include "transfer/safe_name.hpp"
#include "wire/bytes.hpp"

namespace pshare {
namespace {

/// Each letter by itself; one of more than a byte stays in one piece.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '/' && (c & 0xC0) != 0x80) out += '\\';
    out += c;
  }
  return out;
}

std::string line_of(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  std::string line{text.substr(0, end)};
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// A path that the walk may come to.
bool is_path(std::string_view path) {
  while (true) {
    const auto slash = path.find('/');
    if (!check_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

/// With a byte for each letter, as the C library has it in the locale "C"; nothing for letters that Latin-1 has not.
std::optional<std::string> in_latin1(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x80) out += utf8[i];
    else if ((byte == 0xC2 || byte == 0xC3) && i + 1 < utf8.size() && (utf8[i + 1] & 0xC0) == 0x80) out += static_cast<char>((byte & 0x03) << 6 | (utf8[++i] & 0x3F));
    else return std::nullopt;
  }
  return out;
}

/// Whether the C library can be asked: it takes ages for many stars, and of a set that does not end, or has a class that it does not know, it says now this and now that.
bool oracle_knows(std::string_view pattern) {
  if (std::ranges::count(pattern, '*') > 4 || pattern.size() > 64) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') ++i;
    else if (pattern[i] == '[') {
      i = pattern.find_first_of("[]\\", i + 1);
      if (i == std::string_view::npos || pattern[i] != ']' || pattern[i - 1] == '[' || pattern.substr(i - 2, 2) == "[!" || pattern.substr(i - 2, 2) == "[^") return false;
    }
  }
  return true;
}

bool oracle(std::string pattern, const std::string& name, const std::string& path) {
  if (const auto last = pattern.find_last_not_of('/'); last != std::string::npos) pattern.resize(last + 1);
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0 || ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size > 4096 || std::find(data, data + size, 0) != data + size) return 0;
  auto text = text_of(std::as_bytes(std::span{data, size}));
  const auto path = line_of(text);
  if (!is_path(path)) return 0;
  const auto name = path.substr(path.rfind('/') + 1);
  std::vector<std::string> patterns;
  while (!text.empty() && patterns.size() < 16) patterns.push_back(line_of(text));

  const auto any = std::ranges::any_of(patterns, [&](const std::string& each) { return is_excluded(std::span{&each, 1}, name, path); });
  if (is_excluded(patterns, name, path) != any) std::abort();
  const auto plain_name = in_latin1(name), plain_path = in_latin1(path);
  for (const auto& each : patterns)
    if (const auto plain = in_latin1(each); plain && plain_name && plain_path && oracle_knows(*plain))
      if (is_excluded(std::span{&each, 1}, name, path) != oracle(*plain, *plain_name, *plain_path)) std::abort();
  for (const auto& literally : {escaped(name), escaped(path), std::string{"*"}})
    if (!is_excluded(std::span{&literally, 1}, name, path)) std::abort();
  const auto longer = escaped(path + "x");
  if (is_excluded(std::span{&longer, 1}, name, path)) std::abort();
  return 0;
}
