// A shell pattern: POSIX.1-2017, XCU 2.13 "Pattern Matching Notation", as fnmatch(3) understands it, with the same answer on every system, also on those that have none.
// Letters are those of UTF-8, whatever the locale: `?` is one of them, and a range in a set goes by code points; a byte that is no UTF-8 is a letter of its own.
// Classes (`[[:alpha:]]`) are those of ASCII. A leading dot is a letter like any other. Matching takes no more steps than the product of the two lengths.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pshare {

class ShellPattern {
 public:
  /// A '[' without its ']' stands for itself. A '\\' at the end matches nothing.
  explicit ShellPattern(std::string_view text);

  /// A '/' is a letter like any other.
  bool matches_name(std::string_view name) const;
  /// Only a '/' stands for a '/' (FNM_PATHNAME).
  bool matches_path(std::string_view path) const;

 private:
  /// The bytes of one letter in a number, the first in the highest place, so that their order is that of code points.
  using Letter = std::uint32_t;
  struct AnyLetter {};
  struct AnyLetters {};
  struct Set {
    bool negated = false;
    std::vector<std::pair<Letter, Letter>> ranges;  // both ends belong to it
  };
  using Element = std::variant<Letter, AnyLetter, AnyLetters, Set>;
  enum class Slash { a_letter, itself };

  static Letter take_letter(std::string_view& text);
  static bool take_set(std::string_view& text, Set& set);
  static bool take_class(std::string_view& text, Set& set);
  static bool take_end_of_range(std::string_view& text, Letter& letter);
  static bool stands_for(const Element& element, Letter letter, Slash slash);
  bool matches(std::string_view text, Slash slash) const;

  std::vector<Element> elements_;
  bool never_ = false;
};

}  // namespace pshare
