// The files that people write for pshare hold texts and numbers below names, and no arrays or inline tables. Those nest, and a library that reads nested things by
// calling itself can be led to use up the stack by a file of a few hundred KiB; so they are refused before it sees them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pshare {

/// The number of the first line (from 1) that holds a value which is an array or an inline table; nothing if there is none.
inline std::optional<std::size_t> line_with_nested_value(std::string_view text) {
  std::size_t line = 1;
  char quote = 0;
  bool at_start = true, comment = false, escaped = false;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      quote = 0, at_start = true, comment = escaped = false;
      continue;
    }
    if (comment) continue;
    if (quote != 0) {
      if (!escaped && c == quote) quote = 0;
      escaped = !escaped && quote == '"' && c == '\\';
      continue;
    }
    if (c == '"' || c == '\'') quote = c;
    else if (c == '#') comment = true;
    else if (c == '{' || (c == '[' && !at_start)) return line;
    if (c != ' ' && c != '\t' && c != '[') at_start = false;  // [[name]] opens a line as [name] does
  }
  return std::nullopt;
}

}  // namespace pshare
