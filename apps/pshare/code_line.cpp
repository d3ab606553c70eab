#include "apps/pshare/code_line.hpp"

#include <string_view>

#include "secure/code.hpp"
#include "secure/words.hpp"

namespace pshare {

namespace {

constexpr char ctrl_d = 4, backspace = 8, tab = 9, ctrl_u = 21, ctrl_w = 23, escape = 27, rubout = 127;
constexpr std::string_view prompt = "Code: ";

}  // namespace

CodeLine::Key CodeLine::key(char c) {
  if (escape_ != Escape::none) {  // arrows and the like: of no use here
    const bool over = escape_ == Escape::begun ? c != '[' && c != 'O' : c >= '@' && c <= '~';
    escape_ = over ? Escape::none : Escape::sequence;
    return Key::taken;
  }
  if (c == '\n' || c == '\r') return text_.empty() ? Key::taken : Key::entered;
  if (c == ctrl_d) return text_.empty() ? Key::ended : Key::taken;
  remark_.clear();
  if (c == escape) escape_ = Escape::begun;
  else if (c == tab) complete();
  else if ((c == backspace || c == rubout) && !text_.empty()) text_.pop_back();
  else if (c == ctrl_u) text_.clear();
  else if (c == ctrl_w) {
    while (!text_.empty() && (text_.back() == '-' || text_.back() == ' ')) text_.pop_back();
    while (!text_.empty() && text_.back() != '-' && text_.back() != ' ') text_.pop_back();
  } else if (c >= ' ' && c <= '~' && text_.size() < max_code_text) {
    text_ += c;
    if (c == '-' || c == ' ') remark_on_words();
  }
  return Key::taken;
}

void CodeLine::complete() {
  const auto completion = complete_code(text_);
  text_ += completion.added;
  for (const auto each : completion.choices) remark_ += (remark_.empty() ? "" : "  ") + std::string{each};
}

/// The word that was just ended.
void CodeLine::remark_on_words() {
  const auto last = text_.find_last_not_of("- ");
  if (last == std::string::npos) return;
  const auto before = text_.find_last_of("- ", last);
  if (before == std::string::npos) return;  // the number
  const auto word = std::string_view{text_}.substr(before + 1, last - before);
  if (word_index(word) || text_.find(':') != std::string::npos) return;
  remark_ = "\"" + std::string{word} + "\" is no word that codes are made of";
  const auto likely = likely_words(word);
  for (const auto each : likely) remark_ += (each == likely.front() ? "; perhaps \"" : ", \"") + std::string{each} + "\"";
}

void CodeLine::refuse(std::string why) { remark_ = std::move(why); }

std::vector<std::string> CodeLine::lines() const {
  auto line = std::string{prompt} + text_;
  if (remark_.empty()) return {line};
  return {remark_, line};
}

}  // namespace pshare
