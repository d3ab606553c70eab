// One-time codes as people see them: "4821-comet-walnut". The number is the server's, under which the two meet, and no secret; the words are the
// secret, ten bits each, and never leave the machine but by way of secure/code_exchange.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/control.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Words of a code: two make 20 bits, of which a guesser has one try (the code is burnt by it). More for who wants more.
inline constexpr std::size_t min_code_words = 2, max_code_words = 8;

/// The longest text that parse() looks at: the longest code with its server, host name and fingerprint.
inline constexpr std::size_t max_code_text = 512;

/// The secret part: words of the list in secure/words.hpp, joined by '-', in lower case.
class CodeWords {
 public:
  /// `count` of them, drawn uniformly.
  static CodeWords random(std::size_t count, Random& random);

  // Never moved: a moved-from string may keep what it held, and the destructor would not see it.
  CodeWords(const CodeWords&) = default;
  CodeWords& operator=(const CodeWords&) = default;
  ~CodeWords();

  const std::string& reveal() const { return words_; }

 private:
  friend struct Code;
  explicit CodeWords(std::string words) : words_(std::move(words)) {}
  std::string words_;
};

struct Code {
  std::uint64_t number = 0;
  CodeWords words;
  /// Where the two meet: "HOST:PORT#FINGERPRINT" or "HOST:PORT", if the code says so (as the one in a QR code does).
  std::optional<std::string> server = {};

  std::string text() const;  // NUMBER-word-word
  /// With the server, for a QR code or to be pasted: "pshare:NUMBER-word-word/HOST:PORT/FINGERPRINT". Upper or lower case means the same.
  static std::string link(const std::string& text, std::string_view host_and_port, std::string_view fingerprint);

  /// What somebody typed, scanned or pasted: text() or link(), in any case; spaces do as dashes, and around it they do not matter. Errors: usage, which
  /// says what is wrong and which words were perhaps meant; never says more of the code than that.
  static Result<Code> parse(std::string_view given);
};

/// Whether a command-line argument might be a code, well formed or not: then it is wiped from the process list.
bool looks_like_a_code(std::string_view argument);

/// Of a word that is not in the list: those that it may have been meant for, the likeliest first, three at most.
std::vector<std::string_view> likely_words(std::string_view word);

/// For the Tab key: what can be added to a code that was typed so far, because all words that begin like its last one go on like that. "" where there are
/// several ways, or none; `choices` are the words in question, if there are few enough to be shown.
struct CodeCompletion {
  std::string added;
  std::vector<std::string_view> choices;
};
inline constexpr std::size_t max_shown_choices = 24;
CodeCompletion complete_code(std::string_view typed);

/// For the Tab key of a shell: all that a code which was typed so far may be with its last word ended; with a '-' behind it where another word must follow.
/// None before the number is there, which is the server's.
std::vector<std::string> codes_begun(std::string_view typed);

}  // namespace pshare
