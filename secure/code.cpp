#include "secure/code.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <span>

#include "secure/secret.hpp"
#include "secure/slips.hpp"
#include "secure/words.hpp"

namespace pshare {

namespace {

constexpr std::string_view scheme = "pshare:";
/// How much more than this a word may be off and still be taken for another one.
constexpr std::size_t most_slips = 2;
constexpr std::size_t most_suggestions = 3;
/// Words of codes have six letters at most: what is longer than two of them is meant for none.
constexpr std::size_t longest_guessed = 2 * std::size_t{6};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool parts_words(char c) { return c == '-' || is_space(c) || c == '_' || c == '.'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  bool inside = false;
  for (const char c : text) {
    if (parts_words(c)) {
      inside = false;
      continue;
    }
    if (!inside) parts.emplace_back();
    parts.back() += lower(c);
    inside = true;
  }
  return parts;
}

Unexpected refuse(std::string why, std::string hint) { return Unexpected{{.code = Errc::usage, .doing = std::move(why), .hint = std::move(hint)}}; }

constexpr const char* what_a_code_is = "A code is a number and words, as the other side shows it, for instance 4821-comet-walnut.";

/// A bit for each letter in it.
std::uint32_t letters_of(std::string_view word) {
  std::uint32_t letters = 0;
  for (const char c : word)
    if (c >= 'a' && c <= 'z') letters |= std::uint32_t{1} << (c - 'a');
  return letters;
}

Unexpected no_such_word(const std::string& word, std::size_t position) {
  const auto likely = likely_words(word);
  std::string meant;
  for (const auto each : likely) meant += (meant.empty() ? "" : each == likely.back() ? " or " : ", ") + ("\"" + std::string{each} + "\"");
  // The word may hold anything, and is told back only if it is letters.
  const bool tellable = std::ranges::all_of(word, is_letter) && word.size() <= 32;
  return refuse("word " + std::to_string(position) + " of the code" + (tellable ? ", \"" + word + "\"," : "") + " is no word that codes are made of" +
                    (meant.empty() ? "" : "; perhaps it is meant to be " + meant),
                "Nothing was sent. Compare the code with what the other side shows, and type it again.");
}

Result<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (trouble != std::errc{} || end != digits.data() + digits.size() || number < smallest_code_number || number > largest_code_number)
    return refuse("the number in front of the code is none that a server gives out (they have 4 to 7 digits)", what_a_code_is);
  return number;
}

/// "HOST:PORT" or "HOST:PORT/FINGERPRINT", as a link has it, in the form of --server.
std::optional<std::string> server_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto slash = text.find('/');
  auto server = lower(text.substr(0, slash));
  if (slash != std::string_view::npos) server += "#" + std::string{text.substr(slash + 1)};
  return server;
}

}  // namespace

CodeWords::~CodeWords() { wipe(std::as_writable_bytes(std::span{words_.data(), words_.size()})); }

CodeWords CodeWords::random(std::size_t count, Random& random) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += (text.empty() ? "" : "-") + std::string{pshare::words()[random.below(pshare::words().size())]};
  return CodeWords{std::move(text)};
}

std::string Code::text() const { return std::to_string(number) + "-" + words.reveal(); }

std::string Code::link(const std::string& text, std::string_view host_and_port, std::string_view fingerprint) {
  std::string link{scheme};
  link += text + "/";
  link += host_and_port;
  link += "/";
  std::ranges::copy_if(fingerprint, std::back_inserter(link), [](char c) { return c != '-'; });
  return link;
}

