// What can stand where the cursor is, for the Tab key of a shell. Pure: what only the home knows (contacts, receipts) is asked of a Lookup. The shells' part is
// packaging/completions, why it is so docs/decisions/0031.
//
//   shell                              program __complete
//     words, a NUL behind each  ----->   (on standard input: a code among them is not for the process list)
//     <-----  KIND [joined]              words, files or directories: what the shell is to offer; joined: no space behind it
//             SUGGESTION [TAB MEANING]   any number of lines, each the whole of the last word
#pragma once

#include <cstdio>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/command_line/command.hpp"

namespace pshare {

/// The one argument with which a program completes instead of doing anything.
inline constexpr std::string_view complete_argument = "__complete";
/// What is longer is no command line that somebody types.
inline constexpr std::size_t max_typed_line = 64 * 1024;

struct Suggestion {
  std::string word, meaning = {};
  friend bool operator==(const Suggestion&, const Suggestion&) = default;
};

struct Completion {
  enum class Kind { words, files, directories };
  Kind kind = Kind::words;
  bool joined = false;                // more is likely to follow at once: no space
  std::vector<Suggestion> suggestions;  // of Kind::words

  /// The program's answer, as above.
  std::string text() const;
};

/// What is known outside of the command line. Nothing where nothing is known; never an error.
struct Lookup {
  /// Of the kinds contact, receipt, server and code, which it alone has words for: those that may begin so. `home` is --home's value, if there is one.
  std::function<std::vector<Suggestion>(ValueKind kind, std::string_view begun, const std::string& home)> suggestions;
};

/// `words` are those behind the program's name, up to the cursor; the last one is completed, and may be empty.
Completion complete(const Command& root, std::span<const std::string> words, const Lookup& lookup);

/// What a shell writes there, to its end.
std::string typed_line(std::FILE* input);
/// The words in it, each with a NUL behind it.
std::vector<std::string> typed_words(std::string_view line);

}  // namespace pshare
