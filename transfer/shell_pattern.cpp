#include "transfer/shell_pattern.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace pshare {

namespace {

struct Class {
  std::string_view name;
  std::string_view ranges;  // pairs of letters
};

// POSIX.1-2017, XBD 7.3.1, in the POSIX locale.
constexpr std::array classes{
    Class{"alnum", "09AZaz"}, Class{"alpha", "AZaz"},       Class{"blank", "\t\t  "},   Class{"cntrl", {"\0\x1F\x7F\x7F", 4}},
    Class{"digit", "09"},     Class{"graph", "!~"},         Class{"lower", "az"},       Class{"print", " ~"},
    Class{"punct", "!/:@[`{~"}, Class{"space", "\t\r  "},   Class{"upper", "AZ"},       Class{"xdigit", "09AFaf"},
};

constexpr unsigned char byte_of(char c) { return static_cast<unsigned char>(c); }
constexpr bool continues(char c) { return (byte_of(c) & 0xC0) == 0x80; }

/// How many bytes a letter has that begins with this one.
constexpr std::size_t length_after(char lead) {
  const auto byte = byte_of(lead);
  if (byte >= 0xC2 && byte <= 0xDF) return 2;
  if (byte >= 0xE0 && byte <= 0xEF) return 3;
  if (byte >= 0xF0 && byte <= 0xF4) return 4;
  return 1;
}

/// Takes `what` off the beginning of `text`, if it is there.
bool take(std::string_view& text, std::string_view what) {
  if (!text.starts_with(what)) return false;
  text.remove_prefix(what.size());
  return true;
}

}  // namespace

ShellPattern::Letter ShellPattern::take_letter(std::string_view& text) {
  auto length = length_after(text.front());
  if (length > text.size() || !std::ranges::all_of(text.substr(1, length - 1), continues)) length = 1;
  Letter letter = 0;
  for (std::size_t i = 0; i < sizeof letter; ++i) letter = letter << 8 | (i < length ? byte_of(text[i]) : 0u);
  text.remove_prefix(length);
  return letter;
}

/// "[:alpha:]". False: it is none, and its '[' is a letter.
bool ShellPattern::take_class(std::string_view& text, Set& set) {
  if (!text.starts_with("[:")) return false;
  const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz", 2);
  if (end == std::string_view::npos || !text.substr(end).starts_with(":]")) return false;
  // One with a name that nobody knows has no members.
  if (const auto known = std::ranges::find(classes, text.substr(2, end - 2), &Class::name); known != classes.end())
    for (auto rest = known->ranges; !rest.empty();) {
      const auto first = take_letter(rest);
      set.ranges.emplace_back(first, take_letter(rest));
    }
  text.remove_prefix(end + 2);
  return true;
}

/// A letter by itself, behind a backslash, as "[.x.]" or as "[=x=]". False: the text has ended.
bool ShellPattern::take_end_of_range(std::string_view& text, Letter& letter) {
  for (const std::string_view around : {".", "="}) {
    auto inner = text;
    if (!take(inner, "[") || !take(inner, around) || inner.empty()) continue;
    letter = take_letter(inner);
    if (!take(inner, around) || !take(inner, "]")) continue;
    text = inner;
    return true;
  }
  take(text, "\\");
  if (text.empty()) return false;
  letter = take_letter(text);
  return true;
}

/// False: it is none, since it does not begin with a '[', or does not end.
bool ShellPattern::take_set(std::string_view& text, Set& set) {
  auto rest = text;
  if (!take(rest, "[") || rest.find(']') == std::string_view::npos) return false;
  set.negated = take(rest, "!") || take(rest, "^");
  for (bool first = true; first || !take(rest, "]"); first = false) {
    if (take_class(rest, set)) continue;
    Letter from = 0;
    if (!take_end_of_range(rest, from)) return false;
    auto to = from;
    if (rest.size() > 1 && rest[0] == '-' && rest[1] != ']') {
      rest.remove_prefix(1);
      if (!take_end_of_range(rest, to)) return false;
    }
    set.ranges.emplace_back(from, to);
  }
  text = rest;
  return true;
}

ShellPattern::ShellPattern(std::string_view text) {
  while (!text.empty()) {
    if (take(text, "*")) {
      if (elements_.empty() || !std::holds_alternative<AnyLetters>(elements_.back())) elements_.emplace_back(AnyLetters{});
    } else if (take(text, "?")) {
      elements_.emplace_back(AnyLetter{});
    } else if (Set set; take_set(text, set)) {
      elements_.emplace_back(std::move(set));
    } else if (text == "\\") {
      never_ = true;
      return;
    } else {
      take(text, "\\");
      elements_.emplace_back(take_letter(text));
    }
  }
}

bool ShellPattern::stands_for(const Element& element, Letter letter, Slash slash) {
  if (const auto* literally = std::get_if<Letter>(&element)) return *literally == letter;
  std::string_view one{"/"};
  if (slash == Slash::itself && letter == take_letter(one)) return false;
  const auto* set = std::get_if<Set>(&element);
  return !set || set->negated != std::ranges::any_of(set->ranges, [letter](const auto& range) { return range.first <= letter && letter <= range.second; });
}

/// A mismatch gives the last star one letter more, and what followed it another try. No earlier star has to be asked: it could only take letters from
/// what the last one may have anyway, or, where only a '/' stands for a '/', it belongs to another part of the path.
bool ShellPattern::matches(std::string_view text, Slash slash) const {
  if (never_) return false;
  std::size_t at = 0;
  struct Star {
    std::size_t next;       // the element behind it
    std::string_view rest;  // what it has not taken
  };
  std::optional<Star> star;
  while (!text.empty() || at < elements_.size()) {
    if (at < elements_.size() && std::holds_alternative<AnyLetters>(elements_[at])) {
      star = Star{++at, text};
      continue;
    }
    if (at < elements_.size() && !text.empty()) {
      auto rest = text;
      if (stands_for(elements_[at], take_letter(rest), slash)) {
        ++at;
        text = rest;
        continue;
      }
    }
    if (!star || star->rest.empty() || !stands_for(AnyLetter{}, take_letter(star->rest), slash)) return false;
    at = star->next;
    text = star->rest;
  }
  return true;
}

bool ShellPattern::matches_name(std::string_view name) const { return matches(name, Slash::a_letter); }
bool ShellPattern::matches_path(std::string_view path) const { return matches(path, Slash::itself); }

}  // namespace pshare
