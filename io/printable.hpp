// Makes any bytes safe to show: names, messages and errors that came from the network must not move the cursor, change the
// terminal, or read differently from what they are. Pure: no terminal, no locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pshare {

/// The longest text that is shown whole unless the caller says otherwise, in bytes of the result.
inline constexpr std::size_t max_printable = 1024;

enum class Newlines {
  escaped,  // for one line: a name, a log value
  kept,     // for a message of several lines
};

/// Valid UTF-8 that any terminal shows as it is written. What is not fit is replaced by a visible escape:
///   \x1b      a control character (C0, DEL), or a byte that is no UTF-8 (overlong forms and surrogates included)
///   \u{202e}  a character that reorders or hides others: C1 controls, bidirectional controls, line and paragraph separators,
///             invisible operators and tags
/// A text that would be longer than `longest` is cut at a character and ends in "...". `longest` is at least 16.
std::string printable(std::string_view bytes, Newlines newlines = Newlines::escaped, std::size_t longest = max_printable);

}  // namespace pshare
