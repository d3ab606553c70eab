// Lists in lists and tables in tables nest, and a library that reads nested things by calling itself can be led to use up the stack by a file of some
// KiB. No file of ours has any use for more than a list of texts, so what nests deeper is refused before the library sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pshare {

/// Names with more parts than these (a.b.c) nest, too.
inline constexpr std::size_t max_dots = 8;

/// The number of the first line (from 1) with an inline table, a list within a list, a text of several lines (in which quotes mean something else), or a name of
/// many parts; nothing if there is none. What is no TOML at all is for others to say.
inline std::optional<std::size_t> line_that_nests(std::string_view text) {
  std::size_t line = 1, dots = 0, depth = 0;
  char quote = 0;
  bool value = false, comment = false, escaped = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line, quote = 0, dots = 0;
      comment = escaped = false;
      if (depth == 0) value = false;
      continue;
    }
    if (comment) continue;
    if (quote != 0) {
      if (!escaped && c == quote) quote = 0;
      escaped = !escaped && quote == '"' && c == '\\';
      continue;
    }
    if (c == '"' || c == '\'') {
      if (text.substr(i, 3) == (c == '"' ? "\"\"\"" : "'''")) return line;
      quote = c;
    } else if (c == '#') {
      comment = true;
    } else if (c == '{') {
      return line;
    } else if (c == '=' && depth == 0) {
      value = true;
    } else if (c == '[' && value && ++depth > 1) {  // else [table], [[table]]
      return line;
    } else if (c == ']' && value && depth > 0) {
      --depth;
    } else if (c == '.' && !value && ++dots > max_dots) {
      return line;
    }
  }
  return std::nullopt;
}

}  // namespace pshare