Result<Code> Code::parse(std::string_view given) {
  auto text = trimmed(given);
  if (text.size() > max_code_text) return refuse("that is too long for a code", what_a_code_is);
  std::optional<std::string> server;
  if (lower(text.substr(0, scheme.size())) == scheme) {
    text.remove_prefix(scheme.size());
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
      server = server_of(text.substr(slash + 1));
      text = text.substr(0, slash);
    }
  }
  const auto parts = parts_of(text);
  if (parts.empty()) return refuse("there is no code", what_a_code_is);
  if (!std::ranges::all_of(parts.front(), is_digit))
    return refuse("the code has no number in front, without which nobody would know where to go with it", "Nothing was sent. " + std::string{what_a_code_is});
  const auto number = number_of(parts.front());
  if (!number) return Unexpected{number.error()};
  const std::span words{parts.begin() + 1, parts.end()};
  std::string joined;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!word_index(words[i])) return no_such_word(words[i], i + 1);
    joined += (i == 0 ? "" : "-") + words[i];
  }
  if (words.size() < min_code_words || words.size() > max_code_words)
    return refuse("the code has " + std::to_string(words.size()) + (words.size() == 1 ? " word" : " words") + " behind its number; there are " +
                      std::to_string(min_code_words) + " to " + std::to_string(max_code_words),
                  "Nothing was sent. Compare it with what the other side shows, and type all of it.");
  return Code{*number, CodeWords{std::move(joined)}, std::move(server)};
}

bool looks_like_a_code(std::string_view argument) {
  const auto text = trimmed(argument);
  if (lower(text.substr(0, scheme.size())) == scheme) return true;
  const auto parts = parts_of(text);
  const auto is_word = [](const std::string& part) { return std::ranges::all_of(part, is_letter); };
  if (parts.size() < 2 || !is_word(parts[1])) return false;
  if (std::ranges::all_of(parts.front(), is_digit)) return true;
  return std::ranges::all_of(parts, is_word) && std::ranges::any_of(parts, [](const std::string& part) { return word_index(part).has_value(); });
}

std::vector<std::string_view> likely_words(std::string_view word) {
  struct Likely {
    std::size_t slips;
    std::string_view word;
  };
  if (word.size() > longest_guessed) return {};
  const auto given = letters_of(word);
  std::vector<Likely> found;
  for (const auto each : words()) {
    if (std::popcount(letters_of(each) & ~given) > static_cast<int>(most_slips)) continue;  // a slip loses one letter at most; this is quicker to see
    const auto slips = slips_between(word, each);
    if (slips && *slips <= most_slips && *slips < each.size() / 2 + 1) found.push_back({*slips, each});
  }
  std::ranges::stable_sort(found, {}, &Likely::slips);
  std::vector<std::string_view> likely;
  for (const auto& each : found)
    if (each.slips == found.front().slips && likely.size() < most_suggestions) likely.push_back(each.word);
  return likely;
}

CodeCompletion complete_code(std::string_view typed) {
  const auto last_dash = typed.find_last_of("- ");
  if (last_dash == std::string_view::npos) return {};  // the number is the server's
  const auto begun = lower(typed.substr(last_dash + 1));
  CodeCompletion completion;
  std::optional<std::string_view> common;
  std::vector<std::string_view> fitting;
  for (const auto each : words()) {
    if (!each.starts_with(begun)) continue;
    fitting.push_back(each);
    if (!common) common = each;
    const auto differs = std::ranges::mismatch(*common, each);
    common = std::string_view{common->begin(), differs.in1};
  }
  if (!common) return {};
  completion.added = std::string{common->substr(begun.size())};
  if (fitting.size() > 1 && fitting.size() <= max_shown_choices) completion.choices = std::move(fitting);
  return completion;
}

std::vector<std::string> codes_begun(std::string_view typed) {
  const auto first_dash = typed.find('-');
  if (first_dash == std::string_view::npos || !number_of(typed.substr(0, first_dash))) return {};
  const auto last_dash = typed.rfind('-');
  const auto word_count = std::ranges::count(typed, '-');
  if (static_cast<std::size_t>(word_count) > max_code_words) return {};
  const auto before = std::string{typed.substr(0, last_dash + 1)};
  const auto begun = lower(typed.substr(last_dash + 1));
  const auto* const after = static_cast<std::size_t>(word_count) < min_code_words ? "-" : "";
  std::vector<std::string> codes;
  for (const auto each : words())
    if (each.starts_with(begun)) codes.push_back(before + std::string{each} + after);
  return codes;
}

}  // namespace pshare
